import json
import zlib
from importlib import import_module
from pathlib import Path

import hazards
import numpy as np
import pytest

from data_prep import datalist
from data_prep.datalist import DataError, Dataset, Item, LeakError
from data_prep.frame import png


def a_dataset(root: Path, size: int = 16) -> Dataset:
    """Two images in each section, all sound."""
    sections: dict[str, list[Item]] = {}
    number = 0
    for section in datalist.SECTIONS:
        sections[section] = []
        for label in (0, 1):
            number += 1
            name = f"images/sub-{number}/01_000.png"
            png.save(np.full((size, size), number, np.uint8), root / name)
            known = label if section in ("validation", "test") else None
            sections[section].append(Item(name, f"sub-{number}", "01", None, known))
    dataset = Dataset("toy", size, sections=sections, protocol="demo", intensity={"policy": "x"})
    datalist.write(dataset, root)
    return dataset


def edited(root: Path, change) -> Path:
    path = root / "dataset.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_what_is_written_is_read_back_and_is_sound(tmp_path):
    written = a_dataset(tmp_path)
    read = datalist.read(tmp_path)
    assert read == written
    assert read == datalist.read(tmp_path / "dataset.json")
    assert datalist.check(read, deep=True) == []
    datalist.require_valid(read, deep=True)


def test_training_items_have_no_label_key_at_all(tmp_path):
    a_dataset(tmp_path)
    content = json.loads((tmp_path / "dataset.json").read_text(encoding="utf-8"))
    for section in ("training_mixed", "training_healthy"):
        assert all("label" not in entry for entry in content[section])
    assert [entry["label"] for entry in content["test"]] == [0, 1]


def test_a_label_in_training_is_refused_when_writing(tmp_path):
    dataset = Dataset("x", 16, sections={"training_mixed": [Item("a.png", "a", label=1)]})
    with pytest.raises(DataError, match=r"without labels.*a\.png"):
        datalist.write(dataset, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_subject_in_two_sections_is_refused_and_named(tmp_path):
    a_dataset(tmp_path)
    edited(tmp_path, lambda c: c["test"][0].update(subject="sub-1"))
    dataset = datalist.read(tmp_path)
    with pytest.raises(LeakError, match=r"sub-1 is in training_mixed and test"):
        datalist.require_valid(dataset)


@pytest.mark.parametrize("key", ["name", "image_size", "bit_depth", *datalist.SECTIONS])
def test_a_missing_key_stops_with_one_message_naming_file_and_key(tmp_path, key):
    a_dataset(tmp_path)
    path = edited(tmp_path, lambda c: c.pop(key))
    with pytest.raises(DataError) as error:
        datalist.read(tmp_path)
    kind = {"name": "a text", "image_size": "a whole number", "bit_depth": "a whole number"}
    wanted = kind.get(key, "a list of images (it may be empty)")
    assert f"{path}: key '{key}' is missing; expected {wanted}." in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]", "", "null", '{"name": 3}'])
def test_wrong_json_stops_with_a_data_error_naming_the_file(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"dataset\.json"):
        datalist.read(tmp_path)


def test_no_file_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match=r"no such file.*healthygan prep"):
        datalist.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label": 2}, "label 2 must be 0"),
        ({"image": "/etc/x.png"}, "relative"),
        ({"image": "../x.png"}, "relative"),
        ({"image": "images/sub-7/none.png"}, "does not exist"),
        ({"image": "images/sub-8/01_000.png"}, "listed twice"),
        ({"mask": "images/none_mask.png"}, "mask does not exist"),
    ],
)
def test_each_problem_of_an_item_is_named(tmp_path, change, expected):
    a_dataset(tmp_path)
    edited(tmp_path, lambda c: c["test"][0].update(change))
    problems = datalist.check(datalist.read(tmp_path))
    assert any(expected in problem for problem in problems), problems


def test_missing_labels_are_problems(tmp_path):
    a_dataset(tmp_path)
    edited(tmp_path, lambda c: (c["validation"][0].pop("label"), c["test"][1].pop("label")))
    text = "\n".join(datalist.check(datalist.read(tmp_path)))
    assert "validation needs 0" in text and "label all or none" in text


def test_pictures_of_another_kind_are_problems(tmp_path):
    from PIL import Image

    a_dataset(tmp_path)
    images = tmp_path / "images"
    png.save(np.zeros((9, 9), np.uint8), images / "sub-1" / "01_000.png")
    png.save(np.zeros((16, 16), np.uint16), images / "sub-2" / "01_000.png")
    Image.new("RGB", (16, 16)).save(images / "sub-3" / "01_000.png")
    (images / "sub-4" / "01_000.png").write_bytes(b"")
    (images / "sub-5" / "01_000.png").write_bytes(b"no picture at all, but not empty")
    whole = (images / "sub-6" / "01_000.png").read_bytes()
    (images / "sub-6" / "01_000.png").write_bytes(whole[:50])
    problems = datalist.check(datalist.read(tmp_path), deep=True)
    for k, expected in enumerate(
        ("9x9, expected 16x16", "16 bit, expected 8", "greyscale", "empty", "not a PNG", "decoded"),
        start=1,
    ):
        assert any(f"sub-{k}/" in p and expected in p for p in problems), (k, problems)


def damaged(path, place: float) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)


def test_one_flipped_bit_anywhere_in_an_image_is_found_with_and_without_a_hash(tmp_path):
    a_dataset(tmp_path)
    image = tmp_path / "images" / "sub-6" / "01_000.png"
    whole = image.read_bytes()
    for place in np.linspace(0, 0.999, 25):
        image.write_bytes(whole)
        damaged(image, place)
        for known in (True, False):
            dataset = datalist.read(tmp_path)
            dataset.content_hash = dataset.content_hash if known else ""
            for how in ({"deep": True}, {"hashed": True}):
                problems = datalist.check(dataset, **how)
                assert len(problems) == 1 and "sub-6/01_000.png" in problems[0], (place, how)


def test_an_image_that_was_damaged_before_its_hash_was_taken_is_found_by_deep_alone(tmp_path):
    a_dataset(tmp_path)
    image = tmp_path / "images" / "sub-6" / "01_000.png"
    image.write_bytes(image.read_bytes()[:-20])
    dataset = datalist.read(tmp_path)
    dataset.content_hash = datalist.content_hash(dataset)
    assert datalist.check(dataset, hashed=True) == []
    assert "cut off" in datalist.check(dataset, deep=True)[0]


def test_an_image_that_lacks_rows_under_right_checksums_is_cut_off(tmp_path):
    """Pillow shows the missing rows as black."""
    a_dataset(tmp_path)
    image = tmp_path / "images" / "sub-6" / "01_000.png"
    data = image.read_bytes()
    start = data.index(b"IDAT")
    rows = zlib.decompress(
        data[start + 4 : start + 4 + int.from_bytes(data[start - 4 : start], "big")]
    )
    body = b"IDAT" + zlib.compress(rows[: len(rows) // 2])
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    image.write_bytes(data[: start - 4] + chunk + data[data.index(b"IEND") - 4 :])
    dataset = datalist.read(tmp_path)
    dataset.content_hash = datalist.content_hash(dataset)
    assert "cut off" in datalist.check(dataset, deep=True)[0]


def test_an_image_that_kills_its_decoder_is_one_problem(tmp_path, monkeypatch):
    dataset = a_dataset(tmp_path)
    module = import_module("data_prep.datalist.check")
    monkeypatch.setattr(module, "damage", hazards.crash_at_sub_6)  # the child calls it by its name
    (problem,) = datalist.check(dataset, deep=True)
    assert "sub-6/01_000.png" in problem and "the decoder crashed" in problem


def test_all_problems_come_at_once_and_an_empty_training_section_is_one(tmp_path):
    a_dataset(tmp_path)
    edited(tmp_path, lambda c: (c["training_healthy"].clear(), c["test"][0].update(label=7)))
    with pytest.raises(DataError, match="2 problems") as error:
        datalist.require_valid(datalist.read(tmp_path))
    assert "training_healthy is empty" in str(error.value)


def test_a_set_for_inference_may_hold_unlabelled_test_images_alone(tmp_path):
    png.save(np.arange(64, dtype=np.uint8).reshape(8, 8), tmp_path / "images/s/01_000.png")
    dataset = Dataset("new", 8, sections={"test": [Item("images/s/01_000.png", "s")]})
    datalist.write(dataset, tmp_path)
    assert datalist.check(dataset, deep=True) == []


def test_the_content_hash_follows_pixels_and_lists_only(tmp_path):
    one = a_dataset(tmp_path / "one")
    two = a_dataset(tmp_path / "two")
    assert one.content_hash == two.content_hash
    png.save(np.full((16, 16), 99, np.uint8), tmp_path / "two" / "images/sub-1/01_000.png")
    assert datalist.content_hash(two) != one.content_hash
    assert any("content_hash" in p for p in datalist.check(two, deep=True))


def test_the_module_needs_the_standard_library_only():
    import subprocess
    import sys

    code = (
        "import sys; import data_prep.datalist; "
        "print(sorted({'numpy', 'PIL', 'torch', 'pydicom'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("what", ["image", "folder"])
def test_a_link_that_leads_out_of_the_data_set_is_refused(tmp_path, what):
    dataset = a_dataset(tmp_path / "data")
    datalist.write(dataset, tmp_path / "data")
    name = dataset.sections["test"][0].image
    path = tmp_path / "data" / name
    if what == "folder":
        path = path.parent
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    read = datalist.read(tmp_path / "data")
    problems = datalist.check(read)
    assert problems and all("leads out of the data set" in problem for problem in problems)
    with pytest.raises(DataError, match="leads out"):
        read.image_path(Item(name, "p"))
    with pytest.raises(DataError, match="leads out"):
        read.mask_path(Item("", "p", mask=name))


def test_a_link_within_the_data_set_or_to_all_of_it_is_followed(tmp_path):
    dataset = a_dataset(tmp_path / "data")
    datalist.write(dataset, tmp_path / "data")
    path = tmp_path / "data" / dataset.sections["test"][0].image
    path.rename(tmp_path / "data" / "object")
    path.symlink_to(tmp_path / "data" / "object")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    for root in ("data", "link"):
        assert datalist.check(datalist.read(tmp_path / root)) == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"name": ' + "9" * 5000 + "}"])
def test_json_that_is_too_deep_or_too_long_is_malformed(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match="not valid JSON"):
        datalist.read(tmp_path)


@pytest.mark.parametrize("key", ["protocol", "description", "licence", "modality"])
@pytest.mark.parametrize("value", [[{}], {}, 3, True])
def test_what_is_to_be_a_text_is_one(tmp_path, key, value):
    a_dataset(tmp_path)
    path = edited(tmp_path, lambda content: content.update({key: value}))
    with pytest.raises(DataError, match=f"key '{key}' must be a text"):
        datalist.read(path)


@pytest.mark.parametrize("key", ["image", "mask"])
@pytest.mark.parametrize("name", ["a\0.png", "\ud800.png", "x" * 300, "x/" * 3000])
def test_names_that_no_file_can_have_are_named(tmp_path, key, name):
    a_dataset(tmp_path)
    path = tmp_path / datalist.FILE_NAME
    content = json.loads(path.read_text())
    content["test"][0][key] = name
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=rf"test\[0\]: key '{key}' is no path"):
        datalist.read(tmp_path)


def test_a_box_beyond_all_numbers_is_named(tmp_path):
    a_dataset(tmp_path)
    path = tmp_path / datalist.FILE_NAME
    content = json.loads(path.read_text())
    content["test"][0]["boxes"] = [[10**400, 1, 1, 1, "x"]]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="key 'boxes' must be a list"):
        datalist.read(tmp_path)
