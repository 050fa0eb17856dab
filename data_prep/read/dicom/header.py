"""What an element of a header says, whatever is wrong with it: text, code, numbers, count.

A broken element raises errors of many kinds when pydicom converts it. It counts as absent here,
except for `count_of`, without which no image can be laid out.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from data_prep.errors import FilmError

BLANKS = " \0\t\r\n"
COMMA_NOTE = "a number with a decimal comma; taken as a decimal point"
# Functional groups that say how a frame is shown (PS3.3 C.7.6.16.2.9, .10 and .16), and what of the
# data set an item of them takes the place of.
SHOWN_BY = {
    "PixelValueTransformationSequence": ("ModalityLUTSequence",),
    "FrameVOILUTSequence": ("VOILUTSequence",),
    "FrameDisplayShutterSequence": (),
}


def text_of(dataset: Any, keyword: str) -> str:
    """Return the first value as text without outer blanks; "" if absent, broken or bytes."""
    try:
        value: Any = dataset.get(keyword)
        if value is None or isinstance(value, bytes):
            return ""
        if not isinstance(value, str) and hasattr(value, "__getitem__") and len(value):
            value = value[0]
        return str(value).strip(BLANKS)
    except Exception:
        return ""


def whole_text_of(dataset: Any, keyword: str) -> str:
    """Return all values as one text; of an ID, a backslash in it is no sign between values."""
    try:
        value: Any = dataset.get(keyword)
        if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
            return text_of(dataset, keyword)
        return "\\".join(str(v).strip(BLANKS) for v in value)
    except Exception:
        return ""


def code_of(dataset: Any, keyword: str) -> str:
    """Return the whole value in capitals, or "" if absent; two terms for one match no list.

    Outer blanks are not significant (PS3.5 6.2), so they are left out.
    """
    try:
        return str(dataset.get(keyword) or "").strip(BLANKS).upper()
    except Exception:
        return ""


def codes_of(dataset: Any, keyword: str) -> list[str]:
    """Return all values in capitals, without outer blanks; [] if broken, [""] if absent."""
    try:
        return [str(value or "").strip(BLANKS).upper() for value in _parts(dataset, keyword)]
    except Exception:
        return []


def numbers_of(dataset: Any, keyword: str, count: int | None = None) -> list[float]:
    """Return all values of a numeric element; () if one is no number, or there are not `count`."""
    try:
        found = [finite(part) for part in _parts(dataset, keyword)]
    except Exception:
        return []
    known = [number for number in found if number is not None]
    return known if len(known) == (len(found) if count is None else count) else []


def has_comma(dataset: Any, keywords: Iterable[str]) -> bool:
    """Return whether some number of the header is written with a comma."""
    try:
        return any("," in str(part) for keyword in keywords for part in _parts(dataset, keyword))
    except Exception:
        return False


def _parts(dataset: Any, keyword: str) -> Sequence[Any]:
    value = dataset.get(keyword)
    return value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]


def number_of(dataset: Any, keyword: str, otherwise: float) -> float:
    """Return the first value of a numeric element, `otherwise` where it has none."""
    return next(iter(numbers_of(dataset, keyword)), otherwise)


def finite(value: Any) -> float | None:
    """Return a value of a header or a sidecar as a number; None for what is none, inf and nan.

    A comma is taken for the decimal point that PS3.5 6.2 asks for: no number has another use of it.
    """
    try:
        comma = isinstance(value, str) and "," in value
        number = float(value.strip(BLANKS).replace(",", ".") if comma else value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def count_of(dataset: Any, keyword: str, default: int | None = None) -> int:
    """Return a whole number of the layout; FilmError: broken, huge, absent without default."""
    try:
        value = dataset.get(keyword)
        number = default if value is None or value == "" else int(value)
        if number is None or not 0 <= number < 2**32:
            raise ValueError
    except Exception:
        raise FilmError(
            "broken DICOM header: the size of the image is not a number",
            detail=keyword,
            remedy="Export it again.",
        ) from None
    return number


def group_of(dataset: Any, frame: int, keyword: str) -> Any:
    """Return the item of a functional group (PS3.3 C.7.6.16): the frame's own, else the shared one,
    else an empty one.
    """
    from pydicom.dataset import Dataset

    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in ([own[frame]] if frame < len(own) else [], list(shared)):
        for item in groups:
            if item.get(keyword):
                return item.get(keyword)[0]
    return Dataset()


def of_frame(dataset: Any, frame: int) -> Any:
    """Return the header as it holds for one frame, with what its functional groups say of rescale,
    window and shutter; the data set itself where they say nothing.
    """
    try:
        items = {keyword: group_of(dataset, frame, keyword) for keyword in SHOWN_BY}
        if not any(len(item) for item in items.values()):
            return dataset
        own = with_elements(dataset)
        for keyword, item in items.items():
            for replaced in SHOWN_BY[keyword] if len(item) else ():
                own.pop(replaced, None)
            own.update(item)
    except Exception:  # a broken element raises when it is converted
        return dataset
    return own


def with_elements(dataset: Any, **elements: Any) -> Any:
    """Return the same data set with other elements; the given one stays as it is."""
    from pydicom.dataset import Dataset

    own = Dataset()
    own.update(dataset)
    own.file_meta = dataset.file_meta
    for keyword, value in elements.items():
        own.pop(keyword, None)  # setting a value would change the element that both share
        setattr(own, keyword, value)
    return own
