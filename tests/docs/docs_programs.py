"""What the programs of a page do in the tests: run, made small, checked, or understood."""

import argparse
import configparser
import inspect
import json
import os
import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from docs_pages import ABSENT, CHECKERS, ROOT

from healthygan_monai import __version__

UNDERSTAND = "HEALTHYGAN_DOCS_UNDERSTAND"  # environment: parse the words and run nothing
# Trainings end after four iterations of a tiny network. The last --set wins over those of the page.
SET_TINY = (
    "--set max_iterations=4 --set checkpoints=2 --set batch_size=4 --set selection_images=8 --set "
    "generator_channels=4 --set generator_blocks=1 --set critic_channels=4 --set critic_layers=3 "
    "--set fid_features=random"
)
ONE_TRIAL = "--set prices=[1] --set price_folds=1"
KEY_TINY, KEY_TRIAL = (s.replace("--set ", "--").replace("=", " ") for s in (SET_TINY, ONE_TRIAL))
GAN_TINY = "--options#features 4 --options#batch_size 4"
NIH_COUNTS = "--counts healthy=4,mixed=2+2,validation=2+2,test=2+2"
CLINIC_COUNTS = "--counts healthy=2,mixed=1+1,validation=1+1,test=1+1"
# (what a command begins with, the words that are added to it)
SMALLER = (
    (r"healthygan train(?!.* --(method|resume) )", SET_TINY),
    (r"healthygan train(?!.* --(method|resume|recipe) |.*price=)", ONE_TRIAL),
    (r"healthygan prep (films|brains) .*--size (128|256)", "--size 64"),
    (r"healthygan demo", SET_TINY),
    (r"(torchrun|python -m monai.bundle run training).*/train.json(?!.* --max_it)", KEY_TINY),
    (r"(torchrun|python -m monai.bundle run training).*/train.json(?!.* --price )", KEY_TRIAL),
    (r"python -m monai.bundle run .*evaluate.json", "--bootstrap 20"),
    (r"python -m monai.bundle run training .*train_baseline.json", GAN_TINY),
    (r"healthygan benchmark .*data/films", "--dry-run"),
    (r"healthygan prep chestxray14(?!.* --help)", NIH_COUNTS),
    (r"healthygan prep migraine", CLINIC_COUNTS),
)


def draw_little() -> None:
    """Make the phantoms of this process few, and its resamples and forests of trees small.

    Call it before the project is imported.
    """
    for module in [*sys.modules.values()]:  # a parser's, and before functions take it as a default
        for name in ("RESAMPLES", "PROBE_RESAMPLES"):
            if hasattr(module, name):
                setattr(module, name, 20)
    import data_prep.phantom.brains as heads
    import data_prep.phantom.study as films
    import healthygan_monai.evaluation.confounders as probes

    films.COUNTS = {"training_mixed": 8, "training_healthy": 8, "validation": 10, "test": 14}
    heads.COUNTS = {"training_mixed": 2, "training_healthy": 1, "validation": 2, "test": 2}
    probes.TREES = 10


def run(words: list[str]) -> None:
    """Run a command in this process and its folder; its end is a ``SystemExit``."""
    program, understand = words[0], UNDERSTAND in os.environ
    if words[:2] == ["python", "-m"] and words[2] in ABSENT:
        program = words[2]
    if program in ABSENT and not understand:
        sys.exit(f"{program} is not installed for the tests")
    if program in (*ABSENT, *CHECKERS):
        _files_exist(words)
    elif program == "pip":
        _check_pip(words[1:])
    elif words[:3] == ["python", "-m", "venv"]:
        _write_venv(Path(words[-1]))
    elif understand and "monai.bundle" in words:
        _check_bundle_words(words[words.index("monai.bundle") + 1 :])
    elif understand:
        _parse(words)
    else:
        _link_runs(words)
        if "--dry-run" not in words:
            _pace_is_known()
        _start([*words, *_smaller(" ".join(words))])
    sys.exit(0)


def _pace_is_known() -> None:
    """Let no training measure how fast this machine is; a dry run of one still does."""
    import healthygan_monai.config.forecast as forecast

    forecast._measure = lambda _: forecast.Pace(0.1, None, "cpu", 3)


def _start(words: list[str]) -> None:
    program, *sys.argv = words
    if program == "healthygan":
        from healthygan_monai.cli.main import main

        sys.exit(main(sys.argv))
    if program == "torchrun":
        sys.argv = ["-m", "torch.distributed.run", *sys.argv]
    if sys.argv[0] == "-m":
        sys.argv = sys.argv[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))
        runpy.run_path(sys.argv[0], run_name="__main__")


def _smaller(line: str) -> list[str]:
    return [word for pattern, adds in SMALLER if re.match(pattern, line) for word in adds.split()]


def _link_runs(words: Sequence[str]) -> None:
    """Find the runs of a command; a page writes 00000 for their number, which may differ here."""
    for name in re.findall(r"runs/00000(-[\w-]+)", " ".join(words)):
        made = sorted(Path("runs").glob(f"[0-9]*{name}"))
        if made and not Path(f"runs/00000{name}").exists():
            Path(f"runs/00000{name}").symlink_to(made[-1].name)


def _parse(words: list[str]) -> None:
    """Start the program, and end it once its argument parser has accepted the words."""
    if words[0] == "python" and words[1] != "-m" and "argparse" not in Path(words[1]).read_text():
        return  # a script without a parser: it exists
    parse = argparse.ArgumentParser.parse_args

    def accept(self: argparse.ArgumentParser, *args: object, **named: object) -> None:
        parse(self, *args, **named)  # type: ignore[arg-type]
        sys.exit(0)

    argparse.ArgumentParser.parse_args = accept  # type: ignore[assignment,method-assign]
    _start(words)


def _check_bundle_words(words: Sequence[str]) -> None:
    """End with an error for what is no option of ``monai.bundle`` and no key of the configs."""
    import monai.bundle

    known = {*inspect.signature(getattr(monai.bundle, words[0])).parameters}
    for name in re.findall(r"configs/([\w-]+\.json)", " ".join(words)):
        known |= {*json.loads((ROOT / "bundle" / "configs" / name).read_text())}
    for word in words:
        if word.startswith("--") and word[2:].partition("#")[0] not in known:
            sys.exit(f"{word}: no option of monai.bundle {words[0]}, no key of its configs")


def _files_exist(words: Sequence[str]) -> None:
    """End with an error for a file of the project that does not exist."""
    for word in words:
        if word.startswith(("tests/", "bundle/", "docs/")) and not Path(word).exists():
            sys.exit(f"{word}: no such file")


def _write_venv(folder: Path) -> None:
    """Make an environment that changes nothing when it is activated."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "bin" / "activate").write_text(":\n")


def _check_pip(words: Sequence[str]) -> None:
    """Install nothing; check pins, extras, the version of the wheel and the files."""
    if words[0] not in ("check", "install", "wheel"):
        sys.exit(f"pip {words[0]}: expected check, install or wheel")
    pins = dict(re.findall(r"^([\w.-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.M))
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    for word in words[1:]:
        name, _, version = word.partition("==")
        if version and pins.get(name, version) != version:
            sys.exit(f"{word}: constraints.txt has {pins[name]}")
        extras = re.search(r"\[([\w,]+)\]$", word)
        if extras and {*extras[1].split(",")} - {*config["options.extras_require"]}:
            sys.exit(f"{word}: no such extra in setup.cfg")
        if ".whl" in word and not word.startswith(f"healthygan_monai-{__version__}-"):
            sys.exit(f"{word}: this is version {__version__}")
        file = "setup.cfg" if word.startswith(".") else word
        if file.endswith((".cfg", ".txt")) and not Path(file).is_file():
            sys.exit(f"{word}: no {file} here")
