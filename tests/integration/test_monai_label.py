"""A MONAI Label server answers with the bundle: ``pytest -m integration tests/integration``.

It builds an environment of several gigabytes once (HEALTHYGAN_LABEL_ENV), and needs a package index
for that.
"""

import csv
import json
import shutil
import time
from pathlib import Path

import label_server
import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform
from PIL import Image

from data_prep.datalist import read
from healthygan_monai.cli.main import main
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.paths import bundle_root, size_in_metadata
from healthygan_monai.scoring import read_scores

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]
CHANGED = "changed since it was written"
SHIPPED = bundle_root() / "models" / "model.pt"


def inferred(model: Path, data: Path, output: Path) -> dict[str, float]:
    """What ``healthygan infer`` says here, in this environment."""
    words = ["infer", str(model), str(data), "--output", str(output), "--device", "cpu"]
    assert main(words) == 0
    return {row.image: row.score for row in read_scores(output / "scores.csv")}


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


class TestServer:
    def test_it_offers_the_models_and_names_what_they_mark(self, server):
        found = server.get("/info/").json()["models"]
        assert set(found) == {"healthygan", "films", "heads", "known", "swapped"}
        for model in found.values():
            assert model["labels"] == {"anomaly": 1}
            assert model["config"]["output"] == ["label", "difference"]


class TestFilms:
    def test_dicom(self, films, ask, tmp_path):
        scores = inferred(films / "runs" / "00000-films" / "model.pt", films / "data", tmp_path)
        by_subject: dict[str, list[float]] = {}
        for _, item in read(films / "data").items():
            if item.image in scores:
                by_subject.setdefault(item.subject, []).append(scores[item.image])
        with (films / "raw" / "cohort.csv").open() as stream:
            rows = [row for row in csv.DictReader(stream) if row["subject"] in by_subject]
        for row in rows[:3]:
            file = films / "raw" / row["image"]
            name = f"film_{file.stem}"
            told, label = ask("films", file, ".png", name)
            assert (
                min(abs(told["anomaly_score"] / s - 1) for s in by_subject[row["subject"]]) < 1e-3
            )
            assert told["subject_score"] == told["anomaly_score"]
            assert 0 < told["threshold"] < 1
            assert "healthy validation images" in told["threshold_source"]
            assert told["label_names"] == told["labels"] == {"anomaly": 1}
            _, shown = ask("films", file, ".png", name + "_difference", output="difference")
            marked, difference = picture(label), picture(shown)
            assert marked.shape == difference.shape == (256, 256)
            assert set(np.unique(marked)) <= {0, 255}
            marked = marked // 255
            assert marked.mean() == pytest.approx(told["marked_share"], abs=1e-6)
            assert np.array_equal(marked[difference / 255 > told["threshold"] + 0.003], np.ones(
                (difference / 255 > told["threshold"] + 0.003).sum()))  # fmt: skip

    def test_png(self, films, ask, tmp_path):
        scores = inferred(films / "runs" / "00000-films" / "model.pt", films / "data", tmp_path)
        item = read(films / "data").sections["test"][0]
        told, label = ask("films", films / "data" / item.image, ".png", "png_prepared")
        assert told["anomaly_score"] == pytest.approx(scores[item.image], rel=1e-4)
        assert told["input"] == {"kind": "prepared picture", "size": [64, 64]}
        assert picture(label).shape == (64, 64)

    def test_the_shipped_model_answers(self, films, ask, tmp_path):
        """As ``infer`` scores a picture of its own size."""
        size = size_in_metadata(bundle_root())
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (size, size), np.uint8)).save(
            tmp_path / "picture.png"
        )
        scores = inferred(SHIPPED, tmp_path, tmp_path / "scored")
        told, label = ask("healthygan", tmp_path / "picture.png", ".png", "png_shipped")
        assert told["anomaly_score"] == pytest.approx(scores["picture.png"], rel=1e-3)
        assert "healthy validation images" in told["threshold_source"]
        assert told["model"]["image_size"] == size and picture(label).shape == (size, size)

    def test_a_mark_in_a_png_is_where_it_was(self, ask, tmp_path):
        """Of mid-grey the known model says nothing; of a black mark, a quarter."""
        film = np.full((300, 200), 127, np.uint8)
        film[40:90, 20:50] = 0
        Image.fromarray(film).save(tmp_path / "marked.png")
        params = {"preparation": "none", "threshold": 0.125}
        told, label = ask("known", tmp_path / "marked.png", ".png", "png_mark", **params)
        marked = picture(label)
        assert marked.shape == (300, 200)
        np.testing.assert_allclose(np.argwhere(marked).min(0), (40, 20), atol=3)
        np.testing.assert_allclose(np.argwhere(marked).max(0), (89, 49), atol=3)
        assert told["threshold_source"] == "given with the request"
        _, exact = ask("known", tmp_path / "marked.png", ".nii.gz", "png_mark_float", **params,
                       output="difference", result_extension=".nii.gz")  # fmt: skip
        values = nib.load(exact).get_fdata()
        assert values.shape == (200, 300) and values.max() == pytest.approx(0.25, abs=0.01)

    def test_real_dicom(self, real_data, ask):
        folder = real_data / "dicom" / "real_chest"
        for number, file in enumerate(sorted(folder.glob("*.dcm"))):
            header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            reply = ask.refused("healthygan", file)
            if reply.status == 422:  # a view or a body part that is none of the model's
                assert str(header.PatientName or "-") not in reply.json()["detail"]
                continue
            told, label = ask("healthygan", file, ".png", f"real_film_{number}")
            assert picture(label).shape == (header.Rows, header.Columns)
            assert 0 < told["anomaly_score"] < 1


class TestVolumes:
    def test_every_slice_is_scored_as_by_infer(self, heads, ask, tmp_path):
        scores = inferred(heads / "runs" / "00000-heads" / "model.pt", heads / "data", tmp_path)
        data = read(heads / "data")
        for item in data.sections["test"][:1] + data.sections["validation"][:1]:
            file = heads / "raw" / "brains" / f"{item.subject}_T1w.nii.gz"
            told, label = ask("heads", file, ".nii.gz", f"volume_{item.subject}")
            ours = {i.slice: scores[i.image] for _, i in data.items() if i.subject == item.subject}
            counted = {s["index"]: s["score"] for s in told["slices"] if s["counted"]}
            assert counted == pytest.approx(ours, rel=1e-3)
            assert told["subject_score"] == pytest.approx(np.mean(list(ours.values())), rel=1e-3)
            image, answer = nib.load(file), nib.load(label)
            assert len(told["slices"]) == 64
            assert answer.shape == image.shape == tuple(told["input"]["size"])
            np.testing.assert_allclose(answer.affine, image.affine, atol=1e-4)
            assert answer.get_data_dtype() == np.uint8

    @pytest.mark.parametrize("codes", ["RAS", "LPI", "PSR", "ILA"])
    def test_the_map_lies_on_the_voxels_it_is_about(self, codes, ask, tmp_path):
        """The known model marks a quarter of both marks, however the axes point."""
        image = marked_head(tmp_path / "head.nii.gz", codes)
        _, shown = ask(
            "known", tmp_path / "head.nii.gz", ".nii.gz", f"mark_{codes}", output="difference"
        )
        answer = nib.load(shown)
        np.testing.assert_allclose(answer.affine, image.affine, atol=1e-4)
        values, found = image.get_fdata(), answer.get_fdata()
        assert found.shape == values.shape
        inside = np.zeros(values.shape, bool)
        inside[10:-10, 10:-10, 10:-10] = True  # the edge of the head is a mark too
        expected = np.abs(values / 100 - 1) / 4
        assert np.corrcoef(expected[inside], found[inside])[0, 1] > 0.9
        for axis in range(3):
            assert np.corrcoef(np.flip(expected, axis)[inside], found[inside])[0, 1] < 0.5

    def test_one_slice(self, heads, ask, tmp_path):
        file = sorted((heads / "raw" / "brains").iterdir())[0]
        whole = nib.as_closest_canonical(nib.load(file))
        one = whole.slicer[:, :, 30:31]
        nib.save(one, tmp_path / "slice.nii.gz")
        told, shown = ask(
            "heads", tmp_path / "slice.nii.gz", ".nii.gz", "slice", output="difference"
        )
        answer = nib.load(shown)
        assert answer.shape == one.shape and told["input"]["kind"] == "NIfTI slice"
        np.testing.assert_allclose(answer.affine, one.affine, atol=1e-4)
        assert told["subject_score"] == told["anomaly_score"] == told["slices"][0]["score"]
        nib.save(
            nib.Nifti1Image(np.asarray(one.dataobj)[..., 0], one.affine), tmp_path / "flat.nii"
        )
        flat, shown = ask(
            "heads", tmp_path / "flat.nii", ".nii.gz", "slice_2d", output="difference"
        )
        assert flat["slices"] == told["slices"]
        assert nib.load(shown).shape == one.shape

    def test_real_volume(self, real_data, ask):
        file = sorted((real_data / "nifti" / "ixi_t1").glob("*.nii.gz"))[0]
        image = nib.load(file)
        for output in ("label", "difference"):
            told, shown = ask("heads", file, ".nii.gz", f"ixi_{output}", output=output)
            answer = nib.load(shown)
            assert answer.shape == image.shape
            np.testing.assert_allclose(answer.affine, image.affine, atol=1e-4)
        assert 0 < told["subject_score"] <= told["anomaly_score"] < 1


def marked_head(path: Path, codes: str) -> nib.Nifti1Image:
    """A grey block in air with a black and a white mark, unlike under every flip."""
    data = np.zeros((60, 70, 50), np.float32)
    data[6:-6, 6:-6, 6:-6] = (
        20  # a dark rind: head begins at a tenth of the range of what is not air
    )
    data[9:-9, 9:-9, 9:-9] = 100
    data[15:27, 40:52, 22:34], data[34:46, 20:32, 11:23] = 0, 200
    affine = np.diag([2.5, 2.5, 2.5, 1])
    affine[:3, 3] = (-70, -80, -60)
    ornt = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    turned = apply_orientation(data, ornt)
    image = nib.Nifti1Image(turned, affine @ inv_ornt_aff(ornt, data.shape))
    nib.save(image, path)
    return image


class TestRefusals:
    """422 and a sentence, never a score; and the server goes on."""

    def test_of_files(self, films, heads, ask, tmp_path):
        film = sorted((films / "raw" / "films").iterdir())[0]
        colour = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(colour).save(tmp_path / "colour.png")
        (tmp_path / "empty.dcm").touch()
        (tmp_path / "broken.dcm").write_bytes(film.read_bytes()[:3000])
        (tmp_path / "text.nii.gz").write_text("no image")
        head = nib.load(sorted((heads / "raw" / "brains").iterdir())[0])
        series = np.stack([head.get_fdata()] * 2, 3).astype(np.float32)
        nib.save(nib.Nifti1Image(series, head.affine), tmp_path / "4d.nii.gz")
        other = pydicom.dcmread(film)
        other.PatientName, other.ViewPosition = "Doe^Jane", "LL"
        other.save_as(tmp_path / "lateral.dcm")
        other.Modality, other.SOPClassUID = "SR", "1.2.840.10008.5.1.4.1.1.88.22"
        other.save_as(tmp_path / "report.dcm")
        expected = {
            "colour.png": "true colour picture",
            "empty.dcm": "empty file",
            "broken.dcm": "",
            "text.nii.gz": "not a NIfTI or DICOM file",
            "4d.nii.gz": "4-D image with 2 volumes",
            "lateral.dcm": "lateral",
            "report.dcm": "not a radiograph",
        }
        told = {}
        for name, words in expected.items():
            model = "heads" if "nii" in name else "healthygan"
            reply = ask.refused(model, tmp_path / name)
            assert reply.status == 422, (name, reply.body)
            told[name] = reply.json()["detail"]
            assert words in told[name], name
            assert "Doe" not in told[name] and "tmp" not in told[name]
        (ask.kept / "refusals.json").write_text(json.dumps(told, indent=1))
        ask("healthygan", film, ".png", "after_refusals")

    def test_of_options(self, films, ask):
        film = sorted((films / "raw" / "films").iterdir())[0]
        for params, words in (
            ({"output": "heatmap"}, "expected label or difference"),
            ({"threshold": -1}, "threshold is -1"),
            ({"model_filename": "other.pt"}, "only model.pt is served"),
        ):
            reply = ask.refused("healthygan", film, **params)
            assert reply.status == 422 and words in reply.json()["detail"]


class TestWeights:
    """A model that is not there, or not this one, answers with an error and not with a score."""

    def test_missing_ones(self, server, films):
        assert "missing" not in server.get("/info/").json()["models"]
        assert "Ignore" in server.log.read_text() and "model.pt" in server.log.read_text()
        film = sorted((films / "raw" / "films").iterdir())[0]
        assert server.infer("missing", film, "json").status == 500

    def test_wrong_ones_put_under_a_running_server(self, server, app, heads):
        head = sorted((heads / "raw" / "brains").iterdir())[0]
        assert server.infer("swapped", head, "json").status == 200
        path = app / "model" / "swapped" / "models" / "model.pt"
        time.sleep(1.1)  # MONAI Label looks at the time of the file
        torch.save({"fc.weight": torch.zeros(2, 2)}, path)
        reply = server.infer("swapped", head, "json")
        assert reply.status in (422, 500)
        assert b"anomaly_score" not in reply.body
        deadline = time.monotonic() + 20  # the log is written behind the answer
        while CHANGED not in server.log.read_text():
            assert time.monotonic() < deadline, server.log.read_text()[-3000:]
            time.sleep(0.5)

    @pytest.mark.parametrize("kind", ["other", "half"])
    def test_wrong_ones_keep_a_server_from_starting(self, kind, python, app, tmp_path):
        own = tmp_path / "apps" / "monaibundle"
        shutil.copytree(app, own, ignore=shutil.ignore_patterns("model"))
        shutil.copytree(app / "model" / "healthygan", own / "model" / "healthygan")
        path = own / "model" / "healthygan" / "models" / "model.pt"
        weights = load_generator(load_weights(path)).state_dict()
        names = list(weights)[:-4] if kind == "half" else []
        torch.save({n: weights[n] for n in names} or {"fc.weight": torch.zeros(2, 2)}, path)
        server = label_server.launch(python, own, ["healthygan"], tmp_path)
        try:
            assert server.process.wait(timeout=label_server.PATIENCE) != 0
        finally:
            label_server.stop(server)
        log = server.log.read_text()
        assert CHANGED in log
        assert "Application startup complete" not in log
