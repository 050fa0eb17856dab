import csv
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.files import sha256, write_json
from healthygan_monai.errors import UsageError
from healthygan_monai.evaluation.calibration import kept_out_images, known_healthy
from healthygan_monai.evaluation.evaluate import Options, evaluate_rows
from healthygan_monai.evaluation.metrics import confusion
from healthygan_monai.evaluation.run import evaluate_run
from healthygan_monai.report.promised import promise_sentences
from healthygan_monai.scoring import ScoreRow, ScoresError, subject_rows, write_scores


def rows_of(section: str, healthy, diseased=(), images: int = 1, start: str = "") -> list[ScoreRow]:
    """One subject a score; further images of a subject have the same score."""
    labelled = [(score, 0) for score in healthy] + [(score, 1) for score in diseased]
    return [
        ScoreRow(section, f"{start}{section}/{n}/{i}.png", f"{start}{section}-{n}", score, i, label)
        for n, (score, label) in enumerate(labelled)
        for i in range(images)
    ]


def example(images: int = 1) -> list[ScoreRow]:
    """19 known healthy, 0 to 18; a test set with 1 false alarm of 4 and 2 of 3 diseased called."""
    test = rows_of("test", [1.5, 2.5, 17.0, 18.5], [18.0, 19.0, 40.0], images)
    return rows_of("validation", np.arange(19.0), [5.0, 30.0], images) + test


def result(rows, **options):
    return evaluate_rows(rows, options=Options(bootstrap=20, **options))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "p_values.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("images", [1, 3])
def test_promise_and_measurement_by_hand(images):
    found = result(example(images))
    assert found["known_healthy"] == {
        **{"source": "validation", "images": 19 * images, "subjects": 19, "left_out": 0},
        "words": f"{19 * images} healthy images of the validation section, of 19 subjects",
    }
    for unit, count in (("image", images), ("subject", 1)):
        level = found["levels"][unit]
        told = level["promise"]
        assert told["threshold"] == np.nextafter(18.0, np.inf) and told["reason"] is None
        assert told["smallest_rate"] == 0.05
        assert told["alarms"] == {"called": 3 * count, "of": 7 * count}
        false_alarms, sensitivity = (
            told["measured"][key] for key in ("false_alarm_rate", "sensitivity")
        )
        assert (false_alarms["value"], false_alarms["subjects"]) == (1 / 4, 4)
        assert sensitivity["value"] == pytest.approx(2 / 3)
        assert sensitivity["low"] == pytest.approx(0.2077, abs=1e-4)  # Wilson, 2 of 3
        beside = level["thresholds"]
        assert beside["promised"]["confusion"] == {
            key: n * count for key, n in {"tp": 2, "fp": 1, "fn": 1, "tn": 3}.items()
        }
        assert not beside["promised"]["label_chosen"] and beside["validation"]["label_chosen"]
    assert found["levels"]["subject"]["promise"]["bound"] == pytest.approx(1 - 0.1 ** (1 / 19))
    bound, reason = (found["levels"]["image"]["promise"][k] for k in ("bound", "bound_reason"))
    assert (bound is None) == (reason is not None) == (images > 1)


def test_no_disease_label_moves_the_promise():
    rows = example()
    others = [r for r in rows if r.section == "test" or r.label == 0]
    others = [replace(r, label=None) if r.section == "test" else r for r in others]
    one, other = (result(r)["levels"]["image"] for r in (rows, others))
    assert other["threshold_reason"] and other["thresholds"]["validation"] is None
    assert one["promise"]["threshold"] == other["promise"]["threshold"]
    assert other["promise"]["alarms"] == {"called": 3, "of": 7}
    assert other["promise"]["measured"] == {"false_alarm_rate": None, "sensitivity": None}
    assert other["thresholds"]["promised"]["confusion"] is None


def test_too_few_known_healthy_say_what_can_be_promised():
    rows = [r for r in example() if r.image != "validation/0/0.png"]
    level = result(rows)["levels"]["image"]
    assert level["promise"]["threshold"] is None and level["thresholds"]["promised"] is None
    assert level["promise"]["reason"] == (
        "18 known-healthy subjects can promise a false-alarm rate of 0.0526 at best; 0.05 needs 19"
    )
    assert result(rows, false_alarms=0.06)["levels"]["image"]["promise"]["threshold"] > 18
    none = result([r for r in rows if r.section == "test"])
    assert "no score of a known-healthy image" in none["levels"]["image"]["promise"]["reason"]
    assert none["false_discoveries"] is None


def test_images_kept_out_of_training_go_before_validation(tmp_path, caplog):
    lines = ["image,section,subject", "a.png,training_healthy,a", "b.png,training_mixed,b"]
    (tmp_path / "kept_out.csv").write_text("\n".join(lines) + "\n")
    assert kept_out_images(tmp_path) == {"a.png"} and kept_out_images(tmp_path / "none") == set()
    kept = ScoreRow("validation", "a.png", "a", 7.0)
    known = known_healthy([*example(), kept], {"a.png"})
    assert (known.source, known.rows) == ("kept_out", (kept,))
    assert known.words == "1 images of training_healthy kept out of training, of 1 subjects"
    with caplog.at_level(logging.WARNING):
        assert known_healthy(example(), {"a.png"}).source == "validation"
    assert "none of the 1 known-healthy images of kept_out.csv has a score" in caplog.text
    (tmp_path / "kept_out.csv").write_text("image,subject\na.png,a\n")
    with pytest.raises(ScoresError, match=r"kept_out\.csv: column 'section' missing"):
        kept_out_images(tmp_path)


def test_a_subject_to_be_judged_carries_no_promise():
    rows = [*example(), ScoreRow("test", "again.png", "validation-3", 1.0, label=0)]
    found = result(rows)
    assert found["known_healthy"]["left_out"] == 1 and found["known_healthy"]["subjects"] == 18


def test_leaving_many_subjects_out_compares_each_name_a_few_times():
    class Name(str):
        compared = 0

        def __eq__(self, other):
            Name.compared += 1
            return str(self) == str(other)

        __hash__ = str.__hash__

    known = [ScoreRow("validation", f"{k}.png", Name(f"s{k}"), 0.1, label=0) for k in range(400)]
    found = known_healthy(known, judged={Name(f"s{k}") for k in range(300)})
    assert len(found.left_out) == 300 and found.subjects == 100
    assert Name.compared < 10 * len(known)


def test_a_broken_promise_is_warned_of():
    rng = np.random.default_rng(0)
    known = rows_of("validation", rng.normal(size=99), rng.normal(2, 1, 30))
    alike, shifted = (
        known + rows_of("test", rng.normal(shift, 1, 99), rng.normal(3, 1, 30)) for shift in (0, 2)
    )
    assert not any("promised" in text for text in result(alike)["warnings"])
    holds = [result(rows)["levels"]["image"]["promise"]["holds"] for rows in (alike, shifted)]
    assert holds == [True, False]
    said = promise_sentences(result(shifted))
    assert said[1].endswith("The promise does not hold on these images.")
    told = [text for text in result(shifted)["warnings"] if "promised" in text]
    assert [text.split(":")[0] for text in told] == ["image level", "subject level"]
    assert "another scanner" in told[0]


def test_p_values_file_agrees_with_the_thresholds_and_lists_subjects(tmp_path):
    rng = np.random.default_rng(1)
    diseased = rng.normal(6, 1, 20)
    rows = rows_of("validation", rng.normal(size=99), diseased, images=2)
    rows += rows_of("test", rng.normal(size=20), diseased, images=2)
    rows = [replace(row, score=row.score + rng.normal(0, 0.5)) for row in rows]
    write_scores(tmp_path / "scores.csv", rows)
    found = evaluate_run(tmp_path, None, bootstrap=20)
    written = table(tmp_path)
    test = [row for row in rows if row.section == "test"]
    assert [line["image"] for line in written] == [row.image for row in test]
    cuts = {unit: found["levels"][unit]["promise"]["threshold"] for unit in ("image", "subject")}
    called = [row.score >= cuts["image"] for row in test]
    assert [line["alarm"] == "1" for line in written] == called
    subject = {row.subject: row.score for row in subject_rows(test)}
    for line in written:
        assert float(line["subject_score"]) == subject[line["subject"]]
        assert (line["subject_alarm"] == "1") == (subject[line["subject"]] >= cuts["subject"])
    listed = {line["subject"] for line in written if line["listed"] == "1"}
    counted = found["false_discoveries"]
    assert counted["listed"] == len(listed) > 15 and counted["tested"] == 40
    assert counted["listed_by_label"]["diseased"] == sum(int(s.split("-")[1]) >= 20 for s in listed)
    counts = found["levels"]["subject"]["thresholds"]["promised"]["confusion"]
    labels = [row.label for row in subject_rows(test)]
    assert counts == vars(confusion(labels, list(subject.values()), cuts["subject"]))


def test_new_images_are_judged_by_the_run_of_their_model(tmp_path):
    run, new = tmp_path / "run", tmp_path / "new"
    run.mkdir(), new.mkdir()
    write_scores(run / "scores.csv", example())
    unlabelled = [
        replace(row, label=None) for row in rows_of("test", [3.5, 18.5, 50.0], start="new-")
    ]
    write_scores(new / "scores.csv", unlabelled)
    alone = evaluate_run(new, None, bootstrap=20)
    assert alone["levels"]["image"]["promise"]["alarms"] is None
    assert not (new / "p_values.csv").exists()
    found = evaluate_run(new, None, bootstrap=20, calibration=run, false_discoveries=0.5)
    assert found["known_healthy"]["subjects"] == 19
    assert [line["p_value"] for line in table(new)] == ["0.8", "0.05", "0.05"]
    assert [line["listed"] for line in table(new)] == ["0", "1", "1"]
    assert found["false_discoveries"]["listed_by_label"]["unlabelled"] == 2
    evaluate_run(new, None, bootstrap=20)
    assert not (new / "p_values.csv").exists()  # an old file is not left to be believed
    write_scores(run / "scores.csv", [replace(row, method="padim") for row in example()])
    with pytest.raises(ScoresError, match="padim"):
        evaluate_run(new, None, bootstrap=20, calibration=run)


def test_known_healthy_of_other_weights_are_refused(tmp_path):
    run, new = tmp_path / "run", tmp_path / "new"
    for folder, weights in ((run, "1" * 64), (new, "2" * 64)):
        folder.mkdir()
        write_scores(folder / "scores.csv", example())
        record = {"weights_sha256": weights, "scores_sha256": sha256(folder / "scores.csv")}
        write_json(folder / "scores.json", record)
    with pytest.raises(ScoresError, match="of other weights"):
        evaluate_run(new, None, bootstrap=20, calibration=run)


@pytest.mark.parametrize("name", ["false_alarms", "false_discoveries"])
@pytest.mark.parametrize("rate", [0.0, 1.0, 5.0])
def test_a_rate_that_is_none_is_refused(name, rate):
    with pytest.raises(UsageError, match=f"{name} is {rate}; expected a rate between 0 and 1"):
        result(example(), **{name: rate})
