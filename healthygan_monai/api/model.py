"""The Python API: a model, and films or volumes -> scores and maps. See docs/python_api.md."""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data_prep.datalist import FILE_NAME
from data_prep.errors import HealthyGANError
from data_prep.repeat import Prepared, Work, default_recipe, kind_of_inputs, prepare_again
from healthygan_monai.api.errors import user_errors
from healthygan_monai.api.items import parts, score_dataset
from healthygan_monai.api.results import (
    FolderResult,
    ImageResult,
    Problem,
    Result,
    problems_of,
    raise_for,
    refused_problems,
)
from healthygan_monai.config.devices import best_device
from healthygan_monai.data import array_image, labelled_items
from healthygan_monai.data.images import load_images, write_refused
from healthygan_monai.models.inputs import check_inputs
from healthygan_monai.models.places import model_file
from healthygan_monai.models.recipe import recipe_of
from healthygan_monai.models.scorer import Scorer, make_scorer
from healthygan_monai.paths import SCORES_FILE, SKIPPED_FILE
from healthygan_monai.runs import make_folder
from healthygan_monai.scoring import SCORE_RULE, write_scores

logger = logging.getLogger(__name__)


def load_model(
    path: Path | str,
    device: str = "auto",
    score_by: str = SCORE_RULE,
    accept_changed_weights: bool = False,
) -> Model:
    """Load a trained model of any of the project's methods.

    Args:
        path: a run folder, a model.pt, or a bundle's folder.
        device: auto, cpu, cuda, cuda:1 or mps.
        score_by: HealthyGAN's image score: ``mean`` of the difference map (the paper's), or
            ``top``, the mean of its brightest 2 % after smoothing.
        accept_changed_weights: whether weights whose SHA-256 is not the recorded one are taken.

    Raises:
        NoModel: nothing there.
        ModelError: no model of this project, not the whole of one, or changed since training.
        HealthyGANError: the device is not there.

    >>> from healthygan_monai import bundle_root
    >>> model = load_model(bundle_root() / "models" / "model.pt", device="cpu")
    >>> 0 <= model.translate(np.zeros((64, 64), np.uint8)).score <= 1
    True
    """
    with user_errors():
        checkpoint = model_file(Path(path))
        scorer = make_scorer(
            checkpoint,
            best_device(device),
            score_by=score_by,
            accept_changed=accept_changed_weights,
        )
        return Model(checkpoint, scorer, recipe_of(checkpoint))


class Model:
    """A trained model, ready to score; made by :func:`load_model`.

    Attributes:
        checkpoint: its file.
        recipe: how its training images were prepared (``generated_by.recipe`` of their
            dataset.json), None where nothing beside the model says so.
    """

    def __init__(self, checkpoint: Path, scorer: Scorer, recipe: dict[str, Any] | None) -> None:
        self.checkpoint = checkpoint
        self.recipe = recipe
        self._scorer = scorer
        self._salt = secrets.token_bytes(32)

    @property
    def method(self) -> str:
        """Return the method's name: healthygan, padim, ..."""
        return self._scorer.method

    @property
    def scorer(self) -> Scorer:
        """What computes scores and maps of a batch."""
        return self._scorer

    @property
    def image_size(self) -> int:
        """Return S, the pixels of a side of what it sees."""
        return self._scorer.image_size

    def __repr__(self) -> str:
        return (
            f"Model({str(self.checkpoint)!r}, method={self.method!r}, image_size={self.image_size})"
        )

    def translate(self, image: np.ndarray) -> Result:
        """Score one prepared image, a square array (H, H): uint8, uint16, or floats in [0, 1],
        black to white.

        Another H than S is resized with antialiasing, as training resizes images. Grey levels and
        framing must be those of the training images; raw DICOM values are not.

        Raises:
            DataError: another shape, type or range.
        """
        with user_errors():
            images = array_image(image, self.image_size, self._scorer.image_channels)[None]
            scores, maps = self._scorer(images)
            return Result(float(scores[0]), self.method, parts(images, maps, 0))

    def score_folder(
        self,
        folder: Path | str,
        *,
        prepared: bool | None = None,
        output: Path | str | None = None,
        maps: bool = True,
        on_error: Literal["list", "raise"] = "list",
        recipe: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        pseudonyms: Literal["keyed", "given"] = "keyed",
        key_file: Path | str | None = None,
        jobs: int = 1,
    ) -> FolderResult:
        """Score everything in a folder: DICOM films, pictures, brain volumes, or a prepared data
        set.

        Unprepared files go through ``data_prep`` by the recipe of the model's training data, in a
        temporary folder, so that the scores are those of ``healthygan prep`` and ``healthygan
        infer``.

        Args:
            folder: also one file, a zip archive or a DICOMDIR; with dataset.json its validation and
                test images.
            prepared: True takes pictures as they are, like ``healthygan infer RUN FOLDER``; None: a
                folder with dataset.json is prepared.
            output: write scores.csv, pictures/ and skipped.csv there, as ``infer`` and ``prep`` do;
                nothing else is written anywhere.
            maps: False keeps scores alone; one image's maps take 16 S^2 bytes.
            on_error: what files that cannot be used do: stand in ``problems``, or raise. Files that
                are not of the wanted kind (lateral views, copies) always stand in ``problems``.
            recipe: instead of ``Model.recipe``. options: what of its reader's choices is to differ,
                such as ``{"views": "any", "burned_in": "allow"}``.
            pseudonyms: 'given' takes patient IDs as the subjects' names. key_file: keeps pseudonyms
                the same in other sessions, as ``--key``; without it they are the same for one
                Model.
            jobs: child processes that prepare files; 0 prepares in this process, without limits of
                time and memory, for debugging.

        Raises:
            DataError: nothing to score, or files that cannot be used and ``on_error="raise"``.
            HealthyGANError: no such folder, or an invalid choice.
        """
        with user_errors():
            if on_error not in ("list", "raise"):
                raise HealthyGANError(f"on_error is {on_error!r}; expected list or raise.")
            root = Path(folder)
            if prepared is None:
                prepared = (root / FILE_NAME).is_file() or root.name == FILE_NAME
            if prepared:
                dataset = load_images(
                    root.parent if root.name == FILE_NAME else root, self.image_size
                )
                check_inputs(dataset, self.checkpoint, self.image_size)
                problems = refused_problems(dataset)
                if on_error == "raise":
                    raise_for(problems, len(problems) + len(labelled_items(dataset)), root)
                images = score_dataset(self._scorer, dataset, output, maps)
                if output is not None:
                    write_refused(dataset, make_folder(output))
                return self._finished(images, problems, output)
            with tempfile.TemporaryDirectory(prefix="healthygan-") as work:
                found = self.prepare(
                    root,
                    Path(work) / "prepared",
                    recipe=recipe,
                    options=options,
                    pseudonyms=pseudonyms,
                    key_file=key_file,
                    work=Work(jobs),
                )
                if on_error == "raise":
                    raise_for(problems_of(found), len(found.sources), root)
                images = []
                if sources := found.source_of():
                    images = score_dataset(self._scorer, found.dataset, output, maps, sources)
                if output is not None:
                    found.write_skipped(make_folder(output) / SKIPPED_FILE)
            return self._finished(images, problems_of(found), output)

    def prepare(
        self,
        folder: Path | str,
        output: Path,
        *,
        recipe: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        pseudonyms: str = "keyed",
        key_file: Path | str | None = None,
        work: Work | None = None,
        keep_seen: bool = False,
    ) -> Prepared:
        """Prepare what is in a folder as the training images were; see `score_folder`.

        Args:
            folder: or one file, an archive, a DICOMDIR.
            output: folder of the prepared images.
            recipe, options, pseudonyms, key_file: as in `score_folder`.
            work: processes and limits of the preparation.
            keep_seen: see ``data_prep.settings.Settings``.

        Raises:
            DataError, HealthyGANError: as `score_folder`.
        """
        return prepare_again(
            recipe or self.recipe or self._usual_recipe(Path(folder)),
            Path(folder),
            output,
            options=options,
            pseudonyms=pseudonyms,
            key_file=None if key_file is None else Path(key_file),
            salt=self._salt if key_file is None else b"",
            work=work,
            keep_seen=keep_seen,
        )

    def _finished(
        self, images: Sequence[ImageResult], problems: Sequence[Problem], output: Path | str | None
    ) -> FolderResult:
        result = FolderResult(tuple(images), tuple(problems))
        if output is not None:
            scorer = self._scorer
            rows = result.rows(scorer.seed, scorer.backbone, scorer.runtime, scorer.score_by)
            write_scores(make_folder(output) / SCORES_FILE, rows)
        return result

    def _usual_recipe(self, folder: Path) -> dict[str, Any]:
        """For a model that came without its training data's."""
        kind = kind_of_inputs(folder)
        logger.warning(
            "%s says nothing of how its training images were prepared: preparing %s as healthygan "
            "prep does without flags; give recipe= if that was another way",
            self.checkpoint,
            kind,
        )
        return default_recipe(kind, self.image_size)
