"""Score new patients: their films or heads through the run's own preparation, one case at a time.

Only one case is in memory. The scores are those of ``healthygan prep`` and ``healthygan infer``.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import healthygan_monai
from data_prep.repeat import Prepared, Ready, Work
from data_prep.work.progress import progress
from healthygan_monai.api.errors import user_errors
from healthygan_monai.api.model import Model
from healthygan_monai.api.results import Problem, problems_of
from healthygan_monai.data import array_image
from healthygan_monai.inferer import SLICES
from healthygan_monai.models.about import training_recipe, weights_hash
from healthygan_monai.scoring import ScoreRow, subject_score
from healthygan_monai.studies.case import CaseResult, Cut, ModelFacts, SliceScore
from healthygan_monai.studies.remedies import no_table_advised, remedy_for_score
from healthygan_monai.studies.thresholds import map_cut, score_cut


def score_cases(
    model: Model,
    folder: Path | str,
    *,
    map_threshold: float | None = None,
    temporary: Path | None = None,
    **preparation: Any,
) -> Iterator[CaseResult | Problem]:
    """Yield the inputs that cannot be used, then every case, in the order of their files.

    Args:
        model: of :func:`healthygan_monai.load_model`.
        folder: films or heads: a folder, a file, an archive, a DICOMDIR.
        map_threshold: from which a pixel is marked; None: the model's own.
        temporary: where a folder for the prepared images is made, and removed; default: the
            system's.
        preparation: of :func:`prepare_cases`.

    Raises:
        DataError, HealthyGANError: as ``Model.score_folder``.
    """
    with tempfile.TemporaryDirectory(prefix="healthygan-", dir=temporary) as work:
        found = prepare_cases(model, folder, Path(work) / "prepared", **preparation)
        yield from problems_of(found)
        yield from Cases(model, found, map_threshold)


def prepare_cases(
    model: Model,
    folder: Path | str,
    output: Path,
    *,
    recipe: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    pseudonyms: str = "keyed",
    key_file: Path | None = None,
    work: Work | None = None,
) -> Prepared:
    """Prepare new patients in guarded children, and keep what leads maps back to each input.

    Args:
        model: whose recipe is followed. folder: of the inputs. output: of what is prepared.
        recipe, options, pseudonyms, key_file: as ``Model.score_folder``.
        work: processes and limits.
    """
    with user_errors(), no_table_advised():
        found = model.prepare(
            folder,
            output,
            recipe=recipe,
            options=options,
            pseudonyms=pseudonyms,
            key_file=key_file,
            work=work,
            keep_seen=True,
        )
    return found.reworded(remedy_for_score)


@dataclass
class Cases:
    """The cases of a preparation; scores each when it is asked for.

    found: by :func:`prepare_cases`. map_threshold: None for the model's own.
    """

    model: Model
    found: Prepared
    map_threshold: float | None = None

    def __post_init__(self) -> None:
        model = self.model
        with user_errors():
            self.cut = map_cut(model, self.map_threshold)
            kind = str(self.found.dataset.generated_by["recipe"]["kind"])
            self.threshold = score_cut(model, "image" if kind == "films" else "subject")
            self.facts = ModelFacts(
                name=_name_of(model.checkpoint),
                version=healthygan_monai.__version__,
                weights_sha256=weights_hash(model.checkpoint),
                method=model.method,
                image_size=model.image_size,
                recipe=kind,
                score_by=model.scorer.score_by,
                training_recipe=training_recipe(model.checkpoint),
            )

    def __iter__(self) -> Iterator[CaseResult]:
        ready = list(self.found.ready())
        for one in progress(ready, len(ready), "score", "case"):
            with user_errors():
                yield self._case(one)

    def _case(self, one: Ready) -> CaseResult:
        seen = one.seen
        pixels, shown = seen.images(self.found.dataset.root)
        scores, maps = _scored(self.model, pixels, seen.counted)
        whole, affine = None, None
        if maps is not None and seen.indices is None:
            whole = seen.back(maps[0])
        elif maps is not None:
            whole, affine = seen.back(maps)
        counted = [score for score, counts in zip(scores, seen.counted, strict=True) if counts]
        slices = zip(seen.indices or (), scores, seen.counted, strict=False)
        best = max((i for i, counts in enumerate(seen.counted) if counts), key=lambda i: scores[i])
        case = CaseResult(
            name=one.name,
            subject=one.subject,
            kind="film" if seen.indices is None else "volume",
            score=scores[0] if seen.indices is None else subject_score(counted),
            images=one.images,
            source=one.files[0][0] if one.files[0][1] is None else one.files[0],
            files=one.files,
            difference=whole,
            marked=_marked(whole, self.cut),
            affine=affine,
            map_threshold=self.cut,
            score_threshold=self.threshold,
            model=self.facts,
            shown=_eight_bits(pixels[best]) if shown is None else shown,
            shown_difference=None if maps is None else maps[best],
            plane=seen.plane,
            slice_scores=tuple(SliceScore(*each) for each in slices),
            frame=one.frame,
            is_dicom=one.is_dicom,
            warnings=one.notes,
        )
        if case.kind == "film" and whole is not None:
            return replace(case, shown_difference=_reduced(whole, case.shown.shape))
        return case


def rows_of(case: CaseResult, model: Model) -> list[ScoreRow]:
    """Return the rows of scores.csv: one of a film, one each counted slice of a volume.

    They have no ``critic_score``: only the method's own score is computed for new patients.
    """
    scorer = model.scorer
    counted = [each for each in case.slice_scores if each.counted]
    found: Sequence[tuple[int | None, float]] = [(s.index, s.score) for s in counted]
    return [
        ScoreRow(
            section="test",
            image=image,
            subject=case.subject,
            score=score,
            slice=index,
            method=scorer.method,
            seed=scorer.seed,
            backbone=scorer.backbone,
            runtime=scorer.runtime,
            score_by=scorer.score_by,
        )
        for image, (index, score) in zip(
            case.images, found or [(case.frame, case.score)], strict=True
        )
    ]


def _scored(
    model: Model, pixels: np.ndarray, counted: Sequence[bool]
) -> tuple[list[float], np.ndarray | None]:
    """(image scores, maps float32 (N, S, S) or None); 0 for slices of air that do not count."""
    scorer, scores, maps = model.scorer, [], []
    for start in range(0, len(pixels), SLICES):
        batch = pixels[start : start + SLICES]
        images = [array_image(each, scorer.image_size, scorer.image_channels) for each in batch]
        found = scorer(torch.stack(images))
        scores += [float(score) for score in found.scores]
        if "difference" in found.maps:
            maps.append(found.maps["difference"][:, 0].cpu().numpy().astype(np.float32))
    drawn = np.concatenate(maps) if maps else None
    for index, counts in enumerate(counted):
        if not counts and pixels[index].min() == pixels[index].max():
            scores[index] = 0.0
            if drawn is not None:
                drawn[index] = 0
    return scores, drawn


def _marked(whole: np.ndarray | None, cut: Cut | None) -> np.ndarray | None:
    if whole is None:
        return None
    return whole >= cut.value if cut is not None else np.zeros(whole.shape, bool)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    return (pixels >> (8 * (pixels.itemsize - 1))).astype(np.uint8)


def _reduced(whole: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The map of a film at the size of its picture for a page."""
    from PIL import Image

    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BILINEAR))


def _name_of(checkpoint: Path) -> str:
    """The name of the run folder, or of the bundle whose folder models/ holds the weights."""
    folder = checkpoint.resolve().parent
    return folder.parent.name if folder.name == "models" else folder.name
