"""Real films and a real head, where the pack of real data is."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from dcmtk import shown
from dicom_sources import FACTS, corner
from places import DATA
from pydicom import dcmread

from data_prep.film import read_dataset
from healthygan_monai.dicom_results import ResultFacts, make_results

DICOM = DATA / "dicom"
FILMS = [*sorted(DICOM.glob("real_chest/*.dcm")), *sorted(DICOM.glob("wrapped_nih/0[1-5]*.dcm"))]


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem[-20:])
def test_a_real_film(path: Path, valid: Callable) -> None:
    source = read_dataset(path.read_bytes())
    shape = (int(source.Rows), int(source.Columns))
    difference, marked = corner(shape)
    files = valid(make_results([source], difference, marked, ResultFacts(**FACTS)))
    bits = np.unpackbits(np.frombuffer(dcmread(files[1]).PixelData, np.uint8), bitorder="little")
    assert np.array_equal(bits[: marked.size].reshape(shape), marked)
    assert np.array_equal(shown(files[2], "+Wm") > 200, marked)


def by_place(paths: Iterable[Path]) -> list:
    read = [read_dataset(path.read_bytes()) for path in paths]
    return sorted(read, key=lambda one: float(one.ImagePositionPatient[2]))


def test_a_real_head(valid: Callable) -> None:
    paths = sorted(DICOM.glob("mr_studyforrest/*.dcm"))
    if not paths:
        pytest.skip("the pack of real data has no head in DICOM")
    sources = by_place(paths)
    difference, marked = corner((len(sources), int(sources[0].Rows), int(sources[0].Columns)))
    files = valid(make_results(sources, difference, marked, ResultFacts(**FACTS)))
    assert [dcmread(f).Modality for f in files] == ["OT", "OT", "OT", "SEG", "OT", "SR"]
