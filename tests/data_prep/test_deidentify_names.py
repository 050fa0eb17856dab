"""What a file is shown as in lists: no patient's name, whatever word it is, and still one name a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from data_prep import deidentify
from data_prep.dicom_write import save_dicom
from data_prep.find import Source
from data_prep.pools import Inline
from data_prep.scan import scan

ORDINARY = (
    *("Ward", "Page", "Hand", "Field", "Check", "Right", "Lower", "Series", "True", "Spine"),
    *("Hospital", "Chest", "Long", "Young"),
)


def header(name: str = "Doe^Jo", number: str = "X1", **more: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.SOPInstanceUID = "2.25.77"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "DX", name, number
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def shown(folder: Path, files: dict[str, Dataset | None], *, keyed: bool = True) -> list[str]:
    """The names in lists of files with these headers; None: a file without any."""
    sources = []
    for name, dataset in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if dataset is None:
            path.write_bytes(b"no film")
        else:
            save_dicom(dataset, path)
        sources.append(Source(name, path, "other" if dataset is None else "dicom"))
    return [source.shown for source in scan(sources, Inline(), keyed)[1]]


@pytest.mark.parametrize("word", ORDINARY)
def test_a_patients_name_is_blanked_though_it_is_an_ordinary_word(tmp_path, word):
    files = {
        f"{word}/x.dcm": header(f"{word}^Zoltan"),
        f"{word}_CXR.dcm": header(f"Zoltan^{word}"),
    }
    assert shown(tmp_path, files) == ["***/x.dcm", "***_CXR.dcm"]


@pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber", "OtherPatientIDs"])
def test_a_patients_number_is_blanked_though_it_is_an_ordinary_word(keyword):
    words = deidentify.identity(header(**{keyword: "WARD"})).words
    assert deidentify.safe_name("ward/x.dcm", words) == "***/x.dcm"


def test_a_name_is_known_by_its_element_where_a_writer_gave_it_another_type():
    dataset = header()
    del dataset.PatientName
    dataset.add_new(0x00100010, "LO", "Ward^Li")
    words = deidentify.identity(dataset).words
    assert deidentify.safe_name("Ward/x.dcm", words) == "***/x.dcm"


@pytest.mark.parametrize("keyed", [True, False])
def test_an_ordinary_surname_is_blanked_in_the_names_of_other_files_too(tmp_path, keyed):
    files = {
        "a.dcm": header("Ward^Zoltan"),
        "Ward/b.dcm": header("Roe^Ann", "X2"),
        "Ward/c.dcm": None,
    }
    assert shown(tmp_path, files, keyed=keyed)[1:] == ["***/b.dcm", "***/c.dcm"]


def test_an_ordinary_word_of_another_text_is_blanked_nowhere(tmp_path):
    told = header(SeriesDescription="Chest", InstitutionName="Ward Hospital")
    files = {"Chest/Ward_2.dcm": told, "Chest/Hospital_3.dcm": header("Roe^Ann", "X2")}
    assert shown(tmp_path, files) == list(files)
