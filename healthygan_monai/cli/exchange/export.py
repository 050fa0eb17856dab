"""Run ``healthygan export``: a trained model in a form that another program reads."""

from typing import Any

from healthygan_monai.cli.exchange import export_bundle, export_network


def add(commands: Any) -> None:
    text = "write a trained model for another program"
    parser = commands.add_parser("export", help=text, description=text.capitalize() + ".")
    forms = parser.add_subparsers(dest="form", required=True, metavar="FORM")
    export_network.add(forms)
    export_bundle.add(forms)
