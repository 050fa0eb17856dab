"""samples/iter_0012000.png: what the generator makes of the same images while it is trained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ignite.engine import Engine, Events
from PIL import Image

from data_prep.files import whole
from healthygan_monai.data.transforms import to_display
from healthygan_monai.models.scorer import generator_scorer
from healthygan_monai.paths import sample_file


class SamplePictures:
    """Save a picture of the same images after every epoch, ``samples/iter_0012000.png``; one row an
    image.

    Columns are input, mask, translated image and difference map (stretched to twice its range).
    """

    def __init__(
        self,
        folder: Path | str,
        generator: torch.nn.Module,
        images: Sequence[torch.Tensor],
        device: torch.device,
    ) -> None:
        self.folder = Path(folder)
        self.images = torch.stack([torch.as_tensor(i) for i in images])
        _, channels, _, side = self.images.shape
        self.scorer = generator_scorer(generator, side, channels, device)

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        maps = {name: found[:, 0].cpu() for name, found in self.scorer(self.images).maps.items()}
        twice = (2 * maps["difference"]).clip(0, 1)
        columns = (to_display(self.images), maps["mask"], maps["healthy"], twice)  # (B, H, W) each
        rows = np.concatenate([np.asarray(part) for part in columns], axis=2)
        picture = Image.fromarray((np.concatenate(rows) * 255).round().astype(np.uint8))
        with whole(self.folder / sample_file(engine.state.iteration)) as part:
            picture.save(part, format="PNG")
