"""Quality strips: the scan with the brain outline, above the brain with the template's edges.

Stored as qc/<subject>/<session>.png in OUTPUT, also for a head skipped for its registration.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.brain.grey_range import lowest_grey, white_peak
from data_prep.outcome import Outcome
from data_prep.read.volume.volume import Volume

FOLDER = "qc"
EMBEDDED = 60  # strips in the report; all are in the folder
ODD = 3.5  # robust z from which a head is pointed out (B. Iglewicz, D. Hoaglin 1993)
FEWEST = 8  # heads below which there is no distribution to stand out from
MAD_TO_SD = 0.6745  # median absolute deviation of a normal distribution, in sd
SPREAD = 1e-3  # least spread of a figure, as a share of its median: equal figures are not odd
# figure: (its words, how it is printed, which side is bad: -1 low, 1 high, 0 both)
FIGURES = {
    "registration_ncc": ("correlation with the template", "{:.3f}", -1),
    "registration_dice": ("overlap with the template", "{:.3f}", -1),
    "registration_nmi": ("mutual information", "{:.3f}", -1),
    "brain_ml": ("brain, ml", "{:.0f}", 0),
    "snr": ("signal to noise", "{:.1f}", -1),
    "n4_log_field_sd": ("bias field, sd of its log", "{:.3f}", 1),
}
WHITE = (0.85, 1.15)  # of the white peak: what counts as white matter
LEAST_WHITE = 500  # voxels


def signal_to_noise(volume: Volume, brain: np.ndarray) -> float | None:
    """White matter over noise inside the brain of a scan as it was read; None where it is unknown.

    Noise: sd = 1.4826 MAD(a - 2 b + c) / sqrt(6) over white voxels a, b, c in a row (after J.
    Immerkaer, CVIU 64:300, 1996). Resampling lowers it: compare scans of one protocol only.
    """
    if not brain.any():
        return None
    data = volume.data.astype(np.float64)
    data -= lowest_grey(data[brain])
    peak = white_peak(data[brain])
    white = brain & (data > WHITE[0] * peak) & (data < WHITE[1] * peak)
    axis = int(np.argmin(volume.spacing))
    data, white = np.moveaxis(data, axis, 0), np.moveaxis(white, axis, 0)
    rows = white[:-2] & white[1:-1] & white[2:]
    if rows.sum() < LEAST_WHITE:
        return None
    bend = (data[:-2] - 2 * data[1:-1] + data[2:])[rows]
    noise = 1.4826 * float(np.median(np.abs(bend - np.median(bend)))) / np.sqrt(6)
    return round(peak / noise, 2) if noise > 0 else None


def robust_z(values: Sequence[float]) -> list[float]:
    """0.6745 (x - median) / max(MAD, median / 1000) of each value; 0 where values are too few."""
    x = np.asarray(values, dtype=float)
    if len(x) < FEWEST:
        return [0.0] * len(x)
    middle = float(np.median(x))
    spread = max(float(np.median(np.abs(x - middle))), SPREAD * abs(middle), 1e-12)
    return [float(z) for z in MAD_TO_SD * (x - middle) / spread]


def table(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row a head with a strip, the oddest first: subject, session, figures, z, odd, worst."""
    used = [o for o in outcomes if o.status != "skipped" and o.images and o.details.get("qc")]
    rows = [
        {
            "subject": o.images[0].subject,
            "session": o.images[0].session,
            "strip": o.details["qc"],
            "values": {name: o.details[name] for name in FIGURES if name in o.details},
            "z": {},
            "odd": [],
            "worst": 0.0,
        }
        for o in used
    ]
    for name, (_, _, side) in FIGURES.items():
        known = [row for row in rows if name in row["values"]]
        for row, z in zip(known, robust_z([r["values"][name] for r in known]), strict=True):
            bad = z * side if side else abs(z)
            row["z"][name] = round(z, 2)
            row["worst"] = max(row["worst"], bad)
            row["odd"] += [name] if bad > ODD else []
    return sorted(rows, key=lambda row: (-row["worst"], row["subject"], row["session"] or ""))


def section(outcomes: Sequence[Outcome], root: Path) -> dict[str, Any]:
    """What brain_qc_page.SECTION shows, skipped heads first; {} without strips. root: OUTPUT."""
    rows = table(outcomes)
    known = {row["strip"] for row in rows}
    folder = root / FOLDER
    lost = sorted(
        path.relative_to(root).as_posix()
        for path in (folder.glob("*/*.png") if folder.is_dir() else [])
        if path.relative_to(root).as_posix() not in known
    )
    if not rows and not lost:
        return {}
    names = [name for name in FIGURES if any(name in row["values"] for row in rows)]
    strips = [{"title": f"{Path(p).parent.name} {Path(p).stem}: skipped", "path": p} for p in lost]
    strips += [{"title": _title(row), "path": row["strip"]} for row in rows]
    shown = [{**s, "image": _embedded(root / s["path"])} for s in strips[:EMBEDDED]]
    return {
        "columns": [FIGURES[name][0] for name in names],
        "rows": [_printed(row, names) for row in rows],
        "odd_count": sum(bool(row["odd"]) for row in rows),
        "enough": len(rows) >= FEWEST,
        "limit": ODD,
        "strips": [s for s in shown if s["image"]],
        "unshown": max(0, len(strips) - EMBEDDED),
        "skipped": len(lost),
    }


def _title(row: dict[str, Any]) -> str:
    odd = ", ".join(FIGURES[name][0] for name in row["odd"])
    return f"{row['subject']} {row['session']}" + (f": {odd}" if odd else "")


def _printed(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    cells = []
    for name in names:
        value = row["values"].get(name)
        text = "" if value is None else FIGURES[name][1].format(value)
        cells.append({"text": text, "z": row["z"].get(name), "odd": name in row["odd"]})
    return {"subject": row["subject"], "session": row["session"], "cells": cells}


def _embedded(path: Path) -> str:
    if not path.is_file():
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
