"""A detector fitted on a data set in a run folder; one of a new kind works the same way."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from tiny_detectors import GANS, TINY

from healthygan_monai.baselines.base import Detector
from healthygan_monai.baselines.fitting import Fitting, SectionImages, options_for
from healthygan_monai.baselines.images import checked_batches, shape_of
from healthygan_monai.baselines.registry import DETECTORS, load_detector, make_detector
from healthygan_monai.data import load_dataset
from healthygan_monai.paths import RUN_FILE

SIDE = 32


@pytest.fixture(scope="module")
def images(tiny_data):
    return SectionImages(load_dataset(tiny_data), "training_healthy", SIDE, 1)


@pytest.fixture
def run(tmp_path):
    (tmp_path / RUN_FILE).write_text('{"seed": 0}')
    return tmp_path


@pytest.mark.parametrize("method", GANS, ids=lambda m: m.name)
def test_a_gan_leaves_checkpoints_and_a_model_that_scores_as_it_does(
    method, images, tiny_data, run
):
    detector = method(**{**TINY[method.name], "max_iterations": 3, "batch_size": 2})
    fitting = Fitting(
        detector, load_dataset(tiny_data), SIDE, 1, run=run, checkpoints=2, log_interval=1
    )
    loaded = load_detector(fitting.fit())
    inputs = torch.stack([images[k] for k in range(3)])
    assert torch.equal(loaded.score(inputs), detector.score(inputs))
    files = ["checkpoints", "metrics.jsonl", "model.pt", RUN_FILE]
    assert sorted(p.name for p in run.iterdir()) == files
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == [
        "generator_0000002.pt",
        "generator_0000003.pt",
        "training_2.pt",
        "training_3.pt",
    ]


def test_only_known_healthy_images_are_trained_on(images, tiny_data):
    assert len(images) == 5
    assert type(images[0]) is torch.Tensor and images[0].shape == (1, SIDE, SIDE)
    assert images[0].min() >= -1 and images[0].max() <= 1
    assert [len(batch) for batch in images.batches()] == [5]


class Brightest(Detector):
    """Neither a GAN nor on frozen features: the brightest pixel, less that of healthy images."""

    name = "brightest"

    def __init__(self, share: float = 1.0, *, device: torch.device | str = "cpu") -> None:
        super().__init__(device=device)
        self.share = share

    def fit(self, healthy, mixed=None, *, seed=0) -> None:
        batches = list(checked_batches(healthy, "healthy"))
        self.limit = self.share * torch.cat(batches).max()
        self.image_shape = shape_of(batches[0])

    def score(self, images: torch.Tensor) -> torch.Tensor:
        return self._checked(images).amax((1, 2, 3)) - self.limit

    def state(self) -> dict[str, Any]:
        shape = list(self._fitted_shape())
        return {"settings": {"share": self.share}, "limit": self.limit, "shape": shape}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.limit, self.image_shape = state["limit"], tuple(state["shape"])


def test_a_detector_of_another_kind_needs_its_class_and_a_line_of_the_registry(
    monkeypatch, images, tiny_data, run
):
    monkeypatch.setitem(DETECTORS, "brightest", Brightest)
    dataset = load_dataset(tiny_data)
    with pytest.raises(ValueError, match=r"no setting 'shar', did you mean 'share'.*no backbone"):
        make_detector("brightest", {"shar": 1}, "weights.pth")
    detector = make_detector("brightest", {"share": 0.5})
    assert options_for(detector, dataset, SIDE, 1) == {"share": 0.5}
    fitting = Fitting(detector, dataset, SIDE, 1, run=run)
    fitting.resume()  # does nothing: it begins again
    loaded = load_detector(fitting.fit(), "cpu")
    inputs = torch.stack([images[k] for k in range(3)])
    assert torch.equal(loaded.score(inputs), inputs.amax((1, 2, 3)) - loaded.limit)
    assert (loaded.image_size, loaded.image_channels, loaded.backbone_label) == (SIDE, 1, "")
    assert json.loads((run / RUN_FILE).read_text()) == {
        "seed": 0,
        "method": "brightest",
        "detector": {},
    }
