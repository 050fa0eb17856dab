"""From a model and images to scores.csv and pictures: what the inference and evaluation configs use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.transforms import SaveImaged
from PIL import Image

from data_prep.datalist import FILE_NAME, DataError, Dataset, Item
from healthygan_monai.data import image_transforms, labelled_items, load_dataset, to_display
from healthygan_monai.data.lists import DEMO_FOLDER
from healthygan_monai.data.transforms import GreyReader
from healthygan_monai.errors import ModelError, NoModel
from healthygan_monai.evaluation.localisation import Localisation, localise, summarise
from healthygan_monai.exchange.files import sha256
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.models.exported import ExportedNetwork, is_exported, load_exported
from healthygan_monai.models.exported_facts import METHOD
from healthygan_monai.networks import Generator, generator_sizes
from healthygan_monai.runs import CONFIG_FILE, write_json
from healthygan_monai.scoring import ScoreRow, write_scores

if TYPE_CHECKING:  # figures are the report's business, and matplotlib's
    from healthygan_monai.report.cases import Translation

PICTURES = (".png", ".jpg", ".jpeg")
MODEL_FILE, SCORES_FILE = "model.pt", "scores.csv"


def load_weights(checkpoint: Path | str) -> dict[str, torch.Tensor] | ExportedNetwork:
    """:func:`load_state` of a model.pt; an exported network (.ts, .onnx) as it is, for :func:`load_generator`.

    Raises:
        NoModel, ModelError: as there.
        ModuleNotFoundError: an .onnx file, and ONNX Runtime is not installed.
    """
    path = Path(checkpoint)
    return load_exported(path) if is_exported(path) else load_state(path)


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """The flat state dict of a generator.

    Raises:
        NoModel: no such file.
        ModelError: the file is not a state dict, or not a generator's.
    """
    if not path.is_file():
        raise NoModel(
            f"{path}: no such model. Train one (python -m monai.bundle run training --config_file "
            "bundle/configs/train.json) and give its model.pt with --checkpoint runs/00000-NAME/model.pt."
        )
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (
        Exception
    ) as error:  # torch raises whatever its reader met: EOFError, RuntimeError, UnpicklingError
        raise ModelError(f"{path}: not a file of weights that PyTorch can read safely.") from error
    if not isinstance(weights, Mapping):
        raise ModelError(f"{path}: expected a flat state dict, found {type(weights).__name__}.")
    others = [name for name, value in weights.items() if not isinstance(value, torch.Tensor)]
    if others and "main.0.weight" in weights:
        raise ModelError(f"{path}: expected a flat state dict of tensors; {others[0]!r} is none.")
    try:
        generator_sizes(dict(weights))
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error
    return dict(weights)


def load_generator(
    weights: Mapping[str, torch.Tensor] | ExportedNetwork,
) -> Generator | ExportedNetwork:
    """The generator whose weights these are, in evaluation mode; sizes are read off the weights.

    An exported network is its own.

    Raises:
        ModelError: weights are missing or left over.
    """
    if isinstance(weights, ExportedNetwork):
        return weights
    generator = Generator(**generator_sizes(dict(weights)))
    try:
        generator.load_state_dict(weights)
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise ModelError(f"these weights do not make a whole generator: {text}") from error
    return generator.eval()


def weights_hash(checkpoint: Path | str) -> str:
    """SHA-256 of the model.pt that scores; of an exported network, of the one it was made from."""
    path = Path(checkpoint)
    return load_exported(path).facts.model_sha256 if is_exported(path) else sha256(path)


def image_size_for(checkpoint: Path | str, otherwise: int) -> int:
    """The image size a model was trained at: from an exported file or config.json beside it, else ``otherwise``."""
    return int(_trained_with(checkpoint).get("image_size", otherwise))


def seed_of(checkpoint: Path | str) -> int:
    """The seed a model was trained with, for scores.csv: from where its image size is, else 0."""
    return int(_trained_with(checkpoint).get("seed", 0))


def method_of(checkpoint: Path | str) -> str:
    """The method a model is of: from config.json beside it, else from the file; ``healthygan`` where neither says."""
    path = Path(checkpoint)
    if is_exported(path):
        return METHOD
    if (path.parent / CONFIG_FILE).is_file():
        return str(_trained_with(path).get("method", METHOD))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # absent or broken: whoever loads it says so
        return METHOD
    return str(state.get("method", METHOD)) if isinstance(state, dict) else METHOD


def inference_config(checkpoint: Path | str) -> str:
    """The bundle's config that scores with a model."""
    return "inference.json" if method_of(checkpoint) == METHOD else "inference_baseline.json"


def _trained_with(checkpoint: Path | str) -> dict[str, Any]:
    if is_exported(checkpoint):
        return asdict(load_exported(checkpoint).facts)
    path = Path(checkpoint).parent / CONFIG_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def load_images(folder: Path | str | None, image_size: int) -> Dataset:
    """A prepared data set, or a folder of 8-bit grey pictures taken as unlabelled test images.

    A picture's subject is its name below the folder, without the ending. Without a folder: the demo's films.

    Raises:
        DataError: nothing to score there, pictures that cannot be used (all are named), or two of one name.
    """
    if folder is None or (Path(folder) / FILE_NAME).is_file() or Path(folder).is_file():
        return load_dataset(folder, training=False)
    root = Path(folder)
    found = sorted(p for p in root.rglob("*") if p.suffix.lower() in PICTURES)
    if not found:
        raise DataError(
            f"{root}: no {FILE_NAME} and no pictures ({', '.join(PICTURES)}) there. DICOM and NIfTI files "
            f"are prepared first: healthygan prep films {root} OUTPUT."
        )
    problems = [problem for path in found if (problem := _problem(path))]
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        raise DataError(f"{root}: " + " ".join(problems[:5]) + more)
    names: dict[str, Path] = {}
    for path in found:
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in names:
            both = " and ".join(p.relative_to(root).as_posix() for p in (names[name], path))
            raise DataError(
                f"{root}: {both} would write the same result pictures ({name}_mask.png); rename one of them."
            )
        names[name] = path
    items = [Item(p.relative_to(root).as_posix(), subject=name) for name, p in names.items()]
    return Dataset(root.name, image_size, sections={"test": items}, root=root)


def _problem(path: Path) -> str | None:
    """Why a picture cannot be used."""
    try:
        GreyReader().get_data((path,))
    except ValueError as error:
        return str(error)
    return None


def items_to_score(dataset: Dataset) -> list[dict[str, Any]]:
    """Validation and test items, for MONAI data sets."""
    return labelled_items(dataset)


def pictures_root(folder: Path | str | None) -> Path:
    """The root of :func:`load_images` for the same folder, known without looking at a single image."""
    if folder is None:
        return DEMO_FOLDER
    return Path(folder).parent if Path(folder).is_file() else Path(folder)


def picture_saver(key: str, folder: Path | str, root: Path | str) -> SaveImaged:
    """MONAI's writer for one part of a translation, (1, H, W) in [0, 1], as ``folder/.../NAME_key.png``.

    The sub-folders below ``root``, where the images came from, are kept: names repeat between subjects.
    """
    saver = SaveImaged(
        keys=key,
        output_dir=str(folder),
        output_postfix=key,
        data_root_dir=str(root),
        output_ext=".png",
        writer="PILWriter",
        output_dtype=np.uint8,
        scale=255,
        resample=False,
        separate_folder=False,
        print_log=False,
    )
    return saver.set_options(write_kwargs={"reverse_indexing": False}) or saver


def _items(engine: Engine) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The decollated batch of an evaluator, each image's facts beside what came out for it."""
    state: Any = engine.state
    return zip(state.batch, state.output, strict=True)


class LocalisationFile:
    """Handler of an evaluator: compare difference maps with lesion masks, where items have one; write a summary."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.found: list[Localisation] = []
        self.subjects: list[str] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.finish)

    def start(self, engine: Engine) -> None:
        self.found.clear()
        self.subjects.clear()

    def collect(self, engine: Engine) -> None:
        for item, output in _items(engine):
            if item["section"] == "test" and item["lesion"] and "difference" in output:
                difference = np.asarray(output["difference"])[0]
                lesion = load_mask(item["lesion"], difference.shape)
                if lesion.any() and not lesion.all():
                    self.found.append(localise(difference, lesion))
                    self.subjects.append(item["subject"])

    def finish(self, engine: Engine) -> None:
        if self.found:
            write_json(self.path, summarise(self.found, self.subjects))
        else:
            self.path.unlink(missing_ok=True)


def load_mask(path: Path | str, shape: tuple[int, ...]) -> np.ndarray:
    """A lesion mask (H, W) bool at the size of the difference map; resized to the nearest pixel."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize(shape[::-1], Image.Resampling.NEAREST)) > 0


class ScoresFile:
    """Handler of an evaluator: write scores.csv once every image has its score."""

    def __init__(
        self,
        path: Path | str,
        method: str = "healthygan",
        seed: int = 0,
        backbone: str = "",
        checkpoint: Path | str | None = None,
    ) -> None:
        self.path = Path(path)
        self.checkpoint = checkpoint
        self.method = method
        self.seed = seed
        self.backbone = backbone
        self.rows: list[ScoreRow] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, lambda _: self.rows.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, lambda _: self.write())

    def write(self) -> None:
        """scores.csv, and beside it scores.json: which weights they are of."""
        write_scores(self.path, self.rows)
        if self.checkpoint is not None:
            write_json(
                self.path.with_suffix(".json"),
                {
                    "weights_sha256": weights_hash(self.checkpoint),
                    "scores_sha256": sha256(self.path),
                },
            )

    def collect(self, engine: Engine) -> None:
        for item, output in _items(engine):
            label = int(item["label"])
            self.rows.append(
                ScoreRow(
                    section=item["section"],
                    image=item["name"],
                    subject=item["subject"],
                    score=float(output["score"]),
                    slice=None if item["slice"] == "" else int(item["slice"]),
                    label=None if label < 0 else label,
                    method=self.method,
                    seed=self.seed,
                    backbone=self.backbone,
                    runtime=getattr(getattr(engine, "network", None), "runtime", "pytorch"),
                )
            )


def translator(checkpoint: Path | str, dataset: Path | str) -> Callable[[ScoreRow], Translation]:
    """A function from a row of scores.csv to the pictures of that image, for the report.

    Raises:
        FileNotFoundError, ValueError, DataError: as for loading the model and the data set.
    """
    from healthygan_monai.report.cases import Translation

    if method_of(checkpoint) != METHOD:
        from healthygan_monai.inference.detector_evaluator import map_drawer

        return map_drawer(checkpoint, dataset)
    generator = load_generator(load_weights(checkpoint))
    images = load_dataset(dataset, training=False)
    load = image_transforms(
        image_size_for(checkpoint, images.image_size), images.bit_depth, generator.image_channels
    )
    items = {item["name"]: item for item in labelled_items(images)}

    def translate(row: ScoreRow) -> Translation:
        item = items[row.image]
        image = load({"image": item["image"]})["image"]
        with torch.no_grad():
            pred = HealthyGANInferer()(image[None], generator)[0]
        healthy, mask, difference = split_translation(pred)
        lesion = load_mask(item["lesion"], tuple(image.shape[-2:])) if item["lesion"] else None
        return Translation(
            image=to_display(image).numpy(),
            mask=mask[0].numpy(),
            healthy=to_display(healthy).numpy(),
            difference=difference.mean(0).numpy(),
            lesion=lesion,
        )

    return translate
