"""What MONAI Deploy's bundle operator finds in an exported TorchScript file."""

import json
import zipfile

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import MapTransform
from PIL import Image
from places import METADATA_SCHEMA

from healthygan_monai.data import image_transforms
from healthygan_monai.exchange.deploy import FromDeployd, metadata_for
from healthygan_monai.inferer import HealthyGANInferer, split_translation
from healthygan_monai.models.exported_facts import Facts
from healthygan_monai.models.load import load_generator, load_weights


@pytest.fixture(scope="module")
def parser(exported, tmp_path_factory) -> ConfigParser:
    """The configs out of the archive."""
    path, folder = exported["ts"], tmp_path_factory.mktemp("extra")
    found = ConfigParser()
    with zipfile.ZipFile(path) as archive:
        found.read_meta(f=json.loads(archive.read(f"{path.stem}/extra/metadata.json")))
        archive.extract(f"{path.stem}/extra/inference.json", folder)
    found.read_config([folder / path.stem / "extra" / "inference.json"])
    found.parse()
    return found


def test_a_film_goes_in_as_the_sdk_holds_it_and_comes_out_as_a_difference_map(
    parser, exported, trained, phantom_films
):
    path = phantom_films / "0.png"
    rows = np.asarray(Image.open(path))  # (H, W) = the SDK's one slice (D, H, W)
    received = MetaTensor(np.swapaxes(rows[None], 0, 2).copy())  # (W, H, 1), as from DICOM
    preprocessing, postprocessing = (
        parser.get_parsed_content(name) for name in ("preprocessing", "postprocessing")
    )
    for compose in (preprocessing, postprocessing):
        assert isinstance(compose.transforms[0], MapTransform)
        assert not any("LoadImage" in type(t).__name__ for t in compose.transforms)
    images = preprocessing({"image": received})["image"][None]
    network = torch.jit.load(exported["ts"]).eval()
    with torch.no_grad():
        outputs = parser.get_parsed_content("inferer")(inputs=images, network=network)
    pred = np.asarray(postprocessing({"pred": outputs[0]})["pred"])
    shown = np.swapaxes(np.squeeze(pred, 0), 0, 2).astype(np.uint8)  # what the operator sends on

    image = image_transforms(32)({"image": str(path)})["image"][None]
    torch.testing.assert_close(torch.as_tensor(images), image, rtol=0, atol=1e-6)
    with torch.no_grad():
        expected = HealthyGANInferer()(image, load_generator(load_weights(trained / "model.pt")))
    difference = split_translation(expected)[2][0, 0].numpy() * 255
    assert shown.shape == (1, 32, 32)
    assert np.abs(shown[0] - difference).max() <= 0.51


def test_the_names_and_sizes_are_the_networks(parser, exported):
    tensors = parser.get("_meta_")["network_data_format"]
    image, pred = tensors["inputs"]["image"], tensors["outputs"]["pred"]
    assert (image["type"], pred["type"]) == ("image", "image")
    assert (image["num_channels"], pred["num_channels"]) == (1, 2)
    assert image["spatial_shape"] == pred["spatial_shape"] == [32, 32]
    assert str(parser.get_parsed_content("device")) in ("cpu", "cuda")


@pytest.mark.parametrize("channels", [1, 3])
def test_the_metadata_fit_the_schema_and_claim_no_results_of_another_model(channels):
    metadata = metadata_for(Facts(128, channels, "0" * 64))
    assert "eval_metrics" not in metadata and "data_source" not in metadata
    pred = metadata["network_data_format"]["outputs"]["pred"]
    assert len(pred["channel_def"]) == pred["num_channels"] == channels + 1
    assert pred["value_range"] == [-1, 1] and "mask" in metadata["pred_classes"]
    jsonschema = pytest.importorskip("jsonschema")
    if not METADATA_SCHEMA.is_file():
        pytest.skip(f"no {METADATA_SCHEMA.name} beside the repository")
    jsonschema.validate(metadata, json.loads(METADATA_SCHEMA.read_text()))


class TestImagesInMemory:
    def test_three_channels_are_the_same_thrice(self):
        found = FromDeployd(size=16, channels=3)({"image": np.full((20, 16, 1), 255)})["image"]
        torch.testing.assert_close(found, torch.ones(3, 16, 16))

    @pytest.mark.parametrize("shape", [(8, 8, 5), (1, 8, 8, 1), (8,)])
    def test_volumes_are_refused(self, shape):
        with pytest.raises(ValueError, match="expected one film or slice"):
            FromDeployd()({"image": np.zeros(shape)})

    @pytest.mark.parametrize("value", [-1024, 4095])
    def test_raw_scanner_values_are_refused(self, value):
        with pytest.raises(ValueError, match="as healthygan prep writes them"):
            FromDeployd()({"image": np.full((8, 8, 1), value)})
