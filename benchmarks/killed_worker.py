"""Films prepared on a Dask cluster of two workers, of which one is killed, against a local run.

    python benchmarks/killed_worker.py
    python benchmarks/killed_worker.py --films 2000 --size 512

Draws phantom films, prepares them by `prep films --jobs 2`, then by `prep films --scheduler` with
two workers on this machine. Once a third of the images are there, one worker is killed (SIGKILL).
Ends with status 1 where a film is missing or a byte of the folder differs.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data_prep.phantom import study

PREP = [sys.executable, "-m", "data_prep", "films"]
SHARES = {"training_mixed": 0.4, "training_healthy": 0.3, "validation": 0.1, "test": 0.2}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=300)
    parser.add_argument("--size", type=int, default=512, help="pixels a side of a film")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts = {section: round(share * arguments.films) for section, share in SHARES.items()}
        raw = study.make_films(folder / "raw", counts=counts, size=arguments.size)
        alike = ["--size", "64", "--table", str(raw / "cohort.csv"), "--name", "trial", "-q"]
        alike += ["--key", str(folder / "site.key")]
        local, shared = folder / "local", folder / "cluster"
        start = time.perf_counter()
        subprocess.run([*PREP, str(raw), str(local), *alike, "--jobs", "2"], check=True)
        print(f"two processes, no cluster: {time.perf_counter() - start:.1f} s")
        with Machines(folder) as machines:
            command = [*PREP, str(raw), str(shared), *alike, "--scheduler", machines.address]
            start = time.perf_counter()
            with subprocess.Popen(command) as prep:
                wait_for(shared, sum(counts.values()) // 3, prep)
                there = written(shared)
                machines.workers[0].kill()
                peak = peak_mb(prep.pid)
                while prep.poll() is None:
                    peak = max(peak, peak_mb(prep.pid))
                    time.sleep(0.1)
            print(f"cluster of two, one killed: {time.perf_counter() - start:.1f} s")
            memory = [peak_mb(machines.scheduler.pid), peak_mb(machines.workers[1].pid)]
        print(f"killed when {there} of {sum(counts.values())} images were there")
        print(f"images: {written(local)} without a cluster, {written(shared)} with one")
        print("MB: command {:.0f}, scheduler {:.0f}, worker {:.0f}".format(peak, *memory))
        differ = sorted(k for k, v in (contents(local).items() ^ contents(shared).items()))
        print(f"files that differ: {len(set(differ))} of {len(contents(local))} {differ[:3]}")
        return int(bool(differ) or written(shared) != sum(counts.values()) or prep.returncode != 0)


class Machines:
    """A scheduler and two workers, started as users start them."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        local = ["--host", "127.0.0.1", "--no-dashboard"]
        self.scheduler = self._start("scheduler", "--port", str(port), *local)
        options = ["--nthreads", "1", "--no-nanny", *local]
        self.workers = [
            self._start("worker", self.address, *options, "--local-directory", str(folder / name))
            for name in ("one", "two")
        ]

    @staticmethod
    def _start(*words: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH", "")]))
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Machines:
        return self

    def __exit__(self, *error: object) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def wait_for(folder: Path, images: int, prep: subprocess.Popen[bytes]) -> None:
    while written(folder) < images:
        if prep.poll() is not None:
            raise SystemExit("the preparation ended before a worker was killed")
        time.sleep(0.05)


def written(folder: Path) -> int:
    """Return how many images of the data set are there; masks are none."""
    return sum(1 for path in (folder / "images").rglob("*.png") if "mask" not in path.name)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def peak_mb(process: int) -> float:
    """Return the peak memory of a running process, 0 where it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
