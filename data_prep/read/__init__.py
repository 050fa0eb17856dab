"""Readers of DICOM and NIfTI, each clause of the standards in its own file."""

from data_prep.read.content import kind_of
from data_prep.read.volume.open_volume import read_volume
from data_prep.read.volume.volume import ReadOptions, Volume

__all__ = ["ReadOptions", "Volume", "kind_of", "read_volume"]
