"""Turn the network's output for a request into the scores, maps and JSON of the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import healthygan_monai
from data_prep.datalist import PICTURES
from data_prep.files import sha256
from healthygan_monai.inferer import scores_and_maps
from healthygan_monai.models.about import training_recipe
from healthygan_monai.models.scorer import plain
from healthygan_monai.scoring import HEALTHYGAN, SUBJECT_RULE, subject_score
from healthygan_monai.serving.options import LABEL
from healthygan_monai.serving.received import Received
from healthygan_monai.serving.serving_json import SERVED_BY, Cut, Description


@dataclass(frozen=True)
class Request:
    """What the answer needs from a request. threshold: the request's own; None for the model's."""

    description: Description
    received: Received
    output: str
    threshold: float | None
    checkpoint: Path

    def cut(self) -> Cut:
        if self.threshold is None:
            return self.description.cut
        return Cut(self.threshold, "given with the request")


def maps_and_scores(pred: torch.Tensor, received: Received) -> tuple[np.ndarray, list[float]]:
    """Return difference maps float32 (N, size, size) and image scores; 0 for empty slices."""
    slices = plain(pred)
    if received.indices is None:
        slices = slices[..., None]
    scores, maps = scores_and_maps(slices.movedim(-1, 0).cpu(), SERVED_BY)  # of (N, 2C + 1, S, S)
    empty = torch.as_tensor(received.empty)
    difference = maps["difference"][:, 0].masked_fill(empty[:, None, None], 0)
    return difference.numpy(), scores.masked_fill(empty, 0).tolist()


def answer(
    request: Request, cut: Cut, scores: Sequence[float], whole: torch.Tensor, marked: torch.Tensor
) -> dict[str, Any]:
    """Return the JSON of an answer; plain values only."""
    received, description = request.received, request.description
    used = [s for s, counts in zip(scores, received.used, strict=True) if counts]
    found: dict[str, Any] = {
        "anomaly_score": max(used),
        "subject_score": subject_score(used, SUBJECT_RULE),
        "score_by": SERVED_BY,
        "subject_rule": SUBJECT_RULE,
        "output": request.output,
        "labels": {"anomaly": 1},
        "threshold": cut.value,
        "threshold_source": cut.source,
        "marked_share": float(marked.float().mean()),
        "largest_difference": float(whole.max()),
        "score_thresholds": description.scores,
        "promised_thresholds": description.promised,
        "model": {
            "method": HEALTHYGAN,
            "version": healthygan_monai.__version__,
            "weights_sha256": sha256(request.checkpoint),
            "image_size": description.size,
            "training_recipe": training_recipe(request.checkpoint),
        },
        "input": {"kind": received.kind, "size": [int(n) for n in whole.shape]},
        "warnings": [*description.warnings, *received.warnings],
    }
    if received.indices is not None:
        found["input"]["plane"] = received.plane
        found["slices"] = [
            {"index": i, "score": score, "counted": counts, "empty": empty}
            for i, score, counts, empty in zip(
                received.indices, scores, received.used, received.empty, strict=True
            )
        ]
        found["anomaly_slice"] = max(
            (s for s in found["slices"] if s["counted"]), key=lambda s: s["score"]
        )["index"]
    return found


def shown(whole: torch.Tensor, marked: torch.Tensor, output: str, extension: str) -> torch.Tensor:
    """Return what is sent: (columns, rows), or (1, I, J, K); MONAI Label drops that channel.

    A picture is for eyes: marked pixels are 255 in it. Other label maps hold the label, 1.
    """
    picture = extension.lower() in PICTURES
    if output == LABEL:
        sent = marked.to(torch.uint8) * (255 if picture else 1)
    elif picture:
        sent = (torch.as_tensor(np.asarray(whole)) * 255).round().clamp(0, 255).to(torch.uint8)
    else:
        sent = torch.as_tensor(np.asarray(whole))
    return sent[None] if sent.ndim == 3 else sent
