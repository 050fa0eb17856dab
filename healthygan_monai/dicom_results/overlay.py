"""The picture for the eye: the film, its map in colour, an outline, and a legend below it."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from healthygan_monai.dicom_results.facts import RESEARCH, ResultFacts
from healthygan_monai.report.cases import COLOURS, CONTOUR, VMAX_PERCENTILE
from healthygan_monai.scoring import score_words

LARGEST, SMALLEST = 2048, 512  # pixels of the longer side: screens show no more, text needs as many
OPAQUE = 0.6  # of the colour where the map is at the top of its scale
LETTERS = 64  # a line of the legend at the full width
SHORTENED = 2 * LETTERS  # of a warning; the report has all of it
MARGIN = 0.02  # of the width
WHITE, GREY, BLACK = (255, 255, 255), (170, 170, 170), (0, 0, 0)


def overlay(
    picture: NDArray[np.float32],
    difference: NDArray[np.float32],
    marked: NDArray[np.bool_],
    facts: ResultFacts,
) -> tuple[NDArray[np.uint8], float]:
    """Return (height, width, 3) and the pixels of it for one pixel of the film.

    All three arrays are (rows, columns); picture and difference in [0, 1]. The film is at the top
    left, in its own orientation; the legend is below it and covers nothing.
    """
    shape = picture.shape
    factor = _factor(max(shape))
    size = (max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor)))
    grey, heat = _resized(picture, size), np.clip(_resized(difference, size), 0, 1)
    top = colour_top(difference, facts)
    level = np.clip(heat / top, 0, 1)[..., None]
    colour = matplotlib.colormaps[COLOURS](level[..., 0])[..., :3]
    shown = np.repeat(np.clip(grey, 0, 1)[..., None], 3, axis=2)
    shown = shown * (1 - OPAQUE * level) + colour * OPAQUE * level
    pixels = np.rint(shown * 255).astype(np.uint8)
    inside = _resized(marked.astype(np.float32), size) > 0.25
    pixels[binary_dilation(inside, iterations=max(1, max(size) // 500)) & ~inside] = CONTOUR
    return _with_legend(pixels, facts, top), factor


def colour_top(difference: NDArray[np.float32], facts: ResultFacts) -> float:
    """Return the difference of the brightest colour: twice the threshold, for every film the same.

    Without a threshold: the largest difference of this film but for few hot pixels.
    """
    if facts.map_threshold is not None and facts.map_threshold > 0:
        return min(2 * facts.map_threshold, 1.0)
    return max(float(np.percentile(difference, VMAX_PERCENTILE)), 1e-6)


def legend(facts: ResultFacts, top: float) -> list[str]:
    """Return the lines of the legend."""
    lines = [RESEARCH.capitalize(), f"Anomaly score {facts.score:.4g}"]
    if facts.score_threshold is not None:
        side = "at or above" if facts.above() else "below"
        lines[1] += f", {side} the threshold {facts.score_threshold:.4g}"
        if facts.score_policy:
            lines.append(f"Threshold: {facts.score_policy}")
    if facts.warnings:
        count = len(facts.warnings)
        words = "Warning" if count == 1 else f"{count} warnings, all in the report. First"
        lines.insert(2, textwrap.shorten(f"{words}: {facts.warnings[0]}", SHORTENED))
    if facts.map_threshold is None:
        lines.append("No threshold of the map")
    else:
        lines.append(f"Outline: difference of {facts.map_threshold:.4g} or more")
    lines.append(f"Image score: {score_words(facts.score_by, facts.method)}")
    recipe = f"recipe {facts.training_recipe}, " if facts.training_recipe else ""
    made_by = f"{facts.algorithm} {facts.version}, {recipe}weights {facts.weights_sha256[:12]}"
    lines.append(made_by)
    return [*lines, f"Colour: difference, 0 to {top:.2g}"]


def _factor(side: int) -> float:
    return LARGEST / side if side > LARGEST else float(math.ceil(SMALLEST / side))


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    larger = size[0] >= image.width
    how = Image.Resampling.NEAREST if larger else Image.Resampling.BOX
    return np.asarray(image.resize(size, how))


def _with_legend(pixels: NDArray[np.uint8], facts: ResultFacts, top: float) -> NDArray[np.uint8]:
    width = max(pixels.shape[1], SMALLEST)
    font = ImageFont.load_default(width * 1.7 / LETTERS)
    texts, inner = legend(facts, top), width * (1 - 2 * MARGIN)
    lines = _broken(texts, font, inner)
    white = len(_broken(texts[: 3 if facts.warnings else 2], font, inner))
    line = math.ceil(width * 2.2 / LETTERS)
    margin = math.ceil(width * MARGIN)
    height = 2 * margin + line * len(lines) + line
    canvas = Image.new("RGB", (width, pixels.shape[0] + height), BLACK)
    canvas.paste(Image.fromarray(pixels), (0, 0))
    draw = ImageDraw.Draw(canvas)
    y = pixels.shape[0] + margin
    for number, text in enumerate(lines):
        draw.text((margin, y + number * line), text, WHITE if number < white else GREY, font)
    ramp = matplotlib.colormaps[COLOURS](np.linspace(0, 1, width - 2 * margin))[None, :, :3]
    bar = np.repeat(np.rint(ramp * 255).astype(np.uint8), max(2, line // 2), axis=0)
    canvas.paste(Image.fromarray(bar), (margin, y + line * len(lines) + line // 4))
    return np.asarray(canvas)


def _broken(lines: Sequence[str], font: Any, width: float) -> list[str]:
    """Break lines between words where they are wider than this."""
    found: list[str] = []
    for line in lines:
        begun = ""
        for word in line.split():
            longer = f"{begun} {word}".strip()
            if begun and font.getlength(longer) > width:
                found.append(begun)
                longer = word
            begun = longer
        found.append(begun)
    return found
