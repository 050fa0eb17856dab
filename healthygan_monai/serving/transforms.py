"""The two ends of a request, as MONAI transforms for ``preprocessing`` and ``postprocessing`` of inference.json."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, MapTransform, RepeatChannel, ScaleIntensityRange
from PIL import Image

import healthygan_monai
from data_prep.outcome import PrepError
from healthygan_monai.data.transforms import WHITE, image_transforms
from healthygan_monai.inferer import Translationd, split_translation
from healthygan_monai.scoring import image_score, subject_score
from healthygan_monai.serving.description import Cut, Description, description_of, fingerprint
from healthygan_monai.serving.errors import refusal
from healthygan_monai.serving.preparation import preparation
from healthygan_monai.serving.received import Received, receive

AUTO, NONE = "auto", "none"
LABEL, DIFFERENCE = "label", "difference"
MODEL = "model"  # the threshold that is stored with it
RECEIVED = "received"  # key under which PrepareRequestd leaves what AnswerRequestd needs
SUBJECT_RULE = "mean"
PICTURES = (".png", ".jpg", ".jpeg")
OPTIONS = {"preparation": (AUTO, NONE), "output": (LABEL, DIFFERENCE)}


class PrepareRequestd(MapTransform):
    """A path under ``image`` -> (C, size, size) float32 in [-1, 1], or (C, size, size, N) for the slices of a volume.

    An item without a key ``preparation`` is of a prepared data set: its PNG is read and, where it has another size,
    resized, as in training. A request to a server has that key (``displayable_configs`` of inference.json): ``auto``
    does to its file, whatever it is, what data_prep did to the images of training; ``none`` takes a picture as the
    item of a data set is taken.

    Options are read from the request alone. MONAI Label also writes them into the bundle's config, where a text with
    a $ in front would be run; nothing refers to them there.

    Args:
        checkpoint: the model; serving.json beside it tells the preparation.
        image_size: pixels a side.
        image_channels: the model's, 1 or 3.

    Raises:
        RequestError: the file cannot be used, or an option is none; the message names no file.
    """

    def __init__(
        self,
        checkpoint: Path | str,
        image_size: int,
        image_channels: int = 1,
        keys: str = "image",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.checkpoint = Path(checkpoint)
        self.image_size = int(image_size)
        self.image_channels = int(image_channels)
        self.of_depth = {
            bits: image_transforms(self.image_size, bits, self.image_channels, track_meta=True)
            for bits in WHITE
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            if "preparation" not in d:
                d[key] = self.of_data_set(str(d[key]))
                continue
            try:
                d[key], d[RECEIVED] = self.of_request(d, str(d[key]))
            except PrepError as error:
                raise refusal(_for_requests(error)) from error
            except MemoryError as error:
                raise refusal("not enough memory for this image") from error
        return d

    def of_data_set(self, path: str) -> torch.Tensor:
        """(C, size, size) of a prepared PNG, 8 or 16 bit."""
        try:
            with Image.open(path) as picture:
                bits = 8 if picture.mode == "L" else 16
        except (OSError, SyntaxError, ValueError):
            bits = 8  # whatever it is, the reader has the words for it
        return self.of_depth[bits]({"image": path})["image"]

    def of_request(self, d: Mapping[Hashable, Any], path: str) -> tuple[MetaTensor, Request]:
        self._require_own_weights(d.get("model_filename"))
        how = chosen(d, "preparation")
        request = Request(
            description=description_of(self.checkpoint, self.image_size),
            output=chosen(d, "output"),
            threshold=_threshold(d.get("threshold", MODEL)),
            checkpoint=self.checkpoint,
        )
        prepared = preparation(request.description.recipe, self.image_size)
        received = receive(Path(path), prepared, _volume_index(d), resize_only=how == NONE)
        request.received = received
        if received.pixels is None:
            return MetaTensor(self.of_data_set(path)), request
        scale = Compose([
            ScaleIntensityRange(0, WHITE[8 * received.pixels.itemsize], -1, 1),
            RepeatChannel(self.image_channels),
        ])  # fmt: skip
        levels = np.moveaxis(received.pixels.astype(np.float32), 0, -1)  # (size, size, N)
        image = torch.as_tensor(scale(levels[None]), dtype=torch.float32)
        return MetaTensor(image if received.indices else image[..., 0]), request

    def _require_own_weights(self, asked: Any) -> None:
        """MONAI Label lets a request name another file of weights, and would load what fits of it."""
        names = [asked] if isinstance(asked, str) else list(asked or [])
        if names and names[0] != self.checkpoint.name:
            raise refusal(
                f"model_filename: only {self.checkpoint.name} is served here. To serve another model put it in a "
                "folder of its own: python -m healthygan_monai.serving install RUN APP --name NAME."
            )


class Request:
    """What of a request has to reach its answer."""

    def __init__(
        self, description: Description, output: str, threshold: float | None, checkpoint: Path
    ):
        self.description = description
        self.output = output
        self.threshold = threshold
        self.checkpoint = checkpoint
        self.received: Received

    def cut(self) -> Cut:
        if self.threshold is None:
            return self.description.cut
        return Cut(self.threshold, "given with the request")


class AnswerRequestd(MapTransform):
    """``pred`` of ``HealthyGANInferer`` -> what is sent back, in the space of the file that came.

    Of an item of a data set: as :class:`Translationd`. Of a request: ``pred`` becomes the label map (uint8, 1 where
    the difference reaches the threshold) or, asked for ``output: difference``, the difference map (float32 in [0, 1];
    0 to 255 where the answer is a PNG); ``result`` becomes the JSON: anomaly_score, subject_score, slices, threshold
    and its source, model, warnings.
    """

    def __init__(self, keys: str = "pred", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.translation = Translationd(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        request = data.get(RECEIVED)
        if request is None:
            return self.translation(data)
        d = dict(data)
        d.pop(RECEIVED)
        for key in self.key_iterator(d):
            maps, scores = maps_and_scores(d[key], request.received)
            whole = request.received.back(maps)
            cut = request.cut()
            marked = torch.as_tensor(np.asarray(whole) >= cut.value)
            d["result"] = answer(request, cut, scores, whole, marked)
            if not d.get("result_extension"):
                d["result_extension"] = ".png" if request.received.is_film else ".nii.gz"
            d[key] = _shown(whole, marked, request.output, str(d["result_extension"]))
            # where MONAI Label looks for the size and the affine of what it writes
            affine = whole.affine.numpy() if isinstance(whole, MetaTensor) else None
            image = d.get("image")
            if isinstance(image, MetaTensor):
                image.meta["spatial_shape"] = np.asarray(whole.shape)
                image.meta["original_affine"] = affine
        return d


def maps_and_scores(pred: torch.Tensor, received: Received) -> tuple[np.ndarray, list[float]]:
    """Difference maps float32 (N, size, size) and image scores, 0 for slices without an image in them."""
    slices = pred.as_tensor() if isinstance(pred, MetaTensor) else pred
    if received.indices is None:
        slices = slices[..., None]
    slices = slices.movedim(-1, 0).cpu()  # (N, 2C + 1, size, size)
    difference = split_translation(slices)[2]
    keep = torch.as_tensor([not empty for empty in received.empty])
    difference = torch.where(keep[:, None, None, None], difference, 0)
    return difference.mean(1).numpy(), [float(score) for score in image_score(difference)]


def answer(
    request: Request, cut: Cut, scores: Sequence[float], whole: torch.Tensor, marked: torch.Tensor
) -> dict[str, Any]:
    """The JSON of an answer; plain values only."""
    received, description = request.received, request.description
    used = [s for s, counts in zip(scores, received.used, strict=True) if counts]
    found: dict[str, Any] = {
        "anomaly_score": max(used),
        "subject_score": subject_score(used, SUBJECT_RULE),
        "subject_rule": SUBJECT_RULE,
        "output": request.output,
        "labels": {"anomaly": 1},
        "threshold": cut.value,
        "threshold_source": cut.source,
        "marked_share": float(marked.float().mean()),
        "largest_difference": float(whole.max()),
        "score_thresholds": description.scores,
        "model": {
            "method": "healthygan",
            "version": healthygan_monai.__version__,
            "weights_sha256": fingerprint(request.checkpoint),
            "image_size": description.size,
        },
        "input": {"kind": received.kind, "size": [int(n) for n in whole.shape]},
        "warnings": [*description.warnings, *received.warnings],
    }
    if received.indices is not None:
        found["input"]["plane"] = received.facts["plane"]
        found["slices"] = [
            {"index": i, "score": score, "counted": counts, "empty": empty}
            for i, score, counts, empty in zip(
                received.indices, scores, received.used, received.empty, strict=True
            )
        ]
        found["anomaly_slice"] = max(
            (s for s in found["slices"] if s["counted"]), key=lambda s: s["score"]
        )["index"]
    return found


def _shown(whole: torch.Tensor, marked: torch.Tensor, output: str, extension: str) -> torch.Tensor:
    """(columns, rows), or (1, I, J, K): MONAI Label takes the channel of a volume off, and of a picture has none."""
    if output == LABEL:
        shown = marked.to(torch.uint8)
    elif extension.lower() in PICTURES:
        shown = (torch.as_tensor(np.asarray(whole)) * 255).round().clamp(0, 255).to(torch.uint8)
    else:
        shown = torch.as_tensor(np.asarray(whole))
    return shown[None] if shown.ndim == 3 else shown


def chosen(d: Mapping[Hashable, Any], name: str) -> str:
    """An option of a request. A list is MONAI Label's, of all choices: the first is the default."""
    value = d.get(name, OPTIONS[name][0])
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    if value not in OPTIONS[name]:
        raise refusal(f"{name} is {value!r}; expected {' or '.join(OPTIONS[name])}.")
    return str(value)


def _threshold(value: Any) -> float | None:
    """None for the model's own; a form sends numbers as text."""
    if value in (None, MODEL, ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not 0 < number <= 1:
        raise refusal(
            f"threshold is {value!r}; expected a difference above 0, at most 1, or {MODEL!r} for the model's own."
        )
    return number


def _volume_index(d: Mapping[Hashable, Any]) -> int | None:
    value = d.get("volume_index")
    try:
        return None if value in (None, "") else int(value)
    except (TypeError, ValueError):
        raise refusal(f"volume_index is {value!r}; expected a whole number from 0 on.") from None


def _for_requests(error: PrepError) -> str:
    """A message of data_prep whose remedy is a flag of its command, with the way to say it in a request."""
    return str(error).replace("Pass --volume-index with a number", 'Give "volume_index"')
