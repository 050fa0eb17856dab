"""Read the options of a request, and refuse invalid ones."""

import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from healthygan_monai.errors import PrepError
from healthygan_monai.serving.errors import refusal

AUTO, NONE = "auto", "none"
LABEL, DIFFERENCE = "label", "difference"
MODEL = "model"  # the threshold stored with the model
OPTIONS = {"preparation": (AUTO, NONE), "output": (LABEL, DIFFERENCE)}


def image_of(value: Any) -> Path:
    """Return the path of a request's image.

    MONAI Label sends "" for an id that it does not know, and takes an id that is a path below its
    working directory for that path: both would be the image of somebody else. So a path is absolute
    here, and no folder that holds the working directory.
    """
    try:
        path = Path(value if isinstance(value, (str, os.PathLike)) else "")
        if path.is_absolute() and path.exists() and not Path.cwd().is_relative_to(path.resolve()):
            return path
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that no file can have
        pass
    raise refusal(
        "no such image: no such file, or no image of that id here. Send the file with the request, "
        "or the id of one of the server's images."
    )


def chosen(d: Mapping[Hashable, Any], name: str) -> str:
    """Return an option of a request; the first of a list, as MONAI Label sends all choices."""
    value = d.get(name, OPTIONS[name][0])
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    if value not in OPTIONS[name]:
        raise refusal(f"{name} is {value!r}; expected {' or '.join(OPTIONS[name])}.")
    return str(value)


def threshold_of(d: Mapping[Hashable, Any]) -> float | None:
    """Return the request's threshold, None for the model's own; a form sends numbers as text."""
    value = d.get("threshold", MODEL)
    if value in (None, MODEL, ""):
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not 0 < number <= 1:
        raise refusal(
            f"threshold is {value!r}; expected a difference above 0, at most 1, or {MODEL!r} for "
            "the model's own."
        )
    return number


def volume_index_of(d: Mapping[Hashable, Any]) -> int | None:
    """Return which volume of a 4-D scan the request asks for; a form sends numbers as text."""
    value = d.get("volume_index")
    if value in (None, ""):
        return None
    if not re.fullmatch("[0-9]{1,9}", str(value)):  # no 1.7, which would become another volume
        raise refusal(f"volume_index is {value!a:.80}; expected a whole number from 0 on.")
    return int(value)


def for_requests(error: PrepError) -> str:
    """Return a message of data_prep for a request, which has no command-line flags."""
    remedy = error.remedy.replace("Pass --volume-index with a number", 'Give "volume_index"')
    if "--" in remedy:
        remedy = ""
    return ". ".join(part for part in (error.reason, error.detail, remedy) if part)
