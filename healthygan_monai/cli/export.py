"""healthygan export: a trained model in the form another program reads."""

from __future__ import annotations

from typing import Any

from healthygan_monai.cli import export_bundle, export_network


def add(commands: Any) -> None:
    """Add ``export`` and its forms to the parser."""
    text = "hand a trained model to another program"
    parser = commands.add_parser("export", help=text, description=text[:1].upper() + text[1:] + ".")
    forms = parser.add_subparsers(dest="form", required=True, metavar="FORM")
    export_network.add(forms)
    export_bundle.add(forms)
