"""From a head to its slices; the order is the method, each step takes what the one before gives.

    correct     chain.steps            -> N4, brain, template, cubes, each where asked for
    check       registration           -> a head that does not fit the template is refused
    grey range  grey_range             -> one black and one white for all slices of a head
    cut         slices.choose_slices   -> by depth below the top of the head, or by MNI mm
    frame       framing.Framing        -> square, proportions kept; the mask by nearest neighbour

What is outside of a known brain becomes black. Nothing is written here.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from data_prep.brain import chain
from data_prep.brain.chain import Head
from data_prep.brain.head import head_core
from data_prep.brain.quality import signal_to_noise
from data_prep.brain.recipe import BrainRecipe
from data_prep.brain.registration import refuse_poor
from data_prep.brain.slices import (
    NORMAL_AXIS,
    SliceChoice,
    choose_slices,
    display,
    display_spacing,
    ends_inside,
    stacked,
)
from data_prep.frame.frame import Frame, WayBack
from data_prep.frame.intensity import Intensity
from data_prep.read.volume.volume import Volume, VolumeError

CUT_NOTE = "the scan ends inside the head: depths below the top are counted from its last slice"


@dataclass(frozen=True)
class Slices:
    """The frames of one head, from the lowest, hindmost or leftmost on.

    chosen: indices within the recipe's range. facts: JSON values that may be shown. plane: axial,
    coronal or sagittal. grid, shape:
    the RAS+ grid that was cut, (R, A, S), without its data.
    """

    frames: tuple[Frame, ...]
    chosen: tuple[int, ...]
    facts: dict[str, Any]
    plane: str
    grid: Volume
    shape: tuple[int, ...]

    def volume(self, maps: np.ndarray) -> Volume:
        """float32 (N, size, size), one a frame, -> the grid that was cut; 0 between the slices."""
        back = self.frames[0].back
        slices = np.zeros((self.shape[NORMAL_AXIS[self.plane]], *back.shape), np.float32)
        for frame, values in zip(self.frames, maps, strict=True):
            slices[frame.index] = frame.back(values)
        return replace(self.grid, data=np.ascontiguousarray(stacked(slices, self.plane)))


def prepare(
    head: Head, recipe: BrainRecipe, *, every: bool = False, choice: SliceChoice | None = None
) -> Slices:
    """Correct a head and cut it; raises PrepError if it cannot be used.

    Args:
        head: as read, in RAS+ order; with its brain where the recipe says mask:FOLDER.
        every: frame all slices of the plane, black where they are air.
        choice: of slices, instead of the recipe's.
    """
    return cut(correct(head, recipe), recipe, every=every, choice=choice)


def correct(head: Head, recipe: BrainRecipe) -> Head:
    """Run the chain of corrections."""
    read = head.volume
    for step in chain.steps(recipe.options):
        head = step.run(head)
        if step.name == "extract" and head.brain is not None:
            snr = signal_to_noise(read, head.brain)
            head = replace(head, facts={**head.facts, **({"snr": snr} if snr is not None else {})})
    return head


def cut(
    head: Head, recipe: BrainRecipe, *, every: bool = False, choice: SliceChoice | None = None
) -> Slices:
    """Cut a head that has been corrected, with one black and one white; see `prepare`."""
    options = recipe.options
    if head.registration is not None:
        refuse_poor(head.registration, options.least_ncc, options.least_overlap)
    foreground = head.foreground()
    inside, shares = _inside(head, foreground)
    black, white = recipe.grey().range_of(head.volume.data[inside])
    volume = _blackened(head, black)
    axis, choice = NORMAL_AXIS[options.plane], choice or options.choice()
    origin = float(volume.affine[axis, 3])
    found = choose_slices(foreground, volume.spacing, choice, origin)[::-1]
    chosen = [index for index, _ in found]
    if not chosen and not every:
        raise VolumeError(
            "no slice is in the chosen range",
            detail=f"{options.plane} {options.range}",
            remedy="Widen --range, or lower --least-foreground.",
        )
    wanted = range(volume.data.shape[axis]) if every else chosen
    facts = {
        **volume.facts,
        **head.facts,
        **shares,
        "plane": options.plane,
        "slices": chosen,
        ("mni_mm" if choice.mni else "depths_mm"): [-d if choice.mni else d for _, d in found],
        "black": round(black, 4),
        "white": round(white, 4),
    }
    if not choice.mni and ends_inside(foreground, options.plane):
        facts["notes"] = [*facts.get("notes", ()), CUT_NOTE]
    return Slices(
        tuple(_frame(volume, head.lesion, i, (black, white), recipe, every) for i in wanted),
        tuple(chosen),
        facts,
        options.plane,
        replace(volume, data=np.empty(0, np.float32)),
        volume.data.shape,
    )


def _inside(head: Head, foreground: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """(where grey levels are taken, facts): the brain, or the core of the head."""
    inside, shares = head.brain, {}
    if inside is None:
        inside = head_core(foreground, head.volume.spacing)
        means = {"head_share": foreground.mean(), "core_share": inside.mean()}
        shares = {name: round(float(mean), 4) for name, mean in means.items()}
    if not inside.any():
        raise VolumeError(
            "the brain is outside of the template's grid",
            remedy="Look at its strip in the report, and at its brain mask.",
        )
    return inside, shares


def _blackened(head: Head, black: float) -> Volume:
    """The head with all that is outside of a known brain black."""
    if head.brain is None:
        return head.volume
    data = np.where(head.brain, head.volume.data, np.float32(black))
    return replace(head.volume, data=data)


def _frame(
    volume: Volume,
    lesion: np.ndarray | None,
    index: int,
    grey: tuple[float, float],
    recipe: BrainRecipe,
    air: bool,
) -> Frame:
    """One slice and its mask through the same frame; air: a slice of one grey level is black."""
    plane, square = recipe.options.plane, recipe.square()
    image = display(volume.data, plane, index)
    spacing = display_spacing(volume.spacing, plane)
    if air and image.min() == image.max():
        dtype = np.uint8 if recipe.bits == 8 else np.uint16
        pixels = np.zeros((recipe.size, recipe.size), dtype)
    else:
        framed = square.image(image, spacing, fill=grey[0])
        pixels = Intensity("window").apply(framed, recipe.bits, value_range=grey)
    mask = None if lesion is None else square.mask(display(lesion, plane, index), spacing)
    rows, columns = image.shape
    back = WayBack(square, (rows, columns), (slice(0, rows), slice(0, columns)), spacing)
    return Frame(pixels, back, mask, index=index)
