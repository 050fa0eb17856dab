"""Run ``healthygan score``: a model and new patients -> scores, maps and a list, in one folder."""

import argparse
from pathlib import Path
from typing import Any

from data_prep.cli.main import add_people, add_work, given_work
from data_prep.errors import UsageError
from data_prep.files import remove_left
from healthygan_monai.cli.arguments import (
    A_MODEL,
    add_accept,
    add_device,
    add_options,
    command,
    options_given,
)
from healthygan_monai.models.places import model_file
from healthygan_monai.scoring import SCORE_RULE, SCORE_RULES


def add(commands: Any) -> None:
    text = "score new patients: raw films or heads -> scores, maps and a list"
    parser = command(commands, "score", text, run)
    add = parser.add_argument
    add("model", type=Path, metavar="RUN", help=A_MODEL)
    text = "films or heads: a folder, one file, a zip archive or a DICOMDIR"
    add("input", type=Path, metavar="INPUT", help=text)
    add("output", type=Path, metavar="OUTPUT", help="a new folder for the results")
    add_people(parser)
    add_work(parser)
    add_options(parser)
    text = "difference from which a pixel is marked (default: the model's own)"
    add("--map-threshold", type=float, metavar="VALUE", help=text)
    text = "also write DICOM results of DICOM inputs, which hold the patient; needs [dicom]"
    add("--dicom", action="store_true", help=text)
    add("--score-by", choices=[*SCORE_RULES], default=SCORE_RULE, help="see infer (default: mean)")
    add_device(parser)
    add_accept(parser)


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output
    _refuse(output, arguments.key)
    work, options = given_work(arguments), options_given(arguments.options)
    model_file(arguments.model)
    from healthygan_monai.api.model import load_model
    from healthygan_monai.studies.run import score_study

    model = load_model(
        arguments.model, arguments.device, arguments.score_by, arguments.accept_changed_weights
    )
    done = score_study(
        model,
        arguments.input,
        output,
        map_threshold=arguments.map_threshold,
        options=options,
        pseudonyms=arguments.pseudonyms,
        key_file=arguments.key,
        work=work,
        dicom=arguments.dicom,
    )
    print(done.words())
    return done.exit_code


def _refuse(output: Path, key: Path | None) -> None:
    """Refuse an OUTPUT with something in it, before any work."""
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: OUTPUT is a file; choose a folder.")
    if output.is_dir():
        remove_left(output)  # prepared images of a run that was killed
        found = next((path.name for path in output.iterdir()), None)
        if found is not None:
            hidden = f" ({found}, which is hidden)" if found.startswith(".") else ""
            raise UsageError(
                f"{output}: not empty{hidden}. Choose a new folder for these patients."
            )
    if key is not None and key.resolve().is_relative_to(output.resolve()):
        raise UsageError(f"{key}: the key must not lie in OUTPUT, which is what is sent on.")
