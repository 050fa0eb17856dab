"""One training in several processes: ``torchrun`` with the bundle's multi_gpu_train.json."""

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
import torch.distributed as dist
from monai.data import partition_dataset

from healthygan_monai.rank_means import ranks

NOT_FIRST_LOGS = logging.ERROR  # the first rank alone logs the rest


def join_ranks() -> torch.device:
    """Join the process group that torchrun set up and return this rank's device: its GPU, else the
    CPU.

    Raises:
        ConfigError: not started by torchrun.
    """
    from healthygan_monai.errors import ConfigError

    if "RANK" not in os.environ:
        raise ConfigError(
            "multi_gpu_train.json needs torchrun: torchrun --standalone --nproc_per_node=2 -m "
            "monai.bundle run training --config_file "
            "\"['bundle/configs/train.json','bundle/configs/multi_gpu_train.json']\""
        )
    gpu = torch.cuda.is_available()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if gpu else "gloo")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    # Ignite gathers the ranks on first use; a handler of the first rank alone would wait for the
    # others forever
    idist.sync()
    if dist.get_rank() > 0:
        logging.getLogger().setLevel(NOT_FIRST_LOGS)
    return device


def leave_ranks() -> None:
    """Leave the process group once every rank is done.

    A rank that ends early makes torchrun stop the first one, which may still be writing. The pause
    is for gloo's threads: to release the tensors of the last sums they need the interpreter, and a
    process whose interpreter ends first is aborted (pytorch/pytorch issue 190489).
    """
    dist.barrier()
    dist.destroy_process_group()
    time.sleep(1)


def dataset_of_ranks(device: torch.device, folder: Path | str | None) -> Any:
    """Call :func:`~healthygan_monai.data.load_dataset` on the first rank before the others: it may
    draw the demo's films.

    ``device`` is that of :func:`join_ranks`; a config that asks for it has joined the ranks.

    Raises:
        DataError, LeakError: as there, on every rank.
    """
    from healthygan_monai.data import load_dataset

    if dist.get_rank() == 0:
        try:
            return load_dataset(folder)
        finally:  # an error of the first rank must not leave the others waiting
            dist.barrier()
    dist.barrier()
    return load_dataset(folder)


def share_of_rank(items: Sequence[Any]) -> list[Any]:
    """Return this rank's part of a list; MONAI's metrics gather the results of all ranks."""
    return partition_dataset(
        items,
        num_partitions=ranks(),
        shuffle=False,
        even_divisible=False,
    )[dist.get_rank()]
