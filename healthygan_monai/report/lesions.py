"""Put the localisation of evaluation.json into words and tables; older files have fewer rows."""

from collections.abc import Mapping
from typing import Any

from healthygan_monai.report.summary import Entry, digits, number, percent, spread

# measure, words, chance: a number, or the key of one
BY_IMAGE: tuple[tuple[str, str, float | str | None], ...] = (
    ("pointing_hit", "Brightest place is in the lesion", "lesion_share"),
    ("pixel_auroc", "Pixel AUROC", 0.5),
    ("pixel_ap", "Pixel average precision", "lesion_share"),
    ("quantile_dice", "Dice at the healthy quantile", None),
    ("best_dice", "Best Dice", None),
    ("inside_outside_ratio", "Mean difference inside / outside", None),
)
POOLED: tuple[tuple[str, str, float | str | None], ...] = (
    ("pixel_auroc", "Pixel AUROC", 0.5),
    ("pixel_ap", "Pixel average precision", "lesion_share"),
    ("aupro", "PRO, up to 30 % false calls", 0.15),
    ("quantile_dice", "Dice at the healthy quantile", None),
)
SCOPES = {
    "diseased": "Images with a lesion",
    "smoothed": "Images with a lesion, maps smoothed",
    "all": "All images",
}


def lesion_tables(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the report shows of masks and boxes; None if it was not measured."""
    found = evaluation.get("localisation")
    if not found:
        return None
    masks = found if found.get("images") else None
    pooled = found.get("pooled") or {}
    return {
        "masks": masks,
        "by_image": _by_image(masks) if masks else [],
        "threshold": _threshold(found.get("healthy_quantile")),
        "scopes": [{"words": SCOPES[name], **scope} for name, scope in pooled.items()],
        "pooled": _pooled(pooled) if pooled else [],
        "left_out": found.get("left_out", 0),
        "boxes": _boxes(found.get("boxes")),
    }


def lesion_sentences(evaluation: Mapping[str, Any]) -> list[str]:
    """Say how well the maps find lesions: one sentence for masks, one for boxes."""
    found = evaluation.get("localisation") or {}
    text = []
    if found.get("images"):
        entry = _with_interval(found, "pointing_hit")
        text.append(
            f"On {found['images']} outlined test images the brightest place of the map is in the "
            f"lesion in {_share(entry, found['lesion_share'])}."
        )
    for name, scope in (found.get("pooled") or {}).items():
        values = ", ".join(
            f"{words} {number(scope[key]['value'])} ({spread(scope[key])})"
            for key, words, _ in POOLED
            if scope[key]["value"] is not None
        )
        text.append(f"{SCOPES[name]}, all pixels together: {values}.")
    if found.get("boxes"):
        boxes = _boxes(found["boxes"])
        text.append(
            f"On {boxes['images']} test images with boxes the brightest place is in a box in "
            f"{_share(boxes['hit'], boxes['box_share'])}."
        )
    return text


def _share(entry: Entry, chance: float) -> str:
    low, high = entry.get("low"), entry.get("high")
    interval = "" if low is None else f"95 % interval {percent(low)} to {percent(high)}; "
    return f"{percent(entry['value'])} ({interval}by chance {percent(chance)})"


def _by_image(found: Mapping[str, Any]) -> list[dict[str, str]]:
    rows = [
        _row(_with_interval(found, key), words, chance, found) for key, words, chance in BY_IMAGE
    ]
    notes = {"Best Dice": found.get("best_dice_note"), BY_IMAGE[-1][1]: "1 = no preference"}
    return [
        {**row, "note": notes.get(row["name"]) or row["note"]}
        for row in rows
        if row["value"] != "–"
    ]


def _pooled(pooled: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": words,
            "cells": [_row(scope[key], words, chance, scope) for scope in pooled.values()],
        }
        for key, words, chance in POOLED
    ]


def _row(
    entry: Entry, words: str, chance: float | str | None, found: Mapping[str, Any]
) -> dict[str, str]:
    by_chance = found[chance] if isinstance(chance, str) else chance
    note = "" if by_chance is None else f"by chance {number(by_chance, 3)}"
    value = {"value": number(entry["value"]), "interval": spread(entry)}
    return {"name": words, **value, "note": note}


def _with_interval(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {"value": found.get(key), **(found.get("intervals") or {}).get(key, {})}


def _threshold(quantile: Mapping[str, Any] | None) -> str:
    if not quantile:
        return ""
    if quantile["threshold"] is None:
        return f"There is no Dice at the healthy quantile: {quantile['reason']}."
    return (
        f"Healthy quantile: a pixel is called where the difference is at least "
        f"{digits(quantile['threshold'])}. {percent(quantile['quantile'])} of the pixels of "
        f"{quantile['images']} healthy validation images are below it; no outline was needed to "
        "choose it."
    )


def _boxes(found: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**found, "hit": _with_interval(found, "box_hit")} if found else {}
