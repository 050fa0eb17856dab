"""The folder that ``healthygan score`` writes; one case at a time, list.html last."""

import base64
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from data_prep.errors import PrepError
from data_prep.files import whole, write_json
from healthygan_monai.api.results import Problem, problems_of
from healthygan_monai.inference.scores_file import write_scored
from healthygan_monai.paths import (
    ABOUT_FILE,
    CASES_FILE,
    PICTURES_FOLDER,
    SCORES_FILE,
    SKIPPED_FILE,
)
from healthygan_monai.scoring import HEALTHYGAN, ScoreRow, score_words
from healthygan_monai.studies.case import CaseResult
from healthygan_monai.studies.dicom import why_none, write_dicom
from healthygan_monai.studies.maps import white_of, write_maps
from healthygan_monai.studies.page import write_page
from healthygan_monai.studies.pictures import VIEWED, as_jpeg, overlay
from healthygan_monai.studies.score import Cases, rows_of
from healthygan_monai.studies.tables import (
    SUBJECTS_FILE,
    Line,
    write_cases,
    write_subjects,
)

LIST_FILE = "list.html"
log = logging.getLogger(__name__)

RESEARCH = "research, not for diagnosis"
SEVERAL = 5  # cases that all reach the threshold, from which on that is said
ALL_REACH = (
    "All reach the threshold, so it tells nothing apart here. Unless every patient is ill, the "
    "model does not fit these images: another scanner, age, view or body part than it learned "
    "from. Measure it on healthy images of your own."
)
PICTURED = 300  # cases with pictures on the page, those of the highest scores: about 16 MB


@dataclass
class Results:
    """Writes what is made of each case, and keeps a line of it.

    output: the folder. work: of the pictures for the page, until it is written. dicom:
    whether DICOM results are written too; not_made: how many DICOM inputs have none.
    """

    output: Path
    work: Path
    cases: Cases
    dicom: bool = False
    lines: list[Line] = field(default_factory=list)
    rows: list[ScoreRow] = field(default_factory=list)
    not_made: int = 0

    def add(self, case: CaseResult) -> None:
        """Write the maps of a case, and the pictures of it for the page and the viewer."""
        try:
            if self.dicom:
                write_dicom(case, self.output)
        except PrepError as error:
            why = why_none(error)
            log.warning("%s: %s", case.name, why)
            self.not_made += case.is_dicom
            case = replace(case, warnings=(*case.warnings, why))
        line = Line.of(case)
        white = self._white(line.largest)
        write_maps(case, self.output, white)
        (self.work / f"{case.name}.jpg").write_bytes(as_jpeg(case.shown))
        if case.kind == "film":  # for the viewer; a scan is looked at in its own file
            with whole(self.output / PICTURES_FOLDER / f"{case.name}.jpg") as part:
                part.write_bytes(as_jpeg(case.shown, VIEWED))
        if case.shown_difference is not None:
            cut = None if case.map_threshold is None else case.map_threshold.value
            drawn = overlay(case.shown, case.shown_difference, white, cut)
            (self.work / f"{case.name}_map.jpg").write_bytes(as_jpeg(drawn))
        self.lines.append(line)
        self.rows += rows_of(case, self.cases.model)

    def finish(self, options: Mapping[str, Any]) -> None:
        """Write the tables, about.json and, last, list.html; options: of the preparation."""
        output, cases = self.output, self.cases
        lines = sorted(self.lines, key=lambda line: (-line.score, line.name))
        problems = problems_of(cases.found)
        cases.found.write_skipped(output / SKIPPED_FILE)
        if self.rows:
            write_scored(output / SCORES_FILE, self.rows, cases.model.checkpoint)
        write_cases(output / CASES_FILE, lines, cases.threshold)
        if any(line.kind == "volume" for line in lines):
            write_subjects(output / SUBJECTS_FILE, self.rows, lines, cases.threshold)
        write_json(output / ABOUT_FILE, self._about(options, problems))
        write_page(output / LIST_FILE, self._content(lines, problems), self._pictures(lines))

    def above(self) -> int | None:
        """How many cases reach the threshold; None without one."""
        cut = self.cases.threshold
        return None if cut is None else sum(line.score >= cut.value for line in self.lines)

    def doubt(self) -> str:
        """Why the threshold means nothing for these cases; "" where it may."""
        count = len(self.lines)
        return ALL_REACH if count >= SEVERAL and self.above() == count else ""

    def _white(self, largest: float | None) -> float:
        return white_of(self.cases.cut, largest or 0.0, self.cases.facts.method == HEALTHYGAN)

    def _about(self, options: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, Any]:
        cases = self.cases
        cuts = {"map_threshold": cases.cut, "score_threshold": cases.threshold}
        return {
            "use": RESEARCH,
            "options": dict(options),
            "model": asdict(cases.facts),
            **{name: None if cut is None else asdict(cut) for name, cut in cuts.items()},
            "white": None if cases.cut is None else self._white(None),
            "cases": len(self.lines),
            "not_scored": len(problems),
        }

    def _content(self, lines: Sequence[Line], problems: Sequence[Problem]) -> dict[str, Any]:
        cases = self.cases
        return {
            "facts": cases.facts,
            "score": score_words(cases.facts.score_by, cases.facts.method),
            "research": RESEARCH,
            "map_cut": cases.cut,
            "white": self._white(None),
            "cut": cases.threshold,
            "above": self.above(),
            "doubt": self.doubt(),
            "count": len(lines),
            "pictured": PICTURED,
            "volumes": any(line.kind == "volume" for line in lines),
            "problems": sorted(problems, key=lambda problem: problem.shown),
        }

    def _pictures(self, lines: Sequence[Line]) -> Iterator[tuple[Line, list[str]]]:
        """Each line with its pictures as data: URLs, read when they are written."""
        for number, line in enumerate(lines):
            files = [self.work / f"{line.name}{end}.jpg" for end in ("", "_map")]
            shown = [path for path in files if number < PICTURED and path.is_file()]
            yield line, [_embedded(path) for path in shown]


def _embedded(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
