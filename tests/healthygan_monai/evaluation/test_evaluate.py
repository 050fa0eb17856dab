import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from healthygan_monai.evaluation.evaluate import Options, evaluate, evaluate_rows
from healthygan_monai.scoring import ScoreRow, ScoresError, write_scores

QUICK = Options(bootstrap=40)


def rows_of(section: str, n: int = 24, seed: int = 0, images: int = 2) -> list[ScoreRow]:
    """n subjects, half of them diseased, `images` each."""
    rng = np.random.default_rng(seed)
    return [
        ScoreRow(
            section=section,
            image=f"{section}/{s}/{i}.png",
            subject=f"{section}-{s:02d}",
            slice=i,
            label=s % 2,
            score=float(np.clip(rng.normal(0.1 + 0.05 * (s % 2), 0.05), 0, 1)),
        )
        for s in range(n)
        for i in range(images)
    ]


def both() -> list[ScoreRow]:
    return rows_of("validation", seed=1) + rows_of("test", seed=2)


def test_auc_by_hand_at_both_levels():
    scores = {("h", 0): 0.1, ("h", 1): 0.5, ("d", 0): 0.4, ("d", 1): 0.6}
    rows = [
        ScoreRow("test", f"{s}{i}", s, value, label=int(s == "d"))
        for (s, i), value in scores.items()
    ]
    result = evaluate_rows(rows, options=QUICK)
    assert result["levels"]["image"]["auc"]["value"] == 3 / 4
    assert result["levels"]["subject"]["auc"]["value"] == 1.0
    assert result["levels"]["subject"]["n"]["test"] == {"healthy": 1, "diseased": 1}


def test_validation_threshold_is_not_moved_by_test_labels():
    rows = both()
    turned = [replace(row, label=1 - row.label) if row.section == "test" else row for row in rows]
    one, other = (evaluate_rows(r, options=QUICK)["levels"]["image"] for r in (rows, turned))
    key = "validation"
    assert one["thresholds"][key]["threshold"] == other["thresholds"][key]["threshold"]
    assert one["thresholds"]["test_optimistic"] != other["thresholds"]["test_optimistic"]
    assert other["auc"]["value"] == pytest.approx(1 - one["auc"]["value"])


def test_no_validation_labels_means_no_threshold_and_a_reason():
    rows = [replace(r, label=None) if r.section == "validation" else r for r in both()]
    result = evaluate_rows(rows, options=QUICK)
    level = result["levels"]["image"]
    assert level["thresholds"]["validation"] is None
    assert level["threshold_reason"] == "the validation set has no labelled images"
    assert level["thresholds"]["test_optimistic"]["sensitivity"]["value"] is not None
    assert any("no labelled images" in text for text in result["warnings"])


def test_unlabelled_test_set_keeps_the_threshold_but_claims_no_auc():
    rows = [replace(r, label=None) if r.section == "test" else r for r in both()]
    level = evaluate_rows(rows, options=QUICK)["levels"]["image"]
    assert level["auc"] is None and level["reason"] == "the test set has no labelled images"
    assert level["thresholds"]["validation"]["threshold"] > 0
    assert level["thresholds"]["validation"]["confusion"] is None


def test_one_class_on_test_is_named():
    rows = [r for r in both() if r.section == "validation" or r.label == 0]
    level = evaluate_rows(rows, options=QUICK)["levels"]["image"]
    assert level["auc"] is None and "no diseased case" in level["reason"]


def test_interval_holds_the_value_and_counts_add_up():
    result = evaluate_rows(both(), options=Options(bootstrap=300))
    for level in result["levels"].values():
        for entry in (level["auc"], level["thresholds"]["validation"]["sensitivity"]):
            assert entry["low"] <= entry["value"] <= entry["high"]
            assert entry["low"] < entry["high"]
        counts = level["thresholds"]["validation"]["confusion"]
        assert sum(counts.values()) == sum(level["n"]["test"].values())
    assert result["counts"]["test"] == {
        **{"images": 48, "subjects": 24, "healthy": 24, "diseased": 24, "unlabelled": 0}
    }


def test_duplicated_images_do_not_narrow_the_image_level_interval():
    rows = both()
    copies = rows + [replace(r, image=r.image + "copy") for r in rows if r.section == "test"]
    once, twice = (
        evaluate_rows(r, options=QUICK)["levels"]["image"]["auc"] for r in (rows, copies)
    )
    assert twice == pytest.approx(once)


def test_a_subject_in_validation_and_test_is_warned_of():
    rows = both()
    rows.append(replace(rows[0], section="test", image="again.png"))
    warnings = evaluate_rows(rows, options=QUICK)["warnings"]
    assert any("validation-00" in text for text in warnings)
    assert not any(
        "validation and in test" in t for t in evaluate_rows(both(), options=QUICK)["warnings"]
    )


def test_file_is_strict_json_with_provenance_and_scores_hash(tmp_path):
    write_scores(tmp_path / "scores.csv", both())
    result = evaluate(tmp_path, unit="subject", bootstrap=20, provenance={"version": "1"})
    text = (tmp_path / "evaluation.json").read_text(encoding="utf-8")
    assert json.loads(text) == result
    assert result["unit"] == "subject" and result["probes"] is None
    digest = hashlib.sha256((tmp_path / "scores.csv").read_bytes()).hexdigest()
    assert result["provenance"] == {"version": "1", "scores_sha256": digest}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evaluation.json", "scores.csv"]


def test_two_detectors_in_one_file_are_refused():
    rows = both() + [replace(r, method="padim") for r in both()]
    with pytest.raises(ScoresError, match="padim"):
        evaluate_rows(rows)


def test_scores_of_two_rules_in_one_file_are_refused():
    rows = [replace(row, score_by="top" if row.section == "test" else "mean") for row in both()]
    with pytest.raises(ScoresError, match=r"2 rules \(score_by mean, top\)"):
        evaluate_rows(rows, options=QUICK)
    top = [replace(row, score_by="top") for row in both()]
    assert evaluate_rows(top, options=QUICK)["score_by"] == "top"


def test_known_healthy_scores_of_another_rule_carry_no_promise(tmp_path):
    for name, rule in (("run", "mean"), ("new", "top")):
        (tmp_path / name).mkdir()
        rows = [replace(row, score_by=rule) for row in both()]
        write_scores(tmp_path / name / "scores.csv", rows)
    with pytest.raises(ScoresError, match="score_by"):
        evaluate(tmp_path / "new", bootstrap=20, calibration=tmp_path / "run")


class TestCritic:
    def with_critic(self, scores: list[float | None]) -> list[ScoreRow]:
        """Two subjects of two images, healthy and diseased, whose own scores are all the same."""
        names = [("h", 0), ("h", 0), ("d", 1), ("d", 1)]
        return [
            ScoreRow("test", f"{i}", s, 0.5, label=y, critic_score=c)
            for i, ((s, y), c) in enumerate(zip(names, scores, strict=True))
        ]

    def test_auc_by_hand_at_both_levels_beside_the_methods_own(self):
        result = evaluate_rows(self.with_critic([-3.0, 2.0, 1.0, 4.0]), options=QUICK)
        assert result["critic"]["image"]["auc"]["value"] == 3 / 4
        assert result["critic"]["subject"]["auc"]["value"] == 1.0
        assert {level["auc"]["value"] for level in result["levels"].values()} == {0.5}
        assert "AUCp on them is worthless" in result["critic"]["warning"]

    def test_interval_is_the_one_that_the_same_scores_would_have(self):
        rows = [replace(row, critic_score=row.score, score=0.0) for row in both()]
        plain = evaluate_rows(both(), options=QUICK)["levels"]
        found = evaluate_rows(rows, options=QUICK)["critic"]
        for unit in ("image", "subject"):
            assert found[unit]["auc"] == pytest.approx(plain[unit]["auc"])

    def test_is_null_without_the_column_and_says_why_where_some_are_missing(self):
        assert evaluate_rows(both(), options=QUICK)["critic"] is None
        found = evaluate_rows(self.with_critic([1.0, None, 2.0, 3.0]), options=QUICK)["critic"]
        assert found["image"]["auc"] is None
        assert found["image"]["reason"] == "1 of 4 test images have no critic_score"

    def test_validation_images_do_not_count(self):
        rows = [replace(row, critic_score=row.score) for row in both()]
        turned = [
            replace(row, critic_score=-row.score) if row.section == "validation" else row
            for row in rows
        ]
        one, other = (evaluate_rows(r, options=QUICK)["critic"] for r in (rows, turned))
        assert one == other


@pytest.mark.parametrize("options", [{"unit": "slice"}, {"options": Options(policy="best")}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="expected one of"):
        evaluate_rows(both(), **options)
