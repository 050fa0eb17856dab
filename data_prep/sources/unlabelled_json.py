"""Public lists of normal, unlabelled and test images: data.json of DDAD, DDAD-ASR, MedIAnomaly."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data_prep.datalist import DataError
from data_prep.errors import MissingData, UsageError
from data_prep.files import read_json
from data_prep.frame.recipe import flag
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.counts import Counts, parse_counts
from data_prep.sources.draw import shuffled
from data_prep.sources.files import Files, located, one_file

LISTS = "*data.json"
SITES = "https://github.com/caiyu6666/DDAD-ASR (data/) or https://zenodo.org/records/12677223"
CARD = Card(
    name="unlabelled-json",
    title="Lists of known normal, unlabelled and test images: RSNA, VinDr-CXR, brain tumour, LAG",
    link="https://github.com/caiyu6666/DDAD-ASR, https://github.com/caiyu6666/MedIAnomaly",
    licence="lists MIT; the images carry the terms of their data sets",
    citation="Cai et al., DDAD, MICCAI 2022 and Med Image Anal 2023; MedIAnomaly, 2024",
    volume="RSNA 3,851 + 4,000 + 2,000 films as PNG of 512 x 512",
    expected=(
        Expected(LISTS, 'the list, {"train": {"0", "unlabeled"}, "test"}', SITES),
        Expected("images/*", "the pictures it names", "the data set, as the list's page says"),
    ),
    flaws=(
        "The lists name images, not patients: slices of one head may be on both sides (brain "
        "tumour).",
        "The share of anomalies in the unlabelled set is chosen (0.6), and high.",
        "No validation images, unless --counts takes some of the unlabelled pool that is left.",
    ),
    size=64,
    framing="none",
)
# DDAD's cfgs: ar 0.6; extra_data 4000 (RSNA, VinDr), fewer where there are fewer
RATE, MOST = 0.6, 4000


@dataclass(frozen=True)
class Options:
    """Choices of the protocol; rate holds where --counts does not say."""

    seed: int = 0
    counts: str = ""
    rate: float = flag(
        RATE, "anomalies in the mixed set, taken from the head of each list", metavar="SHARE"
    )
    lists: Path | None = flag(None, "the list (default: the one in INPUT)", metavar="FILE.json")
    output: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise UsageError(f"--rate {self.rate}: expected a share from 0 to 1")


@dataclass(frozen=True)
class Lists:
    """Names of images, in the order of the file. pool and test: healthy, diseased."""

    healthy: tuple[str, ...]
    pool: tuple[tuple[str, ...], tuple[str, ...]]
    test: tuple[tuple[str, ...], tuple[str, ...]]


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it."""
    files = Files(folder, options.output)
    try:
        lists = read_lists(one_file(files, CARD, LISTS, options.lists))
    except DataError as error:
        return [str(error)]
    names = [*lists.healthy, *lists.pool[0], *lists.pool[1], *lists.test[0], *lists.test[1]]
    lost = sum(files.find(name, (".dcm",)) is None for name in names)
    if not lost or files.zipped():
        return []
    return [f"{lost:,} of {len(names):,} images are not below {folder}; see {CARD.link}."]


def cohort(folder: Path, options: Options) -> Cohort:
    """Map train 0 to healthy, train unlabeled to mixed, test to test (authors' loader)."""
    files = Files(folder, options.output)
    lists = read_lists(one_file(files, CARD, LISTS, options.lists))
    counts = parse_counts(options.counts, _default(lists, options.rate))
    rows = _rows(lists, counts, options.seed)
    require_disjoint(rows)
    rows.sort(key=lambda row: row.subject)
    rows, missing = located(rows, files, (".dcm",))
    pool = [len(part) for part in lists.pool]
    facts = {"pool": {"healthy": pool[0], "diseased": pool[1]}, "missing": missing}
    return Cohort(tuple(rows), facts)


def _default(lists: Lists, rate: float) -> dict[str, tuple[int, int]]:
    """The largest mixed set of that rate the pool allows, at most DDAD's 4,000."""
    healthy, diseased = (len(part) for part in lists.pool)
    limits = [MOST]
    if rate < 1:
        limits.append(int(healthy / (1 - rate) + 1e-9))
    if rate > 0:
        limits.append(int(diseased / rate + 1e-9))
    total = min(limits)
    sick = min(diseased, int(total * rate + 1e-9))
    return {
        "training_healthy": (len(lists.healthy), 0),
        "training_mixed": (min(healthy, total - sick), sick),
        "validation": (0, 0),
        "test": (len(lists.test[0]), len(lists.test[1])),
    }


def _rows(lists: Lists, counts: Counts, seed: int) -> list[Row]:
    rows: list[Row] = []

    def take(section: str, label: int, names: Sequence[str]) -> None:
        wanted = counts[section][label]
        if wanted > len(names):
            raise DataError(
                f"{section}: {wanted:,} {('healthy', 'diseased')[label]} images are needed, "
                f"{len(names):,} are listed. Choose other sizes with --counts."
            )
        # The lists know no patients: every stem is a subject.
        rows.extend(Row(name, PurePosixPath(name).stem, section, label) for name in names[:wanted])

    take("training_healthy", 0, lists.healthy)
    for label in (0, 1):
        take("training_mixed", label, lists.pool[label])
        left = lists.pool[label][counts["training_mixed"][label] :]
        take("validation", label, shuffled(left, seed, "unlabelled-json"))
        take("test", label, lists.test[label])
    return rows


def read_lists(path: Path) -> Lists:
    """Read the authors' file; raise DataError for another shape or a list without mixed images."""
    try:
        content = read_json(path)
        train, test = content["train"], content["test"]
        parts = [train["0"], test["0"], test["1"]]
        pool = train.get("unlabeled") or train.get("unlabelled")
        parts += [pool["0"], pool["1"]] if pool else []
        if not all(isinstance(n, str) for part in parts for n in part):
            raise TypeError
    except FileNotFoundError:
        raise MissingData(f"{path}: no such file.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f'{path}: expected {{"train": {{"0": [...], "unlabeled": {{"0": [...], "1": [...]}}}}, '
            f'"test": {{"0": [...], "1": [...]}}}}. Get the list from {SITES}.'
        ) from None
    if not pool:
        raise DataError(
            f"{path}: a one-class list, without unlabelled images; a mixed set is needed. Take the "
            f"list of DDAD or DDAD-ASR: {SITES}."
        )
    names = [name for part in parts for name in part]
    if len(set(names)) < len(names):
        raise DataError(f"{path}: {len(names) - len(set(names))} images are listed twice.")
    known = [tuple(part) for part in parts]
    return Lists(known[0], (known[3], known[4]), (known[1], known[2]))
