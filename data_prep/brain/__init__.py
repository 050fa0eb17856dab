"""Brain volumes: correct, find the grey range, cut, frame.

>>> import numpy as np
>>> from data_prep import brain
>>> from data_prep.phantom.brains import make_head
>>> image = make_head(np.random.default_rng(0)).image
>>> head = brain.Head(brain.Volume(image, (2.5, 2.5, 2.5), np.eye(4)))
>>> brain.prepare(head, brain.BrainRecipe(size=64)).frames[0].pixels.shape
(64, 64)
"""

from data_prep.brain.chain import Head
from data_prep.brain.options import BrainOptions
from data_prep.brain.place import Place, is_nifti, read_placed
from data_prep.brain.prepare import Slices, prepare
from data_prep.brain.recipe import BrainRecipe
from data_prep.brain.slices import NORMAL_AXIS, SliceChoice, display, display_spacing, stacked
from data_prep.read.volume.volume import Volume

__all__ = [
    "NORMAL_AXIS", "BrainOptions", "BrainRecipe", "Head", "Place", "SliceChoice", "Slices",
    "Volume", "display", "display_spacing", "is_nifti", "prepare", "read_placed", "stacked",
]  # fmt: skip
