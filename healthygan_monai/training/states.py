"""What a translation can come to: all of the image changes, or nothing; one home of the limits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

# mean mask of a masked translation; of an additive one, the share of pixels that it changes
ALL_OPEN = 0.95  # above: all of the image is redrawn
MASK_SHUT = 0.005  # below: nothing is
NOTHING_CHANGES = 0.0005  # below: nothing is, for an additive translation


class State(NamedTuple):
    """What a translation has come to, what that means, and what to change in the next run."""

    title: str
    meaning: str
    remedy: str


OPEN = "The healthy picture may be another patient's, and the difference map shows no place."
SHUT = "Nothing is translated, and scores come from almost no pixels."
STATES: dict[tuple[bool, bool], State] = {  # (additive, open)
    (False, True): State(
        "The mask is all open", OPEN, "Train with a higher price, lambda_fs or lambda_id"
    ),
    (False, False): State(
        "The mask is all shut", SHUT, "Train with a lower price, lambda_id or lambda_f"
    ),
    (True, True): State(
        "Everything changes", OPEN, "Train with a higher price, or with one if it had none"
    ),
    (True, False): State(
        "Nothing changes", SHUT, "Train with a lower price, or for longer if it had none"
    ),
}


def is_additive(row: Mapping[str, Any]) -> bool:
    """Whether a trainer's output, or a line of metrics.jsonl, is of an additive translation."""
    return "g_change" in row


def is_shut(mask_mean: float, additive: bool) -> bool:
    """Whether a translation with that mean mask changes nothing."""
    return mask_mean < (NOTHING_CHANGES if additive else MASK_SHUT)


def state_of(mask_mean: float, additive: bool) -> State | None:
    """Return the state that a mean mask shows; None where the translation chooses places."""
    if mask_mean > ALL_OPEN:
        return STATES[additive, True]
    if is_shut(mask_mean, additive):
        return STATES[additive, False]
    return None
