"""The pictures of a scored data set: its maps as 8-bit PNG files."""

from pathlib import Path
from typing import Any

import numpy as np
from monai.data import FolderLayout
from monai.utils import ImageMetaKey
from PIL import Image
from torch.utils.data import Dataset

from data_prep.files import whole, write_json
from healthygan_monai.models.scorer import Scorer, plain
from healthygan_monai.paths import SCALE_FILE
from healthygan_monai.scoring import HEALTHYGAN

MAPS = ("difference", "mask", "healthy")
SCALED_ON = 32  # images whose maps give the pictures their white
WHITE_PERCENTILE = 99.8  # of their values


class PictureSaver:
    """Write one map of an item, (1, H, W) in [0, 1], as ``folder/.../NAME_key.png``, of 8 bits.

    The sub-folders below ``root``, where the images came from, are kept: names repeat between
    subjects. MONAI's SaveImaged gives the same names and pixels; it leaves half a file after a
    crash, and no reason after an error.

    Args:
        key: of the map.
        folder: of the pictures.
        root: where the images came from.
    """

    def __init__(self, key: str, folder: Path | str, root: Path | str) -> None:
        self.key = key
        self.layout = FolderLayout(
            str(folder), postfix=key, extension=".png", makedirs=False, data_root_dir=str(root)
        )

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        drawn = data[self.key]
        pixels = (255 * np.clip(plain(drawn)[0].cpu().numpy(), 0.0, 1.0)).astype(np.uint8)
        with whole(Path(self.layout.filename(drawn.meta[ImageMetaKey.FILENAME_OR_OBJ]))) as part:
            Image.fromarray(pixels).save(part, format="PNG")
        return data


def picture_saver(key: str, folder: Path | str, root: Path | str) -> PictureSaver:
    """Return the writer of one map, by the name that configs use."""
    return PictureSaver(key, folder, root)


class MapPictures:
    """Write the maps of an item as ``folder/.../NAME_difference.png`` and so on.

    White is 1 for HealthyGAN. Maps of other methods have no upper end of their own: white is the
    99.8th percentile of the maps of 32 evenly spaced images, one scale for all pictures, written to
    ``folder/scale.json``.

    Args:
        scorer: what made the maps.
        images: all items that are scored.
        folder: of the pictures; None writes none.
        root: where the images came from.
    """

    def __init__(
        self, scorer: Scorer, images: Dataset, folder: Path | str | None, root: Path | str
    ) -> None:
        self.scorer, self.images, self.folder = scorer, images, folder
        names = MAPS if folder is not None else ()
        self.savers = {name: picture_saver(name, str(folder), root) for name in names}
        self.white = 1.0 if scorer.method == HEALTHYGAN else 0.0  # 0.0: not known yet

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        source = data["image"]
        for name, save in self.savers.items():
            if name in data:
                picture = source[:1].clone()  # keeps the name of the file it came from
                picture[...] = plain(data[name]).to(source.device) / self._white()
                save({name: picture})
        return data

    def _white(self) -> float:
        if not self.white:
            self.white = map_white(self.scorer, self.images)
            write_json(Path(str(self.folder)) / SCALE_FILE, {"white": self.white})
        return self.white


def map_white(scorer: Scorer, images: Any, count: int = SCALED_ON) -> float:
    """Return the 99.8th percentile of the maps of ``count`` evenly spaced images; never 0."""
    chosen = np.unique(np.linspace(0, len(images) - 1, count).round().astype(int))
    maps = [scorer(plain(images[int(k)]["image"])[None]).maps["difference"] for k in chosen]
    values = np.concatenate([drawn.cpu().numpy().ravel() for drawn in maps])
    return max(float(np.percentile(values, WHITE_PERCENTILE)), 1e-6)
