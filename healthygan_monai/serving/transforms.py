"""The MONAI transforms at both ends of a request, for inference.json."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, MapTransform, RepeatChannel, ScaleIntensityRange

from data_prep.work.kept import Limits, decode
from healthygan_monai.data.transforms import WHITE, image_transforms, resized
from healthygan_monai.errors import PrepError
from healthygan_monai.inferer import Translationd
from healthygan_monai.serving.answer import Request, answer, maps_and_scores, shown
from healthygan_monai.serving.errors import refusal
from healthygan_monai.serving.options import (
    NONE,
    chosen,
    for_requests,
    image_of,
    threshold_of,
    volume_index_of,
)
from healthygan_monai.serving.preparation import BRAINS, FILMS, preparation
from healthygan_monai.serving.receive import receive
from healthygan_monai.serving.serving_json import description_of

# of one request, in the guarded child that reads its file: N4 of a head takes minutes
LIMITS = {FILMS: Limits(120.0, 4 << 30), BRAINS: Limits(600.0, 16 << 30)}
REQUEST = "preparation"  # a key that only requests have
RECEIVED = "received"  # key of what PrepareRequestd hands to AnswerRequestd


def request_transforms(checkpoint: Path | str, image_size: int, image_channels: int = 1) -> Compose:
    """Return ``preprocessing`` of a bundle that is served: see :class:`PrepareRequestd`."""
    return Compose([PrepareRequestd(checkpoint, image_size, image_channels)])


class PrepareRequestd(MapTransform):
    """Read the path under ``image`` as float32 in [-1, 1]: (C, size, size), of a volume (..., N).

    A request has the key ``preparation`` (``displayable_configs`` of inference.json). ``auto``
    prepares its file as data_prep prepared the images of training; ``none`` reads a picture as an
    item of a data set. An item without that key belongs to a data set and is read as such. Options
    are read from the request alone: text that starts with $ in a bundle's config would be run.

    Args:
        checkpoint: the model; serving.json beside it holds the preparation.
        image_size: pixels a side.
        image_channels: the model's, 1 or 3.
        keys, allow_missing_keys: as for other transforms.

    Raises:
        RequestError: the file cannot be used, or an option is invalid; the message names no file.
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
        self.of_data_set = image_transforms(
            self.image_size, None, self.image_channels, track_meta=True
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            if REQUEST not in d:
                d[key] = self.of_data_set({"image": str(d[key])})["image"]
                continue
            try:
                d[key], d[RECEIVED] = self.of_request(d, image_of(d[key]))
            except PrepError as error:
                raise refusal(for_requests(error)) from error
            except MemoryError as error:
                raise refusal("not enough memory for this image") from error
        return d

    def of_request(self, d: Mapping[Hashable, Any], path: Path) -> tuple[MetaTensor, Request]:
        self._require_own_weights(d.get("model_filename"))
        how = chosen(d, "preparation")
        output, threshold, index = chosen(d, "output"), threshold_of(d), volume_index_of(d)
        description = description_of(self.checkpoint, self.image_size)
        prepared = preparation(description.recipe, self.image_size)
        given = (path, prepared, index, how == NONE)
        try:
            received = decode(receive, given, LIMITS[prepared.kind])
        except OSError:
            raise refusal("the image cannot be opened or read") from None
        request = Request(description, received, output, threshold, self.checkpoint)
        scale = Compose([
            ScaleIntensityRange(0, WHITE[8 * received.pixels.itemsize], -1, 1),
            RepeatChannel(self.image_channels),
        ])  # fmt: skip
        levels = np.moveaxis(received.pixels.astype(np.float32), 0, -1)  # (H, W, N)
        image = torch.as_tensor(scale(levels[None]), dtype=torch.float32)
        if received.indices is None:
            image = resized(image[..., 0], self.image_size)
        return MetaTensor(image), request

    def _require_own_weights(self, asked: Any) -> None:
        """Refuse a request for another file of weights, of which MONAI Label loads what fits."""
        first = asked[0] if isinstance(asked, (list, tuple)) and asked else asked
        if first and first != self.checkpoint.name:
            raise refusal(
                f"model_filename: only {self.checkpoint.name} is served here. To serve another "
                "model: python -m healthygan_monai.serving install RUN APP --name NAME."
            )


class AnswerRequestd(Translationd):
    """``pred`` of ``HealthyGANInferer`` -> what is sent back, in the space of the received file.

    ``pred`` becomes the label map (uint8, 1 where the difference reaches the threshold), or with
    ``output: difference`` the difference map (float32 in [0, 1]; 0 to 255 for a PNG). ``result``
    becomes the JSON: anomaly_score, subject_score, slices, threshold and its source, model,
    warnings. An item of a data set is treated as by :class:`Translationd`.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        request = data.get(RECEIVED)
        if request is None:
            return super().__call__(data)
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
            d[key] = shown(whole, marked, request.output, str(d["result_extension"]))
            # where MONAI Label looks for the size and the affine of what it writes
            affine = whole.affine.numpy() if isinstance(whole, MetaTensor) else None
            image = d.get("image")
            if isinstance(image, MetaTensor):
                image.meta["spatial_shape"] = np.asarray(whole.shape)
                image.meta["original_affine"] = affine
        return d
