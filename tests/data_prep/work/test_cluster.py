"""Preparation on a real Dask scheduler with two worker processes on this machine."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hazards
import pytest
from flat_settings import settings

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.phantom import study
from data_prep.pipeline import run
from data_prep.settings import Work
from data_prep.work.guard import Limits

distributed = pytest.importorskip("distributed")
from data_prep.work.cluster import Cluster  # noqa: E402

COUNTS = {"training_mixed": 3, "training_healthy": 3, "validation": 2, "test": 4}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """(address, worker processes) of a scheduler started as its users start it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    folder = tmp_path_factory.mktemp("dask")

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    local = ["--host", "127.0.0.1", "--no-dashboard"]
    started = [start("scheduler", "--port", str(port), *local)]
    for name in ("one", "two"):
        options = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder / name)]
        started.append(start("worker", address, *options, *local))
    try:
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_both_workers_have_work(cluster, tmp_path):
    address, workers = cluster
    with Cluster(address, 1, Limits(), [tmp_path]) as pool:
        pool._client.wait_for_workers(2, timeout=60)
        calls = ((str(tmp_path), k) for k in range(40))
        assert dict(pool.stream(hazards.slow_pid, calls)) == {k: k for k in range(40)}
    seen = {int(path.name.split("-")[1]) for path in tmp_path.iterdir()}
    assert seen == {worker.pid for worker in workers}


def test_a_cluster_gives_the_bytes_of_a_local_run(cluster, tmp_path):
    address, _ = cluster
    raw = study.make_films(tmp_path / "raw", counts=COUNTS, size=32, bad=True)
    chosen = settings(raw, tmp_path / "local", table=raw / "cohort.csv", size=16, name="toy")
    chosen = replace(chosen, cohort=replace(chosen.cohort, pseudonyms="given"))
    run(chosen)
    result = run(replace(chosen, output=tmp_path / "cluster", work=Work(scheduler=address)))
    assert result.exit_code == 3
    assert contents(tmp_path / "cluster") == contents(tmp_path / "local")


def test_a_worker_killed_in_the_middle_of_a_run_costs_no_film(cluster, tmp_path):
    """Runs last of those that need both workers: one of them is gone afterwards."""
    address, workers = cluster
    raw = study.make_films(tmp_path / "raw", counts={**COUNTS, "test": 40}, size=256)
    chosen = settings(raw, tmp_path / "local", table=raw / "cohort.csv", size=32, name="toy")
    chosen = replace(chosen, cohort=replace(chosen.cohort, pseudonyms="given"))
    run(chosen)
    killed = threading.Event()

    def kill_once_it_works() -> None:
        while not killed.is_set():
            if len(list((tmp_path / "cluster").rglob("*.png"))) >= 5:
                workers[0].kill()
                killed.set()
            time.sleep(0.01)

    watch = threading.Thread(target=kill_once_it_works, daemon=True)
    watch.start()
    result = run(replace(chosen, output=tmp_path / "cluster", work=Work(scheduler=address)))
    assert killed.is_set() and workers[0].wait(10) != 0
    assert result.exit_code == 0
    assert contents(tmp_path / "cluster") == contents(tmp_path / "local")


def test_a_crash_on_the_cluster_costs_one_call(cluster):
    address, _ = cluster
    with Cluster(address, 1, Limits(seconds=20)) as pool:
        ((_, answer),) = pool.stream(hazards.crash, [()])
        assert type(answer).__name__ == "Crashed"
        assert list(pool.stream(hazards.add, [(1, 2)])) == [(0, 3)]


def test_a_folder_that_the_workers_do_not_see_is_named(cluster):
    with pytest.raises(DataError, match="does not see /nowhere"):
        Cluster(cluster[0], 1, Limits(), [Path("/nowhere")])


def test_no_scheduler_at_the_address_is_an_error(monkeypatch):
    from data_prep.work import cluster as module

    monkeypatch.setattr(module, "CONNECT", "1s")
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        Cluster("tcp://127.0.0.1:9", 1, Limits())


def test_a_local_cluster_needs_no_address():
    with Cluster("local", 1, Limits()) as pool:
        assert dict(pool.stream(hazards.add, [(1, 2), (3, 4)])) == {0: 3, 1: 7}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_workers_wait_for_the_slow_and_answer_all(cluster):
    start = time.monotonic()
    with Cluster(cluster[0], 1, Limits(seconds=1)) as pool:
        ((_, answer),) = pool.stream(hazards.hang, [()])
    assert type(answer).__name__ == "TimedOut" and time.monotonic() - start < 60
