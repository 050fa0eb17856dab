"""The Python API: a model, and a folder of films or volumes -> scores and maps. See docs/python_api.md."""

from __future__ import annotations

import json
import logging
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from monai.data import DataLoader
from monai.data import Dataset as Items

from data_prep.datalist import FILE_NAME, Dataset
from data_prep.errors import DataError, HealthyGANError
from data_prep.pipeline import kind_of_inputs, prepare
from data_prep.repeat import default_recipe, settings_from_recipe
from healthygan_monai.api.results import FolderResult, ImageResult, Problem, Result
from healthygan_monai.config.devices import best_device
from healthygan_monai.config.messages import root_cause, user_message
from healthygan_monai.data import array_image, image_transforms, labelled_items
from healthygan_monai.data.images import load_images
from healthygan_monai.models.about import image_size_for, method_of, run_of, seed_of
from healthygan_monai.models.recipe import recipe_of
from healthygan_monai.models.scorer import Scorer, make_scorer
from healthygan_monai.paths import MODEL_FILE, SCORES_FILE, bundle_root
from healthygan_monai.scoring import write_scores

logger = logging.getLogger(__name__)
BATCH = 16  # of inference.json
SHOWN = 5  # problems in one message


@contextmanager
def user_errors() -> Iterator[None]:
    """Errors about what the user gave leave as HealthyGANError, with the words that a command prints."""
    try:
        yield
    except HealthyGANError:
        raise
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        cause = root_cause(error)
        raise (cause if isinstance(cause, HealthyGANError) else HealthyGANError(message)) from error


def load_model(path: Path | str, device: str = "auto") -> Model:
    """A trained model of any of the project's methods.

    Args:
        path: a run folder, a model.pt, or a bundle's folder.
        device: auto, cpu, cuda, cuda:1 or mps.

    Raises:
        NoModel: nothing there.
        ModelError: no model of this project, or not the whole of one.
        HealthyGANError: the device is not there.
    """
    with user_errors():
        given = Path(path)
        checkpoint = given if given.is_file() else run_of(given) / MODEL_FILE
        if not checkpoint.is_file() and (given / "models" / MODEL_FILE).is_file():
            checkpoint = given / "models" / MODEL_FILE
        where = best_device(device)
        method = method_of(checkpoint)
        scorer = make_scorer(
            checkpoint, method, where, image_size_for(checkpoint, _bundle_size(checkpoint))
        )
        return Model(checkpoint, scorer, recipe_of(checkpoint))


class Model:
    """A trained model, ready to score; made by :func:`load_model`.

    Attributes:
        checkpoint: its file. method: healthygan, padim, ... image_size: S, pixels of a side of what it sees.
        recipe: how its training images were prepared (``generated_by.recipe`` of their dataset.json), None where
            nothing beside the model says so.
    """

    def __init__(self, checkpoint: Path, scorer: Scorer, recipe: dict[str, Any] | None) -> None:
        self.checkpoint = checkpoint
        self.recipe = recipe
        self._scorer = scorer
        self._salt = secrets.token_bytes(32)

    @property
    def method(self) -> str:
        return self._scorer.method

    @property
    def image_size(self) -> int:
        return self._scorer.image_size

    def __repr__(self) -> str:
        return (
            f"Model({str(self.checkpoint)!r}, method={self.method!r}, image_size={self.image_size})"
        )

    def translate(self, image: np.ndarray) -> Result:
        """Score one prepared image, a square array (H, H): uint8, uint16, or floats in [0, 1], black to white.

        Another H than S is resized with antialiasing, as training resizes images. Grey levels and framing must be
        those of the training images; raw DICOM values are not.

        Raises:
            DataError: another shape, type or range.
        """
        with user_errors():
            tensor = array_image(image, self.image_size, self._scorer.channels)
            score, parts = self._scorer(tensor[None])[0]
            return Result(score, self.method, parts)

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
        """Score everything in a folder: DICOM films, pictures, brain volumes, or a prepared data set.

        Unprepared files go through ``data_prep`` by the recipe of the model's training data, in a temporary folder,
        so that the scores are those of ``healthygan prep`` and ``healthygan infer``.

        Args:
            folder: also one file, a zip archive or a DICOMDIR; with dataset.json its validation and test images.
            prepared: True takes pictures as they are, like ``healthygan infer RUN FOLDER``; None: a folder with
                dataset.json is prepared.
            output: write scores.csv, pictures/ and skipped.csv there, as ``infer`` and ``prep`` do; nothing
                else is written anywhere.
            maps: False keeps scores alone; one image's maps take 16 S^2 bytes.
            on_error: what files that cannot be used do: stand in ``problems``, or raise. Files that are not of the
                wanted kind (lateral views, copies) always stand in ``problems``.
            recipe: instead of ``Model.recipe``. options: what of its reader's choices is to differ, such as
                ``{"views": "any", "burned_in": "allow"}``.
            pseudonyms: 'given' takes patient IDs as the subjects' names. key_file: keeps pseudonyms the same in
                other sessions, as ``--key``; without it they are the same for one Model.
            jobs: child processes that read files; 0 reads in this process, without limits of time and memory.

        Raises:
            DataError: nothing to score, or files that cannot be used and ``on_error="raise"``.
            HealthyGANError: no such folder, or a choice that cannot be meant.
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
                images = self._score(dataset, output, maps)
                return self._finished(images, (), output)
            with tempfile.TemporaryDirectory(prefix="healthygan-") as work:
                settings = settings_from_recipe(
                    recipe or self.recipe or self._usual_recipe(root),
                    root,
                    Path(work) / "prepared",
                    options=options,
                    pseudonyms=pseudonyms,
                    key_file=None if key_file is None else Path(key_file),
                    salt=self._salt if key_file is None else b"",
                    jobs=jobs,
                )
                found = prepare(settings)
                problems = _problems(found.refused())
                _raise_for(root, len(found.sources), problems, on_error)
                names = found.source_of()
                any_image = any(o.images for o in found.outcomes)
                images = self._score(found.dataset, output, maps, names) if any_image else []
                if output is not None:
                    Path(output).mkdir(parents=True, exist_ok=True)
                    found.write_skipped(Path(output) / "skipped.csv")
            return self._finished(images, problems, output)

    def _score(
        self,
        dataset: Dataset,
        output: Path | str | None,
        maps: bool,
        names: Mapping[str, str] | None = None,
    ) -> list[ImageResult]:
        """Validation and test images, in the order of their files; pictures are written as they come."""
        transform = image_transforms(
            self.image_size, dataset.bit_depth, self._scorer.channels, track_meta=True
        )
        items = labelled_items(dataset)
        images = Items(items, transform)
        folder = None if output is None else Path(output) / "pictures"
        save = self._scorer.saver(images, folder, dataset.root)
        results: list[ImageResult] = []
        for batch in DataLoader(images, batch_size=BATCH, num_workers=0):
            for score, parts in self._scorer(batch["image"], save):
                item = items[len(results)]
                results.append(self._result(item, score, parts if maps else {}, names))
        return sorted(results, key=lambda r: (r.source, r.image)) if names else results

    def _result(
        self,
        item: Mapping[str, Any],
        score: float,
        parts: Mapping[str, Any],
        names: Mapping[str, str] | None,
    ) -> ImageResult:
        return ImageResult(
            score,
            self.method,
            parts,
            subject=item["subject"],
            image=item["name"],
            source=(names or {}).get(item["name"], item["name"]),
            section=item["section"],
            slice=None if item["slice"] == "" else int(item["slice"]),
            label=None if item["label"] < 0 else int(item["label"]),
        )

    def _finished(
        self, images: Sequence[ImageResult], problems: Sequence[Problem], output: Path | str | None
    ) -> FolderResult:
        result = FolderResult(tuple(images), tuple(problems))
        if output is not None:
            rows = result.rows(
                seed_of(self.checkpoint), self._scorer.backbone, self._scorer.runtime
            )
            write_scores(Path(output) / SCORES_FILE, rows)
        return result

    def _usual_recipe(self, folder: Path) -> dict[str, Any]:
        """For a model that came without its training data's."""
        kind = kind_of_inputs(folder)
        logger.warning(
            "%s says nothing of how its training images were prepared: preparing %s as healthygan prep does without "
            "flags; give recipe= if that was another way",
            self.checkpoint,
            kind,
        )
        return default_recipe(kind, self.image_size)


def _problems(refused: Sequence[tuple[str, Any]]) -> tuple[Problem, ...]:
    problems = []
    for name, o in refused:
        told = {key: str(o.details.get(key, "")) for key in ("detail", "remedy")}
        problems.append(Problem(name, o.source, o.reason, wanted=o.status != "left", **told))
    return tuple(sorted(problems, key=lambda problem: problem.source))


def _raise_for(root: Path, count: int, problems: Sequence[Problem], on_error: str) -> None:
    bad = [problem for problem in problems if problem.wanted]
    if on_error == "raise" and bad:
        more = f" (and {len(bad) - SHOWN} more)" if len(bad) > SHOWN else ""
        raise DataError(
            f"{root}: {len(bad)} of {count} files cannot be used. "
            + " ".join(str(problem) for problem in bad[:SHOWN])
            + more
        )


def _bundle_size(checkpoint: Path) -> int:
    """The image size of a model that is in no run folder: its bundle's, by metadata.json."""
    own = checkpoint.parent.parent / "configs" / "metadata.json"
    path = own if own.is_file() else bundle_root() / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    return int(metadata["network_data_format"]["inputs"]["image"]["spatial_shape"][0])
