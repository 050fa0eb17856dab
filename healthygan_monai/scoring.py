"""From difference to image score to subject score (Sec. 2.3), and the file that carries scores.

Every detector of this project writes the same `scores.csv`; evaluation, benchmark and report read
only that. Higher score = more anomalous. Torch is not imported: the formulas act on whatever
array they are given.
"""

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data_prep.errors import HealthyGANError, NotFound, UsageError, nearest
from data_prep.files import read_csv, write_csv
from healthygan_monai.paths import LOCALISATION_FILE, MEMBERS_FILE

if TYPE_CHECKING:
    import torch

ArrayT = TypeVar("ArrayT", "torch.Tensor", "np.ndarray")

HEALTHYGAN = "healthygan"  # the method; others: baselines/names.py
KEPT_OUT = "kept_out"  # known-healthy images of training that it never saw; for calibration only
SECTIONS = ("validation", "test", KEPT_OUT)
NEEDED = ("section", "image", "subject", "slice", "label", "method", "seed", "score")
FIELDS = (*NEEDED, "backbone", "runtime", "critic_score", "score_by")  # these four may be missing
TOP_SHARE = 0.02  # of the pixels, for top_score
SCORE_RULE = SUBJECT_RULE = "mean"  # where nobody chooses another
SUBJECT_RULES: dict[str, Callable[..., float]] = {"mean": np.mean, "max": np.max}


class ScoresError(HealthyGANError):
    """A scores file that cannot be trusted; the message says where and what was expected."""


class NoScores(ScoresError, NotFound):
    """A folder without scores.csv."""


@dataclass(frozen=True)
class ScoreRow:
    """One image and its score: `label` 1 = diseased, 0 = healthy, None = unknown.

    `backbone` names a method's pretrained network, "" where it has none; `runtime` what computed
    the score: pytorch, torchscript, onnxruntime or openvino. `critic_score` is the pretrained
    critic's own score, beside the method's and never part of it; None where there is none.
    `score_by` is the rule of HealthyGAN's score, a key of `SCORE_RULES`.
    """

    section: str
    image: str
    subject: str
    score: float
    slice: int | str | None = None
    label: int | None = None
    method: str = HEALTHYGAN
    seed: int = 0
    backbone: str = ""
    runtime: str = "pytorch"
    critic_score: float | None = None
    score_by: str = SCORE_RULE


def difference_map(image: ArrayT, healthy: ArrayT) -> ArrayT:
    """|x - B'| / 2 of two arrays in [-1, 1], same shape (B, C, H, W); returns [0, 1] (Sec. 2.3).

    The halving is the authors' (solver.py:445-491); the paper leaves the scale open.

    >>> difference_map(np.full((1, 1, 2, 2), -1.0), np.full((1, 1, 2, 2), 0.0)).max().item()
    0.5
    """
    if image.shape != healthy.shape:
        raise ValueError(
            f"difference_map: image {tuple(image.shape)} and healthy {tuple(healthy.shape)} must "
            "have one shape; a silent broadcast would change the score."
        )
    return abs(image - healthy) / 2


def image_score(difference: ArrayT) -> ArrayT:
    """Mean over (C, H, W) of the difference map (B, C, H, W); returns (B,) in [0, 1] (Sec. 2.3).

    >>> image_score(np.array([[[[0.0, 0.0], [0.0, 1.0]]]])).tolist()
    [0.25]
    """
    return difference.mean((-3, -2, -1))  # (B,)


def top_score(difference: "torch.Tensor") -> "torch.Tensor":
    """Mean of the brightest 2 % of the smoothed difference (B, C, H, W); returns (B,) in [0, 1].

    The map (mean over C) is smoothed by a mean filter of 5 x 5 pixels at 64, at S pixels of
    2 floor(5 S / 128) + 1; at the border it takes the pixels that there are. Small changes
    everywhere, such as the rim of a skull, count for less than in :func:`image_score`.
    """
    from torch.nn import functional as F

    radius = 5 * min(difference.shape[-2:]) // 128
    pooled = F.avg_pool2d(
        difference.mean(1, keepdim=True),  # (B, 1, H, W)
        2 * radius + 1,
        stride=1,
        padding=radius,
        count_include_pad=False,
    )
    smooth = pooled.flatten(1)  # (B, H W)
    brightest = max(1, round(TOP_SHARE * smooth.shape[1]))
    return smooth.topk(brightest, dim=1).values.mean(1)


SCORE_RULES: dict[str, Callable[..., Any]] = {"mean": image_score, "top": top_score}
SCORE_WORDS = {  # of each rule, for people
    "mean": "mean of the difference map",
    "top": f"mean of the brightest {100 * TOP_SHARE:g} % of the smoothed difference map",
}


def score_rule(name: str) -> Callable[..., Any]:
    """Return the function of ``SCORE_RULES``: difference map (B, C, H, W) -> scores (B,).

    Raises:
        UsageError: no such rule.
    """
    if name not in SCORE_RULES:
        raise UsageError(
            f"score_by is {name!r}{nearest(name, SCORE_RULES) or ';'} expected one of "
            f"{', '.join(SCORE_RULES)}."
        )
    return SCORE_RULES[name]


def score_words(score_by: str, method: str = HEALTHYGAN) -> str:
    """Say what an image score is; other methods than HealthyGAN have a score of their own.

    >>> score_words("mean"), score_words("mean", "padim")
    ('mean of the difference map', 'that of padim')
    """
    return SCORE_WORDS[score_by] if method == HEALTHYGAN else f"that of {method}"


def subject_score(scores: Iterable[float], how: str = SUBJECT_RULE) -> float:
    """Mean (Brainomaly's convention; the paper is silent) or max of a subject's image scores.

    >>> subject_score([0.25, 0.75]), subject_score([0.25, 0.75], "max")
    (0.5, 0.75)
    """
    values = np.asarray(list(scores), dtype=np.float64)
    if values.size == 0:
        raise ValueError("subject_score: a subject without images has no score.")
    if how not in SUBJECT_RULES:
        raise ValueError(f"subject_score: how is {how!r}; expected one of {sorted(SUBJECT_RULES)}.")
    return float(SUBJECT_RULES[how](values))


def subject_rows(rows: Sequence[ScoreRow], how: str = SUBJECT_RULE) -> list[ScoreRow]:
    """One row a (section, subject, method, seed), in order of first appearance.

    A subject is diseased where any of its images is; unknown where none is and one is unlabelled.
    """
    groups: dict[tuple[str, str, str, int], list[ScoreRow]] = {}
    for row in rows:
        groups.setdefault((row.section, row.subject, row.method, row.seed), []).append(row)
    return [
        replace(
            members[0],
            image="",
            slice=None,
            label=_subject_label([row.label for row in members]),
            score=subject_score((row.score for row in members), how),
            critic_score=_subject_critic_score(members, how),
        )
        for members in groups.values()
    ]


def _subject_critic_score(members: Sequence[ScoreRow], how: str) -> float | None:
    known = [row.critic_score for row in members if row.critic_score is not None]
    return subject_score(known, how) if len(known) == len(members) else None


def _subject_label(labels: Sequence[int | None]) -> int | None:
    if 1 in labels:
        return 1
    return None if None in labels else 0


def write_scores(path: Path, rows: Iterable[ScoreRow]) -> None:
    """Write `scores.csv` whole or not at all; scores keep every digit (repr).

    What an earlier scoring wrote beside it about its own maps and members is removed first.
    """
    path = Path(path)
    rows = list(rows)
    _check(path, rows)
    for name in (LOCALISATION_FILE, MEMBERS_FILE):
        (path.parent / name).unlink(missing_ok=True)
    write_csv(path, FIELDS, (_cells(row) for row in rows))  # None becomes an empty cell


def _cells(row: ScoreRow) -> list[object]:
    """In the order of FIELDS; float() because numpy's repr would say 'np.float64(...)'."""
    return [
        *(row.section, row.image, row.subject, row.slice, row.label, row.method, row.seed),
        repr(float(row.score)),
        row.backbone,
        row.runtime,
        None if row.critic_score is None else repr(float(row.critic_score)),
        row.score_by,
    ]


def read_scores(path: Path) -> list[ScoreRow]:
    """Read `scores.csv`; raises ScoresError naming file, line and what was expected."""
    path = Path(path)
    if not path.is_file():
        raise NoScores(f"{path.name}: no such file in {path.parent.name}. Score images first.")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        try:
            columns, records = read_csv(stream)
        except (UnicodeDecodeError, csv.Error):
            raise ScoresError(
                f"{path.name}: not a CSV file in UTF-8. Score the images again."
            ) from None
        missing = [name for name in NEEDED if name not in columns]
        if missing:
            raise ScoresError(
                f"{path.name}: column {', '.join(missing)} missing; expected {','.join(NEEDED)}."
            )
        rows = [_row(path, line, record) for line, record in records]
    _check(path, rows)
    return rows


def _row(path: Path, line: int, record: dict[str, str]) -> ScoreRow:
    if any(record.get(name) is None for name in NEEDED):
        raise ScoresError(f"{path.name} line {line}: fewer than {len(NEEDED)} columns.")
    try:
        return ScoreRow(
            section=record["section"],
            image=record["image"],
            subject=record["subject"],
            slice=_slice(record["slice"]),
            label=int(record["label"]) if record["label"] else None,
            method=record["method"],
            seed=int(record["seed"]),
            score=float(record["score"]),
            backbone=record.get("backbone") or "",
            runtime=record.get("runtime") or "pytorch",
            critic_score=float(record["critic_score"]) if record.get("critic_score") else None,
            score_by=record.get("score_by") or SCORE_RULE,
        )
    except ValueError as error:
        raise ScoresError(
            f"{path.name} line {line}: {error}. Expected a whole number for label and seed, "
            "a decimal for score and critic_score."
        ) from error


def _slice(text: str) -> int | str | None:
    """Return a number if writing it gives the same text, so that '007' stays a name."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else text


def _check(path: Path, rows: Sequence[ScoreRow]) -> None:
    """Raise all problems at once (five shown), so that one correction is enough."""
    problems: list[str] = []
    seen: set[tuple[str, str, str, int]] = set()
    for number, row in enumerate(rows, start=2):  # line 1 is the header
        key = (row.section, row.image, row.method, row.seed)
        if row.section not in SECTIONS:
            problems.append(f"line {number}: section {row.section!r}; expected {SECTIONS}")
        if row.label not in (0, 1, None):
            problems.append(f"line {number}: label {row.label!r}; expected 0, 1 or empty")
        if not row.subject or not row.image:
            problems.append(f"line {number}: subject and image must not be empty")
        if not math.isfinite(row.score):
            problems.append(f"line {number}: score {row.score!r} is not a finite number")
        if row.critic_score is not None and not math.isfinite(row.critic_score):
            problems.append(f"line {number}: critic_score {row.critic_score!r} is not finite")
        if row.score_by not in SCORE_RULES:
            problems.append(f"line {number}: score_by {row.score_by!r}; expected {[*SCORE_RULES]}")
        if key in seen:
            problems.append(f"line {number}: this image was already scored by this method and seed")
        seen.add(key)
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        raise ScoresError(f"{path.name}: " + "; ".join(problems[:5]) + more + ".")
