"""From a film's file to frames: read, exposed field, square, grey levels; mask and boxes alike."""

from collections.abc import Iterator, Sequence

import numpy as np

from data_prep.errors import FilmError
from data_prep.film.burned_in import find_text
from data_prep.film.collimation import exposed_area
from data_prep.film.film import Film
from data_prep.film.open import films
from data_prep.film.picture import DEEP_MODES, read_mask_picture
from data_prep.film.recipe import FilmRecipe
from data_prep.film.set_aside import LOOK, SetAside, look, smaller
from data_prep.frame.boxes import LesionBox, framed_boxes
from data_prep.frame.frame import Frame, WayBack
from data_prep.frame.framing import Box
from data_prep.read.dicom.display import SATURATION_NOTE

PAGE = 512  # pixels of the longer side of a film on a page
FEWEST_LEVELS = 32  # of 256 in 8 bits
MOST_OF_A_MASK = 0.5
MASK_NOTE = "the lesion mask marks more than half of the film: is it inverted, or no mask?"
BOX_NOTE = "a lesion box lies outside the frame, and is left out"
HALF_NOTE = (
    "no value of the 16 bits reaches half of their range, as of 15 bits or fewer: a dark film, or "
    "--intensity percentile is needed"
)
FEW_NOTE = "fewer than 32 of 256 grey levels are used, but --intensity percentile uses them all"


def prepare(
    data: bytes,
    recipe: FilmRecipe,
    *,
    mask: bytes | None = None,
    boxes: Sequence[LesionBox] = (),
    cleared: bool = False,
    shown: bool = False,
) -> Iterator[Frame]:
    """Prepare a film, the first frame or each; PrepError: unusable, LeftOut: not asked for.

    SetAside, a LeftOut, has a look at every frame with likely text; no frame follows the first one.

    Args:
        data: content of a DICOM, PNG or JPEG file.
        mask: content of a PNG or JPEG of the film's size, not black in lesions.
        boxes: lesions in pixels of the film.
        cleared: a person has looked for burned-in text.
        shown: whether frames have the whole film for a page.
    """
    aside: SetAside | None = None
    for film in films(data, recipe.options, voi=recipe.windowed):
        drawn = None if mask is None else _mask(mask, film, recipe)
        try:
            frame = framed(film, recipe, mask=drawn, boxes=boxes, cleared=cleared, shown=shown)
        except SetAside as error:
            error.looks = (*(aside.looks if aside else ()), *error.looks)
            aside = error
            continue
        if aside is None:
            yield frame
    if aside is not None:
        raise aside


def framed(
    film: Film,
    recipe: FilmRecipe,
    *,
    mask: np.ndarray | None = None,
    boxes: Sequence[LesionBox] = (),
    cleared: bool = False,
    shown: bool = False,
) -> Frame:
    """Bring a film that was read into the frame; as `prepare`, but mask is bool (H, W)."""
    back = way_back(film, recipe)
    square, shape, field, spacing = back.framing, back.shape, back.field, back.spacing
    image = film.turn(film.image)[field]
    padding = None if film.padding is None else film.turn(film.padding)[field]
    if recipe.options.burned_in == "quarantine" and not cleared:
        _require_no_text(film, _shown(image, padding, recipe), square.box(image.shape, spacing))
    covered = square.covered(image.shape, spacing)
    foreground = covered if padding is None else square.mask(~padding, spacing)
    image = square.image(image, spacing)
    pixels = recipe.levels().apply(image, recipe.bits, foreground=foreground)
    if padding is not None and foreground is not None:
        pixels[~foreground] = 0
    crop = (field[0].start, field[1].start, field[0].stop, field[1].stop)
    border = {} if crop == (0, 0, *shape) else {"exposed_field": list(crop)}
    notes = list(film.facts.get("notes", ()))
    if SATURATION_NOTE not in notes and _uses_few_levels(pixels, recipe):
        notes.append(FEW_NOTE)
    elif _ends_at_half(film, recipe):
        notes.append(HALF_NOTE)
    if mask is not None and mask.mean() > MOST_OF_A_MASK:
        notes.append(MASK_NOTE)
    lesions = framed_boxes(
        film.turn.boxes(boxes, film.image.shape), square, shape, spacing, crop=crop
    )
    if len(lesions) < len(boxes):
        notes.append(BOX_NOTE)
    noted = {"notes": notes} if notes else {}
    return Frame(
        pixels,
        back,
        None if mask is None else square.mask(film.turn(mask)[field], spacing),
        lesions,
        film.frame if recipe.options.frames == "each" else None,
        {**film.facts, **noted, **border, "digest": film.digest},
        _for_a_page(film, recipe) if shown else None,
    )


def way_back(film: Film, recipe: FilmRecipe) -> WayBack:
    """Return the way from the frame to the film, whose exposed field is what is framed."""
    image, padding = film.turn(film.image), film.padding
    height, width = image.shape
    top, left, bottom, right = (0, 0, height, width)
    if recipe.collimation == "remove":
        padding = None if padding is None else film.turn(padding)
        top, left, bottom, right = exposed_area(image, padding)
    field = (slice(top, bottom), slice(left, right))
    spacing = film.turn.pair(film.spacing)
    return WayBack(recipe.square(), (height, width), field, spacing, film.turn)


def _uses_few_levels(pixels: np.ndarray, recipe: FilmRecipe) -> bool:
    """Whether a film lies in a small part of the grey levels: 12 bits in a PNG of 16 do."""
    levels = pixels >> (8 * (pixels.itemsize - 1))
    return recipe.levels().policy != "percentile" and len(np.unique(levels)) < FEWEST_LEVELS


def _ends_at_half(film: Film, recipe: FilmRecipe) -> bool:
    """Whether a picture of 16 bits is as dark as one of 15 or 14 bits in it."""
    deep = film.facts.get("mode") in DEEP_MODES and recipe.levels().policy == "window"
    return deep and film.image.max() < 0.5


def _shown(image: np.ndarray, padding: np.ndarray | None, recipe: FilmRecipe) -> np.ndarray:
    """The film in the grey levels of the recipe: text is looked for in what is shown of it."""
    if recipe.windowed:
        return image
    return recipe.levels().apply(image, foreground=None if padding is None else ~padding)


def _for_a_page(film: Film, recipe: FilmRecipe) -> np.ndarray:
    """The whole film as its file has it, uint8, at most ``PAGE`` pixels a side."""
    image = _shown(film.image, film.padding, recipe)
    if image.dtype != np.uint8:
        image = np.clip(np.nan_to_num(image) * 255, 0, 255).astype(np.uint8)
    return np.asarray(smaller(image, PAGE))


def _require_no_text(film: Film, image: np.ndarray, box: Box) -> None:
    """Set the film aside where its header or its pixels say text; only what is shown counts."""
    left, top, right, bottom = box
    lines = find_text(image)
    shown = [
        line
        for line in lines
        if line.left < right and line.right > left and line.top < bottom and line.bottom > top
    ]
    if film.flags:
        admits = " and ".join(film.flags)
        error = SetAside(
            f"the header says {admits}: set aside until somebody has looked", remedy=LOOK
        )
    elif shown:
        error = SetAside(
            "likely text in the picture: set aside until somebody has looked",
            detail=f"{len(shown)} lines, about {sum(line.glyphs for line in shown)} letters",
            remedy=LOOK,
        )
    else:
        return
    error.looks, error.facts = (look(image, lines, box),), film.facts
    raise error


def _mask(content: bytes, film: Film, recipe: FilmRecipe) -> np.ndarray:
    """bool (H, W), True where the mask picture is not black; rows and columns as the film's."""
    if recipe.options.frames == "each" and film.frame is not None:
        raise FilmError(
            "one mask for a file of several frames", remedy="Pass --frames first, or export frames."
        )
    mask = read_mask_picture(content)
    if mask.shape != film.image.shape:
        raise FilmError(
            "the mask does not have the film's rows and columns",
            detail=f"{mask.shape[0]} x {mask.shape[1]}, film {film.image.shape[0]} x "
            f"{film.image.shape[1]}",
            remedy="Draw the mask on the film itself.",
        )
    return mask
