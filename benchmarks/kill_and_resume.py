"""Kill a preparation at random moments, run it again, compare with one that nobody disturbed.

    python benchmarks/kill_and_resume.py --kills 20

Each trial starts in an empty folder, is killed (SIGKILL, the whole process alone, as the kernel
does when memory runs out) after a random part of the time that an undisturbed run takes, and is
run again. Prints a row a trial; ends with status 1 where a tree differs or a temporary file stays.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data_prep.phantom import study


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--input", type=Path, help="a folder of films instead of phantoms")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return trials(arguments, Path(folder))


def trials(arguments: argparse.Namespace, folder: Path) -> int:
    """Run them all below `folder`; returns the exit status."""
    raw = arguments.input or study.make_films(
        folder / "raw", counts=dict.fromkeys(SECTIONS, arguments.films // 4), size=256, bad=True
    )
    key = folder / "site.key"
    start = time.monotonic()
    subprocess.run(command(raw, folder / "whole", key), check=False, capture_output=True)
    whole = time.monotonic() - start
    expected = contents(folder / "whole")
    print(f"undisturbed: {whole:.1f} s, {len(expected)} files")
    rng = random.Random(arguments.seed)
    bad = 0
    for trial in range(1, arguments.kills + 1):
        out = folder / f"trial-{trial}"
        moment = rng.uniform(0, whole)
        process = subprocess.Popen(command(raw, out, key), stderr=subprocess.DEVNULL, stdout=-3)
        time.sleep(moment)
        process.kill()
        process.wait()
        left = len(contents(out))
        subprocess.run(command(raw, out, key), check=False, capture_output=True)
        got = contents(out)
        temporary = [name for name in got if name.endswith(".tmp") or ".work" in name]
        same = got == expected
        bad += not same or bool(temporary)
        print(
            f"{trial:>3}  killed after {moment:5.2f} s with {left:>4} files there  "
            f"{'identical' if same else 'DIFFERENT'}  {len(temporary)} temporary files"
        )
    print(
        f"{arguments.kills - bad} of {arguments.kills} identical, none left a temporary file"
        if not bad
        else f"{bad} of {arguments.kills} trials failed"
    )
    return int(bad > 0)


SECTIONS = ("training_mixed", "training_healthy", "validation", "test")


def command(raw: Path, out: Path, key: Path) -> list[str]:
    """The preparation, as a user starts it."""
    table = ["--table", str(raw / "cohort.csv")] if (raw / "cohort.csv").is_file() else []
    keyed = ["--pseudonyms", "keyed", "--key", str(key), "--name", "trial"]
    start = [sys.executable, "-m", "data_prep", "films", str(raw), str(out), "--size", "64"]
    return [*start, "--jobs", "2", "-q", *table, *keyed]


def contents(folder: Path) -> dict[str, bytes]:
    """Path below the folder -> bytes, of all files in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main())
