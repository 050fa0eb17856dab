"""Run ``healthygan evaluate``: scores.csv -> evaluation.json."""

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import command, dataset_of, warn_unfinished
from healthygan_monai.evaluation.defaults import FALSE_ALARMS, FALSE_DISCOVERIES, RESAMPLES
from healthygan_monai.paths import run_of


def add(commands: Any) -> None:
    parser = command(commands, "evaluate", "measure the scores against the labels", run)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder with scores.csv")
    text = "for the probes; default: the run's own"
    parser.add_argument("--dataset", type=Path, metavar="FOLDER", help=text)
    text = "which of the two the report puts first; both are measured (default: image)"
    parser.add_argument("--unit", choices=("image", "subject"), default="image", help=text)
    text = "resamples behind each interval (default: %(default)s)"
    parser.add_argument("--bootstrap", type=int, default=RESAMPLES, metavar="N", help=text)
    policies, text = ("youden", "balanced"), "how validation gives the threshold (default: youden)"
    parser.add_argument("--policy", choices=policies, default="youden", help=text)
    text = "promised rate of false alarms among the healthy (default: %(default)s)"
    parser.add_argument(
        "--false-alarms", type=float, default=FALSE_ALARMS, metavar="RATE", help=text
    )
    text = "share of healthy subjects allowed on the list of p_values.csv (default: %(default)s)"
    parser.add_argument(
        "--false-discoveries", type=float, default=FALSE_DISCOVERIES, metavar="RATE", help=text
    )
    text = "for new images: the run of their model; its known-healthy images carry the promise"
    parser.add_argument("--calibration", type=Path, metavar="RUN", help=text)
    text = "of the resamples and the probes (default: 0)"
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=text)
    parser.add_argument("--no-probes", action="store_true", help="skip the trivial models")


def run(arguments: argparse.Namespace) -> int:
    folder = run_of(arguments.run_folder)
    for run in (folder, *([run_of(arguments.calibration)] if arguments.calibration else [])):
        warn_unfinished(run)
    data = dataset_of(folder, arguments.dataset)
    from healthygan_monai.data import load_dataset
    from healthygan_monai.evaluation.run import evaluate_run
    from healthygan_monai.report.critic import critic_sentences
    from healthygan_monai.report.lesions import lesion_sentences
    from healthygan_monai.report.members import member_sentences
    from healthygan_monai.report.promised import promise_sentences
    from healthygan_monai.report.summary import sentences

    result = evaluate_run(
        folder,
        load_dataset(data, training=False) if data is not None else None,
        unit=arguments.unit,
        bootstrap=arguments.bootstrap,
        seed=arguments.seed,
        probes=not arguments.no_probes,
        policy=arguments.policy,
        false_alarms=arguments.false_alarms,
        false_discoveries=arguments.false_discoveries,
        calibration=None if arguments.calibration is None else run_of(arguments.calibration),
    )
    for sentence in [
        *sentences(result),
        *member_sentences(result),
        *promise_sentences(result),
        *critic_sentences(result),
        *lesion_sentences(result),
    ]:
        print(sentence)
    print(f"next: healthygan report {folder}")
    return 0
