"""The score of each image by each member of an ensemble, beside the ensemble's own."""

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from torch.utils.hooks import RemovableHandle

from healthygan_monai.evaluation.members import MemberScore, write_member_scores
from healthygan_monai.inference.scores_file import scored_items
from healthygan_monai.inferer import prediction, scores_and_maps
from healthygan_monai.models.scorer import plain
from healthygan_monai.networks import GeneratorEnsemble
from healthygan_monai.paths import members_of
from healthygan_monai.scoring import SCORE_RULE


class MemberScores:
    """Handler of an evaluator: write members.csv once every image has its scores.

    The members are computed once: their outputs are caught on the way to the ensemble's.

    Args:
        path: of members.csv; removed where the network is not an ensemble.
        network: that the evaluator runs.
        checkpoint: its model.pt; run.json beside it names the members.
        score_by: rule of the scores.
    """

    def __init__(
        self,
        path: Path | str,
        network: torch.nn.Module,
        checkpoint: Path | str,
        score_by: str = SCORE_RULE,
    ) -> None:
        self.path, self.score_by = Path(path), score_by
        self.members = [*network.members] if isinstance(network, GeneratorEnsemble) else []
        known = members_of(Path(checkpoint).parent) if self.members else []
        numbers = [{"run": str(number), "seed": ""} for number in range(len(self.members))]
        self.known = known if len(known) == len(self.members) else numbers
        self.drawn: dict[int, torch.Tensor] = {}
        self.hooks: list[RemovableHandle] = []
        self.scores: list[MemberScore] = []

    def attach(self, engine: Engine) -> None:
        if not self.members:
            engine.add_event_handler(Events.COMPLETED, lambda _: self.path.unlink(missing_ok=True))
            return
        engine.add_event_handler(Events.STARTED, lambda _: self.start())
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self.score)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.write())

    def start(self) -> None:
        """Begin to catch what each member draws."""
        self.scores.clear()

        def catch(number: int) -> Any:
            return lambda _, __, drawn: self.drawn.__setitem__(number, drawn)

        self.hooks = [m.register_forward_hook(catch(k)) for k, m in enumerate(self.members)]

    @torch.no_grad()
    def score(self, engine: Engine) -> None:
        output: Any = engine.state.output
        images = plain(output["image"])
        preds = [prediction(images, plain(self.drawn[k])) for k in range(len(self.members))]
        scores = [scores_and_maps(pred, self.score_by)[0] for pred in preds]
        output["member_scores"] = torch.stack(scores, dim=1)  # (B, members)

    def collect(self, engine: Engine) -> None:
        for item, output in scored_items(engine):
            for known, score in zip(self.known, output["member_scores"], strict=True):
                names = (item["section"], item["name"], known["run"], str(known["seed"]))
                self.scores.append(MemberScore(*names, score=float(score)))

    def write(self) -> None:
        for hook in self.hooks:
            hook.remove()
        self.drawn.clear()
        write_member_scores(self.path, self.scores)
