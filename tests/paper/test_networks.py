"""Tables 2 and 3, the published sizes, and what other programs need of the generator."""

import pytest
import torch
from torch.testing import assert_close

from healthygan_monai.exchange.authors_checkpoint import generator_from_authors, load_authors_file
from healthygan_monai.networks import Discriminator, Generator, generator_sizes
from healthygan_monai.networks.generator import InstanceNorm, LastConvolution


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
    def test_torchscript_computes_the_same_at_any_size(self, tiny, images, tmp_path):
        torch.jit.script(tiny).save(tmp_path / "model.ts")
        scripted = torch.jit.load(tmp_path / "model.ts")
        for x in (images, images[:1, :, :, :16]):
            assert_close(scripted(x), tiny(x))

    def test_trace_computes_the_same(self, tiny, images):
        traced = torch.jit.trace(tiny, images[:1])
        assert_close(traced(images), tiny(images))

    def test_onnx_computes_the_same_at_any_size(self, tiny, images, tmp_path):
        pytest.importorskip("onnx")
        onnxruntime = pytest.importorskip("onnxruntime")
        path = tmp_path / "model.onnx"
        axes = {0: "images", 2: "rows", 3: "columns"}
        torch.onnx.export(
            tiny,
            (images,),
            path,
            input_names=["image"],
            output_names=["pred"],
            dynamic_axes={"image": axes, "pred": axes},
            dynamo=False,
        )
        session = onnxruntime.InferenceSession(path)
        for x in (images, images[:1, :, :, :16]):
            (found,) = session.run(None, {"image": x.numpy()})
            assert_close(torch.as_tensor(found), tiny(x), rtol=0, atol=1e-5)


class TestFasterLayers:
    """They give what PyTorch's usual layers give, values and gradients."""

    @pytest.mark.parametrize("channels", [1, 3])
    def test_normalisation_and_last_convolution(self, channels):
        torch.manual_seed(0)
        ours, plain = InstanceNorm(5), torch.nn.InstanceNorm2d(5, affine=True)
        for p in ours.parameters():
            torch.nn.init.uniform_(p)
        last = LastConvolution(5, channels)
        usual = torch.nn.Conv2d(5, channels, 7, padding=3, bias=False)
        found = []
        for norm, convolution in ((ours, last), (plain, usual)):
            norm.load_state_dict(ours.state_dict())
            convolution.load_state_dict(last.state_dict())
            layers = torch.nn.Sequential(norm, convolution).double()
            x = torch.arange(2 * 5 * 8 * 12.0).reshape(2, 5, 8, 12).double().sin().requires_grad_()
            out = layers(x)
            out.square().sum().backward()
            found.append([out, x.grad, *(p.grad for p in layers.parameters())])
        assert_close(*found, rtol=1e-9, atol=1e-9)


class TestAuthorsCheckpoint:
    """Their files hold our names, with running statistics that nobody ever used."""

    @pytest.fixture
    def their_network(self) -> torch.nn.Module:
        """The authors' network, small: every normalisation tracks running statistics (model.py)."""
        network = Generator(3, 2, 6)
        for layer in list(network.modules()):
            for name, child in layer.named_children():
                if isinstance(child, torch.nn.InstanceNorm2d):
                    tracking = torch.nn.InstanceNorm2d(
                        child.num_features, affine=True, track_running_stats=True
                    )
                    setattr(layer, name, tracking)
        return network.train()

    @pytest.fixture
    def theirs(self, their_network) -> dict[str, torch.Tensor]:
        return their_network.state_dict()

    def test_has_the_published_names(self, theirs):
        convolutions = {int(name.split(".")[1]) for name, v in theirs.items() if v.ndim == 4}
        assert convolutions == {0, 3, 6, *range(9, 15), 15, 18, 21}
        assert len(theirs) == 103 and theirs["main.21.weight"].shape == (4, 2, 7, 7)

    def test_round_trip_through_their_file(self, theirs, tmp_path, images):
        torch.save(theirs, tmp_path / "360000-G.ckpt")
        ours = generator_from_authors(load_authors_file(tmp_path / "360000-G.ckpt"))
        generator = Generator(**generator_sizes(ours))
        generator.load_state_dict(ours)  # strict: no name missing, none left over
        assert set(ours) < set(theirs)
        assert all(torch.equal(v, theirs[n]) for n, v in generator.state_dict().items())

    def test_translates_as_their_network_which_is_never_in_evaluation_mode(
        self, their_network, theirs, images
    ):
        ours = Generator(3, 2, 6).eval()
        ours.load_state_dict(generator_from_authors(theirs))
        x = images.expand(-1, 3, -1, -1)
        assert_close(ours(x), their_network(x))
        assert not torch.allclose(ours(x), their_network.eval()(x), atol=1e-3)

    def test_other_content_is_refused(self, tmp_path):
        torch.save({"model": {"main.0.weight": torch.zeros(1)}}, tmp_path / "nested.ckpt")
        with pytest.raises(ValueError, match=r"nested\.ckpt: expected a flat state dict"):
            load_authors_file(tmp_path / "nested.ckpt")


class TestSizesReadOffTheWeights:
    @pytest.mark.parametrize("sizes", [(1, 2, 0), (3, 5, 6), (2, 1, 11)])
    def test_are_those_of_the_network(self, sizes):
        found = generator_sizes(Generator(*sizes).state_dict())
        assert tuple(found.values()) == sizes

    @pytest.mark.parametrize("weights", [{}, Discriminator(1, 2, 2).state_dict()])
    def test_other_networks_are_refused(self, weights):
        with pytest.raises(ValueError, match="not the weights of a HealthyGAN generator"):
            generator_sizes(weights)
