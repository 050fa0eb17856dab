"""Programs of the docs that are played: nothing is installed or checked, but their words are held to the project."""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from healthygan_monai import __version__

ROOT = Path(__file__).resolve().parents[2]


def venv(words: Sequence[str]) -> None:
    """A folder whose `activate` changes nothing: the programs go on being these."""
    place = Path(words[-1]) / "bin"
    place.mkdir(parents=True, exist_ok=True)
    (place / "activate").write_text(":\n")
    sys.exit(0)


def pip(words: Sequence[str]) -> None:
    """Pins must be those of constraints.txt, extras those of setup.cfg, files there."""
    if words[0] != "install":
        sys.exit(
            0
            if words[0] in ("check", "list", "show", "wheel", "--version")
            else f"pip {words[0]}: not understood"
        )
    pins = dict(re.findall(r"^([\w.-]+)==([\w.+-]+)", (ROOT / "constraints.txt").read_text(), re.M))
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = {*config["options.extras_require"]}
    for word in words[1:]:
        name, pinned, version = word.partition("==")
        if pinned and pins.get(name, version) != version:
            sys.exit(f"{word}: constraints.txt has {pins[name]}")
        if named := re.fullmatch(r"(\.|healthygan-monai)\[([\w,]+)\]", word):
            if unknown := {*named[2].split(",")} - extras:
                sys.exit(f"{word}: setup.cfg has no extra {sorted(unknown)}")
            if named[1] == "." and not Path("setup.cfg").is_file():
                sys.exit(f"{word}: no setup.cfg here")
        elif word.startswith("healthygan_monai-") and not word.startswith(
            f"healthygan_monai-{__version__}-"
        ):
            sys.exit(f"{word}: this is version {__version__}")
        elif word == "." and not Path("setup.cfg").is_file():
            sys.exit("no setup.cfg here")
        elif word.endswith(".txt") and not Path(word).exists():
            sys.exit(f"{word}: no such file")


def checker(words: Sequence[str]) -> None:
    """pytest, ruff and mypy are what is running now, or run beside it."""


PLAYED: dict[str, Callable[[Sequence[str]], None]] = {
    "venv": venv,
    "pip": pip,
    "pytest": checker,
    "ruff": checker,
    "mypy": checker,
}
