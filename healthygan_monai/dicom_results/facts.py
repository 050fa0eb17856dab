"""What the results say of a score, and the UIDs that follow from it."""

import math
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from data_prep.errors import UsageError
from healthygan_monai.scoring import HEALTHYGAN, SCORE_RULE, score_rule, score_words

RESEARCH = "research, not for diagnosis"
MAKER = "HealthyGAN for MONAI"
LONGEST_PREFIX, LONGEST_TEXT = 20, 64  # a Series Description is an LO of 64 (PS3.5 6.2)
# series numbers and names of what is made, in this order
KINDS = {"overlay": 1, "marked": 2, "map": 3, "report": 4}


@dataclass(frozen=True)
class ResultFacts:
    """What is told of one image or subject.

    score: higher = more anomalous. score_threshold, score_policy: the cut of the score and how it
    was chosen, in words; None where there is none. map_threshold, map_source: the cut by which
    pixels were marked, and where it is from. algorithm, version, weights_sha256, method: who
    scored. prefix: the first word of every Series Description. when: date and time of the content;
    None for the time of the call. warnings: what people must know of the input, without
    identifiers. frame: the one that was scored of a film of several, from 0; None for slices, and
    for a film's first. score_by: rule of the image score, a key of ``scoring.SCORE_RULES``.
    training_recipe: of the model, ``paper`` or ``pretrained``; None if unknown. Raises UsageError:
    a value that DICOM cannot hold, an unknown rule.
    """

    score: float
    weights_sha256: str
    version: str
    algorithm: str = "HealthyGAN"
    method: str = HEALTHYGAN
    score_threshold: float | None = None
    score_policy: str | None = None
    map_threshold: float | None = None
    map_source: str | None = None
    prefix: str = "HealthyGAN"
    when: datetime | None = None
    warnings: Sequence[str] = ()
    frame: int | None = None
    score_by: str = SCORE_RULE
    training_recipe: str | None = None

    def __post_init__(self) -> None:
        score_rule(self.score_by)  # refuses an unknown one
        for name in ("score", "score_threshold", "map_threshold"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise UsageError(f"{name}: expected a finite number; found {value}.")
        if not re.fullmatch(r"[0-9a-f]{64}", self.weights_sha256):
            raise UsageError("weights_sha256: expected the 64 digits of a SHA-256.")
        limits = {"prefix": LONGEST_PREFIX, "algorithm": LONGEST_TEXT, "version": LONGEST_TEXT}
        for name, most in limits.items():
            value = getattr(self, name)
            if not value.strip() or len(value) > most or not value.isprintable() or "\\" in value:
                raise UsageError(f"{name}: expected 1 to {most} letters without a backslash.")
        if not all(text.strip() and text.isprintable() for text in self.warnings):
            raise UsageError("warnings: expected texts of one line.")

    def series_description(self, kind: str) -> str:
        return f"{self.prefix} {kind}: {RESEARCH}"

    def parameters(self) -> dict[str, str]:
        """Return what identifies the algorithm and its cuts, as words."""
        found: dict[str, object] = {
            "method": self.method,
            "training recipe": self.training_recipe,
            "image score": score_words(self.score_by, self.method),
            "weights SHA-256": self.weights_sha256,
            "score threshold": self.score_threshold,
            "score threshold policy": self.score_policy,
            "map threshold": self.map_threshold,
            "map threshold source": self.map_source,
        }
        return {k: _words(value) for k, value in found.items() if value is not None}

    def above(self) -> bool | None:
        """Return whether the score reaches its threshold, None without one."""
        return None if self.score_threshold is None else self.score >= self.score_threshold

    def uid(self, what: str, sources: Sequence[Dataset]) -> str:
        """Return a UID that is the same for the same sources and the same facts but the time.

        "2.25." and a name-based UUID (PS3.5 B.2; RFC 9562, version 5). So a result that is made
        and sent a second time replaces itself, and one of other weights or cuts is a new one.
        """
        facts = (f"{self.score:.6g}", self.version, self.algorithm, *self.parameters().items())
        facts += (*self.warnings, *([self.frame] if self.frame else ()))
        instances = [str(source.SOPInstanceUID) for source in sources]
        name = repr((what, facts, instances))
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def _words(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
