"""Paths as they were typed after ``python -m monai.bundle run``.

Fire reads the words there as Python: ``2024`` becomes a number, ``a#b`` becomes ``a``. MONAI then
reads ``#`` as ``::``. Results would go to another folder without a word.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence

from healthygan_monai.config.keys import calling_parser
from healthygan_monai.config.literal import CODE, PATHS, as_literal, is_language
from healthygan_monai.config.messages import is_monais_command
from healthygan_monai.errors import ConfigError


def typed_paths() -> None:
    """Give the config that calls this its paths as they were typed.

    A word that begins with ``$``, ``@`` or ``%`` and names nothing stays MONAI's own language; a
    new path of such a name is typed ``./$x``.

    Raises:
        ConfigError: a path in a config file holds ``#``, which can no longer be told from ``::``.
    """
    parser = calling_parser()
    typed = dict(typed_words(sys.argv)) if is_monais_command() else {}
    given = {key: as_literal(word) for key, word in typed.items() if key in parser}
    if given:
        parser.update(given)
        parser.parse(reset=True)
    for key in PATHS:
        value = parser.get(key)
        if isinstance(value, str) and "::" in value and not value.startswith(CODE):
            raise ConfigError(
                f"{key} is {value!r}: MONAI reads # as :: in a config. Write such a path as "
                f"{as_literal(value.replace('::', '#'))!r} (or {as_literal(value)!r} for ::)."
            )


def typed_words(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the paths among ``--key word`` and ``--key=word``, as Fire pairs them."""
    for index, word in enumerate(words):
        name, equals, value = word.lstrip("-").partition("=")
        key = name.replace("-", "_")
        if not _is_flag(word) or key not in PATHS:
            continue
        if not equals:
            value = words[index + 1] if index + 1 < len(words) else ""
        if value and (equals or not _is_flag(value)) and not is_language(value):
            yield key, _unquoted(value)


def _is_flag(word: str) -> bool:
    return word.startswith("--") or re.match("-[A-Za-z]", word) is not None


def _unquoted(word: str) -> str:
    """Return the text of a Python string, which is how a word is protected from Fire."""
    try:
        value = ast.literal_eval(word) if word[0] in "'\"" else word
    except (ValueError, SyntaxError):
        return word
    return value if isinstance(value, str) else word
