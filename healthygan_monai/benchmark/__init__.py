"""Run data set x method x seed, one cell each, and make the table."""

from healthygan_monai.benchmark.folders import Cell
from healthygan_monai.benchmark.grid import Grid, GridError, read_grid
from healthygan_monai.benchmark.run import run_grid
from healthygan_monai.benchmark.table1 import PAPER_TABLE_1

__all__ = ["PAPER_TABLE_1", "Cell", "Grid", "GridError", "read_grid", "run_grid"]
