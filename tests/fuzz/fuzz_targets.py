"""What a user's command does with a mutant, in a guarded child: (verdict, detail) of each.

Verdicts: taken, refused (a clear reason), died (the decoder's own child, which the command
survives), foreign (an exception that is not meant for a user), slow (over the limit).
"""

import contextlib
import io
import shutil
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data_prep.errors import DONE, SOME_UNREAD, HealthyGANError

SECONDS = 20.0  # for one input; small files take far less
FAULT = "fault of the program"  # the words of every command for what is not meant for a user
Verdict = tuple[str, str]
WEIGHTS = ("refused", "taken", "died", "slow", "foreign")
REASONS = {
    "unexpected error": "foreign",
    "the decoder crashed on this input": "died",
    "it took too long: the decoder hangs, or the file is huge": "slow",
}


def prepared(folder: str, kind: str, number: int) -> dict[str, Verdict]:
    """Every file of a folder through the pipeline, as `healthygan prep` runs it."""
    from data_prep.brain import BrainRecipe
    from data_prep.film import FilmOptions, FilmRecipe
    from data_prep.inputs.choices import Cohort
    from data_prep.output import review
    from data_prep.pipeline import finish, prepare
    from data_prep.settings import Settings, Work

    raw = Path(folder)
    output = raw.with_name(f"{raw.name}-out")
    anything = {"views": "any", "modalities": "any", "body_parts": "any", "intent": "any"}
    options = FilmOptions(
        colour=("refuse", "equal")[number % 2],
        frames=("first", "each")[number // 2 % 2],
        burned_in=("quarantine", "allow")[number // 4 % 2],
        **anything,
    )
    levels = ("window", "percentile", "minmax")[number % 3]
    recipe: Any = FilmRecipe(16, intensity=levels, options=options)
    if kind == "brains":
        recipe = BrainRecipe(16)
    cohort = Cohort(salt=b"fuzz", pseudonyms="keyed")
    settings = Settings(raw, output, recipe, cohort, Work(1, SECONDS, 2 << 30))
    try:
        review.claim(output)
        found = prepare(settings)
        finish(found, settings, 0.0)
    except HealthyGANError as error:
        return {path.name: ("refused", str(error)) for path in raw.iterdir()}
    finally:
        for path in (output, review.folder_of(output)):
            shutil.rmtree(path, ignore_errors=True)
        settings.links_path().unlink(missing_ok=True)
    verdicts: dict[str, Verdict] = {}
    for source, outcome in zip(found.sources, found.outcomes, strict=True):
        verdict = "taken" if outcome.taken else REASONS.get(outcome.reason, "refused")
        detail = " ".join([outcome.reason, str(outcome.details.get("detail", ""))])
        name = source.name.partition("/")[0]
        before = verdicts.get(name, ("refused", ""))  # of an archive's members, what weighs most
        verdicts[name] = max(before, (verdict, detail), key=lambda pair: WEIGHTS.index(pair[0]))
    return verdicts


def table(folder: str, number: int) -> Verdict:
    """A cohort table beside four good films."""
    raw = Path(folder)
    arguments = [
        "films",
        raw,
        raw.parent / "out",
        "--table",
        raw / "mutant.csv",
        "-n",
        "--jobs",
        "0",
    ]
    extra = ["--pseudonyms", "keyed"] if number % 2 else []
    return _prep([*arguments, "--size", "16", *extra])


def dataset(folder: str, number: int) -> Verdict:
    """`check` of a data set whose dataset.json is the mutant; every third time `train -n`."""
    if number % 3 == 2:
        return _healthygan(["train", folder, "--recipe", "paper", "--dry-run"])
    return _prep(["check", folder])


def run_folder(folder: str, number: int) -> Verdict:
    """A command on a run folder with a mutant in it."""
    commands = (
        ["report", folder],
        ["evaluate", folder, "--bootstrap", "10", "--no-probes"],
        ["train", "--resume", folder, "--dry-run"],
        ["infer", folder, "--device", "cpu"],
        ["select", folder],
    )
    return _healthygan(commands[(number // 7) % len(commands)])


def checkpoint(folder: str, number: int) -> Verdict:
    """A model file on its own, loaded by the Python API; a good one scores an image."""
    import numpy as np

    from healthygan_monai import load_model

    try:
        load_model(Path(folder) / "mutant.pt", device="cpu").translate(np.zeros((32, 32)))
    except (HealthyGANError, ModuleNotFoundError) as error:
        return "refused", str(error)
    return "taken", ""


def verdict_of(target: str, *arguments: Any) -> Any:
    """What a function of this file answers; an exception that it lets through is foreign."""
    try:
        return globals()[target](*arguments)
    except Exception:
        return "foreign", traceback.format_exc()[-2000:]


def _prep(arguments: Sequence[Any]) -> Verdict:
    from data_prep.cli.main import main

    return _command(main, arguments)


def _healthygan(arguments: Sequence[Any]) -> Verdict:
    from healthygan_monai.cli.main import main

    return _command(main, arguments)


def _command(main: Callable[[Sequence[str]], int], arguments: Sequence[Any]) -> Verdict:
    """Run a command in this process; its words decide whether an error is meant for the user."""
    words = io.StringIO()
    with contextlib.redirect_stderr(words), contextlib.redirect_stdout(io.StringIO()):
        try:
            code: Any = main([*map(str, arguments), "-v"])  # with a traceback
        except SystemExit as end:
            code = end.code
    text = words.getvalue()
    if FAULT in text or code not in range(4):
        return "foreign", text[-2000:]
    return ("taken" if code in (DONE, SOME_UNREAD) else "refused"), text[-300:]
