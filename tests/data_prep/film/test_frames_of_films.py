"""Each frame of a film of several is shown as it would be alone, by its own header."""

import io

import numpy as np
import pydicom
import pytest
from dicom_lut_item import lut_item
from pydicom.dataset import Dataset

from data_prep.film.open import films, read_film, stored_picture
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.voi import apply_window


def groups(**sequences):
    item = Dataset()
    for keyword, elements in sequences.items():
        inner = Dataset()
        inner.update(elements)
        setattr(item, keyword, [inner])
    return item


def elements(**values) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def test_each_frame_is_shown_by_its_own_functional_groups(make_dicom, ramp):
    """PS3.3 C.7.6.16.2.9, .10, .16; the frame's own go before the shared ones and the header's."""
    own = groups(
        FrameVOILUTSequence=elements(WindowCenter="500", WindowWidth="101"),
        FrameDisplayShutterSequence=elements(
            ShutterShape="CIRCULAR", CenterOfCircularShutter=["9", "9"], RadiusOfCircularShutter="5"
        ),
    )
    shared = groups(
        PixelValueTransformationSequence=elements(RescaleSlope="2", RescaleIntercept="0"),
        FrameVOILUTSequence=elements(WindowCenter="300", WindowWidth="401"),
    )
    path = make_dicom(
        ramp,
        frames=[ramp.tobytes()] * 2,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[Dataset(), own],
        WindowCenter="1",
        WindowWidth="2",
        VOILUTSequence=[lut_item(np.arange(4096))],
    )
    first, second = films(path.read_bytes(), FilmOptions(frames="each"))
    np.testing.assert_allclose(first.image, apply_window(ramp * 2.0, 300, 401, "LINEAR"), atol=1e-6)
    rows, columns = np.indices(ramp.shape)
    open_ = (rows - 8) ** 2 + (columns - 8) ** 2 <= 25
    expected = np.where(open_, apply_window(ramp * 2.0, 500, 101, "LINEAR"), 0)
    np.testing.assert_allclose(second.image, expected, atol=1e-6)
    assert first.padding is None and first.facts["voi"] == "window LINEAR"
    np.testing.assert_array_equal(second.padding, ~open_)


def test_broken_functional_groups_tell_nothing(make_dicom, ramp):
    window = {"WindowCenter": "300", "WindowWidth": "401"}
    path = make_dicom(ramp, **window, PerFrameFunctionalGroupsSequence=[Dataset()])
    np.testing.assert_array_equal(
        read_film(path).image, read_film(make_dicom(ramp, "plain.dcm", **window)).image
    )


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_every_frame_in_colour_channels_is_the_film_that_it_is_alone(make_dicom, ramp, photometric):
    grey = (ramp >> 2).astype(np.uint8)

    def stored(frame: np.ndarray) -> np.ndarray:
        if photometric == "RGB":
            return np.stack([frame] * 3, -1)
        if photometric == "YBR_FULL":
            return np.stack([frame, *[np.full_like(frame, 128)] * 2], -1)
        even = np.repeat(frame[:, ::2], 2, 1)  # two pixels share a colour: Y1 Y2 Cb Cr
        pairs = even.reshape(len(frame), -1, 2)
        return np.concatenate([pairs, np.full_like(pairs, 128)], -1)

    frames = [stored(grey), stored(grey[::-1]), stored(np.roll(grey, 4, 1))]
    header = {
        "PhotometricInterpretation": photometric,
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "Rows": grey.shape[0],
        "Columns": grey.shape[1],
    }
    options = FilmOptions(colour="equal", frames="each")
    content = [frame.tobytes() for frame in frames]
    together = make_dicom(frames[0], "three.dcm", frames=content, **header).read_bytes()
    found = list(films(together, options))
    assert len(found) == 3
    for k, film in enumerate(found):
        alone = read_film(make_dicom(frames[k], f"{k}.dcm", **header), options)
        np.testing.assert_array_equal(film.image, alone.image)
        assert film.digest == alone.digest
        np.testing.assert_array_equal(
            stored_picture(pydicom.dcmread(io.BytesIO(together)), k), alone.image
        )
    assert not np.array_equal(found[0].image, found[1].image)
