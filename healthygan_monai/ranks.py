"""Several processes, one training: ``torchrun`` with the bundle's multi_gpu_train.json."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import ignite.distributed as idist
import torch
import torch.distributed as dist
from monai.data import partition_dataset

from healthygan_monai.configuration import ConfigError


def join_ranks() -> torch.device:
    """Join the process group that torchrun set up and return this rank's device: its GPU, else the CPU.

    Raises:
        ConfigError: not started by torchrun.
    """
    if "RANK" not in os.environ:
        raise ConfigError(
            "multi_gpu_train.json needs torchrun: torchrun --standalone --nproc_per_node=2 -m monai.bundle run "
            "training --config_file \"['bundle/configs/train.json','bundle/configs/multi_gpu_train.json']\""
        )
    gpu = torch.cuda.is_available()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if gpu else "gloo")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    # Ignite gathers the ranks when it is first asked, which a handler of the first rank alone would wait for forever
    idist.sync()
    return device


def share_of_rank(items: Sequence[Any]) -> list[Any]:
    """This rank's part of a list; MONAI's metrics gather the results of all ranks again."""
    return partition_dataset(
        items,
        num_partitions=dist.get_world_size(),
        shuffle=False,
        even_divisible=False,
    )[dist.get_rank()]
