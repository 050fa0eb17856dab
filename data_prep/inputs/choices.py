"""Who the inputs show, which of them are used, and how they are split."""

from dataclasses import dataclass, field
from pathlib import Path

from data_prep.errors import UsageError

PSEUDONYMS = ("given", "keyed")


@dataclass(frozen=True)
class Cohort:
    """The choices about people.

    table, columns, where: see table.py. by_folders: without a table, sub-folders named like
    sections or groups decide. pseudonyms: 'keyed' replaces subject names, 'given' takes them as
    they are. key_file: of the pseudonyms; salt: its content once it is loaded. validation, test:
    shares of the subjects, where groups are to be split, by seed. cleared: a file that lists the
    films which may hold burned-in text, see allowed.py.
    """

    table: Path | None = None
    columns: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    by_folders: bool = True
    pseudonyms: str = "keyed"
    key_file: Path | None = None
    salt: bytes = field(default=b"", repr=False)
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0
    cleared: Path | None = None

    def __post_init__(self) -> None:
        if self.pseudonyms not in PSEUDONYMS:
            raise UsageError(f"pseudonyms is {self.pseudonyms!r}; expected given or keyed")
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise UsageError("validation and test are shares of the subjects, together under 1")

    @property
    def keyed(self) -> bool:
        """True where subjects get keyed pseudonyms."""
        return self.pseudonyms == "keyed"
