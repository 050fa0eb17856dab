"""One contract for every model: a batch of images in, scores and maps out."""

from pathlib import Path

import pytest
import torch
from places import CONFIGS
from processes import warm_python
from tiny import SIZE
from torch.testing import assert_close

from healthygan_monai.baselines.registry import make_detector
from healthygan_monai.composition import compose_healthy, split_output
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.models.scorer import make_scorer
from healthygan_monai.paths import size_in_metadata

IMAGES = torch.rand(3, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
DETECTORS = {
    "mean-intensity": {},
    "distance-to-mean": {},
    "ganomaly": {"features": 2, "max_iterations": 2, "batch_size": 3, "latent": 3},
}


@pytest.fixture(params=["pt", "ts", "onnx", "xml", *DETECTORS])
def model(request, trained, tmp_path) -> Path:
    """A file of every kind of model."""
    if request.param == "pt":
        return trained / "model.pt"
    if request.param in DETECTORS:
        detector = make_detector(request.param, DETECTORS[request.param])
        detector.fit(lambda: iter([IMAGES]))
        detector.save(tmp_path / "model.pt")
        return tmp_path / "model.pt"
    if request.param == "xml":
        pytest.importorskip("openvino")
    return request.getfixturevalue("exported")[request.param]


def test_every_model_gives_scores_and_maps_of_one_shape(model):
    scorer = make_scorer(model)
    scores, maps = scorer(IMAGES)
    assert scores.shape == (3,) and scores.isfinite().all()
    assert {tuple(drawn.shape) for drawn in maps.values()} <= {(3, 1, SIZE, SIZE)}
    assert (scorer.image_size, scorer.image_channels, scorer.seed) == (SIZE, 1, 0)
    wanted = {"difference", "mask", "healthy"} if scorer.method == "healthygan" else {"difference"}
    assert set(maps) == (set() if scorer.method == "mean-intensity" else wanted)


def test_of_healthygan_they_are_those_of_sec_2_3(trained):
    scores, maps = make_scorer(trained / "model.pt")(IMAGES)
    with torch.no_grad():
        output = load_generator(load_weights(trained / "model.pt"))(IMAGES)
    intermediate, mask = split_output(output)
    healthy = compose_healthy(IMAGES, intermediate, mask)
    assert_close(maps["mask"], mask)
    assert_close(maps["healthy"], (healthy + 1) / 2)
    assert_close(maps["difference"], (IMAGES - healthy).abs() / 2)
    assert_close(scores, maps["difference"].mean((1, 2, 3)))


def test_the_size_of_a_bare_model_is_the_one_given_else_its_bundles(trained, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes((trained / "model.pt").read_bytes())
    assert make_scorer(path, image_size=48).image_size == 48
    assert make_scorer(path).image_size == size_in_metadata(CONFIGS.parent)


def test_a_data_set_is_scored_without_the_server(trained, tiny_data, tmp_path):
    code = (
        "import sys; from healthygan_monai.cli.main import main\n"
        f"assert main(['infer', {str(trained)!r}, {str(tiny_data)!r}, '--output', "
        f"{str(tmp_path)!r}]) == 0\n"
        "print([name for name in sys.modules if name.startswith('healthygan_monai.serving')])"
    )
    assert warm_python("-c", code).stdout.splitlines()[-1] == "[]"
