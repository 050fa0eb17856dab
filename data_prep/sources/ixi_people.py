"""Sex and age of IXI's subjects, from a spreadsheet with quirks."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError
from data_prep.read.spreadsheet import read_rows

_COLUMNS = {"id": "IXI_ID", "sex": "SEX_ID", "age": "AGE"}
SEXES = {"1": "M", "2": "F"}
HOME = "https://brain-development.org/ixi-dataset/"


def read_people(path: Path) -> tuple[dict[str, tuple[str, float | None]], dict[str, int]]:
    """Subject -> (sex, age in years), counts of quirks; 0 or disagreement means unknown."""
    table = read_rows(path, "Table")
    header = [name.upper() for name in table[0]] if table else []
    at = {}
    for ours, theirs in _COLUMNS.items():
        column = next((k for k, name in enumerate(header) if name.startswith(theirs)), None)
        if column is None:
            raise DataError(f"{path}: no column {theirs}. Expected the sheet 'Table' of {HOME}.")
        at[ours] = column
    known: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for row in table[1:]:
        cells = {name: row[k] if k < len(row) else "" for name, k in at.items()}
        if cells["id"].isdigit() and int(cells["id"]):
            known[f"IXI{int(cells['id']):03d}"].append(
                (SEXES.get(cells["sex"], ""), _age(cells["age"]))
            )
    people: dict[str, tuple[str, float | None]] = {}
    torn = 0
    for subject, rows in sorted(known.items()):
        sexes, ages = {sex for sex, _ in rows if sex}, {age for _, age in rows if age is not None}
        torn += len(sexes) > 1 or len(ages) > 1
        people[subject] = (_only(sorted(sexes)) or "", _only(sorted(ages)))
    quirks = {
        "rows": sum(len(rows) for rows in known.values()),
        "subjects_with_several_rows": sum(len(rows) > 1 for rows in known.values()),
        "subjects_whose_rows_disagree": torn,
    }
    return people, quirks


def _only(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else None


def _age(text: str) -> float | None:
    try:
        age = float(text.replace(",", "."))
    except ValueError:
        return None
    return round(age, 2) if 0 < age < 120 else None
