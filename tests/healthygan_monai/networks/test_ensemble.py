"""An ensemble of generators: the mean of their changes, rebuilt from its weights alone."""

import pytest
import torch

from data_prep.errors import UsageError
from healthygan_monai.composition import compose_healthy, translate
from healthygan_monai.models.load import load_generator, load_state
from healthygan_monai.networks import (
    Generator,
    GeneratorEnsemble,
    generator_sizes,
    make_generator,
    output_translation,
)
from healthygan_monai.networks.ensemble import joined_weights, weights_of_members
from healthygan_monai.runs import save_weights

NAMES = ["masked", "additive", "brainomaly"]


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 1, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def generators(translation: str, count: int = 3, channels: int = 3) -> list[Generator]:
    """Unlike generators that change an image visibly."""
    torch.manual_seed(1)
    made = [make_generator(1, channels, 1, translation).eval() for _ in range(count)]
    for generator in made:
        torch.nn.init.normal_(generator.main[-1].weight, std=0.05)
    return made


@pytest.mark.parametrize("translation", ["additive", "brainomaly"])
def test_the_change_is_the_mean_of_the_changes(translation, image):
    members = generators(translation)
    found = GeneratorEnsemble(members)(image)
    assert found.abs().mean() > 0.01
    torch.testing.assert_close(found, torch.stack([m(image) for m in members]).mean(0))


def test_of_masked_members_the_healthy_image_is_the_mean_of_theirs(image):
    """And not Eq. 1 of the mean intermediate image and the mean mask."""
    members = generators("masked")
    healthy = translate(image, GeneratorEnsemble(members)(image)).healthy
    drawn = torch.stack([m(image) for m in members])
    theirs = torch.stack([translate(image, one).healthy for one in drawn])
    torch.testing.assert_close(healthy, theirs.mean(0))
    of_means = compose_healthy(image, drawn.mean(0)[:, :-1], drawn.mean(0)[:, -1:])
    assert (healthy - of_means).abs().max() > 1e-3


@pytest.mark.parametrize("translation", NAMES)
def test_its_file_alone_gives_it_back(translation, image, tmp_path):
    ensemble = GeneratorEnsemble(generators(translation)).eval()
    save_weights(ensemble.state_dict(), tmp_path / "model.pt")
    again = load_generator(load_state(tmp_path / "model.pt"))
    assert isinstance(again, GeneratorEnsemble) and not again.training
    assert (again.image_channels, again.translation) == (1, "additive")
    assert torch.equal(again(image), ensemble(image))


@pytest.mark.parametrize("translation", NAMES)
def test_its_sizes_are_those_of_a_member_and_their_number(translation):
    members = generators(translation, count=2, channels=5)
    sizes = generator_sizes(GeneratorEnsemble(members).state_dict())
    assert sizes == {**generator_sizes(members[0].state_dict()), "members": 2}
    assert output_translation(sizes) == "additive"
    assert output_translation(generator_sizes(members[0].state_dict())) == translation


def test_joined_weights_are_its_state_dict_and_come_apart_again():
    members = generators("additive")
    joined = joined_weights([m.state_dict() for m in members])
    ensemble = GeneratorEnsemble(members).state_dict()
    assert list(joined) == list(ensemble)
    assert all(torch.equal(joined[name], ensemble[name]) for name in ensemble)
    for member, weights in zip(members, weights_of_members(joined), strict=True):
        assert weights.keys() == member.state_dict().keys()
        assert torch.equal(weights["main.0.weight"], member.main[0].weight)
    assert weights_of_members(members[0].state_dict()) == []


def test_ten_members_keep_their_order():
    weights = [{"main.0.weight": torch.tensor(float(k))} for k in range(11)]
    joined = joined_weights(weights)
    shuffled = {name: joined[name] for name in sorted(joined)}  # 10 comes before 2
    assert [w["main.0.weight"].item() for w in weights_of_members(shuffled)] == [*range(11)]


def test_members_of_two_sizes_are_refused():
    weights = [generators("additive", 1, channels)[0].state_dict() for channels in (2, 3)]
    with pytest.raises(ValueError, match="members of this ensemble differ in size"):
        generator_sizes(joined_weights(weights))


def test_a_single_member_is_no_ensemble():
    with pytest.raises(UsageError, match="expected two or more"):
        GeneratorEnsemble(generators("additive", 1))


def test_a_member_that_is_missing_is_an_error(tmp_path):
    weights = GeneratorEnsemble(generators("additive")).state_dict()
    save_weights({n: v for n, v in weights.items() if "members.1." not in n}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="do not make a whole generator"):
        load_generator(load_state(tmp_path / "model.pt"))


def test_a_value_that_is_no_tensor_is_named(tmp_path):
    weights = {**GeneratorEnsemble(generators("additive")).state_dict(), "note": "x"}
    torch.save(weights, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="flat state dict of tensors; 'note' is none"):
        load_state(tmp_path / "model.pt")
