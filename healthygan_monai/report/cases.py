"""Choose the cases of the report and draw them: input | mask | healthy | difference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_prep.work.progress import progress
from healthygan_monai.evaluation.localisation import localise
from healthygan_monai.report.figures import png_uri
from healthygan_monai.scoring import ScoreRow

KINDS = ("true positive", "false positive", "false negative", "true negative")
WORDS = {
    "true positive": "Diseased, called anomalous. The highest scores first.",
    "false positive": "Healthy, called anomalous: false alarms. The highest scores first.",
    "false negative": "Diseased, not called: missed. The lowest scores first.",
    "true negative": "Healthy, not called. The lowest scores first.",
    "highest scores": "No labels: the images the model finds most anomalous.",
    "lowest scores": "No labels: the images the model finds least anomalous.",
}
SIDE = 320  # pixels of the longer side on the page
VMAX_PERCENTILE = 99.8  # of all shown differences: one hot pixel must not darken every case
COLOURS = "inferno"
CONTOUR = (0, 229, 255)  # cyan: absent from grey films and from inferno


@dataclass(frozen=True)
class Translation:
    """What the model made of one image; all (H, W) float arrays on one grid.

    image, healthy: display range [0, 1]. mask: [0, 1], 1 = repainted. difference: |x - B'| / 2 in
    [0, 1], or another method's map on its own scale. lesion: ground truth as a boolean mask. A part
    that the method or the data set does not have is None.
    """

    image: NDArray[np.floating]
    mask: NDArray[np.floating] | None = None
    healthy: NDArray[np.floating] | None = None
    difference: NDArray[np.floating] | None = None
    lesion: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        parts = (self.image, self.mask, self.healthy, self.difference, self.lesion)
        shapes = {np.shape(part) for part in parts if part is not None}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"Translation: expected one (H, W) for all parts; found {shapes}.")


Translate = Callable[[ScoreRow], Translation]


@dataclass
class Gallery:
    groups: list[dict[str, Any]] = field(default_factory=list)
    vmax: float | None = None
    scale: str = ""
    failures: list[str] = field(default_factory=list)


def pick_cases(
    rows: Sequence[ScoreRow], threshold: float | None, per_kind: int = 3
) -> dict[str, list[ScoreRow]]:
    """Return the clearest test images of each kind, one a subject; empty kinds are kept.

    Called = score >= threshold. Without labels or threshold: the highest and lowest scores.
    """
    test = sorted((row for row in rows if row.section == "test"), key=lambda row: -row.score)
    labelled = [row for row in test if row.label is not None]
    if threshold is None or not labelled:
        return {
            "highest scores": _one_a_subject(test, per_kind),
            "lowest scores": _one_a_subject(test[::-1], per_kind),
        }
    called = {label: [r for r in labelled if r.label == label] for label in (0, 1)}
    above = {k: [r for r in v if r.score >= threshold] for k, v in called.items()}
    below = {k: [r for r in v if r.score < threshold][::-1] for k, v in called.items()}
    chosen = (above[1], above[0], below[1], below[0])
    return {
        kind: _one_a_subject(group, per_kind) for kind, group in zip(KINDS, chosen, strict=True)
    }


def _one_a_subject(rows: Sequence[ScoreRow], most: int) -> list[ScoreRow]:
    """Keep one image a subject: one patient's forty slices would fill the page."""
    first: dict[str, ScoreRow] = {}
    for row in rows:
        first.setdefault(row.subject, row)
    return list(first.values())[:most]


def draw_gallery(picked: dict[str, list[ScoreRow]], translate: Translate) -> Gallery:
    """Translate and draw every picked case; name those that cannot be translated."""
    gallery = Gallery()
    done: list[tuple[str, ScoreRow, Translation]] = []
    wanted = [(kind, row) for kind, rows in picked.items() for row in rows]
    for kind, row in progress(wanted, len(wanted), "cases", "image"):
        try:
            done.append((kind, row, translate(row)))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            # the kind of error only: its text may quote a path outside the data set
            gallery.failures.append(f"{title(row)}: {type(error).__name__}")
    if done:
        maps = [np.ravel(s.difference) for _, _, s in done if s.difference is not None]
        pooled = np.concatenate(maps) if maps else np.ones(1)
        gallery.vmax = max(float(np.percentile(pooled, VMAX_PERCENTILE)), 1e-6)
        gallery.scale = _scale_bar()
    for kind in picked:
        cases = [_draw(row, shown, gallery.vmax or 1.0) for k, row, shown in done if k == kind]
        gallery.groups.append({"kind": kind, "words": WORDS[kind], "cases": cases})
    return gallery


def title(row: ScoreRow) -> str:
    """Return subject and slice; both are pseudonyms made in preparation."""
    return row.subject if row.slice is None else f"{row.subject}, slice {row.slice}"


def _draw(row: ScoreRow, shown: Translation, vmax: float) -> dict[str, Any]:
    grey = matplotlib.colormaps["gray"]
    heat = matplotlib.colormaps[COLOURS]
    outlined = {"image": shown.lesion, "difference": shown.lesion}
    layers = (
        ("image", shown.image, grey, 1.0),
        ("mask", shown.mask, grey, 1.0),
        ("healthy", shown.healthy, grey, 1.0),
        ("difference", shown.difference, heat, vmax),
    )
    return {
        "title": title(row),
        "image": row.image,
        "score": row.score,
        "label": row.label,
        "mask_mean": None if shown.mask is None else float(np.mean(shown.mask)),
        "lesion": _found(shown),
        "pictures": {
            name: _png(colours(np.clip(part / top, 0, 1)), outlined.get(name))
            for name, part, colours, top in layers
            if part is not None
        },
    }


def _found(shown: Translation) -> dict[str, Any] | None:
    """Return pointing game and pixel AUROC if an outline exists and is not the whole image."""
    if shown.difference is None or shown.lesion is None or len(np.unique(shown.lesion)) != 2:
        return None
    found = localise(shown.difference, shown.lesion)
    return {"hit": found.pointing_hit, "auroc": found.pixel_auroc, "share": found.lesion_share}


def _png(rgba: NDArray[np.floating], lesion: NDArray[np.bool_] | None) -> str:
    """Enlarge to SIDE, and outline the lesion by a line two pixels wide."""
    picture = Image.fromarray((rgba[..., :3] * 255).round().astype(np.uint8))
    factor = SIDE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    pixels = np.array(picture.resize(size, Image.Resampling.BICUBIC))
    if lesion is not None and np.any(lesion):
        from scipy.ndimage import binary_dilation

        large = Image.fromarray(np.asarray(lesion, dtype=np.uint8) * 255)
        inside = np.array(large.resize(size, Image.Resampling.BILINEAR)) >= 128
        pixels[binary_dilation(inside, iterations=2) & ~inside] = CONTOUR
    return png_uri(Image.fromarray(pixels), optimize=False)


def _scale_bar() -> str:
    ramp = matplotlib.colormaps[COLOURS](np.linspace(0, 1, 256))[None, :, :3]
    return png_uri(Image.fromarray((np.repeat(ramp, 8, axis=0) * 255).round().astype(np.uint8)))
