"""One head from file to PNG: read, correct, grey levels of the whole head, cut, frame, write.

The order is the method; each step takes what the one before gives:

    read        volume.read_volume     -> RAS+ array, mm; the lesion mask on the same grid
    correct     volume_steps           -> N4 bias field where asked for
    grey range  head_core, grey_range  -> one black and one white for all slices of a head
    cut         slices.cut_slices      -> chosen by depth below the top of the head
    frame       framing.Framing        -> square, proportions kept; the mask by nearest neighbour
    write       settings.store         -> images/<subject>/<session>_<slice>.png
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.brain import CORE_MM, correct_bias_field, head_core, head_mask
from data_prep.find import Source
from data_prep.intensity import Intensity
from data_prep.outcome import Outcome, WrittenImage
from data_prep.settings import Settings
from data_prep.slices import NORMAL_AXIS, Slice, SliceChoice, cut_slices, display
from data_prep.volume import ReadOptions, Volume, VolumeError, read_mask, read_volume

# Depth below the top of the head, front of the head or right ear. Axial: from the centrum
# semiovale through the ventricles to the basal ganglia of an adult; without neck, eyes and ears.
DEFAULT_RANGE = {"axial": "30mm:90mm", "coronal": "30%:75%", "sagittal": "30%:70%"}
FRAMING = "square"  # pad: the crops meant for films would cut the forehead
INTENSITY = "percentile:0.5,99"  # of the core, see head_core


@dataclass(frozen=True)
class BrainOptions:
    """Choices of the brain path, as `Settings.brain` holds them; see SliceChoice, ReadOptions.

    range: "START:STOP", empty for the default of the plane. n4: correct the bias field.
    """

    plane: str = "axial"
    range: str = ""
    step: str = "4mm"
    least_foreground: float = 0.1
    n4: bool = False
    straighten: bool = False
    unoriented: str = "RAS"
    volume_index: int | None = None
    series_index: int | None = None
    allow_single_slice: bool = False

    def __post_init__(self) -> None:
        if not self.range and self.plane in DEFAULT_RANGE:
            object.__setattr__(self, "range", DEFAULT_RANGE[self.plane])
        self.choice()
        self.reading()

    @classmethod
    def of(cls, options: dict[str, Any]) -> BrainOptions:
        """From `Settings.brain`; refuses a key it does not know."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise ValueError(f"brain options {unknown}: expected some of {', '.join(known)}")
        return cls(**options)

    def choice(self) -> SliceChoice:
        return SliceChoice.parse(
            self.range, plane=self.plane, step=self.step, least_foreground=self.least_foreground
        )

    def reading(self) -> ReadOptions:
        return ReadOptions(
            volume_index=self.volume_index,
            series_index=self.series_index,
            unoriented=self.unoriented,
            allow_single_slice=self.allow_single_slice,
            straighten_oblique=self.straighten,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the brain path; `settings_of` turns them into Settings."""
    group = parser.add_argument_group("slices")
    group.add_argument("--plane", choices=tuple(NORMAL_AXIS), default="axial")
    group.add_argument(
        "--range",
        metavar="START:STOP",
        default="",
        help="depth below the top, front or right end of the head, in mm or per cent of the head "
        "(default: "
        + ", ".join(f"{plane} {text}" for plane, text in DEFAULT_RANGE.items()).replace("%", "%%")
        + ")",
    )
    group.add_argument(
        "--step", default="4mm", help="every so many slices, or mm (default: %(default)s)"
    )
    group.add_argument(
        "--least-foreground",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="least head in a slice, as a share of the slice with most (default: %(default)s)",
    )
    group.add_argument(
        "--intensity",
        default=INTENSITY,
        metavar="POLICY",
        help="minmax or percentile:LOW,HIGH, over the core of the head (default: %(default)s)",
    )
    group = parser.add_argument_group("volumes")
    group.add_argument("--n4", action="store_true", help="correct the bias field (seconds a head)")
    group.add_argument(
        "--straighten", action="store_true", help="resample tilted scans onto the patient's axes"
    )
    group.add_argument(
        "--unoriented",
        default="RAS",
        metavar="CODE",
        help="axes assumed for a file that states none, or 'refuse' (default: %(default)s)",
    )
    group.add_argument("--volume-index", type=int, metavar="N", help="which volume of a 4-D file")
    group.add_argument("--series-index", type=int, metavar="N", help="which series of a folder")
    group.add_argument("--allow-single-slice", action="store_true")


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """framing, intensity and brain of Settings; raises ValueError for what cannot be meant."""
    if Intensity.parse(arguments.intensity).policy == "window":
        raise ValueError("--intensity window: a volume has none; expected percentile or minmax")
    names = [field.name for field in fields(BrainOptions)]
    options = BrainOptions(**{name: getattr(arguments, name) for name in names})
    return {"framing": FRAMING, "intensity": arguments.intensity, "brain": asdict(options)}


def prepare_brain(source: Source, settings: Settings) -> Outcome:
    """Write images/<subject>/<session>_<slice>.png (and _mask.png) of one head.

    <slice> is the index along the RAS+ axis, 0 the lowest, hindmost or leftmost. Every slice of a
    head with a mask gets one, empty where there is no lesion. Raises PrepError.
    """
    chosen = BrainOptions.of(settings.brain)
    volume = read_volume(_path(source), chosen.reading())
    lesion = None
    if source.mask is not None:
        lesion = read_mask(source.mask, volume, chosen.reading())
    for step in volume_steps(chosen):
        volume = step(volume)
    head = head_mask(volume.data)
    core = head_core(head, volume.spacing)
    black, white = grey_range(volume.data[core], settings.intensity_policy())
    cuts = list(cut_slices(volume.data, head, volume.spacing, chosen.choice()))[::-1]
    if not cuts:
        raise VolumeError(
            "no slice lies in the chosen range",
            detail=f"{chosen.plane} {chosen.range}",
            remedy="Widen --range, or lower --least-foreground.",
        )
    written = tuple(_write(cut, lesion, (black, white), source, settings) for cut in cuts)
    facts = {
        **volume.facts,
        "plane": chosen.plane,
        "slices": [cut.index for cut in cuts],
        "depths_mm": [cut.depth_mm for cut in cuts],
        "black": round(black, 4),
        "white": round(white, 4),
        "head_share": round(float(head.mean()), 4),
        "core_share": round(float(core.mean()), 4),
    }
    return Outcome("written", source.name, images=written, details=facts)


def record(settings: Settings) -> dict[str, Any]:
    """What dataset.json says about modality, grey levels and framing."""
    chosen = BrainOptions.of(settings.brain)
    grey = _of_a_volume(settings.intensity_policy()).record()
    framing = settings.framing_policy().record()
    cut = {name: getattr(chosen, name) for name in ("plane", "range", "step", "least_foreground")}
    return {
        "modality": "brain volume",
        "intensity": {**grey, "over": f"the head below its outer {CORE_MM:g} mm", "n4": chosen.n4},
        "framing": {**framing, **cut, "orientation": "radiological"},
    }


def volume_steps(options: BrainOptions) -> list[Callable[[Volume], Volume]]:
    """The whole-volume corrections that were asked for, in the order they run."""
    return [correct_bias_field] if options.n4 else []


def grey_range(values: np.ndarray, intensity: Intensity) -> tuple[float, float]:
    """(black, white) of all slices of a head, from the voxels of its core (N,)."""
    intensity = _of_a_volume(intensity)
    if intensity.policy == "minmax":
        black, white = float(values.min()), float(values.max())
    else:
        black, white = (float(v) for v in np.percentile(values, (intensity.low, intensity.high)))
    if not white > black:
        raise VolumeError(
            "constant scan within the chosen grey range", remedy="Try --intensity minmax."
        )
    return black, white


def _of_a_volume(intensity: Intensity) -> Intensity:
    """The default percentiles for 'window', the default of Settings: an MRI file carries none."""
    return Intensity.parse(INTENSITY) if intensity.policy == "window" else intensity


def _path(source: Source) -> Path:
    if source.kind == "picture":
        raise VolumeError(
            "a picture, not a volume", remedy="Prepare pictures with the films command."
        )
    if source.kind == "dicom":
        raise VolumeError(
            "one DICOM file, not a series", remedy="Give the folder that holds the whole series."
        )
    return source.path


def _write(
    cut: Slice,
    lesion: np.ndarray | None,
    grey: tuple[float, float],
    source: Source,
    settings: Settings,
) -> WrittenImage:
    """One slice and its mask through the same frame."""
    framing = settings.framing_policy()
    framed = framing.image(cut.pixels, cut.spacing, fill=grey[0])
    pixels = Intensity("window").apply(framed, settings.bits, value_range=grey)
    stem = f"images/{source.subject}/{source.session}_{cut.index:03d}"
    mask = None
    if lesion is not None:
        mask = f"{stem}_mask.png"
        settings.store(mask, framing.mask(display(lesion, cut.plane, cut.index), cut.spacing))
    settings.store(f"{stem}.png", pixels)
    return WrittenImage(f"{stem}.png", source.subject, source.session, cut.index, mask)
