"""Write a trained generator as TorchScript in MONAI's layout, for MONAI Deploy and C++."""

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from healthygan_monai.exchange.deploy import inference_for, metadata_for
from healthygan_monai.models.exported_facts import Facts
from healthygan_monai.paths import is_utf8

ROOM = 1 << 16  # bytes by which two archives of other names may differ


@contextmanager
def constants_in_order() -> Iterator[None]:
    """Let PyTorch write the constants of a layer in one order, so that equal models give equal
    files: it goes through a ``set`` of their names, whose order is another in every process.
    """

    class InOrder(set):
        def __iter__(self) -> Iterator[Any]:
            return iter(sorted(super().__iter__()))

    of_pytorch: Any = torch.jit._recursive
    of_pytorch.set = InOrder
    try:
        yield
    finally:
        del of_pytorch.set


def write_torchscript(generator: nn.Module, facts: Facts, path: Path) -> None:
    """Write a generator with ``extra/metadata.json`` and ``extra/inference.json``.

    ``monai.bundle ckpt_export`` puts them there too; ``exchange.deploy`` says what they hold.
    """
    from monai.data import save_net_with_metadata
    from monai.networks.utils import convert_to_torchscript

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*")  # PyTorch prefers torch.export
        with constants_in_order():
            network = convert_to_torchscript(generator)
        save = partial(
            save_net_with_metadata,
            network,
            include_config_vals=False,
            meta_values=metadata_for(facts),
            more_extra_files={"inference.json": json.dumps(inference_for(facts)).encode()},
        )
        in_memory = io.BytesIO()
        save(in_memory)
        # a full disk would end the process inside of PyTorch: see first that there is room
        path.write_bytes(in_memory.getvalue() + bytes(ROOM))
        if not is_utf8(path):  # which PyTorch cannot write to by name
            path.write_bytes(in_memory.getvalue())
            return
        save(str(path))  # by name: MONAI Deploy expects it inside the archive
