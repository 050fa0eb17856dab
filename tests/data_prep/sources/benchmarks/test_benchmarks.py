"""BMAD and MedIAnomaly on small trees of the same shape."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep.cli.main import main
from data_prep.datalist import DataError, LeakError, read
from data_prep.errors import UsageError
from data_prep.sources.benchmarks import bmad, medianomaly
from data_prep.sources.benchmarks.mixed import Mixed, dealt
from data_prep.sources.card import Row

HALF = ["--mixed-share", "0.5", "--size", "16", "--jobs", "0"]


def picture(path: Path, number: int = 0, mask: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (24, 24))
    if mask:
        pixels = np.zeros((24, 24))
        pixels[4:14, 4:14] = 255
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def tree(folder: Path, places: dict[str, int], start: int = 0) -> Path:
    """Pictures 0.png, 1.png, ... in each place; below label or annotation they are masks."""
    for place, count in places.items():
        for number in range(count):
            start += 1
            masks = place.rpartition("/")[2] in ("label", "annotation")
            picture(folder / place / f"{number:05d}_60.png", start, masks)
    return folder


def brain(folder: Path) -> Path:
    places = {"train/good/img": 4, "valid/good/img": 2, "valid/Ungood/img": 2}
    places |= {"valid/Ungood/label": 2, "test/good/img": 6, "test/Ungood/img": 8}
    return tree(folder, {**places, "test/Ungood/label": 8})


def listed(folder: Path, **more: dict) -> Path:
    names = {"0": [f"n{k}.png" for k in range(4)]}
    test = {"0": [f"t{k}.png" for k in range(20)], "1": [f"a{k}.png" for k in range(20)]}
    folder.mkdir(parents=True, exist_ok=True)
    content = {"train": {**names, **more}, "test": test}
    (folder / "data.json").write_text(json.dumps(content), "utf-8")
    for number, name in enumerate([*names["0"], *test["0"], *test["1"]]):
        picture(folder / "images" / name, number)
    return folder


def test_bmad_with_masks_to_a_data_set(tmp_path):
    """Masks follow their images; the mixed set is of test subjects, which are not tested."""
    out = tmp_path / "out"
    assert main(["bmad", str(brain(tmp_path / "Brain")), str(out), *HALF]) == 0
    sections = read(out).sections
    sizes = {name: len(items) for name, items in sections.items()}
    assert sizes == {"training_mixed": 7, "training_healthy": 4, "validation": 4, "test": 7}
    assert all(i.label is None and i.mask is None for i in sections["training_mixed"])
    assert sorted(i.label for i in sections["test"]) == [0] * 3 + [1] * 4
    for item in (*sections["test"], *sections["validation"]):
        assert (item.mask is not None) is (item.label == 1)
    subjects = [{item.subject for item in items} for items in sections.values()]
    assert sum(map(len, subjects)) == len(set().union(*subjects)) == 22


def test_bmad_of_images_alone_and_its_other_choices(tmp_path):
    places = {"train/good": 3, "valid/good": 4, "valid/Ungood": 4, "test/good": 3, "test/Ungood": 3}
    folder = tree(tmp_path / "Chest", places)
    cohort = bmad.cohort(folder, bmad.Options(mixed_share=0.5, mixed_from="validation"))
    sizes = {"training_mixed": (2, 2), "training_healthy": (3, 0)}
    assert cohort.counts() == {**sizes, "validation": (2, 2), "test": (3, 3)}
    assert not any(row.mask for row in cohort.rows) and cohort.facts["mixed"]["diseased"] == 2
    none = bmad.cohort(folder, bmad.Options(mixed_share=0.0)).counts()
    assert none["training_mixed"] == (0, 0) and none["test"] == (3, 3)
    assert bmad.verify(folder, bmad.Options()) == []
    other = bmad.cohort(folder, bmad.Options(mixed_share=0.5, mixed_from="validation", seed=1))
    assert other.rows != cohort.rows


def test_no_mixed_set_is_made_unasked(tmp_path, capsys):
    for command, folder in (
        ("bmad", brain(tmp_path / "b")),
        ("medianomaly", listed(tmp_path / "m")),
    ):
        assert main([command, str(folder), str(tmp_path / "out"), "--jobs", "0"]) == 2
        assert "it has no mixed training images" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_slices_of_one_head_stay_together_and_a_torn_head_is_refused(tmp_path):
    folder = brain(tmp_path / "Brain")
    with pytest.raises(LeakError, match="subjects are in more than one section"):
        bmad.cohort(folder, bmad.Options(mixed_share=0.5, subject_by="prefix"))
    places = {"train/good/img": "1", "valid/good/img": "2", "valid/Ungood/img": "3"}
    for place, head in {**places, "test/good/img": "45", "test/Ungood/img": "6789"}.items():
        for number in head:
            for slice in (60, 61):
                picture(tmp_path / "B" / place / f"0000{number}_{slice}.png", slice)
    rows = bmad.cohort(tmp_path / "B", bmad.Options(mixed_share=0.5, subject_by="prefix")).rows
    mixed = [row.subject for row in rows if row.section == "training_mixed"]
    assert len(mixed) == 6 and len(set(mixed)) == 3  # one healthy head, two diseased ones


def test_other_folders_are_refused_with_what_to_give(tmp_path):
    tree(tmp_path / "above" / "Brain", {"train/good/img": 2})
    for module in (bmad, medianomaly):
        with pytest.raises(DataError, match="Give the folder of one"):
            module.cohort(tmp_path / "above", module.Options(mixed_share=0.5))
        assert len(module.verify(tmp_path / "above", module.Options())) == 1
    assert len(bmad.verify(tmp_path / "above" / "Brain", bmad.Options())) == 4
    tree(tmp_path / "odd", {"train/good": 2, "train/Ungood": 1, "test/good": 2, "test/Ungood": 2})
    for module in (bmad, medianomaly):
        with pytest.raises(DataError, match="healthy"):
            module.cohort(tmp_path / "odd", module.Options(mixed_share=0.5))


@pytest.mark.parametrize("ending", [".bmp", ".tif", ".TIFF"])
@pytest.mark.parametrize("place", ["test/Ungood", "train/good"])
def test_pictures_that_nothing_reads_are_refused_at_once(tmp_path, capsys, ending, place):
    """Prep would skip each of them, or the section would silently be smaller."""
    folder = tree(tmp_path / "in", {"train/good": 3, "test/good": 4, "test/Ungood": 4})
    path = sorted((folder / place).iterdir())[0]
    Image.open(path).save(path.with_suffix(ending))
    path.unlink()
    for command, module in (("bmad", bmad), ("medianomaly", medianomaly)):
        assert main([command, str(folder), str(tmp_path / "out"), *HALF]) != 0
        told = capsys.readouterr().err
        assert f"1 images end in {ending.lower()}. Only PNG and JPEG are read." in told
        assert "Convert" in " ".join(module.verify(folder, module.Options(mixed_share=0.5)))
    assert not (tmp_path / "out").exists()


def test_a_list_of_pictures_that_nothing_reads_is_refused(tmp_path):
    content = {"train": {"0": ["n.bmp"]}, "test": {"0": ["t.tif"], "1": ["a.png"]}}
    (tmp_path / "data.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(DataError, match=r"2 images end in \.bmp, \.tif\."):
        medianomaly.cohort(tmp_path, Mixed(mixed_share=0.5))


def test_other_files_beside_the_pictures_are_ignored(tmp_path):
    folder = tree(tmp_path / "in", {"train/good": 3, "test/good": 4, "test/Ungood": 4})
    (folder / "figure.tif").write_bytes(b"of the README")
    (folder / "test" / "good" / "Thumbs.db").write_bytes(b"of a viewer")
    for module in (bmad, medianomaly):
        options = module.Options(mixed_share=0.5, validation_share=0.25)
        assert len(module.cohort(folder, options).rows) == 11


def test_the_folders_of_bmad_are_no_set_of_medianomaly(tmp_path):
    """Its validation images would be passed over without a word."""
    with pytest.raises(DataError, match=r"a folder valid/, as BMAD has\. Use"):
        medianomaly.cohort(brain(tmp_path / "Brain"), Mixed(mixed_share=0.5))


def test_pictures_outside_of_the_folders_are_told(tmp_path):
    folder = tree(tmp_path / "in", {"train/good": 3, "test/good": 4, "test/Ungood": 4})
    options = Mixed(mixed_share=0.5, validation_share=0.25)
    assert medianomaly.cohort(folder, options).warnings == ()
    tree(folder, {"test/unsure": 2, "more": 1})
    for module in (bmad, medianomaly):
        more = module.Options(mixed_share=0.5, validation_share=0.25)
        (warning,) = module.cohort(folder, more).warnings
        assert warning.startswith("3 pictures lie outside of the folders")


def test_the_help_tells_no_flag_that_is_refused(capsys):
    for command in ("bmad", "csv"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert ("--columns" in capsys.readouterr().out) is (command == "csv")
    assert main(["bmad", "in", "out", "--table", "t.csv"]) == 2
    assert "--table has no meaning for bmad" in capsys.readouterr().err


def test_medianomaly_by_its_list_to_a_data_set(tmp_path):
    out = tmp_path / "out"
    assert main(["medianomaly", str(listed(tmp_path / "RSNA")), str(out), *HALF]) == 0
    sizes = {name: len(items) for name, items in read(out).sections.items()}
    assert sizes == {"training_mixed": 18, "training_healthy": 4, "validation": 4, "test": 18}


def test_medianomaly_by_folders_with_annotations(tmp_path):
    places = {"train": 3, "test/normal": 4, "test/tumor": 4}
    folder = tree(tmp_path / "BraTS2021", places)
    for path in sorted((folder / "test" / "tumor").iterdir()):
        path.rename(path.with_name(f"{path.stem}_flair.png"))
        picture(folder / "test" / "annotation" / f"{path.stem}_seg.png", mask=True)
    options = medianomaly.Options(mixed_share=0.5, validation_share=0.25)
    cohort = medianomaly.cohort(folder, options)
    assert cohort.counts()["test"] == (1, 1) or cohort.counts()["test"] == (2, 2)
    assert all(bool(row.mask) is (row.label == 1) for row in cohort.rows)
    camelyon = tree(tmp_path / "C", {"train/good": 3, "test/good": 4, "test/Ungood": 4})
    assert medianomaly.cohort(camelyon, options).counts()["training_healthy"] == (3, 0)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("[]", "expected"),
        (
            '{"train": {"0": ["a"], "unlabeled": {"0": ["u"]}}, "test": {"0": ["b"], "1": ["c"]}}',
            "unlabelled-json",
        ),
        ('{"train": {"0": ["a"]}, "test": {"0": ["a"], "1": ["c"]}}', "listed twice"),
        ('{"train": {"0": ["../a"]}, "test": {"0": ["b"], "1": ["c"]}}', "outside images/"),
        ('{"train": {"0": []}, "test": {"0": ["b"], "1": ["c"]}}', "Give the folder of one set"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(tmp_path, content, match):
    (tmp_path / "data.json").write_text(content, "utf-8")
    with pytest.raises(DataError, match=match):
        medianomaly.cohort(tmp_path, Mixed(mixed_share=0.5))


def test_shares_that_leave_nothing_are_refused():
    rows = [Row(f"{k}.png", str(k), "test", k % 2) for k in range(4)]
    with pytest.raises(DataError, match="leaves none of a kind"):
        dealt(rows, Mixed(mixed_share=0.9))
    with pytest.raises(UsageError, match="no validation images"):
        dealt(rows, Mixed(mixed_share=0.5, mixed_from="validation"))
    with pytest.raises(UsageError, match="--mixed-share 1"):
        Mixed(mixed_share=1.0)
