"""The two files of OpenVINO: float32, sealed together, nothing lost that was there."""

import shutil

import pytest
import torch

from healthygan_monai.errors import ModelError
from healthygan_monai.exchange import parity
from healthygan_monai.exchange.export import export
from healthygan_monai.models.exported import load_exported
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.paths import bundle_root

openvino = pytest.importorskip("openvino")


def test_it_computes_in_float32_where_the_processor_would_choose_otherwise(exported, trained):
    """At bfloat16 the difference is some hundred times larger."""
    ours = load_generator(load_weights(trained / "model.pt"))
    found = parity.largest_difference(ours, load_exported(exported["xml"]), 1, 128)
    assert found <= parity.TOLERANCE
    core = openvino.Core()
    model = core.read_model(exported["xml"])
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    images = torch.linspace(-1, 1, 32 * 32).reshape(1, 1, 32, 32)
    theirs = core.compile_model(model, "CPU", hint)(images.numpy())[0]
    assert torch.equal(torch.as_tensor(theirs), load_exported(exported["xml"])(images))


def test_an_image_of_one_grey_level_is_computed_as_exactly(tmp_path):
    """The hardest for the normalisation: with means over whole planes this differs by 2e-3."""
    export(bundle_root() / "models" / "model.pt", tmp_path / "model.xml", image_size=256)
    ours = load_generator(load_weights(bundle_root() / "models" / "model.pt"))
    image = torch.full((1, 1, 256, 256), 0.3)
    with torch.no_grad():
        expected = ours(image)
    torch.testing.assert_close(
        load_exported(tmp_path / "model.xml")(image), expected, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("place", [0.5, 0.9, -40])
def test_a_changed_bit_of_either_file_is_seen(copied, tmp_path, suffix, place):
    path = copied("xml", tmp_path)
    file = path.with_suffix(suffix)
    content = bytearray(file.read_bytes())
    content[int(place * len(content)) if place > 0 else place] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged or changed|not an OpenVINO file|metadata"):
        load_exported(path)


def test_the_graph_without_its_weights_is_refused(exported, tmp_path):
    shutil.copy(exported["xml"], tmp_path)
    with pytest.raises(ModelError, match=r"model\.bin must be beside it"):
        load_exported(tmp_path / "model.xml")


def test_weights_of_another_export_are_refused(copied, tmp_path):
    path = copied("xml", tmp_path)
    weights = path.with_suffix(".bin").read_bytes()
    path.with_suffix(".bin").write_bytes(bytes(len(weights)))
    with pytest.raises(ModelError, match=r"damaged or changed|not an OpenVINO file"):
        load_exported(path)


def test_somebodys_file_of_the_second_name_is_left(run, own_run, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"somebody's")
    code, _, err = run("export", "openvino", own_run, tmp_path / "model.xml")
    assert code == 2 and "model.bin exists, without model.xml" in err
    assert (tmp_path / "model.bin").read_bytes() == b"somebody's"
    assert not (tmp_path / "model.xml").exists()
