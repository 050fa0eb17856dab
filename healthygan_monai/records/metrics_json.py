"""One line of metrics.jsonl: numbers by name, of one iteration."""

from collections.abc import Iterator
from typing import Any

from healthygan_monai.records.schema import Kind, holding, named, number, or_none, whole

_ITERATION = holding({"iteration": whole}, ["iteration"])
_ANY = Kind(
    number.expected, lambda v: isinstance(v, float) or number.fits(v)
)  # NaN of a divergence
_NUMBERS = named(or_none(_ANY))


def _both(where: str, value: Any) -> Iterator[str]:
    yield from _ITERATION.inside(where, value)
    yield from _NUMBERS.inside(where, value)


METRICS = Kind(_ITERATION.expected, _ITERATION.fits, _both)
