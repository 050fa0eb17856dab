"""Choose the checkpoint that becomes the model, by FID (the paper's) or AUCp (label-free)."""

import csv
import logging
import math
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric
from sklearn.metrics import roc_auc_score

from data_prep.errors import NotFound, UsageError
from data_prep.files import write_csv
from healthygan_monai.errors import Diverged, ModelError
from healthygan_monai.inferer import split_translation
from healthygan_monai.integrity.recorded import forget_sums, record_sums
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.paths import (
    CHECKPOINT_FOLDER,
    CRITIC_FILE,
    FIRST_IS_BEST,
    LOG_FILE,
    MODEL_FILE,
    SELECTION_FILE,
    refuse_ensemble,
)
from healthygan_monai.runs import RunLog, save_weights
from healthygan_monai.scoring import image_score

logger = logging.getLogger(__name__)
LOWER_IS_BETTER = {"fid": True, "aucp": False}


def frechet_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """|mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of two feature sets (n, d), n > 1; at least 0.

    With centred features X / sqrt(n - 1) the last trace is the sum of the singular values of X1
    X2^T, which is exact, needs no matrix square root (unstable where n < d) and costs n^2 d instead
    of d^3.
    Source: Heusel et al. 2017, Eq. 6; tested against MONAI's FIDMetric.

    Raises:
        ValueError: a set has fewer than two rows.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("frechet_distance: each set needs at least two images.")
    first, second = first.double(), second.double()
    means = (first.mean(0), second.mean(0))
    x, y = ((f - m) / math.sqrt(len(f) - 1) for f, m in ((first, means[0]), (second, means[1])))
    cross = torch.linalg.svdvals(x @ y.T).sum()
    distance = (
        (means[0] - means[1]).square().sum() + x.square().sum() + y.square().sum() - 2 * cross
    )
    return max(0.0, float(distance))


def aucp(mixed_scores: torch.Tensor, healthy_scores: torch.Tensor) -> float:
    """ROC-AUC of image scores with every mixed image called positive and every known-healthy one
    negative.

    Source: Rahman Siddiquee et al., AUCp, IEEE TMI 2026. No disease label is used. 0.5 where the
    mixed set holds no more anomalies than the healthy one.

    >>> aucp(torch.tensor([0.1, 0.9]), torch.tensor([0.2, 0.3]))
    0.5
    """
    scores = torch.cat([mixed_scores, healthy_scores]).double().cpu().numpy()
    return float(roc_auc_score([1] * len(mixed_scores) + [0] * len(healthy_scores), scores))


def aucp_error(found: float, mixed: int, healthy: int) -> float:
    """Standard error of an AUCp from so many subjects of each set.

    Subjects are counted, since images of one subject are no independent evidence.
    Source: Hanley and McNeil, Radiology 1982;143:29-36, Eq. 2.

    >>> round(aucp_error(0.9, 50, 50), 3)
    0.032
    """
    first, second = found / (2 - found), 2 * found**2 / (1 + found)
    spread = (mixed - 1) * (first - found**2) + (healthy - 1) * (second - found**2)
    return math.sqrt((found * (1 - found) + spread) / (mixed * healthy))


def finite(values: torch.Tensor) -> torch.Tensor:
    """Return the values.

    Raises:
        Diverged: one is not finite.
    """
    if not torch.isfinite(values).all():
        raise Diverged(
            "the training diverged: translated images hold values that are not finite. Begin a "
            "new run with a lower learning_rate."
        )
    return values


class FIDCriterion(CumulativeIterationMetric):
    """FID between translated mixed images and real healthy ones, collected batch by batch.

    ``y_pred`` (B, C, H, W) in [-1, 1]: a translated image where ``y`` is 1 (mixed), the real one
    where it is 0.
    """

    def __init__(self, features: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.features = features

    def _compute_tensor(  # type: ignore[override]
        self, y_pred: torch.Tensor, y: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert y is not None
        found = self.features(y_pred)
        return torch.cat([y.reshape(-1, 1).to(found), found], dim=1)

    def aggregate(self) -> float:
        """FID over everything collected.

        Raises:
            Diverged: a translated image is not finite.
        """
        rows = finite(self.get_buffer())
        return frechet_distance(rows[rows[:, 0] == 1, 1:], rows[rows[:, 0] == 0, 1:])


class AUCpCriterion(CumulativeIterationMetric):
    """AUCp of image scores ``y_pred`` (B, 1); ``y`` is 1 for mixed and 0 for healthy images."""

    def _compute_tensor(  # type: ignore[override]
        self, y_pred: torch.Tensor, y: torch.Tensor | None = None
    ) -> torch.Tensor:
        assert y is not None
        return torch.cat([y.reshape(-1, 1).to(y_pred), y_pred.reshape(-1, 1)], dim=1)

    def aggregate(self) -> float:
        """AUCp over everything collected.

        Raises:
            Diverged: a score is not finite.
        """
        rows = finite(self.get_buffer())
        return aucp(rows[rows[:, 0] == 1, 1], rows[rows[:, 0] == 0, 1])


def criterion_metrics(features: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    """``fid`` and ``aucp`` as metrics of a MONAI evaluator that uses ``HealthyGANInferer``."""

    def for_fid(output: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        healthy, _, _ = split_translation(output["pred"])
        is_mixed = output["label"].reshape(-1, 1, 1, 1) == 1
        return torch.where(is_mixed, healthy, output["image"]), output["label"]

    def for_aucp(output: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        _, _, difference = split_translation(output["pred"])
        return image_score(difference).reshape(-1, 1), output["label"]

    return {
        "fid": IgniteMetricHandler(metric_fn=FIDCriterion(features), output_transform=for_fid),
        "aucp": IgniteMetricHandler(metric_fn=AUCpCriterion(), output_transform=for_aucp),
    }


@dataclass(frozen=True)
class Candidate:
    """One checkpoint and its criteria; a row of selection.csv.

    ``aucp_error`` is the standard error of an AUCp of kept-out subjects; 0 of images trained on.
    """

    iteration: int
    fid: float
    aucp: float
    fid_features: str
    chosen: int = 0
    aucp_error: float = 0.0


def choose(candidates: list[Candidate], criterion: str) -> Candidate:
    """Return the best candidate; the earliest if several tie.

    An AUCp of kept-out subjects has a standard error. Candidates within one of the best are alike,
    and the latest of them is taken: its learning rate is the lowest and its average the longest.

    Raises:
        ValueError: no candidates, or an unknown criterion.
    """
    if criterion not in LOWER_IS_BETTER:
        raise UsageError(f"criterion is {criterion!r}; expected one of {sorted(LOWER_IS_BETTER)}.")
    if not candidates:
        raise NotFound("no checkpoint has been judged yet; train at least one epoch.")
    sign = 1 if LOWER_IS_BETTER[criterion] else -1
    best = min(candidates, key=lambda c: (sign * getattr(c, criterion), c.iteration))
    if criterion != "aucp" or not best.aucp_error:
        return best
    alike = [c for c in candidates if c.aucp >= best.aucp - best.aucp_error]
    return max(alike, key=lambda c: c.iteration)


def read_selection(run: Path) -> list[Candidate]:
    """Return selection.csv of a run folder; empty where there is none.

    Raises:
        ModelError: it is broken; names the line.
    """
    path = run / SELECTION_FILE
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        rows = csv.DictReader(stream)
        try:
            return [_candidate(row) for row in rows]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise ModelError(
                f"{path}: line {rows.line_num} is not a judged checkpoint "
                f"({type(error).__name__}). Copy the run folder again."
            ) from error


def _candidate(row: Mapping[str, str]) -> Candidate:
    return Candidate(
        int(row["iteration"]),
        float(row["fid"]),
        float(row["aucp"]),
        row["fid_features"],
        int(row["chosen"]),
        float(row.get("aucp_error") or 0),
    )


def write_selection(run: Path, candidates: list[Candidate], chosen: Candidate) -> None:
    """Write selection.csv, completely or not at all, in the order of iterations."""
    rows = (
        astuple(replace(c, chosen=int(c.iteration == chosen.iteration)))
        for c in sorted(candidates, key=lambda c: c.iteration)
    )
    write_csv(run / SELECTION_FILE, list(Candidate.__dataclass_fields__), rows)


def warn_of_first(candidates: list[Candidate], chosen: Candidate) -> None:
    """Warn where the first of several checkpoints was chosen."""
    if len(candidates) > 1 and chosen.iteration == min(c.iteration for c in candidates):
        logger.warning("%s", FIRST_IS_BEST)


def generator_checkpoint(run: Path, iteration: int) -> Path:
    """Return the file of the generator's weights after an iteration."""
    return run / CHECKPOINT_FOLDER / f"generator_{iteration:07d}.pt"


def critic_checkpoint(run: Path, iteration: int) -> Path:
    """Return the file of a pretrained critic's heads after an iteration."""
    return run / CHECKPOINT_FOLDER / f"critic_{iteration:07d}.pt"


def make_model(run: Path, iteration: int) -> None:
    """Write model.pt from a checkpoint's generator, and critic.pt from its critic if there is one.

    The old critic.pt is removed first: a stopped process leaves none, but never another
    checkpoint's.
    """
    (run / CRITIC_FILE).unlink(missing_ok=True)
    generator, critic = generator_checkpoint(run, iteration), critic_checkpoint(run, iteration)
    save_weights(read_weights(generator), run / MODEL_FILE)
    if critic.is_file():
        save_weights(read_weights(critic), run / CRITIC_FILE)


def select(run: Path, criterion: str) -> Candidate:
    """Choose again among the judged checkpoints of a run; rewrite its model and selection.csv.

    Raises:
        UsageError: the run is an ensemble, which has no checkpoints, or it is being trained.
    """
    refuse_ensemble(run)
    with closing(RunLog(run / LOG_FILE)):
        candidates = read_selection(run)
        chosen = choose(candidates, criterion)
        path = generator_checkpoint(run, chosen.iteration)
        if not path.is_file():
            text = "is gone, so it cannot become model.pt; choose another criterion."
            raise NotFound(f"{path} {text}")
        forget_sums(run)
        make_model(run, chosen.iteration)
        write_selection(run, candidates, chosen)
        record_sums(run)
    warn_of_first(candidates, chosen)
    return chosen


class CheckpointSelection:
    """Handler: after each validation, record the criteria and keep model.pt the best generator so
    far.

    Attach to the trainer, whose checkpoint handler must save the generator before the validation
    runs.

    Args:
        run: the run folder.
        evaluator: whose metrics are the criteria.
        criterion: fid or aucp.
        fid_features: name of the features of FID, for selection.csv.
        judges: mixed and healthy subjects kept out of training, who alone judge; None if the images
            that judge were trained on.
        patience: after more than this many checkpoints without a better one training ends; 0 lets
            it go on to the end.
    """

    def __init__(
        self,
        run: Path | str,
        evaluator: Engine,
        criterion: str,
        fid_features: str,
        patience: int = 0,
        judges: tuple[int, int] | None = None,
    ) -> None:
        # refuse an unknown criterion early
        choose([Candidate(0, 0.0, 0.0, fid_features)], criterion)
        self.run = Path(run)
        self.evaluator = evaluator
        self.criterion = criterion
        self.fid_features = fid_features
        self.patience, self.judges = patience, judges

    def attach(self, engine: Engine) -> None:
        # the evaluator's event, not the trainer's: not every epoch ends with a validation
        # (val_interval)
        self.evaluator.add_event_handler(Events.COMPLETED, lambda _: self(engine))

    def __call__(self, engine: Any) -> None:
        iteration = engine.state.iteration
        if iteration == 0:  # the evaluator was run on its own
            return
        metrics = self.evaluator.state.metrics
        found = float(metrics["aucp"])
        candidate = Candidate(
            iteration,
            float(metrics["fid"]),
            found,
            self.fid_features,
            aucp_error=aucp_error(found, *self.judges) if self.judges else 0.0,
        )
        earlier = [c for c in read_selection(self.run) if c.iteration < iteration]
        chosen = choose([*earlier, candidate], self.criterion)
        if chosen.iteration == iteration:
            make_model(self.run, iteration)
        write_selection(self.run, [*earlier, candidate], chosen)
        logger.info(
            "iter %d  FID[%s] %.3f  AUCp %.3f  chosen so far (%s): iter %d",
            *(
                iteration,
                self.fid_features,
                candidate.fid,
                candidate.aucp,
                self.criterion,
                chosen.iteration,
            ),
        )
        since = sum(c.iteration > chosen.iteration for c in [*earlier, candidate])
        if self.patience and since > self.patience:
            logger.info("%d checkpoints without a better one: training ends", since)
            engine.state.ended_early = True
            engine.terminate()
        if engine.state.ended_early or iteration == engine.max_iterations:
            warn_of_first([*earlier, candidate], chosen)
