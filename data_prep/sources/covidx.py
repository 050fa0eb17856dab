"""COVIDx: lists of the COVID-Net project, read from the user's own copy; none is shipped."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.datalist import DataError
from data_prep.errors import UsageError
from data_prep.frame.recipe import flag
from data_prep.sources import covidx_split
from data_prep.sources.card import Card, Cohort, Expected, Row, require_disjoint
from data_prep.sources.confound import confounds
from data_prep.sources.counts import parse_counts
from data_prep.sources.covidx_split import Film
from data_prep.sources.files import Files, located

REPOSITORY = "https://github.com/lindawangg/COVID-Net (labels/, docs/COVIDx.md; AGPL-3.0)"
CARD = Card(
    name="covidx",
    title="COVIDx V7B: COVID-19 positive and negative chest films from five collections",
    link="https://github.com/lindawangg/COVID-Net/blob/master/docs/COVIDx.md",
    licence="lists AGPL-3.0; the images carry the terms of their collections",
    citation="Wang, Lin, Wong, COVID-Net, Sci Rep 10:19549, 2020",
    volume="15,464 + 200 films",
    expected=(
        Expected("train_COVIDx7B.txt", "the list of training films", REPOSITORY),
        Expected("test_COVIDx7B.txt", "the list of test films", REPOSITORY),
        Expected(
            "*.png, *.jpg, *.dcm",
            "the films the notebook create_COVIDx_binary.ipynb makes, or RSNA's own DICOM",
            "the collections that notebook names",
        ),
    ),
    flaws=(
        "The source tells the class: no positive film is from RSNA, 97 % of the negatives are. "
        "An AUC here measures the collections too.",
        "Healthy means COVID-negative: 37 % of the paper's known healthy films are of pneumonia.",
        "One patient may be in two collections under two names; the lists cannot show it.",
        "Some collections were cropped from figures of articles.",
    ),
    size=256,
    counts={
        "training_healthy": (10031, 0),
        "training_mixed": (3663, 1570),
        "validation": (100, 100),
        "test": (100, 100),
    },
    protocol="covidx",
)
FEWER_TESTED = {"5": 100, "6": 100, "7A": 100, "7B": 100}  # of each class; later lists have 200
LABELS = {"negative": 0, "positive": 1, "normal": 0, "pneumonia": 0, "covid-19": 1}
LIST_NAME = re.compile(r"^(train|test)_COVIDx(?:_CXR-)?(\d+[AB]?)\.txt$", re.IGNORECASE)
PLAIN_NAME = re.compile(r"^(train|test)\.txt$")  # as in the Kaggle copy
SUFFIXES = (".png", ".dcm", ".dicom", ".jpg", ".jpeg")
SPLITS = ("subjects", "authors")


@dataclass(frozen=True)
class Options:
    """Choices of the protocol; split 'subjects' gives disjoint sections with balanced sources."""

    split: str = flag("subjects", "authors: sorted and sliced, as theirs", choices=SPLITS)
    seed: int = 0
    counts: str = ""
    version: str = flag("", "which lists (default: the only ones, or 7B)", metavar="7B")
    lists: Path | None = flag(None, "of the lists (default: INPUT)", metavar="FOLDER")
    pneumonia: str = flag(
        "healthy",
        "lists of three classes: pneumonia is COVID-negative as in the paper, or left out",
        choices=("healthy", "out"),
    )
    output: Path | None = None


def verify(folder: Path, options: Options) -> list[str]:
    """What is missing, and where to get it; images only counted."""
    try:
        version, films = read_lists(folder, options)
    except DataError as error:
        return [str(error)]
    files = Files(folder, options.output)
    lost = Counter(f.source for f in films if files.find(f.name, SUFFIXES) is None)
    if not lost or files.zipped():
        return []
    shares = ", ".join(f"{source} {count:,}" for source, count in sorted(lost.items()))
    return [
        f"{sum(lost.values()):,} of {len(films):,} films of COVIDx {version} are not below "
        f"{folder} (by source: {shares}). Make them with COVID-Net's create_COVIDx notebooks; for "
        "rsna the DICOM files of stage 2 do as they are."
    ]


def cohort(folder: Path, options: Options) -> Cohort:
    """The films of both lists in sections. Raises DataError where lists or films are short."""
    version, films = read_lists(folder, options)
    warnings = []
    if options.split == "authors":
        if options.counts:
            raise UsageError(
                "--counts has no meaning for --split authors: the rule sets the sizes."
            )
        chosen = covidx_split.authors(films)
        shared = covidx_split.shared_patients(chosen)
        warnings.append(
            f"--split authors: {shared} patients have films in more than one section. Subjects are "
            "files here, so intervals over subjects are too narrow."
        )
        rows = [_row(film, section, Path(film.name).stem) for film, section in chosen]
        rule: dict[str, object] = {"rule": "authors", "patients_in_two_sections": shared}
    else:
        counts = parse_counts(options.counts, _default_counts(version))
        chosen, matched = covidx_split.by_subject(films, counts, options.seed)
        rows = [_row(film, section, film.subject) for film, section in chosen]
        require_disjoint(rows)
        rule = {"rule": "subjects", "seed": options.seed, "sources_matched": matched}
        if not matched:
            warnings.append("validation and test could not be balanced by source: see the table.")
    rows.sort(key=lambda row: (row.subject, row.image))
    names = {film.name: ("test" if film.tested else "train") for film in films}
    hints = [names[row.image] for row in rows]
    rows, missing = located(rows, Files(folder, options.output), SUFFIXES, hints)
    facts = {"lists": f"COVIDx {version}", "split": rule, "missing": missing, **confounds(rows)}
    return Cohort(tuple(rows), facts, tuple(warnings))


def read_lists(folder: Path, options: Options) -> tuple[str, list[Film]]:
    """(version, the films of the training and then the test list, in their order)."""
    place = options.lists or folder
    found: dict[str, dict[str, Path]] = {}
    for path in Files(place, options.output).matching("*.txt"):
        known = LIST_NAME.match(path.name)
        part = known or PLAIN_NAME.match(path.name)
        if part:
            version = known[2].upper() if known else "plain"
            found.setdefault(version, {}).setdefault(part[1].lower(), path)
    version = _version(found, options.version, place)
    films: list[Film] = []
    for half in ("train", "test"):
        if half not in found[version]:
            raise DataError(
                f"{place}: {half}_COVIDx{version}.txt is missing. Get it from {REPOSITORY}."
            )
        films += read_list(found[version][half], half == "test")
    if version == "plain":
        version = "9B" if sum(f.label for f in films) > 10_000 else "plain"
    twice = [name for name, count in Counter(f.name for f in films).items() if count > 1]
    if twice:
        raise DataError(f"{place}: {len(twice)} films are listed twice. Take whole lists.")
    if options.pneumonia == "out":
        if not any(f.kind == "pneumonia" for f in films):
            raise UsageError(
                "--pneumonia out: the list has two classes; use the one that ends in A."
            )
        films = [f for f in films if f.kind != "pneumonia"]
    return version, films


def _version(found: dict[str, dict[str, Path]], asked: str, place: Path) -> str:
    if not found:
        raise DataError(
            f"{place}: no train_COVIDx7B.txt and test_COVIDx7B.txt below it. Get them from "
            f"{REPOSITORY}; they are not part of this project."
        )
    asked = asked.upper() or (
        "7B" if "7B" in found else next(iter(found)) if len(found) == 1 else ""
    )
    if asked not in found:
        raise UsageError(f"{place}: lists of {', '.join(sorted(found))} are there; say --version.")
    return asked


def read_list(path: Path, tested: bool) -> list[Film]:
    """Lines "patient file class [source]", taken apart from the right: patients contain spaces."""
    films, problems = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        film = _film(words, tested)
        if film is None:
            problems.append(number)
        else:
            films.append(film)
    if problems:
        raise DataError(
            f"{path}: {len(problems)} lines are not 'patient file class source', first line "
            f"{problems[0]}. Expected classes {', '.join(LABELS)}. Take the list again."
        )
    return films


def _film(words: Sequence[str], tested: bool) -> Film | None:
    end = len(words)
    source = ""
    if end >= 4 and words[-1].lower() not in LABELS:
        end, source = end - 1, words[-1].lower()
    if end < 3 or words[end - 1].lower() not in LABELS:
        return None
    kind, name = words[end - 1].lower(), words[end - 2]
    patient = " ".join(words[: end - 2])
    return Film(name, patient, LABELS[kind], source or _guess(name, patient), kind, tested)


def _guess(name: str, patient: str) -> str:
    """The source, where an older list does not say it, from the shape of its names."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", patient):
        return "rsna"
    if patient.startswith("ANON"):
        return "actmed"
    if name.startswith("MIDRC-RICORD"):
        return "ricord"
    if name.startswith("COVID(") or patient.startswith("COVID "):
        return "sirm"
    return "fig1" if patient.startswith("COVID-0") else "cohen"


def _default_counts(version: str) -> dict[str, tuple[int, int]]:
    """The paper's; 200 + 200 in test where the version's own list has them."""
    tested = FEWER_TESTED.get(version, 200)
    return {**CARD.counts, "test": (tested, tested)}


def _row(film: Film, section: str, subject: str) -> Row:
    return Row(film.name, subject, section, film.label, site=film.source)
