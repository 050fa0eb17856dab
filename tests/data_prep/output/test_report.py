"""prep_report.html stands alone."""

import re

from data_prep.datalist import SECTIONS
from data_prep.phantom.study import make_films


def test_the_report_is_self_contained_and_lists_what_was_skipped(tmp_path, prepare):
    counts = dict.fromkeys(SECTIONS, 2)
    raw = make_films(tmp_path / "raw", seed=1, counts=counts, size=32, bad=True)
    prepare(table=raw / "cohort.csv")
    page = (tmp_path / "out" / "prep_report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 4
    assert not re.search(r'(src|href)="(?!data:)', page) and "<script" not in page
    assert "films/IM9003.dcm" in page and "truncated" in page
