"""healthygan export torchscript, onnx and authors: the generator alone, compared with model.pt before it is left."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from data_prep.errors import UsageError
from healthygan_monai.cli.arguments import command


def add(forms: Any) -> None:
    """Add the network's forms to the parser of ``export``."""
    for form, suffix, text, run in (
        ("torchscript", ".ts", "the generator for MONAI Deploy, C++ and infer", _torchscript),
        ("onnx", ".onnx", "the generator for ONNX Runtime and infer", _onnx),
        ("authors", "-G.ckpt", "the generator for the authors' own code", _authors),
    ):
        parser = command(forms, form, text, run)
        parser.add_argument("model", type=Path, metavar="RUN", help="a run folder or its model.pt")
        parser.add_argument("output", type=Path, metavar=f"OUT{suffix}", help="the file to write")
        if form != "authors":
            parser.add_argument(
                "--image-size",
                type=int,
                metavar="PIXELS",
                help="side that images are brought to; default: the one the model was trained at",
            )


def _torchscript(arguments: argparse.Namespace) -> int:
    from healthygan_monai.exchange.torchscript import export_torchscript

    return _export(arguments, export_torchscript)


def _onnx(arguments: argparse.Namespace) -> int:
    from healthygan_monai.exchange.onnx import export_onnx

    return _export(arguments, export_onnx)


def _export(arguments: argparse.Namespace, export: Any) -> int:
    from healthygan_monai.exchange.parity import TOLERANCE

    difference = export(_model(arguments.model), arguments.output, arguments.image_size)
    print(f"largest difference from PyTorch: {difference:.2g} (at most {TOLERANCE:g} is let pass)")
    print(f"exported: {arguments.output}")
    print(f"next: healthygan infer {arguments.output} DATASET --output FOLDER")
    return 0


def _authors(arguments: argparse.Namespace) -> int:
    from healthygan_monai.exchange.authors_files import export_authors

    channels, restored = export_authors(_model(arguments.model), arguments.output)
    source = (
        "those it was imported with" if restored else "a new layer's (no output depends on them)"
    )
    print(f"running statistics: {source}")
    if channels != 3:
        print(f"note: images of {channels} channel; the authors' code, as published, builds 3 only")
    print(f"exported: {arguments.output}")
    return 0


def _model(run_or_model: Path) -> Path:
    """The model.pt to export.

    Raises:
        ValueError: it is another method's, or itself an export.
    """
    from healthygan_monai.models.about import method_of, model_file
    from healthygan_monai.models.exported import is_exported
    from healthygan_monai.models.exported_facts import METHOD

    path = model_file(run_or_model)
    if is_exported(path):
        raise UsageError(f"{path}: an export already; give the model.pt that it was made from.")
    if (method := method_of(path)) != METHOD:
        raise UsageError(
            f"{path}: a model of {method}; only HealthyGAN's generator has this form. Hand on the model.pt of "
            f"{method} itself, which healthygan infer reads."
        )
    return path
