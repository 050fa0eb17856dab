"""Contact sheets and histograms of prepared images, as PNG bytes and SVG text."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.datalist.items import Dataset, Item
from data_prep.frame import png

THUMB, GAP, COLUMNS = 104, 6, 10
PAPER = (244, 246, 248)
MARKS = {None: (120, 130, 140), 0: (46, 125, 90), 1: (200, 60, 50)}  # unlabelled, healthy, diseased
CONTOUR = (255, 80, 60)
COLOURS = ("#1f6f8b", "#2e7d5a", "#b07d12", "#b3402f")


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` items, spread evenly over the list."""
    if len(items) <= count:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, count).round().astype(int)]


def sheet(dataset: Dataset, items: Sequence[Item]) -> bytes:
    """PNG of thumbnails in rows of ten; a bar under each tells its label, a line its mask."""
    rows = max(1, -(-len(items) // COLUMNS))
    columns = min(COLUMNS, max(1, len(items)))
    bar = 3
    cell = (THUMB + GAP, THUMB + GAP + bar)
    page = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + GAP), PAPER)
    for k, item in enumerate(items):
        corner = (GAP + (k % COLUMNS) * cell[0], GAP + (k // COLUMNS) * cell[1])
        page.paste(_thumb(dataset, item), corner)
        strip = Image.new("RGB", (THUMB, bar), MARKS[item.label])
        page.paste(strip, (corner[0], corner[1] + THUMB))
    buffer = io.BytesIO()
    page.save(buffer, format="PNG")
    return buffer.getvalue()


def _thumb(dataset: Dataset, item: Item) -> Image.Image:
    grey = to_byte(png.load(dataset.image_path(item)))
    picture = Image.fromarray(grey).resize((THUMB, THUMB), Image.Resampling.BICUBIC).convert("RGB")
    path = dataset.mask_path(item)
    if path is None or not path.is_file():
        return picture
    mask = Image.fromarray((png.load(path) > 0).astype(np.uint8) * 255)
    inside = np.asarray(mask.resize((THUMB, THUMB), Image.Resampling.NEAREST)) > 0
    edge = inside & ~_eroded(inside)
    pixels = np.array(picture)
    pixels[edge] = CONTOUR
    return Image.fromarray(pixels)


def _eroded(inside: np.ndarray) -> np.ndarray:
    padded = np.pad(inside, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def to_byte(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 -> uint8."""
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


def unusual(dataset: Dataset, items: Sequence[Item], count: int) -> list[Item]:
    """Return the items whose thumbnails differ most from the median thumbnail."""
    if len(items) <= count:
        return []
    small = np.stack([_tiny(dataset.image_path(item)) for item in items])
    spread = small.std(axis=(1, 2), keepdims=True) + 1
    level = (small - small.mean(axis=(1, 2), keepdims=True)) / spread
    distance = np.abs(level - np.median(level, axis=0)).mean(axis=(1, 2))
    order = np.argsort(-distance, kind="stable")[:count]
    return [items[k] for k in order]


def _tiny(path: Path) -> np.ndarray:
    picture = Image.fromarray(to_byte(png.load(path)))
    return np.asarray(picture.resize((24, 24), Image.Resampling.BOX), np.float32)


def histogram(dataset: Dataset, sections: dict[str, list[Item]], per_section: int = 300) -> str:
    """SVG: the share of pixels at each grey level, one line a section."""
    width, height, left, bottom = 640, 220, 8, 22
    curves = {}
    for name, items in sections.items():
        total = np.zeros(64)
        for item in evenly(items, per_section):
            pixels = to_byte(png.load(dataset.image_path(item)))
            total += np.bincount(pixels.ravel() >> 2, minlength=64)
        if total.sum():
            curves[name] = total / total.sum()
    if not curves:
        return ""
    # Black borders would flatten all the rest: the scale follows what is not black.
    top = max(curve[1:].max() for curve in curves.values()) * 1.08 or 1.0
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Grey levels">']
    floor = height - bottom
    parts.append(f'<line x1="{left}" y1="{floor}" x2="{width}" y2="{floor}" stroke="#aab"/>')
    for k, (name, curve) in enumerate(curves.items()):
        points = " ".join(
            f"{left + (width - left) * (i + 0.5) / 64:.1f},{floor - h * (floor - 6):.1f}"
            for i, h in enumerate(np.minimum(curve / top, 1))
        )
        colour = COLOURS[k % len(COLOURS)]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{left + 16}" y="{18 + 16 * k}" fill="{colour}">{name}</text>'
        )
    parts.append(f'<text x="{left}" y="{height - 6}" fill="#667">black</text>')
    parts.append(f'<text x="{width - 34}" y="{height - 6}" fill="#667">white</text></svg>')
    return "".join(parts)
