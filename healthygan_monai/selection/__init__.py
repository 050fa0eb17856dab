"""Choose the checkpoint that becomes the model, by FID (the paper's) or AUCp (label-free)."""

from healthygan_monai.records.selection_csv import LOWER_IS_BETTER, Candidate, choose
from healthygan_monai.selection.candidates import (
    critic_checkpoint,
    generator_checkpoint,
    read_selection,
    select,
    write_selection,
)
from healthygan_monai.selection.criteria import (
    aucp,
    aucp_error,
    criterion_metrics,
    finite,
    frechet_distance,
)
from healthygan_monai.selection.handler import CheckpointSelection

__all__ = [
    "LOWER_IS_BETTER", "Candidate", "CheckpointSelection", "aucp", "aucp_error", "choose",
    "criterion_metrics", "critic_checkpoint", "finite", "frechet_distance", "generator_checkpoint",
    "read_selection", "select", "write_selection",
]  # fmt: skip
