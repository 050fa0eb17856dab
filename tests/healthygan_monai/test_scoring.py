import numpy as np
import pytest
import torch
from processes import python

from data_prep.errors import UsageError
from healthygan_monai.scoring import (
    FIELDS,
    NEEDED,
    ScoreRow,
    ScoresError,
    difference_map,
    image_score,
    read_scores,
    score_rule,
    subject_rows,
    subject_score,
    top_score,
    write_scores,
)


def row(image: str = "a.png", **changes) -> ScoreRow:
    return ScoreRow(**{"section": "test", "image": image, "subject": "s1", "score": 0.5} | changes)


def test_opposite_ends_of_the_grey_scale_differ_by_one():
    image = np.stack([np.full((1, 4, 4), -1.0), np.full((1, 4, 4), 0.5)])
    healthy = np.stack([np.full((1, 4, 4), 1.0), np.full((1, 4, 4), 0.5)])
    difference = difference_map(image, healthy)
    assert difference.shape == image.shape
    assert image_score(difference).tolist() == [1.0, 0.0]


def test_torch_and_numpy_give_the_same_scores():
    image = np.random.default_rng(0).uniform(-1, 1, (3, 2, 8, 6)).astype(np.float32)
    healthy = np.random.default_rng(1).uniform(-1, 1, (3, 2, 8, 6)).astype(np.float32)
    from_numpy = image_score(difference_map(image, healthy))
    from_torch = image_score(difference_map(torch.from_numpy(image), torch.from_numpy(healthy)))
    assert from_torch.shape == (3,)
    np.testing.assert_allclose(from_numpy, from_torch.numpy(), rtol=1e-6)


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        difference_map(np.zeros((2, 1, 4, 4)), np.zeros((2, 3, 4, 4)))


def spot(size: int, side: int, value: float = 1.0) -> "torch.Tensor":
    """A black map with a square of ``size`` pixels in its middle."""
    difference = torch.zeros(1, 1, side, side)
    first = (side - size) // 2
    difference[..., first : first + size, first : first + size] = value
    return difference


@pytest.mark.parametrize(("side", "window"), [(16, 1), (32, 3), (64, 5), (128, 11), (256, 21)])
def test_the_top_score_smooths_over_a_window_that_goes_with_the_side(side, window):
    """A single pixel is spread over window x window, which are 1 / window^2 bright: enough of them,
    side by side, are the brightest 2 %.
    """
    brightest = round(0.02 * side**2)
    places = [(r, c) for r in range(window, side - window, window) for c in range(window, r)]
    places = [(r, c) for r, c in places if c % window == 0][: brightest // window**2 + 1]
    assert len(places) * window**2 >= brightest
    difference = torch.zeros(2, 3, side, side)
    for row, column in places:
        difference[1, :, row, column] = 1
    assert top_score(difference).tolist() == pytest.approx([0, 1 / window**2], rel=1e-4)


def test_the_top_score_is_a_mean_of_two_in_a_hundred_pixels():
    difference = spot(8, 64)  # 64 pixels, 36 of them whole after smoothing by 5 x 5
    expected = torch.nn.functional.conv2d(difference, torch.full((1, 1, 5, 5), 1 / 25), padding=2)
    brightest = expected.flatten().sort(descending=True).values[:82]  # 0.02 * 4096
    assert top_score(difference).item() == pytest.approx(brightest.mean().item(), rel=1e-5)
    assert top_score(torch.full((1, 1, 4, 4), 0.5)).item() == 0.5  # at least one pixel


def test_the_top_score_at_the_border_takes_the_pixels_that_there_are():
    """A bright first row of 64: a third of a window there, a fourth of one a row below."""
    difference = torch.zeros(1, 1, 64, 64)
    difference[..., 0, :] = 1
    assert top_score(difference).item() == pytest.approx((64 / 3 + 18 / 4) / 82, rel=1e-5)


def test_a_rule_of_the_score_goes_by_its_name():
    assert (score_rule("mean"), score_rule("top")) == (image_score, top_score)
    with pytest.raises(UsageError, match="score_by is 'topp', did you mean 'top'"):
        score_rule("topp")


def test_the_top_score_of_a_flat_map_is_its_value_to_the_border():
    assert top_score(torch.full((2, 3, 64, 64), 0.25)).tolist() == pytest.approx([0.25, 0.25])


def test_a_small_lesion_outweighs_small_changes_everywhere_by_top_and_not_by_mean():
    lesion, everywhere = spot(12, 64, 0.5), torch.full((1, 1, 64, 64), 0.05)
    assert image_score(lesion) < image_score(everywhere)
    assert top_score(lesion) > 9 * top_score(everywhere)


def test_the_top_score_takes_the_mean_of_the_channels():
    three = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(top_score(three), top_score(three.mean(1, keepdim=True)))


@pytest.mark.parametrize(("scores", "expected"), [([1.0, 3.0], 2.0), ([1.0, None], None)])
def test_a_subject_has_a_critic_score_where_all_its_images_have_one(scores, expected):
    rows = [row(str(i), critic_score=score) for i, score in enumerate(scores)]
    assert [r.critic_score for r in subject_rows(rows)] == [expected]


def test_subject_score_is_the_mean_or_the_max():
    assert subject_score([0.1, 0.2, 0.6]) == pytest.approx(0.3)
    assert subject_score([0.1, 0.2, 0.6], how="max") == 0.6
    with pytest.raises(ValueError, match="median"):
        subject_score([0.1], how="median")
    with pytest.raises(ValueError, match="without images"):
        subject_score([])


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 0], 0), ([0, 1], 1), ([None, 1], 1), ([0, None], None)]
)
def test_subject_is_diseased_where_any_image_is(labels, expected):
    rows = [row(str(i), label=label, score=float(i)) for i, label in enumerate(labels)]
    (subject,) = subject_rows(rows)
    assert subject.label == expected
    assert subject.score == 0.5


def test_subject_rows_keep_sections_apart():
    rows = [row("a", section="validation", score=1.0), row("a", score=0.0)]
    assert [(r.section, r.score) for r in subject_rows(rows)] == [("validation", 1.0), ("test", 0)]


def test_what_is_written_is_read_back_to_the_last_digit(tmp_path):
    rows = [
        row("a.png", label=1, slice=12, score=0.1 + 0.2),
        row("b,c.png", label=0, slice="007", score=np.float32(0.1).item()),
        row("d.png", label=None, section="validation", score=np.float64(1 / 3)),
        row("e.png", method="padim", backbone="resnet18[random]", runtime="onnxruntime"),
        row("f.png", critic_score=-0.1 - 0.2, score_by="top"),
    ]
    path = tmp_path / "scores.csv"
    write_scores(path, rows)
    assert read_scores(path) == rows
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(FIELDS)
    assert "np.float64" not in path.read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]


def test_a_file_without_the_last_columns_is_read(tmp_path):
    (tmp_path / "scores.csv").write_text(",".join(NEEDED) + "\ntest,a,s,,1,m,0,0.5\n")
    (read,) = read_scores(tmp_path / "scores.csv")
    assert (read.backbone, read.runtime) == ("", "pytorch")
    assert (read.critic_score, read.score_by) == (None, "mean")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": float("nan")}, "not a finite"),
        ({"section": "training_mixed"}, "training_mixed"),
        ({"label": 2}, "label 2"),
        ({"critic_score": float("inf")}, "critic_score inf is not finite"),
        ({"score_by": "max"}, "score_by 'max'"),
        ({"subject": ""}, "must not be empty"),
    ],
)
def test_bad_rows_are_refused_and_the_old_file_stays(tmp_path, changes, message):
    path = tmp_path / "scores.csv"
    write_scores(path, [row()])
    before = path.read_bytes()
    with pytest.raises(ScoresError, match=message):
        write_scores(path, [row("b.png"), row("c.png", **changes)])
    assert path.read_bytes() == before


def test_what_an_earlier_scoring_said_of_its_own_maps_and_members_goes(tmp_path):
    for name in ("localisation.json", "members.csv", "evaluation.json"):
        (tmp_path / name).touch()
    with pytest.raises(ScoresError):
        write_scores(tmp_path / "scores.csv", [row(label=7)])
    assert len([*tmp_path.iterdir()]) == 3
    write_scores(tmp_path / "scores.csv", [row()])
    assert {p.name for p in tmp_path.iterdir()} == {"scores.csv", "evaluation.json"}


def test_five_problems_are_shown_and_the_others_counted(tmp_path):
    for count, ending in (
        (5, r"line 6: label 7; [^;()]*\.$"),
        (6, r"line 6: [^:]* \(and 1 more\)\.$"),
    ):
        rows = [row(f"{number}.png", label=7) for number in range(count)]
        with pytest.raises(ScoresError, match=ending):
            write_scores(tmp_path / "scores.csv", rows)


def test_a_row_that_says_no_more_is_of_the_methods_first_run():
    plain = ScoreRow("test", "a.png", "s1", 0.5)
    assert (plain.slice, plain.label, plain.method, plain.seed) == (None, None, "healthygan", 0)
    assert (plain.backbone, plain.runtime, plain.critic_score) == ("", "pytorch", None)


def test_an_image_scored_twice_is_refused(tmp_path):
    with pytest.raises(ScoresError, match=r"line 3.*already scored"):
        write_scores(tmp_path / "scores.csv", [row(), row()])
    write_scores(tmp_path / "scores.csv", [row(), row(seed=1), row(method="padim")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,score\na,1\n", "column section, subject"),
        (",".join(NEEDED) + "\ntest,a,s,,1,m,0,high\n", "line 2"),
        (",".join(NEEDED) + "\ntest,a,s,,1,m,0\n", "fewer than 8"),
    ],
)
def test_unreadable_files_say_where_and_what(tmp_path, text, message):
    path = tmp_path / "scores.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScoresError, match=message):
        read_scores(path)


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ScoresError, match="Score images first"):
        read_scores(tmp_path / "scores.csv")


def test_scores_and_report_need_no_torch():
    python("-c", "import sys, healthygan_monai.report; sys.exit('torch' in sys.modules)")


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"a" * 200_000])
def test_a_file_that_is_no_table_is_refused_by_name(tmp_path, damage):
    head = b"section,image,subject,slice,label,method,seed,score\n"
    (tmp_path / "scores.csv").write_bytes(head + damage)
    with pytest.raises(ScoresError, match=r"scores\.csv: not a CSV file"):
        read_scores(tmp_path / "scores.csv")
