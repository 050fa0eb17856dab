"""Several processes, one training: ``torchrun`` with the bundle's multi_gpu_train.json."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from healthygan_monai.handlers import LearningRate
from healthygan_monai.runs import is_first_rank


def join_ranks() -> torch.device:
    """Join the process group that torchrun set up and return this rank's device: its GPU, else the CPU.

    Raises:
        RuntimeError: not started by torchrun.
    """
    if "RANK" not in os.environ:
        raise RuntimeError(
            "multi_gpu_train.json needs torchrun: torchrun --standalone --nproc_per_node=2 -m monai.bundle run "
            "training --config_file \"['bundle/configs/train.json','bundle/configs/multi_gpu_train.json']\""
        )
    gpu = torch.cuda.is_available()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if gpu else "gloo")
    if not gpu:
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    return device


def of_first_rank(handlers: Sequence[Any]) -> list[Any]:
    """All handlers on rank 0; elsewhere only those that change the training, not those that write."""
    return [h for h in handlers if is_first_rank() or isinstance(h, LearningRate)]
