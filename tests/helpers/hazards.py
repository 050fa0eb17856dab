"""Per-input functions that fail as decoders fail in the wild; they run in guarded children."""

import errno
import os
import time
from pathlib import Path
from typing import Any

from data_prep import per_input
from data_prep.outcome import Outcome
from data_prep.settings import Settings
from data_prep.source import Source


def add(one: int, other: int) -> int:
    return one + other


def crash(*_: Any) -> None:
    os.kill(os.getpid(), 11)


def hang(*_: Any) -> None:
    time.sleep(3600)


def swallow(*_: Any) -> int:
    return len(bytearray(8 << 30))


def raise_it(*_: Any) -> None:
    raise ValueError("told as it is")


def chatter() -> str:
    os.write(1, b"a decoder prints to standard output\n")
    print("so does this one", flush=True)
    return "the answer"


def slow_double(number: int) -> int:
    time.sleep(0.3)
    return 2 * number


def pid() -> int:
    return os.getpid()


def slow_pid(folder: str, index: int) -> int:
    """Leaves a file with the process of the worker, which the guard's child is a child of."""
    Path(folder, f"{index:03d}-{os.getppid()}").touch()
    time.sleep(0.05)
    return index


def crash_at_sub_6(path: Path) -> str:
    return crash() or "" if "sub-6" in path.parts else ""


def crash_at_killer(path: Path) -> Any:
    from data_prep.film import read_levels

    return crash() if path.stem == "killer" else read_levels(path)


def crash_at_second(path: Path, *others: Any) -> Any:
    from healthygan_monai.serving.receive import receive

    return crash() if path.stem == "second" else receive(path, *others)


def _at_film_3(hazard: Any, source: Source, settings: Settings) -> Outcome:
    if source.name.endswith("IM0003.dcm"):
        hazard()
    return per_input.process_one(source, settings)


def crash_at_film_3(source: Source, settings: Settings) -> Outcome:
    return _at_film_3(crash, source, settings)


def hang_at_film_3(source: Source, settings: Settings) -> Outcome:
    return _at_film_3(hang, source, settings)


def swallow_at_film_3(source: Source, settings: Settings) -> Outcome:
    return _at_film_3(swallow, source, settings)


def disk_full_at_film_3(source: Source, settings: Settings) -> Outcome:
    def fill() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "images")

    return _at_film_3(fill, source, settings)


def scan_that_dies_at_film_3(source: Source) -> Any:
    """Die once for one film and always for another, like a child that is killed from outside."""
    from data_prep.inputs import headers

    if source.name.endswith("IM0003.dcm"):
        crash()
    once = source.path.with_name("died-once")
    if source.name.endswith("IM0002.dcm") and not once.exists():
        once.touch()
        crash()
    return headers.scan_source(source)


def kinds_that_die_at_im2(path: Path, names: list[str]) -> Any:
    from data_prep.read.content import kinds_of_members

    if any(name.endswith("IM2") for name in names):
        crash()
    return kinds_of_members(path, names)
