"""What ranks that train together exchange: means over their batch, and what the first one decides.

Ranks have equal shares of a batch, so its mean is the mean of the ranks' means.
"""

import json
from collections.abc import Mapping
from typing import Any

import ignite.distributed as idist
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def ranks() -> int:
    """Number of processes that train together; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def unwrapped(network: Any) -> Any:
    """Return the network inside DistributedDataParallel, or itself."""
    return network.module if isinstance(network, DistributedDataParallel) else network


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


def of_first_rank(value: Any) -> Any:
    """Return the first rank's value on every rank: numbers, texts, truth values or lists of them.

    What a rank decides by its own clock, or by sums that a GPU rounds otherwise, must be one
    decision: a rank that goes another way leaves the others waiting.
    """
    return value if ranks() == 1 else json.loads(str(idist.broadcast(json.dumps(value))))
