"""The authors' checkpoint files (``360000-G.ckpt`` and the like) as weights of our networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def load_authors_file(path: Path) -> dict[str, torch.Tensor]:
    """A state dict from disk, tensors only.

    Raises:
        ValueError: the file holds something else than a flat dictionary of tensors.
    """
    content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, Mapping) or not all(
        isinstance(v, torch.Tensor) for v in content.values()
    ):
        raise ValueError(
            f"{path.name}: expected a flat state dict of tensors, as the authors' solver.py saves it."
        )
    return dict(content)


def generator_from_authors(state_dict: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The authors' generator weights for :class:`~healthygan_monai.networks.Generator`.

    Names and order agree. The running statistics of the normalisation layers are dropped: the authors never
    evaluate with them (``docs/paper_vs_code.md``).
    """
    return {
        name: value
        for name, value in state_dict.items()
        if name.rpartition(".")[2] not in RUNNING_STATISTICS
    }
