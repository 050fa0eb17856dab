"""A model that answers without a server says what the server says."""

import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from served_bundle import ask, head

from healthygan_monai.errors import NoModel
from healthygan_monai.serving.errors import RequestError
from healthygan_monai.serving.served import ANSWER_FILE, Served


def test_a_picture_is_answered_as_by_the_bundle_on_a_server(served, tiny_data, tmp_path):
    path = tiny_data / "images" / "test1" / "0.png"
    model = Served(served, "cpu")
    found, expected = model(path), ask(served, path)
    assert model.of_films
    assert found.result == expected["result"]
    found.write(tmp_path / "0")
    assert json.loads((tmp_path / "0" / ANSWER_FILE).read_text()) == expected["result"]
    with Image.open(tmp_path / "0" / "label.png") as image:
        assert np.array_equal(np.asarray(image), expected["pred"].numpy().T)


def test_the_map_of_a_volume_lies_on_its_voxels(own_bundle, tmp_path):
    content = json.loads((own_bundle / "models" / "serving.json").read_text())
    (own_bundle / "models" / "serving.json").write_text(
        json.dumps({**content, "recipe": {"kind": "brains"}})
    )
    affine = np.array([[0, -3.0, 0, 8], [2, 0, 0, -9], [0, 0, 5, 4], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(head(), affine), tmp_path / "head.nii")
    model = Served(own_bundle, "cpu")
    assert not model.of_films
    model(tmp_path / "head.nii", {"output": "difference"}).write(tmp_path / "out")
    told = json.loads((tmp_path / "out" / ANSWER_FILE).read_text())
    image = nib.load(tmp_path / "out" / "difference.nii.gz")
    assert image.shape == head().shape and np.allclose(image.affine, affine)
    assert image.get_fdata().max() == pytest.approx(told["largest_difference"])
    assert {"subject_score", "slices", "anomaly_slice"} <= told.keys()


def test_what_cannot_be_scored_is_refused_without_its_name(served, tmp_path):
    (tmp_path / "secret.dcm").write_bytes(b"no image")
    with pytest.raises(RequestError) as caught:
        Served(served, "cpu")(tmp_path / "secret.dcm")
    assert "secret" not in str(caught.value)
    with pytest.raises(NoModel):
        Served(tmp_path, "cpu")
