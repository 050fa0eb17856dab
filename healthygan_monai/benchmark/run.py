"""Run the missing cells of a grid, each in its own process, one at a time on each device."""

import logging
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from data_prep.files import write_json
from healthygan_monai.benchmark.check import check_grid
from healthygan_monai.benchmark.folders import SPECIFICATION, Cell, cells_of, missing
from healthygan_monai.benchmark.grid import Grid, GridError
from healthygan_monai.benchmark.render import write_tables
from healthygan_monai.benchmark.table import tables

logger = logging.getLogger(__name__)
OUTPUT_FILE = "output.txt"
Runner = Callable[[Cell, str], bool]


def run_grid(
    grid: Grid,
    out: Path,
    *,
    devices: Sequence[str] = ("auto",),
    command: str = "healthygan benchmark",
    runner: Runner | None = None,
    dry_run: bool = False,
) -> tuple[list[Cell], list[Path]]:
    """Run what is missing and write the tables; return failed cells and the tables' paths.

    Args:
        grid: what to run.
        out: receives ``cells/<dataset>/<method or variant>/<seed>/`` and the tables.
        devices: one cell at a time runs on each.
        command: as the tables show it.
        runner: runs a cell on a device and returns whether it succeeded; None for a process each.
        dry_run: whether to run no cell.

    Raises:
        GridError, DataError: an invalid grid or data set; nothing has been run.
    """
    if not devices:
        raise GridError("devices: expected at least one, such as cpu or cuda:0")
    datasets = check_grid(grid)
    cells = cells_of(grid, datasets, out)
    waiting = missing(cells)
    logger.info("%d of %d cells are there", len(cells) - len(waiting), len(cells))
    protocols: Mapping[str, str | None] = {n: d.protocol for n, d in datasets.items()}
    failed: list[Cell] = []
    try:
        if not dry_run:
            failed = _run_all(waiting, devices, runner)
    finally:  # a stopped benchmark shows what it has
        written = write_tables(tables(cells, protocols, grid.bootstrap), out, command)
    return failed, written


def _run_all(cells: Sequence[Cell], devices: Sequence[str], runner: Runner | None) -> list[Cell]:
    processes = Processes()
    run = runner or processes
    free: Queue[str] = Queue()
    for device in devices:
        free.put(device)

    def work(cell: Cell) -> bool:
        device = free.get()
        try:
            logger.info("%s %s seed %d on %s", cell.dataset, cell.name, cell.seed, device)
            write_json(cell.folder / SPECIFICATION, cell.specification)
            return run(cell, device)
        finally:
            free.put(device)

    with ThreadPoolExecutor(len(devices)) as pool:
        try:
            done = list(pool.map(work, cells))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
            raise
    return [cell for cell, succeeded in zip(cells, done, strict=True) if not succeeded]


class Processes:
    """Run each cell in a new process: its memory is its own, and a fault stops no other cell.

    A process ends with this one, killed or not: it holds the other end of its standard input.
    """

    def __init__(self) -> None:
        self.running: set[subprocess.Popen[bytes]] = set()

    def __call__(self, cell: Cell, device: str) -> bool:
        """Run a cell on a device and return whether it has a result."""
        words = [sys.executable, "-m", "healthygan_monai", "benchmark", "--cell", str(cell.folder)]
        log = cell.folder / OUTPUT_FILE
        with log.open("wb") as stream:
            child = subprocess.Popen(
                [*words, "--devices", device],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for this process, which tells the others once
            )
            with child:
                self.running.add(child)
                code = child.wait()
                self.running.discard(child)
        if code:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            logger.warning("failed, %s says: %s", log, (lines or ["nothing"])[-1])
        return code == 0 and cell.result.is_file()

    def stop(self) -> None:
        """Ask all running cells to save what they have, and to end."""
        for child in [*self.running]:
            child.terminate()
