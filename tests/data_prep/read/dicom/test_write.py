"""DICOM files are written whole, and an error of the disk stays one."""

import errno
import signal
import sys

import pytest
from pydicom.dataset import Dataset

from data_prep.files import WriteError
from data_prep.read.dicom.write import save_dicom

resource = pytest.importorskip("resource", reason="no limits of file size on Windows")


def film(pixels: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.Rows = dataset.Columns = 1
    dataset.add_new("PixelData", "OW", b"\0" * pixels)
    return dataset


@pytest.fixture
def little_room(monkeypatch):
    """Files of this process take at most 64 KiB: a full disk, as the system says it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a part of it would stay
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_has_no_room_is_named_with_the_file(little_room, tmp_path):
    save_dicom(film(1000), tmp_path / "small.dcm")
    with pytest.raises(WriteError) as caught:
        save_dicom(film(100_000), tmp_path / "large.dcm")
    assert caught.value.errno == errno.EFBIG
    assert caught.value.filename == str(tmp_path / "large.dcm")
    assert [path.name for path in tmp_path.iterdir()] == ["small.dcm"]
