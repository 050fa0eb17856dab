"""Likely burned-in annotation: what the header admits, and lines of text seen in the pixels.

A heuristic, in these steps (the constants below carry their reasons):

1. The film is brought to about 1024 pixels and 8 bits; a half and a quarter of that follow, so
   that text of 1 % to 8 % of the film's height is small text at one of the levels.
2. Strokes are thin: what a square opening takes away (white top-hat), by a clear contrast. White
   text is looked for in the film, black text in its negative.
3. Text is dense: only blocks with many stroke pixels go on. Wires, ribs and grids seldom fill
   them; where none is left, the film is done.
4. Connected strokes of a glyph's size are a glyph. A longer piece is letters that touch, if a row
   through it crosses as many strokes as letters would have; else it is dropped.
5. Glyphs of similar height, close together on one base line, are a line; the same downwards, as
   text along a film's edge is turned by 90 degrees.
6. A line is text if its strokes share one grey level, stand out from their ground and have hard
   edges. White or black to the end of the scale, 3 glyphs suffice; of another grey, 5 are needed.

One or two glyphs (R, AP, an arrow) are side markers and no text. Letters of lead are cast by
X-rays: softer, and seldom as white as the scale allows; but a word of five of them, or some that
the window has driven to white, are taken for text. The steps cannot tell a name from PORTABLE.

What escapes them: handwriting, slanted text, text under 5 pixels, grey words of up to 4 letters,
and text within about 60 of 255 grey levels of its ground (white on the whitest bone). So a film
that is not flagged is not thereby free of text: benchmarks/burned_in.py counts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.film.strokes import Region, dense_regions, eight_bits, halve, strokes, top_hat
from data_prep.read.dicom.header import code_of

LEVELS = 3  # 1, 1/2, 1/4: glyphs up to 4 * TALLEST = 128 pixels, 12 % of the film
SMALLEST_LEVEL = 100  # 5-pixel text would be 5 % of a smaller picture; finer levels have it
SHORTEST, TALLEST = 5, 32  # heights of a glyph at one level; neighbouring levels overlap
MOST_GLYPHS = 400  # looked at in one region: a page of text shows in its first lines, and time
# stays bounded where noise fills a film
TOUCHING = 1.3  # a piece wider than so many heights is several letters; W alone is 1.2
LETTER_WIDTH = 0.85  # heights a touching letter takes, bold capitals with their gap
ALIKE = 1.6  # heights in a line: capitals and ascenders are 1.4 x-heights
GAP = 1.2  # heights between neighbours: a word space is 0.3 to 0.6, a mono-spaced one up to 1.2
BASE = 0.3  # heights the lower ends may differ: descenders
SAME_GREY = 25  # of 255: strokes of one line, after JPEG and antialiasing
LINE_CONTRAST = 55  # of 255: white on the brightest tissue seen; lung texture stays below
HARD, RINGING = 0.55, 1.4  # step over one pixel as a share of the contrast: text 0.6 to 1.2; the
# edges of ribs 0.15 to 0.5; more says that the "ground" is something else, such as white text
# of 255: white, less what JPEG takes; initials of lead are seldom as white (9 of 536 films)
END_OF_SCALE = 240
FEWEST_EXTREME, FEWEST_GREY = 3, 5  # glyphs; R is one, AP two, the initials on lead up to four
INK = (0.15, 0.72)  # share of a line's box that strokes cover

Span = tuple[int, int, int, int]


@dataclass(frozen=True)
class TextLine:
    """Box in rows and columns of the image, ends excluded, and the approximate number of glyphs."""

    top: int
    left: int
    bottom: int
    right: int
    glyphs: int


@dataclass(frozen=True)
class _Glyph:
    top: int
    left: int
    bottom: int
    right: int
    count: int  # letters in it, more than 1 where they touch
    peak: int

    @property
    def height(self) -> int:
        return self.bottom - self.top


def annotation_flags(dataset: Any) -> list[str]:
    """Return 'burned-in annotation' and 'recognizable visual features', as the header admits.

    (0028,0301) and (0028,0302), PS3.3 C.7.6.1, are YES in any case; another value proves nothing.
    """
    names = {
        "BurnedInAnnotation": "burned-in annotation",
        "RecognizableVisualFeatures": "recognizable visual features",
    }
    return [name for keyword, name in names.items() if code_of(dataset, keyword) == "YES"]


def find_text(image: np.ndarray) -> list[TextLine]:
    """Lines of text in a displayed film (H, W): float in [0, 1], uint8 or another unsigned type.

    Integers count relative to their highest value, uint8 to 255. ValueError: another shape.
    """
    if image.ndim != 2 or min(image.shape) < 1:
        raise ValueError(f"image has shape {image.shape}; expected (rows, columns), one channel")
    grey, step = eight_bits(image)
    lines: list[TextLine] = []
    for level in range(LEVELS):
        if level:
            grey = halve(grey)
        if min(grey.shape) < SMALLEST_LEVEL and level:
            break
        for shown in (grey, 255 - grey):
            hat = top_hat(shown)
            for region in dense_regions(hat):
                lines += _lines_in(shown[region], strokes(hat[region]), region, step << level)
    return _outermost(lines)


def _lines_in(grey: np.ndarray, mask: np.ndarray, region: Region, scale: int) -> list[TextLine]:
    """The lines across and down of one region, in source pixels."""
    y, x = region[0].start, region[1].start
    found = []
    for turned in (False, True):
        if turned:
            grey, mask = grey.T, mask.T
        for line in _chains(_glyphs(grey, mask)):
            span = _text_span(line, grey, mask)
            if span is not None:
                top, left, bottom, right = (span[k] for k in ((1, 0, 3, 2) if turned else range(4)))
                found.append(
                    TextLine(
                        (top + y) * scale,
                        (left + x) * scale,
                        (bottom + y) * scale,
                        (right + x) * scale,
                        sum(glyph.count for glyph in line),
                    )
                )
    return found


def _glyphs(grey: np.ndarray, mask: np.ndarray) -> list[_Glyph]:
    """Connected strokes of a glyph's size, from left to right."""
    from scipy import ndimage

    labels, _ = ndimage.label(mask, np.ones((3, 3), bool))
    glyphs: list[_Glyph] = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not SHORTEST <= height <= TALLEST or len(glyphs) >= MOST_GLYPHS:
            continue
        ink = labels[rows, columns] == number
        count = _letters(ink, height, width)
        if count:
            peak = int(grey[rows, columns][ink].max())
            glyphs.append(_Glyph(rows.start, columns.start, rows.stop, columns.stop, count, peak))
    return sorted(glyphs, key=lambda glyph: (glyph.left, glyph.top))


def _letters(ink: np.ndarray, height: int, width: int) -> int:
    """How many letters one connected piece is; 0: it is none."""
    if width <= TOUCHING * height:
        solid = width > 0.6 * height and not 0.15 < ink.mean() < 0.85  # a blob, or a bare corner
        return 0 if solid or width < 0.12 * height else 1  # I and 1 are 0.15 wide
    count = round(width / (LETTER_WIDTH * height))
    middle = ink[height // 5 : height - height // 5]
    crossed = middle[:, 0] + (middle[:, 1:] & ~middle[:, :-1]).sum(1)
    return count if np.median(crossed) >= 0.8 * count else 0


def _chains(glyphs: list[_Glyph]) -> list[list[_Glyph]]:
    """Glyphs that follow each other on one base line."""
    lines: list[list[_Glyph]] = []
    for glyph in glyphs:
        for line in reversed(lines):
            last = line[-1]
            tall, short = max(glyph.height, last.height), min(glyph.height, last.height)
            if (
                -0.3 * tall <= glyph.left - last.right <= GAP * tall
                and abs(glyph.bottom - last.bottom) <= max(1, BASE * tall)
                and tall <= ALIKE * short
            ):
                line.append(glyph)
                break
        else:
            lines.append([glyph])
    return lines


def _text_span(line: list[_Glyph], grey: np.ndarray, mask: np.ndarray) -> Span | None:
    """The box of a line that is text by step 6, or None."""
    count = sum(glyph.count for glyph in line)
    if count < FEWEST_EXTREME + (len(line) == 1):  # a single piece of "3" is often one odd letter
        return None
    peaks = np.array([glyph.peak for glyph in line])
    white = float(np.median(peaks))
    if count < FEWEST_GREY and white < END_OF_SCALE:
        return None
    top, left = min(g.top for g in line), min(g.left for g in line)
    bottom, right = max(g.bottom for g in line), max(g.right for g in line)
    ink = mask[top:bottom, left:right]
    if not INK[0] <= ink.mean() <= INK[1] or np.mean(np.abs(peaks - white) <= SAME_GREY) < 0.75:
        return None
    contrast = white - float(np.median(grey[top:bottom, left:right][~ink]))
    if contrast < LINE_CONTRAST:
        return None
    around = grey[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1].astype(np.int16)
    down, across = np.abs(np.diff(around, axis=0)), np.abs(np.diff(around, axis=1))
    hard = np.percentile(np.maximum(down[:, 1:], across[1:]), 85) / contrast
    return (top, left, bottom, right) if HARD <= hard <= RINGING else None


def _outermost(lines: list[TextLine]) -> list[TextLine]:
    """Drop lines whose middle is inside a line with more glyphs; sort from the top."""
    kept: list[TextLine] = []
    for line in sorted(lines, key=lambda t: (-t.glyphs, t.top, t.left, t.bottom, t.right)):
        y, x = (line.top + line.bottom) / 2, (line.left + line.right) / 2
        if not any(k.top <= y <= k.bottom and k.left <= x <= k.right for k in kept):
            kept.append(line)
    return sorted(kept, key=lambda t: (t.top, t.left))
