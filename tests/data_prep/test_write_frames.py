"""What of one input is on disk: its frames by name, and nothing of one that fails."""

from pathlib import Path

import numpy as np
import pytest
from heads import phantom, save

from data_prep.brain import BrainOptions, BrainRecipe
from data_prep.errors import FilmError, PrepError
from data_prep.film import FilmOptions, FilmRecipe
from data_prep.frame import png
from data_prep.source import Source, Truth, Who
from data_prep.write_frames import EMPTY_NOTE, HEAD_NOTE, write_film, write_head

HEAD = phantom(33, lesions=3)
EACH = FilmRecipe(16, framing="none", options=FilmOptions(frames="each"))
BELOW_THE_TOP = BrainRecipe(48, options=BrainOptions(range="20%:80%", step="12mm"))


def film_of(frames: list[np.ndarray], make_dicom) -> Source:
    path = make_dicom(frames[0], frames=[frame.tobytes() for frame in frames])
    return Source(path.name, path, "dicom", shown="shown", who=Who("sub-1"))


def head_of(folder: Path, **truth) -> Source:
    path = save(folder / "head.nii.gz", HEAD.image.astype(np.int16))
    return Source(path.name, path, "nifti", who=Who("sub-1", "02"), truth=Truth(**truth))


def test_frames_of_a_film_are_named_by_their_number(make_dicom, ramp, tmp_path):
    outcome = write_film(film_of([ramp, ramp[::-1]], make_dicom), EACH, tmp_path)
    assert [i.image for i in outcome.images] == [f"images/sub-1/01_{k:03d}.png" for k in range(2)]
    assert [image.slice for image in outcome.images] == [0, 1]
    assert outcome.source == "shown" and len(outcome.details["digest"]) == 2
    first, second = (png.load(tmp_path / image.image) for image in outcome.images)
    np.testing.assert_array_equal(first, second[::-1])


def test_a_bad_frame_leaves_nothing_of_its_file_behind(make_dicom, ramp, tmp_path):
    source = film_of([ramp, ramp, np.zeros_like(ramp)], make_dicom)
    with pytest.raises(FilmError, match="constant"):
        write_film(source, EACH, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_slice_of_a_head_with_a_lesion_has_a_mask(tmp_path):
    mask = save(tmp_path / "mask.nii.gz", HEAD.mask.astype(np.uint8))
    outcome = write_head(head_of(tmp_path, mask=mask), BELOW_THE_TOP, tmp_path)
    assert [i.slice for i in outcome.images] == outcome.details["slices"]
    for image in outcome.images:
        assert image.image == f"images/sub-1/02_{image.slice:03d}.png"
        assert image.mask == f"images/sub-1/02_{image.slice:03d}_mask.png"
        assert png.load(tmp_path / image.image).shape == png.load(tmp_path / image.mask).shape


def test_a_dry_run_names_images_and_strip_and_writes_none(tmp_path):
    source = head_of(tmp_path)
    save(source.path, np.where(HEAD.brain, HEAD.image, 0).astype(np.int16))
    options = BrainOptions(range="20%:80%", step="12mm", brain="stripped")
    outcome = write_head(source, BrainRecipe(48, options=options), None)
    assert outcome.images and outcome.details["qc"] == "qc/sub-1/02.png"
    assert list(tmp_path.iterdir()) == [source.path]


def test_what_is_no_volume_is_refused(tmp_path):
    picture = Source("a.png", tmp_path / "a.png", "picture")
    with pytest.raises(PrepError, match="a picture"):
        write_head(picture, BELOW_THE_TOP, None)
    with pytest.raises(PrepError, match="lesion mask: no such file"):
        write_head(head_of(tmp_path, mask=Path("gone.nii")), BELOW_THE_TOP, None)


def test_a_label_that_its_mask_contradicts_is_refused_or_noted(make_dicom, ramp, tmp_path):
    def film(label, marked: bool):
        mask = tmp_path / f"{marked}.png"
        png.save(np.full(ramp.shape, marked) & (np.arange(ramp.shape[1]) < 5), mask)
        path = make_dicom(ramp)
        truth = Truth(label=label, mask=mask)
        source = Source(path.name, path, "dicom", who=Who("sub-1"), truth=truth)
        return write_film(source, FilmRecipe(16, framing="none"), None).details.get("notes", [])

    empty = save(tmp_path / "empty.nii.gz", np.zeros_like(HEAD.mask, np.uint8))
    full = save(tmp_path / "full.nii.gz", HEAD.mask.astype(np.uint8))

    def head(label, marked: bool):
        source = head_of(tmp_path, label=label, mask=full if marked else empty)
        return write_head(source, BELOW_THE_TOP, None).details.get("notes", [])

    for read in (film, head):
        with pytest.raises(PrepError, match=r"healthy by its label, .*but its mask marks"):
            read(0, True)
        assert EMPTY_NOTE in read(1, False)
        for label, marked in ((0, False), (1, True), (None, True), (None, False)):
            assert EMPTY_NOTE not in read(label, marked)


def test_a_head_that_its_mask_contradicts_leaves_nothing_behind(tmp_path):
    mask = save(tmp_path / "mask.nii.gz", HEAD.mask.astype(np.uint8))
    with pytest.raises(PrepError, match="but its mask marks a lesion"):
        write_head(head_of(tmp_path, label=0, mask=mask), BELOW_THE_TOP, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.png"))


def test_the_mask_of_a_known_healthy_training_image_must_be_empty(make_dicom, ramp, tmp_path):
    for marked in (False, True):
        mask = tmp_path / f"{marked}.png"
        png.save(np.full(ramp.shape, marked), mask)
        path = make_dicom(ramp)
        truth = Truth("training_healthy", must_be_empty=mask)
        film = Source(path.name, path, "dicom", who=Who("sub-1"), truth=truth)
        volume = save(tmp_path / f"{marked}.nii.gz", (HEAD.mask & marked).astype(np.uint8))
        head = head_of(tmp_path, section="training_healthy", must_be_empty=volume)
        for write, source, recipe in (
            (write_film, film, FilmRecipe(16, framing="none")),
            (write_head, head, BELOW_THE_TOP),
        ):
            if marked:
                with pytest.raises(PrepError, match="but its mask marks a lesion"):
                    write(source, recipe, None)
            else:
                (first, *_) = write(source, recipe, None).images
                assert first.mask is None


@pytest.mark.parametrize("truth", [{"must_be_empty": True}, {"label": 0}])
def test_the_mask_of_a_healthy_film_is_looked_at_whole_and_is_of_its_size(
    make_dicom, ramp, tmp_path, truth
):
    """The framing of the paper cuts the upper rows off, and a lesion there with them."""
    path, edge = make_dicom(ramp), np.zeros(ramp.shape, bool)
    edge[0] = True
    for mask, why in ((edge, "but its mask marks a lesion"), (edge[:8], "rows and columns")):
        file = tmp_path / "mask.png"
        png.save(mask if why.startswith("but") else mask & False, file)
        known = {"mask": file, **truth} if "label" in truth else {"must_be_empty": file}
        film = Source(path.name, path, "dicom", who=Who("sub-1"), truth=Truth("test", **known))
        with pytest.raises(PrepError, match=why):
            write_film(film, FilmRecipe(16, framing="paper"), None)


def test_a_mask_of_most_of_a_head_is_noted(tmp_path):
    mask = save(tmp_path / "inverted.nii.gz", (~HEAD.mask).astype(np.uint8))
    found = write_head(head_of(tmp_path, label=1, mask=mask), BELOW_THE_TOP, None)
    assert HEAD_NOTE in found.details["notes"]


def test_a_lesion_outside_of_the_slices_is_noted(tmp_path):
    low = np.zeros_like(HEAD.mask, np.uint8)
    low[:, :, 0] = 1
    source = head_of(tmp_path, label=1, mask=save(tmp_path / "low.nii.gz", low))
    assert EMPTY_NOTE in write_head(source, BELOW_THE_TOP, None).details["notes"]
