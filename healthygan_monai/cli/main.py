"""``healthygan``: from raw images to a report, one step a command, each naming the next."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from data_prep.cli.main import EXIT_CODES, add_check_command, add_prep_commands, run_command
from data_prep.cli.protocols import add_fetch_command
from healthygan_monai import __version__
from healthygan_monai.cli import (
    benchmark,
    demo,
    evaluate,
    export,
    import_checkpoint,
    infer,
    report,
    select,
    train,
)
from healthygan_monai.paths import bundle_root

FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print; returns the exit code."""
    # waiting threads of small networks must sleep, not spin, where other programs use the processor too;
    # read when PyTorch loads, which no module does before a command runs
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = build_parser().parse_args(argv)
    if arguments.heavy:
        return _run_heavy(arguments)
    return run_command(arguments)


def build_parser() -> argparse.ArgumentParser:
    """All commands, in the order in which a study uses them."""
    parser = argparse.ArgumentParser(
        prog="healthygan",
        description="Learn from unannotated medical images to show what is not healthy in one.",
        epilog=f"{EXIT_CODES} Research software, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"healthygan {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo.add(commands)
    prep = commands.add_parser("prep", help="raw DICOM, NIfTI, PNG -> PNG and dataset.json")
    add_prep_commands(prep.add_subparsers(dest="kind", required=True, metavar="KIND"))
    add_check_command(commands)
    add_fetch_command(commands)
    for module in (train, select, infer, evaluate, report, benchmark, export, import_checkpoint):
        module.add(commands)
    commands.add_parser("bundle-path", help="print where the MONAI bundle lies").set_defaults(
        run=_bundle_path, verbose=False, quiet=False
    )
    parser.set_defaults(heavy=False)
    return parser


def _bundle_path(arguments: argparse.Namespace) -> int:
    print(bundle_root())
    return 0


def _run_heavy(arguments: argparse.Namespace) -> int:
    """Run a command that needs PyTorch; errors meant for the user end it with one line."""
    import logging

    from healthygan_monai.config.messages import user_message

    logging.basicConfig(
        level=logging.WARNING if arguments.quiet else logging.INFO,
        format="%(message)s",
        stream=sys.stdout,
        force=True,
    )
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return FAILED
    except Exception as error:
        message = user_message(error)
        if arguments.verbose or message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
