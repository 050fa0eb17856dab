"""Means over the batch of all ranks: ranks have equal shares, so means of the ranks' means."""

from collections.abc import Mapping

import torch
import torch.distributed as dist


def ranks() -> int:
    """Number of processes that train together; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def mean_over_ranks(value: torch.Tensor) -> torch.Tensor:
    """Return the mean over ranks of a scalar mean; its gradient is that of this rank's own mean.

    DistributedDataParallel averages gradients over ranks, so for any f the averaged gradient of
    f(this) is the gradient of f at the mean of the whole batch: what one process with the whole
    batch computes.
    """
    if ranks() == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return value + (total / ranks() - value.detach())


def means_over_ranks(values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Named scalars as means over ranks, in one exchange; every rank must bring the same names."""
    if ranks() == 1:
        return dict(values)
    stacked = torch.stack([v.detach().float() for v in values.values()])
    dist.all_reduce(stacked)
    return dict(zip(values, stacked / ranks(), strict=True))
