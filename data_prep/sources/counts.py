"""How many: the paper's sizes, others asked for with --counts, and a refusal that helps."""

from collections.abc import Mapping

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.inputs.sections import section_of

Counts = Mapping[str, tuple[int, int]]  # section -> (healthy, diseased)


def parse_counts(text: str, default: Counts) -> dict[str, tuple[int, int]]:
    """Parse "healthy=424,test=10+10"; other sections keep the paper's; UsageError: which part."""
    counts = dict(default)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        section = section_of(name)
        numbers = value.split("+")
        if section is None or not all(number.strip().isdigit() for number in numbers):
            raise UsageError(f"--counts {part}: expected for example healthy=424 or mixed=84+76")
        if len(numbers) != (1 if section == "training_healthy" else 2):
            raise UsageError(
                f"--counts {part}: healthy takes one number, the others healthy + diseased"
            )
        healthy, diseased = (int(number) for number in (*numbers, "0")[:2])
        counts[section] = (healthy, diseased)
    return counts


def counts_text(counts: Counts) -> str:
    """What --counts takes."""
    parts = []
    for name, (healthy, diseased) in counts.items():
        short = name.removeprefix("training_")
        parts.append(
            f"{short}={healthy}" if short == "healthy" else f"{short}={healthy}+{diseased}"
        )
    return ",".join(parts)


def require(
    counts: Counts, healthy: int, diseased: int, what: str, unit: str, *, fixed: bool = False
) -> None:
    """DataError, with sizes that would do, if there are too few; fixed: no other sizes exist."""
    need = [sum(pair[k] for pair in counts.values()) for k in (0, 1)]
    if need[0] <= healthy and need[1] <= diseased:
        return
    factor = min(
        have / wanted for have, wanted in zip((healthy, diseased), need, strict=True) if wanted
    )
    smaller = {name: (int(h * factor), int(d * factor)) for name, (h, d) in counts.items()}
    shortage = (
        f"{what}: {need[0]:,} healthy and {need[1]:,} diseased {unit} are needed, "
        f"{healthy:,} and {diseased:,} are there. Complete the data"
    )
    if fixed:
        raise DataError(f"{shortage}: the rule sets the sizes.")
    asked = [h for pair in counts.values() for h in pair]
    offered = [h for pair in smaller.values() for h in pair]
    if any(a and not b for a, b in zip(asked, offered, strict=True)):
        raise DataError(f"{shortage}: with so few, some section would be empty.")
    raise DataError(
        f"{shortage}, or choose other sizes, for example --counts {counts_text(smaller)}"
    )
