import json

from healthygan_monai.evaluation.evaluate import Options, evaluate_rows
from healthygan_monai.report import write_report
from healthygan_monai.report.promised import promise_sentences
from healthygan_monai.scoring import ScoreRow


def evaluated(known: int, labelled: bool = True, **options) -> dict:
    rows = [ScoreRow("validation", f"v{n}", f"v{n}", float(n), label=0) for n in range(known)]
    for n, score in enumerate((0.5, 1.5, 900.0, 950.0)):
        rows.append(ScoreRow("test", f"t{n}", f"t{n}", score, label=n // 2 if labelled else None))
    return evaluate_rows(rows, options=Options(bootstrap=10, **options))


def test_promise_bound_measurement_and_list_are_said():
    text = " ".join(promise_sentences(evaluated(99, false_alarms=0.1)))
    assert "from 99 healthy images of the validation section, of 99 subjects: score ≥ 89" in text
    assert "on at most 10 % of healthy images" in text
    assert "For this draw: at most 14 %, with 90 % confidence." in text
    assert "It calls 2 of 4 test images" in text
    assert "false alarms on 0 % (0 % to 84 %, 2 subjects)" in text
    assert "sensitivity 100 % (16 % to 100 %, 2 subjects)" in text
    assert "of whom at most 10 % are expected to be healthy (p_values.csv): 2 of 4" in text
    assert text.endswith("of them 2 diseased.")


def test_what_few_known_healthy_cannot_do_is_said():
    text = " ".join(promise_sentences(evaluated(9)))
    assert "9 known-healthy subjects can promise a false-alarm rate of 0.1 at best" in text
    assert "a list has 4 entries or none" in text


def test_a_list_without_labels_claims_no_measurement():
    text = " ".join(promise_sentences(evaluated(99, labelled=False)))
    assert "no labels to measure it by" in text and text.endswith("2 of 4.")


def test_the_page_shows_both_thresholds_by_name(run):
    html = write_report(run, translate=None).read_text(encoding="utf-8")
    for text in (
        "Label-chosen, on validation",
        "Promised false alarms, no disease label",
        "At the label-chosen threshold",
        "Threshold without disease labels, from 40 healthy images of the validation section",
        "Testing for outliers with conformal p-values",
    ):
        assert text in html


def test_an_evaluation_of_an_older_version_is_shown_without_a_promise(run):
    path = run / "evaluation.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for level in content["levels"].values():
        del level["promise"], level["thresholds"]["promised"]
    del content["known_healthy"], content["false_discoveries"]
    path.write_text(json.dumps(content), encoding="utf-8")
    html = write_report(run, translate=None).read_text(encoding="utf-8")
    assert "Threshold without disease labels" not in html
    assert "none: evaluated by an older version" in html
