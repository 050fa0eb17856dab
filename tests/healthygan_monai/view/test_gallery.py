import re
import shutil

import viewed

from healthygan_monai.scoring import write_scores
from healthygan_monai.view.cases import Cases, read_cases
from healthygan_monai.view.gallery import write_gallery
from healthygan_monai.view.page_files import SCRIPTS


def test_the_gallery_has_every_case_and_copies_no_picture(run, data):
    index = write_gallery(read_cases(run, data))
    assert {path.name for path in index.parent.iterdir()} == {
        *("index.html", "style.css", "cases.js"),
        *SCRIPTS,
    }
    script = (index.parent / "cases.js").read_text()
    assert len(re.findall(r'^\["(?:test|validation)"', script, re.M)) == 8
    assert '"inputs": "../../data/"' in script and '"pictures": "../pictures/"' in script
    assert str(run.parent) not in script + index.read_text()


def test_a_hundred_thousand_cases_are_under_20_mb(tmp_path):
    """Pages show 60 cards each of one list; the pictures stay where they are."""
    rows = viewed.rows(100_000)
    index = write_gallery(Cases(tmp_path, rows, None))
    assert sum(path.stat().st_size for path in index.parent.iterdir()) < 20e6


def test_the_same_cases_give_the_same_bytes(run, data):
    index = write_gallery(read_cases(run, data))
    first = {path.name: path.read_bytes() for path in index.parent.iterdir()}
    write_gallery(read_cases(run, data))
    assert first == {path.name: path.read_bytes() for path in index.parent.iterdir()}


def test_a_name_cannot_leave_its_place_in_the_script(run, data):
    """Names are JSON in a script of its own, never HTML."""
    row = viewed.rows(1)[0]
    hostile = '</script><img src=x onerror=alert(1)>"\u2028'
    write_scores(run / "scores.csv", [type(row)(**{**vars(row), "subject": hostile})])
    shutil.copytree(data, run / "more")
    index = write_gallery(read_cases(run, data))
    assert "onerror" not in index.read_text()
    assert "\u2028" not in (index.parent / "cases.js").read_text(encoding="utf-8")
