"""scores.csv: what writes it during inference and evaluation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from data_prep.files import read_json, sha256, write_json
from healthygan_monai.models.about import training_recipe, weights_hash
from healthygan_monai.scoring import HEALTHYGAN, SCORE_RULE, ScoreRow, write_scores


def scored_items(engine: Engine) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the decollated batch of an evaluator: each image's facts with its results."""
    state: Any = engine.state
    return zip(state.batch, state.output, strict=True)


def write_scored(path: Path, rows: Sequence[ScoreRow], checkpoint: Path | str | None) -> None:
    """scores.csv, and beside it scores.json: which weights the scores are of, if that is known."""
    write_scores(path, rows)
    if checkpoint is not None:
        recipe = training_recipe(checkpoint)
        write_json(
            path.with_suffix(".json"),
            {
                "weights_sha256": weights_hash(checkpoint),
                **({"training_recipe": recipe} if recipe else {}),
                "score_by": rows[0].score_by,
                "scores_sha256": sha256(path),
            },
        )


class ScoresFile:
    """Handler of an evaluator: write scores.csv once every image has its score."""

    def __init__(
        self,
        path: Path | str,
        method: str = HEALTHYGAN,
        seed: int = 0,
        backbone: str = "",
        checkpoint: Path | str | None = None,
    ) -> None:
        self.path = Path(path)
        self.checkpoint = checkpoint
        self.method = method
        self.seed = seed
        self.backbone = backbone
        self.rows: list[ScoreRow] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, lambda _: self.start())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.write())

    def start(self) -> None:
        """Remove the scores of another model: the pictures beside them are about to go, one by one,
        and a run that is killed must not leave both.
        """
        self.rows.clear()
        facts = self.path.with_suffix(".json")
        if self.checkpoint is None or not facts.is_file():
            return
        try:
            made_by = read_json(facts).get("weights_sha256")
        except (ValueError, AttributeError):  # broken: of nobody
            made_by = None
        if made_by != weights_hash(self.checkpoint):
            for path in (self.path, facts):
                path.unlink(missing_ok=True)

    def write(self) -> None:
        """scores.csv, and beside it scores.json: which weights they are of."""
        write_scored(self.path, self.rows, self.checkpoint)

    def collect(self, engine: Engine) -> None:
        for item, output in scored_items(engine):
            label, critic_score = int(item["label"]), output.get("critic_score")
            self.rows.append(
                ScoreRow(
                    section=item["section"],
                    image=item["name"],
                    subject=item["subject"],
                    score=float(output["score"]),
                    slice=None if item["slice"] == "" else int(item["slice"]),
                    label=None if label < 0 else label,
                    method=self.method,
                    seed=self.seed,
                    backbone=self.backbone,
                    runtime=getattr(getattr(engine, "network", None), "runtime", "pytorch"),
                    critic_score=None if critic_score is None else float(critic_score),
                    score_by=output.get("score_by", SCORE_RULE),
                )
            )
