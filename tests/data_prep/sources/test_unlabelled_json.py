import json

import pytest

from data_prep.datalist import DataError
from data_prep.sources import unlabelled_json
from data_prep.sources.unlabelled_json import Options


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{k:05d}.png" for k in range(count)]


def write_list(folder, healthy: int, pool: tuple[int, int] | None, test: tuple[int, int]):
    """The shape of DDAD's data.json; pool None: MedIAnomaly's lists of one class."""
    train: dict = {"0": names("n", healthy)}
    if pool:
        train["unlabeled"] = {"0": names("u", pool[0]), "1": names("v", pool[1])}
    content = {"train": train, "test": {"0": names("t", test[0]), "1": names("w", test[1])}}
    (folder / "data.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("sizes", "mixed"),
    [
        ((3851, (4000, 5012), (1000, 1000)), (1600, 2400)),  # RSNA
        ((4000, (5606, 3394), (1000, 1000)), (1600, 2400)),  # VinDr-CXR
        ((1000, (400, 600), (600, 600)), (400, 600)),  # brain tumour
    ],
)
def test_the_lists_of_ddad_give_the_sizes_of_its_paper(tmp_path, sizes, mixed):
    cohort = unlabelled_json.cohort(write_list(tmp_path, *sizes), Options())
    training = {"training_mixed": mixed, "training_healthy": (sizes[0], 0)}
    assert cohort.counts() == {**training, "validation": (0, 0), "test": sizes[2]}


def test_the_mixed_set_is_the_head_of_each_list_as_the_authors_take_it(tmp_path):
    write_list(tmp_path, 10, (50, 50), (5, 5))
    rows = unlabelled_json.cohort(tmp_path, Options(counts="mixed=4+6")).rows
    mixed = sorted(row.image for row in rows if row.section == "training_mixed")
    assert mixed == names("u", 4) + names("v", 6)


def test_validation_may_come_from_what_is_left_of_the_pool(tmp_path):
    write_list(tmp_path, 10, (50, 50), (5, 5))
    cohort = unlabelled_json.cohort(tmp_path, Options(counts="mixed=4+6,validation=10+10"))
    assert cohort.counts()["validation"] == (10, 10)
    assert len({row.image for row in cohort.rows}) == len(cohort.rows)
    with pytest.raises(DataError, match="validation: 60 healthy images are needed, 46"):
        unlabelled_json.cohort(tmp_path, Options(counts="mixed=4+6,validation=60+10"))


def test_another_rate_of_anomalies(tmp_path):
    write_list(tmp_path, 10, (50, 50), (5, 5))
    counts = unlabelled_json.cohort(tmp_path, Options(rate=0.2)).counts()
    assert counts["training_mixed"] == (50, 12)
    with pytest.raises(ValueError, match="--rate"):
        Options(rate=1.5)


def test_images_are_found_wherever_they_lie(tmp_path):
    write_list(tmp_path, 2, (2, 2), (1, 1))
    place = tmp_path / "train_png_512"
    place.mkdir()
    for name in [*names("n", 2), *names("u", 2), *names("v", 2), *names("t", 1), *names("w", 1)]:
        (place / name).touch()
    rows = unlabelled_json.cohort(tmp_path, Options()).rows
    assert all(row.image.startswith("train_png_512/") for row in rows)
    assert unlabelled_json.verify(tmp_path, Options()) == []
    (place / "n00000.png").unlink()
    assert "1 of 8 images" in unlabelled_json.verify(tmp_path, Options())[0]


def test_a_one_class_list_and_other_shapes_are_refused(tmp_path):
    write_list(tmp_path, 10, None, (5, 5))
    with pytest.raises(DataError, match="a one-class list"):
        unlabelled_json.cohort(tmp_path, Options())
    for text in ("[]", "{", '{"train": {"0": [1]}, "test": {"0": [], "1": []}}'):
        (tmp_path / "data.json").write_text(text, "utf-8")
        with pytest.raises(DataError, match="expected"):
            unlabelled_json.cohort(tmp_path, Options())
    write_list(tmp_path, 10, (5, 5), (5, 5))
    content = json.loads((tmp_path / "data.json").read_text("utf-8"))
    content["test"]["0"].append("n00000.png")
    (tmp_path / "data.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(DataError, match="1 images are listed twice"):
        unlabelled_json.cohort(tmp_path, Options())
