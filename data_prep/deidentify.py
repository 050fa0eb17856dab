"""What may leave: an allow-list of facts, keyed pseudonyms, file names without identifiers."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

log = logging.getLogger(__name__)

_CODES = {
    "modality": ("Modality", ("CR", "DX", "RG", "OT", "MR", "CT")),
    "photometric": ("PhotometricInterpretation", ("MONOCHROME1", "MONOCHROME2", "RGB")),
    "view": ("ViewPosition", ("AP", "PA", "LL", "RL", "LLD", "RLD", "LLO", "RLO")),
    "body_part": ("BodyPartExamined", ("CHEST", "THORAX", "LUNG", "HEAD", "BRAIN")),
    "burned_in": ("BurnedInAnnotation", ("YES", "NO")),
}
_NUMBERS = {
    "rows": "Rows",
    "columns": "Columns",
    "bits": "BitsStored",
    "frames": "NumberOfFrames",
}
_UID_LIKE = re.compile(r"\d+(?:\.\d+){4,}")
_KEY_BYTES = 32


def facts(dataset: Dataset) -> dict[str, Any]:
    """The facts of a header that survive: codes out of closed lists and small whole numbers.

    A free text can hold a name, so none passes; a code outside its list is left out.
    """
    known: dict[str, Any] = {}
    for name, (keyword, allowed) in _CODES.items():
        value = _text(dataset, keyword).upper()
        if value in allowed:
            known[name] = value
    for name, keyword in _NUMBERS.items():
        text = _text(dataset, keyword)
        if text.isdigit():
            known[name] = int(text)
    return known


def pseudonym(identifier: str, key: bytes) -> str:
    """'sub-' and 12 hexadecimal digits of HMAC-SHA256 (RFC 2104): the same key, the same name."""
    clean = identifier.strip().encode("utf-8", "replace")
    return "sub-" + hmac.new(key, clean, hashlib.sha256).hexdigest()[:12]


def load_key(path: Path) -> bytes:
    """The secret key of the pseudonyms; made on first use, readable by its owner alone.

    Keep it apart from the data set: with it, and a patient's identifier, anybody can find the
    pseudonym. Without it, new files of a patient get another pseudonym.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        key = secrets.token_bytes(_KEY_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
        log.info("made the pseudonym key %s; keep it, and keep it apart from the data set", path)
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ValueError(f"{path}: not a pseudonym key; expected 32 or more hexadecimal digits.")
    return key


def safe_subject(name: str) -> str:
    """A subject name of a table as a folder name; two different names stay different.

    Raises ValueError for an empty name.
    """
    name = name.strip()
    if not name:
        raise ValueError("subject is empty; every row of the table needs one")
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    if safe == name:
        return name
    return f"{safe[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}".lstrip("-")


def identifiers(dataset: Dataset) -> list[str]:
    """Texts of a header that must not appear anywhere; kept in memory only, to blank file names."""
    keywords = ("PatientName", "PatientID", "AccessionNumber", "OtherPatientIDs")
    parts: list[str] = []
    for keyword in keywords:
        text = _text(dataset, keyword)
        parts += [text, *re.split(r"[\^=\s,\\]+", text)]
    return sorted({part for part in parts if len(part) >= 3}, key=lambda part: (-len(part), part))


def safe_name(name: str, hide: list[str] | tuple[str, ...] = ()) -> str:
    """A file name fit for skipped.csv: UIDs lose all but their end, `hide` becomes ***."""
    for text in hide:
        name = re.sub(re.escape(text), "***", name, flags=re.IGNORECASE)
    return _UID_LIKE.sub(lambda match: "..." + match.group()[-6:], name)


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:  # a broken element raises when it is converted
        return ""
    return "" if value is None else str(value).strip()


@dataclass(frozen=True)
class Identity:
    """What must stay inside the process; words: texts to blank in file names."""

    who: str
    study_uid: str
    study_date: Any
    order: tuple[str, ...]
    words: tuple[str, ...]


ORDER_TAGS = ("StudyDate", "StudyTime", "SeriesNumber", "AcquisitionTime", "InstanceNumber")


def identity(header):
    who = str(header.get("PatientID") or "").strip()
    who = who or str(header.get("PatientName") or "").strip()
    order = tuple(str(header.get(tag) or "").zfill(16) for tag in ORDER_TAGS)
    return Identity(who, _text(header, "StudyInstanceUID"), None, order, tuple(identifiers(header)))


subject_pseudonym = pseudonym
study_pseudonym = pseudonym


def days_since_first(dates):
    return [None for _ in dates]
