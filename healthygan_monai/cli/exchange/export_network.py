"""Run ``healthygan export torchscript``, ``onnx`` or ``authors``: the generator alone."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_prep.errors import UsageError
from healthygan_monai.cli.arguments import A_MODEL, add_accept, command, warn_unfinished
from healthygan_monai.models.places import model_file
from healthygan_monai.models.runtimes import RUNTIMES, checked_output, is_exported


def add(forms: Any) -> None:
    for runtime in RUNTIMES.values():
        parser = _command(forms, runtime.form, runtime.suffix, runtime.text, _export)
        text = "side that images are resized to; default: that of the training"
        parser.add_argument("--image-size", type=int, metavar="PIXELS", help=text)
        parser.set_defaults(suffix=runtime.suffix)
    _command(forms, "authors", "-G.ckpt", "the generator for the authors' own code", _authors)


def _command(
    forms: Any, form: str, ending: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = command(forms, form, text, run)
    parser.add_argument("model", type=Path, metavar="RUN", help=A_MODEL)
    parser.add_argument("output", type=Path, metavar=f"OUT{ending}", help="the file to write")
    add_accept(parser)
    return parser


def _export(arguments: argparse.Namespace) -> int:
    model, output = _model(arguments.model), checked_output(arguments.output, arguments.suffix)
    from healthygan_monai.exchange.export import export
    from healthygan_monai.exchange.parity import TOLERANCE

    accept = arguments.accept_changed_weights
    difference = export(model, output, arguments.image_size, accept_changed=accept)
    print(f"largest difference from PyTorch: {difference:.2g} (at most {TOLERANCE:g} is accepted)")
    print(f"exported: {arguments.output}")
    print(f"next: healthygan infer {arguments.output} DATASET --output FOLDER")
    return 0


def _authors(arguments: argparse.Namespace) -> int:
    model, accept = _model(arguments.model), arguments.accept_changed_weights
    from healthygan_monai.exchange.authors_files import export_authors

    channels, restored = export_authors(model, arguments.output, accept)
    new = "a new layer's (no output depends on them)"
    print(f"running statistics: {'those it was imported with' if restored else new}")
    if channels != 3:
        print(f"note: images of {channels} channel; the authors' code, as published, builds 3 only")
    print(f"exported: {arguments.output}")
    return 0


def _model(run_or_model: Path) -> Path:
    """Return the model.pt to export; raise UsageError for an export or another method's model."""
    path = model_file(run_or_model)
    warn_unfinished(path.parent)
    if is_exported(path):
        raise UsageError(f"{path}: an export already; give the model.pt that it was made from.")
    from healthygan_monai.models.about import method_of
    from healthygan_monai.scoring import HEALTHYGAN

    if (method := method_of(path)) != HEALTHYGAN:
        raise UsageError(
            f"{path}: a model of {method}; only HealthyGAN's generator has this form. Use the "
            f"model.pt of {method} itself, which healthygan infer reads."
        )
    return path
