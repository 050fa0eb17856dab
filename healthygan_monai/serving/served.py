"""A model that answers as on a MONAI Label server, in this process and without that server."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_prep.files import naming, whole, write_json
from healthygan_monai.config.devices import best_device
from healthygan_monai.data.images import PICTURES
from healthygan_monai.inferer import HealthyGANInferer
from healthygan_monai.models.about import image_size_for
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.models.places import model_file, size_of_its_bundle
from healthygan_monai.serving.preparation import FILMS, preparation
from healthygan_monai.serving.serving_json import description_of
from healthygan_monai.serving.transforms import REQUEST, AnswerRequestd, PrepareRequestd

ANSWER_FILE = "answer.json"


@dataclass(frozen=True)
class Answer:
    """result: the JSON of docs/monai_label.md. image: (columns, rows) of a film, (I, J, K) of a
    volume. affine: voxels -> mm in RAS+; None for a film. extension: .png or .nii.gz.
    """

    result: dict[str, Any]
    image: np.ndarray
    affine: np.ndarray | None
    extension: str

    def write(self, folder: Path) -> None:
        """Write answer.json, and label.png or difference.nii.gz and the like, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.result['output']}{self.extension}"
        with naming(path), whole(path, same_name=True) as part:
            if self.extension in PICTURES:
                from PIL import Image

                Image.fromarray(self.image.T).save(part)
            else:
                import nibabel

                nibabel.save(nibabel.Nifti1Image(self.image, self.affine), part)
        write_json(folder / ANSWER_FILE, self.result)


class Served:
    """A run, a model.pt or a bundle's folder: one film or volume in, its answer out.

    of_films: whether it scores films; else volumes.

    Raises:
        NoModel, ModelError: no model, or not the whole of one.
    """

    def __init__(self, model: Path, device: str = "auto") -> None:
        checkpoint = model_file(model)
        self.device = best_device(device)
        self.network = load_generator(load_state(checkpoint)).to(self.device).eval()
        size = image_size_for(checkpoint, size_of_its_bundle(checkpoint))
        self.before = PrepareRequestd(checkpoint, size, self.network.image_channels)
        self.of_films = preparation(description_of(checkpoint, size).recipe, size).kind == FILMS
        self.inferer = HealthyGANInferer()
        self.after = AnswerRequestd(keys="pred")

    def __call__(self, path: Path, options: Mapping[str, Any] | None = None) -> Answer:
        """Answer for a file, or for a folder with one film or one series.

        Args:
            path: the input; it is decoded in a guarded child.
            options: of a request, as in docs/monai_label.md.

        Raises:
            RequestError: it cannot be scored; the message names no file.
        """
        asked: dict[Hashable, Any] = {REQUEST: "auto"}
        asked.update(options or {}, image=str(path.absolute()))
        data = self.before(asked)
        with torch.no_grad():
            images = torch.as_tensor(data["image"])[None].to(self.device)
            data["pred"] = self.inferer(images, self.network)[0].cpu()
        data = self.after(data)
        image = data["pred"].numpy()
        image = image[0] if image.ndim == 4 else image
        affine = data["image"].meta.get("original_affine")
        return Answer(data["result"], image, affine, str(data["result_extension"]))
