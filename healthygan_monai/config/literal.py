"""Texts and values for MONAI's config parser that stay what they are.

The parser evaluates a text that begins with ``$``, replaces ``@id`` and ``%id``, reads ``#`` as
``::`` anywhere, and builds what a ``_target_`` names. A path, or a value read from a file, must
reach it as a literal. On the command line of ``python -m monai.bundle``, Fire also reads ``2024``
as a number and ``a,b`` as a tuple.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OF_MONAI = re.compile(r"[$@%#]|::|\A_target_\Z")
CODE = ("$", "@", "%")  # first characters of what a person may type as MONAI's own language
# keys of the bundle's configs whose value is a path; a user's text of digits is one too
PATHS = (
    "dataset_dir",
    "runs_dir",
    "resume",
    "checkpoint",
    "output_dir",
    "pictures",
    "weights",
    "critic_weights",
    "critic_backbone",
    "fid_features",
    "bundle_root",
)
# what Fire and a shell leave alone; all else is shown as a Python literal
_PLAIN = re.compile(r"(?!(?:True|False|None)\Z)(?:/|\./|\.\./|[A-Za-z_])[\w./:+~ -]*(?<! )")


def as_literal(value: Any) -> Any:
    r"""Return ``value`` such that MONAI's parser resolves it to that value, and evaluates nothing.

    Args:
        value: a text, path, number, truth value, None, or lists and dicts of such.

    >>> as_literal("runs/a"), as_literal("a#b")
    ('runs/a', "$'a\\\\x23b'")
    """
    plain = str(value) if isinstance(value, Path) else value
    return _expression(plain) if _has_meaning(plain) else plain


def as_word(value: Any) -> str:
    """Return an override as the word after ``--key`` of ``python -m monai.bundle run``."""
    if not isinstance(value, str) or value.startswith(CODE):
        return str(value)
    return value if value.isascii() and _PLAIN.fullmatch(value) else _expression(value)


def as_prose(value: Any) -> Any:
    """Return texts for people, in a file that MONAI's parser also reads, without its language.

    MONAI reads metadata.json into every config of its bundle: there ``$import x`` would import.
    """
    if isinstance(value, Mapping):
        return {key: as_prose(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_prose(one) for one in value]
    if not isinstance(value, str):
        return value
    quoted = f"'{value}'" if value.startswith(CODE) else value
    return re.sub(r"([@%])(?=#|::)", r"\1 ", quoted)


def typed_literal(key: str, value: Any) -> Any:
    """Return what a person typed as a setting: MONAI's language if it begins so, else a literal."""
    if not isinstance(value, str):
        return value
    is_code = is_language(value) if key in PATHS else value.startswith(CODE)
    return value if is_code else as_literal(value)


def is_language(word: str) -> bool:
    """Tell whether a word in the place of a path is MONAI's language, or None, and no path."""
    return word == "None" or (word.startswith(CODE) and not Path(word).exists())


def _has_meaning(value: Any) -> bool:
    if isinstance(value, str):
        return OF_MONAI.search(value) is not None
    if isinstance(value, Mapping):
        return any(_has_meaning(key) or _has_meaning(v) for key, v in value.items())
    if isinstance(value, (list, tuple)):
        return any(map(_has_meaning, value))
    return False


def python_literal(value: Any) -> str:
    """Return Python for ``value`` without a character that MONAI would replace in an expression."""
    text = ascii(value).replace("::", r"\x3a\x3a")
    for character in "$@%#":
        text = text.replace(character, f"\\x{ord(character):02x}")
    return text


def _expression(value: Any) -> str:
    return f"${python_literal(value)}"
