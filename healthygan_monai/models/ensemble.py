"""Make an ensemble: a run folder whose model is the mean of the generators of several runs."""

import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from data_prep.datalist import recipe_of_data
from data_prep.errors import UsageError
from data_prep.files import sha256
from healthygan_monai.integrity.recorded import BACKBONE_KEY
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.models.load import load_state
from healthygan_monai.networks import generator_sizes
from healthygan_monai.networks.ensemble import joined_weights
from healthygan_monai.paths import (
    CONFIG_FILE,
    CRITIC_FILE,
    KEPT_OUT_FILE,
    MODEL_FILE,
    RUN_FILE,
    read_config,
    read_run,
)
from healthygan_monai.runs import (
    BEFORE_RECIPES,
    begin_run,
    end_run,
    new_run_folder,
    save_weights,
)
from healthygan_monai.scoring import HEALTHYGAN

logger = logging.getLogger(__name__)
SUFFIX = "ensemble"
ALIKE = ("recipe", "critic", "image_size")  # keys of config.json that members must share


@dataclass(frozen=True)
class Member:
    """A finished run of HealthyGAN: its folder, run.json, config.json and weights."""

    folder: Path
    run: dict[str, Any]
    config: dict[str, Any]
    weights: dict[str, torch.Tensor]
    weights_sha256: str

    def about(self) -> dict[str, Any]:
        """Return what run.json of an ensemble says of a member."""
        name, seed = self.folder.resolve().name, self.run.get("seed", 0)
        return {"run": name, "seed": seed, "weights_sha256": self.weights_sha256}


def make_ensemble(
    runs: Sequence[Path], runs_dir: Path | None = None, accept_changed: bool = False
) -> Path:
    """Make and return the ensemble's run folder, such as ``runs/00003-films-ensemble``.

    Its config.json holds the settings that all members share, its run.json ``members``. Subjects
    count as kept out of training (kept_out.csv) only if all members kept out the same ones.

    Args:
        runs: folders of two or more finished runs on one data set, of one translation and size.
        runs_dir: where the folder is made; default: beside the first run.
        accept_changed: whether weights changed since training are taken.

    Raises:
        UsageError: runs that cannot be averaged; all reasons are named.
    """
    logger.info("reading the models of %d runs", len(runs))
    members = checked_members(runs, accept_changed)
    first = members[0]
    name = re.sub(r"^\d{5}-", "", first.folder.resolve().name)
    beside = first.folder if first.folder.name not in ("", "..") else first.folder.resolve()
    folder = new_run_folder(runs_dir or beside.parent, f"{name}-{SUFFIX}", logged=False)
    backbones = _backbones(members)
    recipe = first.run.get("recipe") or recipe_of_data(first.run["dataset"])
    begin_run(
        folder,
        shared_settings(members),
        seed=[member.run.get("seed", 0) for member in members],
        data_hash=first.run["data_hash"],
        dataset=first.run["dataset"],
        device=first.run.get("device", "cpu"),
        more={
            "recipe": recipe,
            "members": [member.about() for member in members],
            **({BACKBONE_KEY: backbones[0]} if len(backbones) == 1 else {}),
        },
    )
    _write_kept_out(folder, members)
    logger.info("writing their ensemble to %s", folder)
    save_weights(joined_weights([member.weights for member in members]), folder / MODEL_FILE)
    if critics := _critics_of(members, accept_changed):
        save_weights(joined_weights(critics), folder / CRITIC_FILE)
    end_run(folder)
    return folder


def checked_members(runs: Sequence[Path], accept_changed: bool = False) -> list[Member]:
    """Return the members.

    Raises:
        UsageError: fewer than two, one run twice, a run that is not finished or not HealthyGAN's,
            or runs that differ in data set, recipe, critic, translation or size.
    """
    if len(runs) < 2:
        raise UsageError(f"an ensemble needs two or more runs; {len(runs)} given.")
    problems = [problem for run in runs if (problem := _unusable(run))]
    if not problems:
        members = [_member(run, accept_changed) for run in runs]
        problems = [*_twice(members), *_unlike(members)]
    if problems:
        raise UsageError("no ensemble of these runs: " + "; ".join(problems) + ".")
    return members


def shared_settings(members: Sequence[Member]) -> dict[str, Any]:
    """Return the settings that all members have, with the same value."""
    first, *others = (member.config for member in members)
    return {
        key: value
        for key, value in first.items()
        if all(key in config and config[key] == value for config in others)
    }


def _member(run: Path, accept_changed: bool) -> Member:
    weights, config = run / MODEL_FILE, read_config(run)
    known = {**BEFORE_RECIPES, **config} if "recipe" not in config else config
    return Member(run, read_run(run), known, load_state(weights, accept_changed), sha256(weights))


def _unusable(run: Path) -> str | None:
    """Return why a run cannot be a member."""
    if missing := [n for n in (RUN_FILE, CONFIG_FILE) if not (run / n).is_file()]:
        return f"{run} has no {' and no '.join(missing)}, so it is not a run folder of training"
    known, method = read_run(run), read_config(run).get("method", HEALTHYGAN)
    if method != HEALTHYGAN:
        return f"{run} is a run of {method}, and only runs of {HEALTHYGAN} can be averaged"
    if known.get("members"):
        return f"{run} is an ensemble itself; give the runs of its members"
    if known.get("finished") is None or not (run / MODEL_FILE).is_file():
        return f"{run} is not finished (healthygan train --resume {run})"
    return None


def _twice(members: Sequence[Member]) -> Iterator[str]:
    for earlier, later in combinations(members, 2):
        if earlier.folder.resolve() == later.folder.resolve():
            yield f"{later.folder} is given twice"
        elif earlier.weights_sha256 == later.weights_sha256:
            yield f"{earlier.folder} and {later.folder} have the same weights"


def _unlike(members: Sequence[Member]) -> Iterator[str]:
    """Say in what runs differ from the first."""
    first, *others = members
    for other in others:
        pairs = {"data set": (_data_of(first), _data_of(other))}
        pairs |= {key: (first.config.get(key), other.config.get(key)) for key in ALIKE}
        sizes = [generator_sizes(member.weights) for member in (first, other)]
        keys = dict.fromkeys([*sizes[0], *sizes[1]])
        pairs |= {key: (sizes[0].get(key), sizes[1].get(key)) for key in keys}
        for name, (one, two) in pairs.items():
            if one == two:
                continue
            values = "" if name == "data set" else f" ({_word(one)} and {_word(two)})"
            yield f"{first.folder} and {other.folder} differ in {name}{values}"


def _word(value: Any) -> Any:
    return "masked" if value is None else value  # weights name no other translation


def _data_of(member: Member) -> Any:
    """Return the content hash of the data set; of one without it, the path."""
    return member.run.get("data_hash") or member.run.get("dataset")


def _backbones(members: Sequence[Member]) -> list[str]:
    """Return the SHA-256 of the users' own files that the members' critics have, each once."""
    return sorted({member.run[BACKBONE_KEY] for member in members if BACKBONE_KEY in member.run})


def _critics_of(members: Sequence[Member], accept_changed: bool) -> list[dict[str, torch.Tensor]]:
    """Return the heads of the members' critics; none where a member lacks its own, or where their
    frozen networks are of other files.
    """
    if len(_backbones(members)) > 1:
        logger.info("the critics of the members have frozen networks of other files: none is kept")
        return []
    files = [member.folder / CRITIC_FILE for member in members]
    if not all(path.is_file() for path in files):
        return []
    return [read_weights(path, accept_changed=accept_changed) for path in files]


def _write_kept_out(folder: Path, members: Sequence[Member]) -> None:
    """Copy kept_out.csv if all members have the same one; say so if they have others."""
    files = [member.folder / KEPT_OUT_FILE for member in members]
    texts = {path.read_bytes() if path.is_file() else None for path in files}
    if texts == {None}:
        return
    if len(texts) == 1:
        shutil.copyfile(files[0], folder / KEPT_OUT_FILE)
        return
    logger.info(
        "the members kept out different subjects, so the ensemble has learned from all: "
        "known-healthy images of validation, not of training, carry its promised rate of false "
        "alarms"
    )
