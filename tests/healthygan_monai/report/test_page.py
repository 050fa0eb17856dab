import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from synthetic_run import CONFIG, score_rows, translate, write_json

from healthygan_monai.evaluation.evaluate import evaluate
from healthygan_monai.report import write_report
from healthygan_monai.report.artefacts import HOW_TO_MAKE
from healthygan_monai.scoring import ScoreRow, write_scores

SECTIONS = ["summary", "ranking", "cases", "run", "problems", "methods", "provenance"]


class Page(HTMLParser):
    """Tags with their attributes, ids of sections, and the visible text of each section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: dict[str, str] = {}
        self.section = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"]

    def handle_data(self, data):
        self.text[self.section] = " ".join((self.text.get(self.section, "") + data).split()) + " "


def page_of(run, **kwargs) -> Page:
    path = write_report(run, **{"translate": translate} | kwargs)
    return Page(path.read_text(encoding="utf-8"))


def test_the_seven_sections_stand_in_order(run):
    page = page_of(run)
    assert [a["id"] for t, a in page.tags if t == "section"] == SECTIONS
    assert "not run" not in " ".join(page.text.values()).lower()
    assert [p.name for p in run.iterdir() if p.name.endswith(".tmp")] == []


def test_ten_times_as_many_images_make_the_gallery_larger_and_not_the_page(tmp_path):
    rng = np.random.default_rng(0)
    page, gallery = [], []
    for count in (4_000, 40_000):
        folder = tmp_path / "run"  # the page names it
        folder.mkdir(exist_ok=True)
        scores = rng.normal(size=count)
        rows = [
            ScoreRow("test", f"images/sub-{k}/0.png", f"sub-{k}", float(score), label=k % 2)
            for k, score in enumerate(scores)
        ]
        write_scores(folder / "scores.csv", rows)
        page.append(write_report(folder, translate=None).stat().st_size)
        gallery.append((folder / "gallery" / "cases.js").stat().st_size)
    assert page[1] < 1.1 * page[0]
    assert 9 * gallery[0] < gallery[1] < 100 * count


def test_nothing_is_loaded_from_elsewhere(run, drawn_figures):
    page = page_of(run)
    html = (run / "report.html").read_text(encoding="utf-8")
    targets = [v for _, a in page.tags for k, v in a.items() if k in ("src", "href", "srcset")]
    targets.remove("gallery/index.html")  # a link, which is followed only by a click
    assert all(target.startswith(("data:image/", "#")) for target in targets)
    assert "http" not in re.sub(r"http-equiv", "", html)
    assert not re.search(r"@import|url\(|<script|<link|<iframe", html)
    pictures = [a["src"] for t, a in page.tags if t == "img"]
    assert len(pictures) == 5 + 2 + 1 + 4 * 12  # figures, samples, scale, cases
    for source in pictures:
        head, content = source.split(",", 1)
        body = base64.b64decode(content, validate=True)
        if "svg" in head:
            # namespaces are names, not loads
            text = re.sub(r"""(xmlns[^=]*|rdf:resource)="[^"]*\"""", "", body.decode())
            assert "http" not in re.sub(
                r"<!DOCTYPE[^>]*>|<metadata>.*?</metadata>", "", text, flags=re.S
            )
        else:
            Image.open(io.BytesIO(body)).verify()


def test_every_picture_has_its_own_words(run):
    alts = [a.get("alt", "") for t, a in page_of(run).tags if t == "img"]
    assert all(len(alt) > 20 for alt in alts)
    assert len(set(alts)) > 0.9 * len(alts)


def test_summary_prints_the_numbers_of_the_evaluation(run):
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    auc = evaluation["levels"]["image"]["auc"]
    text = page_of(run).text["summary"]
    assert f"AUC {auc['value']:.2f}, 95 % interval {auc['low']:.2f} to {auc['high']:.2f}" in text
    assert "80 images of 60 subjects" in text
    assert "Youden" in text and "chosen on the test labels" in text
    assert "thumbnail" in text
    counts = evaluation["levels"]["image"]["thresholds"]["validation"]["confusion"]
    assert f"it called {counts['tp']} of {counts['tp'] + counts['fn']} diseased" in text


def test_captions_say_what_they_cannot_show(run):
    text = page_of(run).text
    assert "Not a medical device" in text[""]
    assert "A bright difference is not a diagnosis" in text["cases"]
    assert "one scale for all cases" in text["cases"]


@pytest.mark.parametrize("name", sorted(set(HOW_TO_MAKE) - {"dataset.json"}))
def test_a_missing_file_is_named_and_the_rest_still_stands(run, name):
    (run / name).rename(run.parent / "gone")
    page = page_of(run)
    assert [a["id"] for t, a in page.tags if t == "section"] == SECTIONS
    assert f"Missing: {name}" in page.text["problems"]
    home = {
        **{"scores.csv": ["ranking", "cases"], "evaluation.json": ["summary", "provenance"]},
        **{"metrics.jsonl": ["run"], "selection.csv": ["run"], "samples": ["run"]},
        **{"run.json": ["provenance"], "config.json": ["provenance"]},
    }
    for section in home.get(name, []):
        assert "Not run." in page.text[section] and name in page.text[section]


def test_an_empty_folder_gives_a_report_without_one_number(tmp_path):
    text = page_of(tmp_path).text
    for section in ("summary", "ranking", "cases", "run", "methods", "provenance"):
        assert "Not run." in text[section]
    assert not re.search(r"AUC\W+\d", " ".join(text.values()))


def test_a_broken_file_is_named_without_its_content(run):
    (run / "run.json").write_text("{secret", encoding="utf-8")
    html = write_report(run, translate=None).read_text(encoding="utf-8")
    assert "run.json could not be read (JSONDecodeError)" in html
    assert "secret" not in html


def test_without_a_model_the_cases_are_not_run(run):
    assert "no model was given" in page_of(run, translate=None).text["cases"]


def test_a_case_that_cannot_be_translated_is_named(run):
    def fails_once(row):
        if row.subject == broken:
            raise FileNotFoundError("/clinic/mueller.dcm")
        return translate(row)

    rows = [row for row in score_rows() if row.section == "test" and row.label == 1]
    broken = max(rows, key=lambda row: row.score).subject
    text = page_of(run, translate=fails_once).text["cases"]
    assert f"Not drawn. {broken}" in text and "FileNotFoundError" in text
    assert "mueller" not in text


def test_names_are_escaped(run):
    write_json(run / "run.json", {"dataset": "<script>alert(1)</script>", "seed": 0})
    html = write_report(run, translate=None).read_text(encoding="utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html


def test_methods_use_the_settings_of_the_run_and_cite(run):
    text = page_of(run).text["methods"]
    for words in ("lambda_gp 10", "4,000 critic updates", "iteration 3,200", "200 resamples"):
        assert words in text
    assert "LNCS 13570" in text and "MONAI: An open-source framework" in text
    write_json(run / "config.json", {k: v for k, v in CONFIG.items() if k != "lambda_gp"})
    assert "lambda_gp [not recorded]" in page_of(run).text["methods"]


def test_the_rule_of_the_score_is_in_summary_methods_and_provenance(run):
    assert "brightest 2 %" not in " ".join(page_of(run).text.values())
    write_scores(run / "scores.csv", [replace(row, score_by="top") for row in score_rows()])
    evaluate(run, bootstrap=20)
    text = page_of(run).text
    assert "brightest 2 %" in text["summary"] and "score_by top" in text["provenance"]
    assert "the brightest 2 % of pixels, after smoothing by a mean filter" in text["methods"]


def test_the_critics_own_score_is_shown_with_its_warning(run):
    assert "critic's own score" not in page_of(run).text["summary"]
    rows = [replace(row, critic_score=float(row.label)) for row in score_rows()]
    write_scores(run / "scores.csv", rows)
    before = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))["levels"]
    after = evaluate(run, bootstrap=200)["levels"]
    assert before == after
    text = page_of(run).text["summary"]
    assert "-mean D(x): AUC by image 1.00 (95 % interval 0.88 to 1.00)" in text
    assert "needs the confounder audit more than the difference map does" in text


def test_unlabelled_images_are_ranked_but_not_judged(run):
    write_scores(run / "scores.csv", [replace(row, label=None) for row in score_rows()])
    (run / "evaluation.json").unlink()
    text = page_of(run).text
    assert "Highest scores" in text["cases"] and "True positives" not in text["cases"]
    assert "no labelled images" in text["ranking"]


def test_same_run_same_page(run, drawn_figures):
    first = write_report(run, translate=translate).read_bytes()
    assert write_report(run, translate=translate).read_bytes() == first


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such run folder"):
        write_report(tmp_path / "runs" / "9", translate=None)


def test_the_report_links_a_gallery_of_all_cases(run):
    path = write_report(run, translate=None)
    assert f'href="gallery/index.html">All {len(score_rows())} cases' in path.read_text()
    script = (path.parent / "gallery" / "cases.js").read_text()
    assert all(row.subject in script for row in score_rows())


def test_a_report_without_scores_has_no_gallery(run):
    (run / "scores.csv").unlink()
    assert "gallery/" not in write_report(run, translate=None).read_text()
    assert not (run / "gallery").exists()
