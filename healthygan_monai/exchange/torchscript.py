"""Write a trained generator as TorchScript in MONAI's layout, for MONAI Deploy and C++."""

import json
import warnings
from pathlib import Path

from torch import nn

from healthygan_monai.exchange.deploy import inference_for, metadata_for
from healthygan_monai.models.exported_facts import Facts


def write_torchscript(generator: nn.Module, facts: Facts, path: Path) -> None:
    """Write a generator with ``extra/metadata.json`` and ``extra/inference.json``.

    ``monai.bundle ckpt_export`` puts them there too; ``exchange.deploy`` says what they hold.
    """
    from monai.data import save_net_with_metadata
    from monai.networks.utils import convert_to_torchscript

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*")  # PyTorch prefers torch.export
        save_net_with_metadata(
            convert_to_torchscript(generator),
            str(path),
            include_config_vals=False,
            meta_values=metadata_for(facts),
            more_extra_files={"inference.json": json.dumps(inference_for(facts)).encode()},
        )
