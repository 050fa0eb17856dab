"""A path that is no data set: what it is, and the command that makes one of it."""

import shlex
import zipfile

import numpy as np
import pytest
from dicom_heads import write_stack
from sheets import WRITERS

from data_prep import datalist
from data_prep.errors import MissingData
from data_prep.phantom.study import make_films


def told(path) -> str:
    with pytest.raises(MissingData) as error:
        datalist.read(path)
    return str(error.value)


def test_raw_films_get_the_command_for_films(tmp_path):
    make_films(tmp_path / "my films", seed=0, counts={"test": 2})
    raw = tmp_path / "my films"
    words = shlex.join(["healthygan", "prep", "films", str(raw), f"{raw}-prepared"])
    assert told(raw).endswith(f"Prepare the images first: {words}")


@pytest.mark.parametrize("implicit", [False, True])
def test_raw_heads_get_the_command_for_brains(tmp_path, implicit):
    import pydicom

    raw = write_stack(tmp_path / "raw", np.ones((4, 4, 3), np.int16), np.eye(4))
    if implicit:
        for path in raw.iterdir():
            film = pydicom.dcmread(path)
            film.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            pydicom.dcmwrite(path, film, implicit_vr=True, little_endian=True)
    assert f"healthygan prep brains {raw} " in told(raw)
    (tmp_path / "nifti").mkdir()
    (tmp_path / "nifti" / "a.nii.gz").touch()
    assert "healthygan prep brains" in told(tmp_path / "nifti")


def test_a_dicom_file_is_known_by_its_first_bytes_or_its_ending(tmp_path):
    make_films(tmp_path / "films", seed=0, counts={"test": 1})
    film = next((tmp_path / "films").rglob("*.dcm"))
    for name, content in {"IM0001": film.read_bytes(), "old.dcm": b"no preamble"}.items():
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_bytes(content)
        assert f"healthygan prep films {folder} " in told(folder)


@pytest.mark.parametrize(("image", "kind"), [("head.nii.gz", "brains"), ("film.png", "films")])
@pytest.mark.parametrize("ending", WRITERS)
def test_a_spreadsheet_gets_the_command_for_the_images_that_it_lists(tmp_path, ending, image, kind):
    table = WRITERS[ending](tmp_path / f"cohort{ending}", [["image"], [image]])
    assert f"healthygan prep {kind} INPUT" in told(table)


def test_a_zip_archive_of_films(tmp_path):
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    assert told(path).startswith(f"{path}: a zip archive, not a data set. Prepare")


def test_the_folder_around_a_data_set_names_it(tmp_path):
    inner = tmp_path / "prepared"
    inner.mkdir()
    (inner / "dataset.json").write_text("{}")
    assert told(tmp_path).endswith(f"Give {inner}.")


def test_a_misspelt_data_set_is_named_and_no_other_folder(tmp_path):
    for name in ("films-64", "films_65_patient"):
        (tmp_path / name).mkdir()
    (tmp_path / "films-64" / "dataset.json").write_text("{}")
    text = told(tmp_path / "films_65")
    assert "did you mean 'films-64'?" in text and "patient" not in text


def test_an_empty_folder_and_a_pipe_like_file(tmp_path):
    assert "no images" in told(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert "no images" in told(tmp_path)
    assert "not a folder with dataset.json" in told(tmp_path / "notes.txt")
