"""JPEGs that have an end mark and lack something before it, as pictures and in DICOM."""

import re
from pathlib import Path

import numpy as np
import pytest
from codestreams import (
    END,
    JPEG,
    LOSSLESS,
    encoded,
    jpeg,
    lossless_runs,
    waves,
    with_restarts,
)

from data_prep.errors import FilmError
from data_prep.film.open import read_film
from data_prep.read.dicom import ending, pixels
from data_prep.read.dicom.scans import SCAN, missing, scans, segments

ODD = waves(150)[:131]  # whole MCUs in neither direction
COLOUR = np.dstack([ODD, ODD, ODD])
RESTART = re.compile(rb"\xff[\xd0-\xd7]")


@pytest.fixture(params=["picture", "DICOM"])
def film(request, make_dicom, tmp_path):
    """Write a grey JPEG as a film of this kind, and return its path."""

    def write(frame: bytes) -> Path:
        if request.param == "DICOM":
            return make_dicom(ODD, frames=[frame], syntax=JPEG)
        path = tmp_path / "film.jpg"
        path.write_bytes(frame)
        return path

    return write


def _refused(path: Path) -> None:
    with pytest.raises(FilmError, match="truncated"):
        read_film(path)


def _without_scans(frame: bytes, first: int, last: int) -> bytes:
    """The frame without these scans, counted from 0; the tables between them stay."""
    headers = [position for marker, position in segments(frame) if marker == SCAN]
    ends = [scan.runs[-1][1] for scan in scans(frame)]
    for k in range(last, first - 1, -1):
        frame = frame[: headers[k]] + frame[ends[k] :]
    return frame


def test_a_progressive_jpeg_without_its_last_scans_is_refused(film):
    frame = jpeg(ODD, progressive=True)
    count = len(list(scans(frame)))
    assert count > 4 and read_film(film(frame)).image.shape == ODD.shape
    for first in range(1, count):
        _refused(film(_without_scans(frame, first, count - 1)))


@pytest.mark.parametrize("values", [ODD, COLOUR], ids=["grey", "colour"])
def test_a_progressive_jpeg_without_any_one_of_its_scans_is_refused(values, tmp_path):
    frame, path = jpeg(values, progressive=True), tmp_path / "film.jpg"
    for k in range(len(list(scans(frame)))):
        path.write_bytes(_without_scans(frame, k, k))
        _refused(path)


@pytest.mark.parametrize("values", [ODD, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_whole_jpeg_lacks_nothing(values, quality, progressive, tmp_path):
    path = tmp_path / "film.jpg"
    for subsampling in (0, 1, 2):
        for restarts in ({}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 3}):
            path.write_bytes(
                jpeg(
                    values,
                    quality=quality,
                    progressive=progressive,
                    subsampling=subsampling,
                    **restarts,
                )
            )
            assert missing(path.read_bytes()) is None
            assert read_film(path).image.shape == ODD.shape


def test_restart_intervals_that_are_missing_are_found(film):
    """Eight of them leave the markers in order: their number tells it."""
    frame = jpeg(ODD, restart_marker_blocks=7)
    markers = [match.start() for match in RESTART.finditer(frame)]
    assert len(markers) > 20 and read_film(film(frame)).image.shape == ODD.shape
    for first, count in ((0, 1), (3, 1), (3, 2), (5, 8), (5, 16), (len(markers) - 2, 1)):
        _refused(film(frame[: markers[first]] + frame[markers[first + count] :]))
    _refused(film(frame[: markers[-1]] + END))
    _refused(film(frame[: markers[-9]] + END))
    swapped = frame[: markers[3]] + frame[markers[4] : markers[5]]
    _refused(film(swapped + frame[markers[3] : markers[4]] + frame[markers[5] :]))


def test_a_restart_marker_behind_the_last_interval_hides_nothing(film):
    frame = jpeg(ODD, restart_marker_blocks=7)
    last = len(RESTART.findall(frame)) % 8
    more = frame[: -len(END)] + bytes((0xFF, 0xD0 + last)) + END
    assert read_film(film(more)).digest == read_film(film(frame)).digest


@pytest.mark.parametrize("border", [0, 20])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_lossless_jpeg_that_lacks_its_last_bytes_is_refused(make_dicom, tmp_path, bits, border):
    values = waves(top=2**bits - 1)
    values[len(values) - border :] = 2 ** (bits - 1)
    frame = encoded(values, LOSSLESS, tmp_path, stored=bits).rstrip(b"\0")
    assert frame.endswith(END)
    read_film(make_dicom(values, frames=[frame], syntax=LOSSLESS, BitsStored=bits))
    for lost in range(1, 24):
        cut = frame[: -len(END) - lost].rstrip(b"\xff") + END
        _refused(make_dicom(values, frames=[cut], syntax=LOSSLESS, BitsStored=bits))


@pytest.mark.parametrize("border", [0, 20])
def test_a_whole_lossless_jpeg_is_decoded_once(make_dicom, tmp_path, monkeypatch, border):
    decoded, coded = [], pixels._coded
    monkeypatch.setattr(pixels, "_coded", lambda *a: decoded.append(a) or coded(*a))
    values = waves(top=4095)
    values[len(values) - border :] = 0
    frame = encoded(values, LOSSLESS, tmp_path)
    read_film(make_dicom(values, frames=[frame], syntax=LOSSLESS))
    assert len(decoded) == 1


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("low", [0, 2])
def test_the_bits_of_a_lossless_jpeg_are_counted_to_the_last(predictor, low):
    values = (waves(70, 4095) >> low << low)[:, :50]
    frame = with_restarts(lossless_runs(values, 12, 70, predictor, low))
    assert ending._all_coded(frame, 12, values)
    end = len(frame) - len(END)
    assert not ending._all_coded(frame[: end - 1] + END, 12, values)


def test_restart_intervals_of_a_lossless_jpeg_are_looked_at_one_by_one(make_dicom):
    values = waves(top=4095)
    runs = lossless_runs(values, 12, rows=4)

    def film(runs: list[bytes]) -> Path:
        return make_dicom(values, frames=[with_restarts(runs)], syntax=LOSSLESS)

    assert read_film(film(runs)).digest == read_film(make_dicom(values, "native.dcm")).digest
    _refused(film(runs[:5] + runs[6:]))
    _refused(film(runs[:5] + runs[13:]))
    _refused(film(runs[:-1]))
    for run in (5, len(runs) - 1):
        _refused(film([*runs[:run], runs[run][:-9].rstrip(b"\xff"), *runs[run + 1 :]]))


@pytest.mark.parametrize("marker", [0xC0, 0xC2, 0xC3, 0xF7])
def test_every_component_has_a_scan(marker):
    """Of a DCT, 8 x 8 pixels; one scan for each of three components."""
    header = b"\xff\xd8\xff" + bytes((marker,)) + b"\0\x11\x08\0\x08\0\x08\3"
    header += b"".join(bytes((component, 0x11, 0)) for component in (1, 2, 3))
    each = [b"\xff\xda\0\x08\1" + bytes((c, 0, 0, 63, 0)) + b"\x12\x34" for c in (1, 2, 3)]
    assert missing(header + b"".join(each) + END) is None
    for lost in range(3):
        assert missing(header + b"".join(each[:lost] + each[lost + 1 :]) + END) == "scans"
