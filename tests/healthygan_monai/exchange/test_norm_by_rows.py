"""The normalisation of the ONNX file: PyTorch's numbers, also where ONNX Runtime's are wrong."""

import pytest
import torch

from healthygan_monai.exchange.export import export
from healthygan_monai.exchange.onnx import NormByRows
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.networks import Generator
from healthygan_monai.runs import save_weights


def test_is_instance_normalisation():
    layer = torch.nn.InstanceNorm2d(3, affine=True).double()
    torch.nn.init.uniform_(layer.weight)
    torch.nn.init.uniform_(layer.bias)
    x = torch.randn(2, 3, 20, 12, dtype=torch.float64) * 5 + 2
    torch.testing.assert_close(NormByRows(layer)(x), layer(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("grey", [-1.0, 0.3])
def test_a_large_image_of_one_grey_level_comes_out_as_from_pytorch(grey, tmp_path):
    """A black margin is such an image; with ONNX Runtime's own layer this differs by 2e-3."""
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    save_weights(Generator(1, 8, 2).state_dict(), tmp_path / "model.pt")
    export(tmp_path / "model.pt", tmp_path / "model.onnx", image_size=32)
    image = torch.full((1, 1, 512, 512), grey)
    with torch.no_grad():
        ours = load_generator(load_weights(tmp_path / "model.pt"))(image)
        theirs = load_exported(tmp_path / "model.onnx")(image)
    torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-4)
