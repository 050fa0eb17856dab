"""Names for subjects and studies that only the holder of a key can trace back, and that key."""

import hashlib
import hmac
import logging
import os
import secrets
import time
import unicodedata
from pathlib import Path

from data_prep.errors import UsageError

log = logging.getLogger(__name__)

KEY_BYTES = 32
SHORTEST_KEY = 16
DIGITS = 12  # 48 bits: two of 100,000 subjects share a name with a chance of 2 in 100,000
BLANKS = " \0\t\r\n"  # which say nothing at the ends of an identifier
_STUDY = b"study\0"  # no identifier of a subject holds a NUL, so the two kinds never meet
_WAIT, _TRIES = 0.05, 100  # for another process that is writing the key: 5 s


def subject_pseudonym(identifier: str, key: bytes) -> str:
    """'sub-' and 12 hexadecimal digits of HMAC-SHA256(key, identifier), RFC 2104.

    The same identifier and key give the same name in every run and on every computer; without
    the key nobody can compute or confirm it. Blanks around the identifier, and whether its accents
    are composed (Unicode NFC), make no difference.
    Raises ValueError for an empty identifier, which would make one subject of many.
    """
    return "sub-" + _digits(_clean(identifier), key)


def study_pseudonym(identifier: str, key: bytes) -> str:
    """'ses-' and 12 hexadecimal digits of HMAC-SHA256(key, 'study' NUL identifier).

    identifier: the StudyInstanceUID, or what else tells a study from all others where a file has
    none. It differs from subject_pseudonym of the same text. Raises ValueError where it is empty.
    """
    return "ses-" + _digits(_STUDY + _clean(identifier), key)


def _clean(identifier: str) -> bytes:
    text = unicodedata.normalize("NFC", identifier.strip(BLANKS))
    if not text:
        raise ValueError("empty identifier: a pseudonym needs a patient ID, a name or a UID.")
    return text.encode("utf-8", "surrogatepass")


def _digits(text: bytes, key: bytes) -> str:
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:DIGITS]


def load_key(path: Path) -> bytes:
    """The secret key of the pseudonyms; made on first use, readable by its owner alone.

    Any number of processes may ask at once and all get the same key. Keep it apart from the data
    set: with it, and a patient's identifier, anybody can find the pseudonym. Without it, new
    films of a patient get another pseudonym.
    Raises UsageError where the file holds no key of 32 or more hexadecimal digits.
    """
    path = Path(path)
    if not path.exists():
        _make_key(path)
    for _ in range(_TRIES):
        text = path.read_text(encoding="ascii", errors="replace").strip()
        if text:
            break
        time.sleep(_WAIT)  # made a moment ago where links are not supported, not yet written
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < SHORTEST_KEY:
        raise UsageError(f"{path}: not a pseudonym key; expected 32 or more hexadecimal digits.")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        log.warning("%s: other users can read the pseudonym key; chmod 600 it", path)
    return key


def _make_key(path: Path) -> None:
    """Write a whole new key, or leave the one that another process made in the meantime."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    content = secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n"
    try:
        _write_new(temporary, content)
        try:
            os.link(temporary, path)  # atomic: the name appears with its content, or not at all
        except FileExistsError:
            return
        except OSError:  # a file system without links
            try:
                _write_new(path, content)
            except FileExistsError:
                return
    finally:
        temporary.unlink(missing_ok=True)
    log.warning(
        "made the pseudonym key %s: protect it, keep it, and keep it apart from the data set", path
    )


def _write_new(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
