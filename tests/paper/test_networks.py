"""Tables 2 and 3, the published sizes, and what other programs need of the generator."""

import pytest
import torch
from torch.testing import assert_close

from healthygan_monai.networks import Discriminator, Generator, generator_sizes


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def shapes(network: torch.nn.Module, image: torch.Tensor, kinds: tuple[type, ...]) -> list[tuple]:
    """(C, H, W) behind every layer of these kinds."""
    found: list[tuple] = []
    for layer in network.modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    network(image)
    return found


@pytest.fixture(scope="module")
def tiny() -> Generator:
    torch.manual_seed(0)
    return Generator(image_channels=1, channels=3, blocks=2).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 1, 16, 24, generator=torch.Generator().manual_seed(1)) * 2 - 1


class TestPublishedSizes:
    def test_generator_of_table_3(self):
        with torch.device("meta"):
            generator = Generator(3, 64, 6)
            layers = shapes(
                generator, torch.empty(1, 3, 256, 256), (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
            )
        assert parameters(generator) == 8_417_984
        down = [(64, 256, 256), (128, 128, 128), (256, 64, 64)]
        up = [(128, 128, 128), (64, 256, 256)]
        assert layers == [*down, *[(256, 64, 64)] * 12, *up, (4, 256, 256)]

    @pytest.mark.parametrize(("size", "patches"), [(256, 4), (128, 2)])
    def test_critic_of_table_2(self, size, patches):
        with torch.device("meta"):
            critic = Discriminator(3, 64, 6)
            layers = shapes(critic, torch.empty(1, 3, size, size), (torch.nn.Conv2d,))
        assert parameters(critic) == 44_721_088
        doubled = [(64 * 2**i, size // 2 ** (i + 1), size // 2 ** (i + 1)) for i in range(6)]
        assert layers == [*doubled, (1, patches, patches)]

    def test_critic_has_no_normalisation_and_one_layer_without_bias(self):
        with torch.device("meta"):
            critic = Discriminator()
        layers = [m for m in critic.modules() if not list(m.children())]
        assert {isinstance(m, (torch.nn.Conv2d, torch.nn.LeakyReLU)) for m in layers} == {True}
        without = [n for n, m in critic.named_modules() if getattr(m, "bias", 0) is None]
        assert without == ["conv1"]

    @pytest.mark.parametrize(("rows", "columns"), [(16, 16), (8, 24), (64, 64)])
    def test_critic_is_a_plain_stack_of_convolutions_to_its_second_derivative(self, rows, columns):
        critic = Discriminator(2, 3, 3).double()
        image = torch.rand(2, 2, rows, columns, dtype=torch.float64, requires_grad=True)
        weights = list(critic.parameters())

        def plain(x: torch.Tensor) -> torch.Tensor:
            for weight, bias in zip(weights[0:6:2], weights[1:6:2], strict=True):
                x = torch.nn.functional.conv2d(x, weight, bias, stride=2, padding=1)
                x = torch.nn.functional.leaky_relu(x, 0.01)
            return torch.nn.functional.conv2d(x, weights[6], padding=1)

        def with_derivatives(network) -> list[torch.Tensor]:
            value = network(image)
            (slope,) = torch.autograd.grad(value.square().sum(), image, create_graph=True)
            return [value, slope, *torch.autograd.grad(slope.square().sum(), weights)]

        for found, expected in zip(with_derivatives(critic), with_derivatives(plain), strict=True):
            assert_close(found, expected)


class TestOutput:
    def test_is_one_tensor_of_image_channels_and_a_mask(self, tiny, images):
        output = tiny(50 * images)
        assert output.shape == (3, 2, 16, 24)
        assert output.abs().max() <= 1 and output[:, 1:].min() >= 0

    def test_the_mask_is_half_of_tanh_plus_one(self, tiny, images):
        raw = tiny.main(images)
        assert_close(tiny(images), torch.cat([raw[:, :1].tanh(), (raw[:, 1:].tanh() + 1) / 2], 1))

    def test_training_and_evaluation_agree(self, tiny, images):
        in_training = tiny.train()(images)
        assert torch.equal(tiny.eval()(images), in_training)

    def test_no_image_depends_on_its_batch_mates(self, tiny, images):
        alone = torch.cat([tiny(image[None]) for image in images])
        assert_close(tiny(images), alone, rtol=0, atol=1e-6)
        assert_close(tiny(images.flip(0)).flip(0), alone, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("sizes", [{"channels": 0}, {"image_channels": 0}, {"blocks": -1}])
    def test_impossible_sizes_are_refused(self, sizes):
        with pytest.raises(ValueError, match="sizes must be positive"):
            Generator(**sizes)
        if "blocks" not in sizes:
            with pytest.raises(ValueError, match="sizes must be positive"):
                Discriminator(**sizes)


@pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore:.*ONNX", "ignore:The feature"
)
class TestExport:
    def test_trace_computes_the_same(self, tiny, images):
        traced = torch.jit.trace(tiny, images[:1])
        assert_close(traced(images), tiny(images))


class TestSizesReadOffTheWeights:
    @pytest.mark.parametrize("sizes", [(1, 2, 0), (3, 5, 6), (2, 1, 11)])
    def test_are_those_of_the_network(self, sizes):
        found = generator_sizes(Generator(*sizes).state_dict())
        assert tuple(found.values()) == sizes
