"""Run ``healthygan export zoo`` or ``huggingface``: the bundle with a model, for others."""

import argparse
import logging
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import A_MODEL, add_accept, command, warn_unfinished
from healthygan_monai.models.places import model_file

log = logging.getLogger(__name__)
COLLECTS = "collecting the model, its card and the code that it needs"


def add(forms: Any) -> None:
    zoo = command(forms, "zoo", "a folder for a pull request to the MONAI Model Zoo", run_zoo)
    _add_model(zoo)
    text = "folder on the web where you will put files over 25 MB; written to large_files.yml"
    zoo.add_argument("--url", metavar="URL", help=text)
    text = "a model repository for Hugging Face"
    _add_model(command(forms, "huggingface", text, run_huggingface))


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder")
    text = f"{A_MODEL}; default: the bundle's own model"
    parser.add_argument("--model", type=Path, metavar="RUN", help=text)
    text = "for a file of weights without config.json"
    parser.add_argument("--image-size", type=int, metavar="N", help=text)
    text = "version in metadata.json; default: the package's"
    add_accept(parser)
    parser.add_argument("--bundle-version", metavar="X.Y.Z", help=text)


def run_zoo(arguments: argparse.Namespace) -> int:
    given = _model(arguments)
    from healthygan_monai.exchange.model_facts import model_facts
    from healthygan_monai.exchange.zoo import export_zoo

    log.info(COLLECTS)
    facts = model_facts(*given)
    done = export_zoo(arguments.out, facts, url=arguments.url, version=arguments.bundle_version)
    _say(done.bundle, facts)
    for path in done.to_upload:
        print(f"upload: {path} (see {done.bundle / 'large_files.yml'})")
    print(
        f"then, in a checkout of the Model Zoo: copy {done.bundle} to models/ and "
        f"{arguments.out / 'ci'} over ci/, and run ./runtests.sh --autofix"
    )
    return 0


def run_huggingface(arguments: argparse.Namespace) -> int:
    given = _model(arguments)
    from healthygan_monai.exchange.huggingface import export_huggingface
    from healthygan_monai.exchange.model_facts import model_facts

    log.info(COLLECTS)
    facts = model_facts(*given)
    folder = export_huggingface(arguments.out, facts, arguments.bundle_version)
    _say(folder, facts)
    print(f"next: hf upload ORGANISATION/{folder.name} {folder}")
    return 0


def _model(arguments: argparse.Namespace) -> tuple[Path | None, int | None, bool]:
    """Return what names the model; raise NoModel before anything slow is loaded."""
    if arguments.model is not None:
        model_file(arguments.model)
    return arguments.model, arguments.image_size, arguments.accept_changed_weights


def _say(folder: Path, facts: Any) -> None:
    from healthygan_monai.exchange.bundle_metadata import data_source

    if not facts.of_bundle:
        warn_unfinished(facts.weights.parent)
    print(f"bundle: {folder}")
    if facts.of_bundle:
        print(f"model: the bundle's own, trained on {data_source(facts)}")
    elif not facts.evaluation:
        print("no evaluation of these weights was found: metadata and card say 'not run'")
    if not facts.of_bundle and not facts.found.dataset.get("licence"):
        print("the licence of the training data is not recorded: complete docs/data_license.txt")
