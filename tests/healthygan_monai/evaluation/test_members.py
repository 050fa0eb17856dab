"""The spread of the AUC over the members of an ensemble."""

from dataclasses import replace

import pytest

from healthygan_monai.evaluation.evaluate import evaluate
from healthygan_monai.evaluation.members import (
    MemberScore,
    member_spread,
    read_member_scores,
    write_member_scores,
)
from healthygan_monai.report.members import member_sentences
from healthygan_monai.scoring import ScoreRow, ScoresError, write_scores

LABELS = {"a": 0, "b": 1, "c": 0, "d": 1}  # image -> label; each of a subject of its own
RIGHT = {"a": 0.1, "b": 0.4, "c": 0.2, "d": 0.3}
WRONG = {"a": 0.5, "b": 0.4, "c": 0.2, "d": 0.3}  # a is above both diseased: 2 of 4 pairs


def rows() -> list[ScoreRow]:
    return [ScoreRow("test", name, f"s-{name}", 0.5, label=n) for name, n in LABELS.items()]


def write(folder, *members: dict[str, float], seeds=("0", "7")) -> None:
    write_member_scores(
        folder / "members.csv",
        [
            MemberScore("test", image, f"0000{k}-x", seeds[k], score)
            for k, scores in enumerate(members)
            for image, score in scores.items()
        ],
    )


def test_each_member_has_its_auc_and_the_spread_is_told(tmp_path):
    write(tmp_path, RIGHT, WRONG)
    found = member_spread(tmp_path, rows())
    assert found["runs"] == [
        {"run": "00000-x", "seed": 0, "image": 1.0, "subject": 1.0},
        {"run": "00001-x", "seed": 7, "image": 0.5, "subject": 0.5},
    ]
    assert found["image"] == {"mean": 0.75, "lowest": 0.5, "highest": 1.0, "reason": None}
    assert found["subject"] == found["image"]


def test_by_subject_the_scores_of_a_subject_are_averaged_first(tmp_path):
    """a and b of WRONG are of one diseased subject, whose mean 0.45 is above c's 0.2."""
    write(tmp_path, WRONG)
    one = [replace(r, subject="s-b" if r.image == "a" else r.subject) for r in rows()]
    found = member_spread(tmp_path, one)
    assert (found["image"]["mean"], found["subject"]["mean"]) == (0.5, 1.0)


def test_rows_of_other_sections_do_not_count(tmp_path):
    write(tmp_path, RIGHT)
    others = [replace(row, section="validation", label=1 - row.label) for row in rows()]
    assert member_spread(tmp_path, [*others, *rows()])["image"]["mean"] == 1.0


def test_what_is_missing_is_said(tmp_path):
    assert member_spread(tmp_path, rows()) is None
    write(tmp_path, RIGHT, {k: v for k, v in WRONG.items() if k != "a"})
    found = member_spread(tmp_path, rows())
    assert found["image"]["reason"] == "1 of 4 test images have no score of every member"
    assert found["image"]["mean"] is None and found["runs"][0]["image"] is None
    write(tmp_path, RIGHT)
    unlabelled = [replace(row, label=None) for row in rows()]
    assert member_spread(tmp_path, unlabelled)["image"]["reason"].endswith("no labelled images")


def test_a_level_without_both_classes_says_so_and_the_other_keeps_its_auc(tmp_path):
    """Each subject has one diseased image, as in a set of lesion slices."""
    write(tmp_path, RIGHT, WRONG)
    subjects = {"a": "s-1", "b": "s-1", "c": "s-2", "d": "s-2"}
    found = member_spread(tmp_path, [replace(r, subject=subjects[r.image]) for r in rows()])
    assert found["image"] == {"mean": 0.75, "lowest": 0.5, "highest": 1.0, "reason": None}
    assert found["subject"] == {
        **dict.fromkeys(("mean", "lowest", "highest")),
        "reason": "the test set has no healthy case among the labels",
    }
    assert [(run["image"], run["subject"]) for run in found["runs"]] == [(1.0, None), (0.5, None)]


def test_scores_keep_every_digit(tmp_path):
    write(tmp_path, {"a": 0.1 + 0.2}, seeds=("",))
    assert read_member_scores(tmp_path / "members.csv") == [
        MemberScore("test", "a", "00000-x", "", 0.1 + 0.2)
    ]


@pytest.mark.parametrize(
    "text", ["image,score\na,1\n", "section,image,member,seed,score\nt,a,m,0,x\n"]
)
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "members.csv").write_text(text)
    with pytest.raises(ScoresError, match=r"members\.csv: expected the columns section,image"):
        read_member_scores(tmp_path / "members.csv")


class TestEvaluation:
    def test_holds_the_spread_beside_the_auc_of_the_ensemble(self, tmp_path):
        write_scores(tmp_path / "scores.csv", [replace(r, score=RIGHT[r.image]) for r in rows()])
        write(tmp_path, RIGHT, WRONG)
        result = evaluate(tmp_path, bootstrap=20)
        assert result["members"]["image"]["lowest"] == 0.5
        assert member_sentences(result) == [
            "Spread of the AUC by image over seeds 0, 7: mean 0.750, 0.500 to 1.000; their "
            "ensemble has 1.000."
        ]

    def test_of_another_model_says_nothing(self, tmp_path):
        write_scores(tmp_path / "scores.csv", rows())
        result = evaluate(tmp_path, bootstrap=20)
        assert result["members"] is None and member_sentences(result) == []

    def test_without_labels_says_why(self, tmp_path):
        write_scores(tmp_path / "scores.csv", [replace(row, label=None) for row in rows()])
        write(tmp_path, RIGHT, WRONG, seeds=("", ""))
        (said,) = member_sentences(evaluate(tmp_path, bootstrap=20))
        assert said == (
            "Spread of the AUC over 2 members: none, since the test set has no labelled images."
        )
