"""Run ``healthygan pack`` and ``unpack``: one file with a trained run, and a run of that file."""

import argparse
from pathlib import Path
from typing import Any

from healthygan_monai.cli.arguments import add_accept, command, warn_unfinished
from healthygan_monai.exchange.share.contents import NOTE, require_packed
from healthygan_monai.paths import run_of

SUFFIX = ".healthygan.zip"


def add(commands: Any) -> None:
    parser = command(commands, "pack", "write one file with a trained run, for others", run_pack)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a run folder")
    text = f"new file (default: RUN{SUFFIX} here)"
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help=text)
    add_accept(parser)
    parser = command(commands, "unpack", "make a run folder of a packed run", run_unpack)
    parser.add_argument("file", type=Path, metavar="FILE", help="what healthygan pack has written")
    text = "new folder (default: the name of FILE, here)"
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help=text)


def run_pack(arguments: argparse.Namespace) -> int:
    run = run_of(arguments.run_folder)
    out = arguments.file or Path(run.resolve().name + SUFFIX)
    warn_unfinished(run)
    from healthygan_monai.exchange.share.pack import pack

    names = pack(run, out, arguments.accept_changed_weights)
    print(f"{out}: {', '.join(names)} ({out.stat().st_size / 1e6:.1f} MB)")
    print(
        "without images, scores and paths; look at what your data set is called before you send it"
    )
    if "serving.json" not in names:
        print(
            "no threshold of the maps: the data set of the training is not here, or another method"
        )
    print(f"{NOTE}. next: healthygan unpack {out} NEW_FOLDER")
    return 0


def run_unpack(arguments: argparse.Namespace) -> int:
    require_packed(arguments.file)
    from healthygan_monai.exchange.share.unpack import unpack

    name = arguments.file.name.removesuffix(".zip").removesuffix(".healthygan")
    folder = arguments.folder or Path(name)
    unpack(arguments.file, folder)
    print(f"{folder}: all files have the SHA-256 of the manifest; see {folder / 'README.md'}")
    print(f"{NOTE}. next: healthygan score {folder} IMAGES RESULTS")
    return 0
