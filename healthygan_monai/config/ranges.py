"""What the settings of a run may be; checked before anything is made or read."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

WHOLE = {  # key: least value
    "batch_size": 1,
    "max_iterations": 1,
    "n_critic": 1,
    "checkpoints": 1,
    "epoch_length": 1,
    "log_interval": 1,
    "val_interval": 1,
    "selection_images": 2,
    "decay_iterations": 0,
    "num_workers": 0,
    "seed": 0,
    "bootstrap": 1,
    "patience": 0,
    "price_folds": 1,
    "price_batch_size": 1,
    "price_iterations": 1,
    "price_warmup": 0,
    "generator_channels": 1,
    "generator_blocks": 0,
    "critic_channels": 1,
    "critic_layers": 1,
    "critic_size": 32,
}
SHARES = ("flip_prob", "cache_rate")
ABOVE_0 = ("learning_rate", "critic_learning_rate", "focus_eps")
FROM_0 = (
    *("lambda_gp", "lambda_id", "lambda_rec", "lambda_f", "lambda_fs", "lambda_fz"),
    *("lambda_adv_healthy", "price_healthy"),
)
PARTS = ("kept_out", "price_kept_out")  # of the subjects; the others learn
BELOW_1 = ("ema", "critic_dropout")
CHANNELS = (1, 3)
TRUTHS = ("accept_changed_weights", "amp", "critic_adapt", "mirrored", "reconstruction_moves_mask")


def wrong_settings(config: Mapping[str, Any]) -> Iterator[str]:
    """Return one sentence for every invalid setting that is a value (expressions are skipped)."""
    for key, value in config.items():
        if isinstance(value, str) and value.startswith(("$", "@", "%")):
            continue
        expected = _expected(key, value)
        if expected:
            yield f"{key} is {value!r}; expected {expected}"


def _expected(key: str, value: Any) -> str | None:
    number = _is_number(value)
    whole = number and isinstance(value, int)
    if key in WHOLE and not (whole and value >= WHOLE[key]):
        return f"a whole number, {WHOLE[key]} or more"
    if key in SHARES and not (number and 0 <= value <= 1):
        return "a number from 0 to 1"
    if key in PARTS and not (number and 0 <= value <= 0.5):
        return "a share from 0 to 0.5"
    if key in ABOVE_0 and not (number and value > 0):
        return "a number above 0"
    if key in FROM_0 and not (number and value >= 0):
        return "a number, 0 or more"
    if key == "price" and not (value in (None, "auto") or (number and value > 0)):
        return "a number above 0, or auto to have it chosen"
    if key == "prices" and not _are_prices(value):
        return "a list of numbers above 0"
    if key in BELOW_1 and not (number and 0 <= value < 1):
        return "a number from 0 to below 1"
    if key == "image_channels" and value not in CHANNELS:
        return "1 (grey) or 3 (as the published checkpoints)"
    if key in TRUTHS and not isinstance(value, bool):
        return "true or false"
    if key == "betas" and not _is_betas(value):
        return "two numbers from 0 to below 1"
    return None


def _are_prices(value: Any) -> bool:
    numbers = isinstance(value, (list, tuple)) and value
    return bool(numbers) and all(_is_number(v) and v > 0 for v in value)


def _is_betas(value: Any) -> bool:
    pair = isinstance(value, (list, tuple)) and len(value) == 2
    return pair and all(_is_number(b) and 0 <= b < 1 for b in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
