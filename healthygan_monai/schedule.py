"""Learning rate: constant, then linear to zero over the last iterations (paper, Appx. A)."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from data_prep.errors import UsageError

SCHEDULES = ("linear", "authors")
AUTHORS_STEP = 1000  # authors' solver.py changes the rate only every 1,000 iterations


def linear_decay_factor(iteration: int, max_iterations: int, decay_iterations: int) -> float:
    """Factor of the learning rate after i critic updates: min(1, (N - i) / decay) >= 0."""
    if decay_iterations <= 0:
        return 1.0
    return max(0.0, min(1.0, (max_iterations - iteration) / decay_iterations))


def authors_decay_factor(iteration: int, max_iterations: int, decay_iterations: int) -> float:
    """What the authors' code does: 1 / decay off the rate once every 1,000 iterations of the last
    ``decay``.

    Over the published 100,000 last iterations this takes off 0.1 % in all, that is, nothing. Kept
    so that the published run can be repeated.
    """
    if decay_iterations <= 0:
        return 1.0
    steps = max(0, iteration // AUTHORS_STEP - (max_iterations - decay_iterations) // AUTHORS_STEP)
    return 1.0 - steps / decay_iterations


def decay_schedule(
    optimizer: Optimizer, max_iterations: int, decay_iterations: int, schedule: str = "linear"
) -> LambdaLR:
    """Return the schedule as a PyTorch scheduler, stepped once a critic update.

    Raises:
        UsageError: unknown ``schedule``, or more decay iterations than iterations.
    """
    if schedule not in SCHEDULES:
        raise UsageError(f"lr_schedule is {schedule!r}; expected one of {SCHEDULES}.")
    if not 0 <= decay_iterations <= max_iterations:
        raise UsageError(
            f"decay_iterations is {decay_iterations}; expected 0 to max_iterations "
            f"({max_iterations})."
        )
    factor = linear_decay_factor if schedule == "linear" else authors_decay_factor
    return LambdaLR(optimizer, lambda i: factor(i, max_iterations, decay_iterations))
