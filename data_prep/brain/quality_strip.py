"""The picture of one head's quality: mask outline on the scan, template edges on the result."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.brain.chain import Head
from data_prep.brain.options import BrainOptions
from data_prep.brain.slices import display, display_spacing
from data_prep.brain.template import load_template, slice_grid
from data_prep.read.volume.resample import onto_grid
from data_prep.read.volume.volume import Volume

TILE, GAP = 132, 4  # pixels
PLACES = (  # plane, share of the brain's extent along the normal
    ("axial", 0.35),
    ("axial", 0.55),
    ("axial", 0.8),
    ("coronal", 0.35),
    ("coronal", 0.6),
    ("sagittal", 0.38),
    ("sagittal", 0.52),
)
MASK, EDGES = (255, 90, 60), (90, 200, 255)
PAPER = (24, 28, 32)
AROUND_MM = 12.0  # of the head around the brain that is shown: skull and scalp, but no face
EDGE_SHARE = 8.0  # per cent of the template's brain that counts as an edge


def strip(head: Head, options: BrainOptions) -> bytes:
    """PNG bytes: a row of the scan, and where there was a registration a row of the result."""
    assert head.brain is not None
    before = head.volume if head.native is None else head.native
    outline = head.brain if head.native_brain is None else head.native_brain
    rows = [_row(_faceless(before, outline), outline, outline, MASK)]
    if head.registration is not None:
        only = np.where(head.brain, head.volume.data, _black(head.volume))
        rows.append(_row(replace(head.volume, data=only), head.brain, *_template_edges(options)))
    page = Image.new(
        "RGB", (len(PLACES) * (TILE + GAP) + GAP, len(rows) * (TILE + GAP) + GAP), PAPER
    )
    for y, tiles in enumerate(rows):
        for x, tile in enumerate(tiles):
            page.paste(tile, (GAP + x * (TILE + GAP), GAP + y * (TILE + GAP)))
    buffer = io.BytesIO()
    page.save(buffer, format="PNG")
    return buffer.getvalue()


def _faceless(volume: Volume, brain: np.ndarray) -> Volume:
    """Black beyond 12 mm of the brain mask: a profile shows who it is (PS3.15 E.3.3)."""
    from scipy.ndimage import maximum_filter1d

    near = brain.astype(np.uint8)
    for axis, mm in enumerate(volume.spacing):
        near = maximum_filter1d(near, 2 * round(AROUND_MM / mm) + 1, axis=axis, mode="constant")
    return replace(volume, data=np.where(near > 0, volume.data, _black(volume)))


def _black(volume: Volume) -> np.float32:
    return np.float32(min(0.0, float(volume.data.min())))


def _template_edges(options: BrainOptions) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Where the template's grey levels change most, on the grid of the result."""
    from scipy.ndimage import gaussian_gradient_magnitude

    template = load_template(Path(options.template))
    assert options.spacing is not None
    shape, affine = slice_grid(template, options.spacing)
    data = onto_grid(template.volume, shape, affine).data
    slope = gaussian_gradient_magnitude(data, 1.0)
    edge = slope > np.percentile(slope[data > 0], 100.0 - EDGE_SHARE)
    return edge, EDGES


def _row(
    volume: Volume, brain: np.ndarray, lines: np.ndarray, colour: tuple[int, int, int]
) -> list[Image.Image]:
    """One tile for each of PLACES. lines: a mask whose outline is drawn, or edges to draw."""
    white = float(np.percentile(volume.data[brain], 99)) if brain.any() else 1.0
    tiles = []
    for plane, share in PLACES:
        axis = ("sagittal", "coronal", "axial").index(plane)
        found = np.flatnonzero(brain.any(axis=tuple(a for a in range(3) if a != axis)))
        ends = (found[0], found[-1]) if len(found) else (0, volume.data.shape[axis] - 1)
        index = round(ends[0] + share * float(ends[1] - ends[0]))
        grey = np.clip(display(volume.data, plane, index) / max(white, 1e-6), 0, 1) * 255
        marks = display(lines, plane, index)
        spacing = display_spacing(volume.spacing, plane)
        tiles.append(_tile(grey.astype(np.uint8), marks, spacing, colour))
    return tiles


def _tile(
    grey: np.ndarray, marks: np.ndarray, spacing: tuple[float, float], colour: tuple[int, int, int]
) -> Image.Image:
    """Grey levels in proportion, the outline of `marks` (or thin marks themselves) in colour."""
    height, width = grey.shape[0] * spacing[0], grey.shape[1] * spacing[1]
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(np.ascontiguousarray(grey)).resize(size, Image.Resampling.BILINEAR)
    drawn = Image.fromarray(np.ascontiguousarray(marks).astype(np.uint8) * 255)
    inside = np.asarray(drawn.resize(size, Image.Resampling.BILINEAR)) > 127
    pixels = np.array(picture.convert("RGB"))
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    pixels[inside & ~core] = colour
    tile = Image.new("RGB", (TILE, TILE), PAPER)
    tile.paste(Image.fromarray(pixels), ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return tile
