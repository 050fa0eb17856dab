"""``healthygan score`` from Python: new patients into a folder of results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import DONE, SOME_UNREAD
from data_prep.files import require_writable, temporary_in
from data_prep.repeat import Work
from healthygan_monai.api.model import Model
from healthygan_monai.paths import LINKS, SKIPPED_FILE
from healthygan_monai.studies.dicom import require_dicom
from healthygan_monai.studies.results import LIST_FILE, Results
from healthygan_monai.studies.score import Cases, prepare_cases

KEY = ".key"  # after the name of OUTPUT, beside it


@dataclass(frozen=True)
class Done:
    """What was written. doubt: why the threshold means nothing here. exit_code: 0, 1 if nothing was
    scored, 3 if inputs could not be read.
    """

    output: Path
    scored: int
    above: int | None
    doubt: str
    reasons: tuple[tuple[str, int], ...]
    exit_code: int

    def words(self) -> str:
        lines = [f"scored: {self.scored:,}"]
        if self.above is not None:
            lines[0] += f", {self.above:,} of them reach the threshold"
        if self.doubt:
            lines.append(self.doubt)
        if self.reasons:
            count = sum(number for _, number in self.reasons)
            lines.append(f"not scored: {count:,}, all in {self.output / SKIPPED_FILE}")
            lines += [f"  {number:>4}  {reason}" for reason, number in self.reasons]
        lines.append(f"which patient each name is: {_beside(self.output, LINKS)} (private)")
        return "\n".join([*lines, f"list: {self.output / LIST_FILE}"])


def score_study(
    model: Model,
    folder: Path,
    output: Path,
    *,
    map_threshold: float | None = None,
    options: Mapping[str, Any] | None = None,
    pseudonyms: str = "keyed",
    key_file: Path | None = None,
    work: Work | None = None,
    dicom: bool = False,
) -> Done:
    """Score films or heads; write tables, maps and list.html to ``output``.

    Beside it: ``OUTPUT.key``, the key of the pseudonyms, unless ``key_file`` names another, and
    ``OUTPUT.links.csv``, which input has which name. These two identify patients.

    Args:
        model: of :func:`healthygan_monai.load_model`.
        folder: the inputs; see :func:`~healthygan_monai.studies.score.prepare_cases`.
        output: a new or empty folder.
        map_threshold: difference from which a pixel is marked; None for the model's own.
        options, pseudonyms, key_file, work: of the preparation.
        dicom: also write DICOM results of DICOM inputs, to ``output/dicom/NAME/``.

    Raises:
        DataError, HealthyGANError: as ``Model.score_folder``.
        NotInstalled: ``dicom`` without the extra of that name.
    """
    if dicom:
        require_dicom(model.method)
    with temporary_in(require_writable(output)) as temporary:
        found = prepare_cases(
            model,
            folder,
            Path(temporary) / "prepared",
            options=options,
            pseudonyms=pseudonyms,
            key_file=key_file or _beside(output, KEY),
            work=work,
        )
        found.write_links(_beside(output, LINKS))
        results = Results(output, Path(temporary), Cases(model, found, map_threshold), dicom)
        for case in results.cases:
            results.add(case)
        results.finish({**(options or {}), "pseudonyms": pseudonyms})
        return Done(
            output,
            len(results.lines),
            results.above(),
            results.doubt(),
            tuple(found.reasons()),
            found.exit_code() or (SOME_UNREAD if results.not_made else DONE),
        )


def _beside(output: Path, suffix: str) -> Path:
    place = output.resolve()
    return place.with_name(place.name + suffix)
