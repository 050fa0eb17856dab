"""The same calls on a Dask cluster: `--scheduler ADDRESS`, or `local` for one on this machine.

Each worker guards calls by a child, as a local run does; the calls of a worker that dies go to
another. INPUT and OUTPUT must have the same paths for all workers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from data_prep import __version__
from data_prep.errors import DataError, NotInstalled, UsageError
from data_prep.work.guard import Crashed, Limits
from data_prep.work.kept import guarded
from data_prep.work.pools import Answer, Function

log = logging.getLogger(__name__)

AHEAD = 4  # calls under way for each thread of the cluster
CONNECT = "15s"


class Cluster:
    """A pool on a Dask cluster; see pools.py."""

    def __init__(
        self, scheduler: str, jobs: int, limits: Limits, folders: Sequence[Path] = ()
    ) -> None:
        """folders: what every worker must see. Raises DataError: no Dask, no answer, no workers."""
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            raise NotInstalled(
                "--scheduler needs Dask: pip install 'healthygan-monai[cluster]'"
            ) from None
        self._limits = limits
        self._own = None
        try:
            if scheduler == "local":
                self._own = LocalCluster(
                    n_workers=jobs, threads_per_worker=1, dashboard_address=":0"
                )
                self._client = Client(self._own, timeout=CONNECT)
            else:
                self._client = Client(scheduler, timeout=CONNECT)
        except (OSError, ValueError):
            raise UsageError(
                f"--scheduler {scheduler}: no Dask scheduler answers there. Start one with "
                "'dask scheduler' and give its address, like tcp://host:8786, or 'local'."
            ) from None
        try:
            self._check(scheduler, [str(folder.resolve()) for folder in folders])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; one that this run started ends."""
        self._client.close()
        if self._own is not None:
            self._own.close()

    def stream(self, function: Function, calls: Iterable[Sequence[Any]]) -> Iterator[Answer]:
        from distributed import as_completed

        todo = iter(enumerate(calls))
        threads = sum(self._client.nthreads().values()) or 1
        running = as_completed()
        index_of: dict[Any, int] = {}

        def submit(count: int) -> None:
            for index, arguments in islice(todo, count):
                future = self._client.submit(guarded, function, arguments, self._limits, pure=False)
                index_of[future.key] = index
                running.add(future)

        submit(AHEAD * threads)
        for future in running:
            error = future.exception()
            if type(error).__name__ == "KilledWorker":
                error = Crashed()
            answer = error if error is not None else future.result()
            yield index_of.pop(future.key), answer
            future.release()
            submit(1)

    def _check(self, scheduler: str, folders: list[str]) -> None:
        from distributed import TimeoutError as LateError

        try:
            self._client.wait_for_workers(1, timeout=60)
        except (LateError, TimeoutError):
            raise DataError(
                f"--scheduler {scheduler}: it has no workers. Start some: dask worker {scheduler}"
            ) from None
        answers = self._client.run(_look, folders)
        for worker, answer in answers.items():
            if answer["version"] != __version__:
                raise DataError(
                    f"Dask worker {worker} has data_prep {answer['version']}, this is "
                    f"{__version__}. Install the same version everywhere."
                )
            if answer["missing"]:
                raise DataError(
                    f"Dask worker {worker} does not see {answer['missing'][0]}. INPUT and OUTPUT "
                    "must lie on a file system that all workers share, at the same path."
                )
        log.info("%d Dask workers at %s", len(answers), scheduler)


def _look(folders: list[str]) -> dict[str, Any]:
    return {"version": __version__, "missing": [f for f in folders if not Path(f).exists()]}
