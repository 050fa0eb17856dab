"""A model and images in, scores.csv and pictures out."""

import csv
import json
import re
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import hazards
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from tiny import infer, train, write_dataset

import healthygan_monai as hg
from data_prep.datalist import DataError, read, write
from healthygan_monai.cli.main import main
from healthygan_monai.composition import split_output
from healthygan_monai.config.messages import root_cause
from healthygan_monai.data import image_transforms
from healthygan_monai.data.images import load_images, load_mask
from healthygan_monai.data.reader import DecodedBatches
from healthygan_monai.evaluation.pointing import brightest_place
from healthygan_monai.evaluation.run import evaluate_run
from healthygan_monai.inference import LocalisationFile
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.networks import Discriminator, Generator
from healthygan_monai.paths import read_evaluation
from healthygan_monai.report.case_pictures import case_pictures
from healthygan_monai.scoring import read_scores, top_score

PARTS = ("difference", "mask", "healthy")
WEIGHTS = Generator(1, 2, 1).state_dict()


def refusal(*arguments, **overrides) -> str:
    with pytest.raises(RuntimeError) as caught:
        infer(*arguments, **overrides)
    return str(root_cause(caught.value))


@pytest.fixture(scope="module")
def of_data_set(trained, tiny_data, tmp_path_factory) -> Path:
    return infer(trained / "model.pt", tiny_data, tmp_path_factory.mktemp("inferred"))


def by_hand(model: Path, image: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Difference, mask and healthy image in [0, 1] from the file alone."""
    grey = np.asarray(Image.open(image))
    scaled = grey / (np.iinfo(grey.dtype).max / 2) - 1
    pixels = torch.as_tensor(scaled, dtype=torch.float32)[None, None]
    generator = Generator(1, 2, 1).eval()
    generator.load_state_dict(torch.load(model, weights_only=True))
    with torch.no_grad():
        intermediate, mask = split_output(generator(pixels))
    healthy = intermediate * mask + pixels * (1 - mask)
    return tuple(p[0, 0].numpy() for p in ((pixels - healthy).abs() / 2, mask, (healthy + 1) / 2))


class TestOfADataSet:
    def test_every_labelled_image_has_its_row(self, of_data_set, tiny_data):
        rows = read_scores(of_data_set / "scores.csv")
        items = {
            i.image: (s, i) for s, i in read(tiny_data).items() if not s.startswith("training")
        }
        assert {r.image for r in rows} == set(items) and len(rows) == 8
        for row in rows:
            section, item = items[row.image]
            assert (row.section, row.subject) == (section, item.subject)
            assert (row.label, row.slice) == (item.label, item.slice)
            assert (row.method, row.seed) == ("healthygan", 0)

    def test_scores_are_the_mean_difference_of_the_file(self, of_data_set, trained, tiny_data):
        for row in read_scores(of_data_set / "scores.csv"):
            difference, _, _ = by_hand(trained / "model.pt", tiny_data / row.image)
            assert row.score == pytest.approx(difference.mean(), rel=1e-4)

    def test_every_image_has_its_own_pictures_though_all_files_are_called_alike(
        self, of_data_set, trained, tiny_data
    ):
        found = [p for p in (of_data_set / "pictures").rglob("*") if p.is_file()]
        assert len(found) == 8 * len(PARTS)
        for item in read(tiny_data).sections["test"]:
            folder = of_data_set / "pictures" / Path(item.image).parent
            expected = by_hand(trained / "model.pt", tiny_data / item.image)
            for part, values in zip(PARTS, expected, strict=True):
                with Image.open(folder / f"0_{part}.png") as picture:
                    assert picture.mode == "L"
                    shown = np.asarray(picture).astype(float)
                assert np.abs(shown - 255 * values).max() <= 1, (item.image, part)

    def test_lesion_masks_are_compared_where_there_are_any(self, of_data_set):
        localisation = json.loads((of_data_set / "localisation.json").read_text())
        assert (localisation["images"], localisation["subjects"]) == (2, 2)
        scopes = localisation["pooled"]
        assert {name: scope["images"] for name, scope in scopes.items()} == {
            "diseased": 2,
            "smoothed": 2,
            "all": 4,
        }
        assert localisation["boxes"] is None and localisation["left_out"] == 0

    def test_pooled_pixels_are_those_of_the_files_not_of_the_pictures(
        self, of_data_set, trained, tiny_data
    ):
        localisation = json.loads((of_data_set / "localisation.json").read_text())
        data, model = read(tiny_data), trained / "model.pt"

        def maps(section: str, label: int) -> list[np.ndarray]:
            items = [i for i in data.sections[section] if i.label == label]
            return [by_hand(model, tiny_data / item.image)[0] for item in items]

        lesions = [load_mask(tiny_data / i.mask, (32, 32)) for i in data.sections["test"] if i.mask]
        quantile = localisation["healthy_quantile"]
        assert (quantile["images"], quantile["quantile"]) == (2, 0.99)
        assert quantile["threshold"] == pytest.approx(
            np.quantile(maps("validation", 0), 0.99, method="higher"), rel=2e-3
        )
        diseased, healthy = maps("test", 1), maps("test", 0)
        truth = np.ravel([*lesions, *np.zeros_like(healthy, dtype=bool)])
        found = localisation["pooled"]["all"]
        values = np.ravel([*diseased, *healthy])
        assert found["pixel_auroc"]["value"] == pytest.approx(
            roc_auc_score(truth, values), abs=1e-3
        )
        called = values >= quantile["threshold"]
        dice = 2 * (called & truth).sum() / (called.sum() + truth.sum())
        assert found["quantile_dice"]["value"] == pytest.approx(dice, abs=2e-3)

    def test_batches_and_workers_do_not_change_a_score(
        self, of_data_set, trained, tiny_data, tmp_path
    ):
        other = infer(trained / "model.pt", tiny_data, tmp_path, batch_size=3, num_workers=1)
        for one, two in zip(
            *(read_scores(f / "scores.csv") for f in (of_data_set, other)), strict=True
        ):
            assert one.image == two.image
            assert one.score == pytest.approx(two.score, rel=1e-5)

    def test_an_overlay_may_still_name_the_servers_transforms(
        self, of_data_set, trained, tiny_data, tmp_path
    ):
        """As inference.json did itself at first."""
        home = "healthygan_monai.serving.transforms"
        model = {"checkpoint": "@checkpoint", "image_size": "@image_size", "image_channels": 1}
        answer = {"_target_": f"{home}.AnswerRequestd", "keys": "pred"}
        overlay = {
            "preprocessing": {"_target_": f"{home}.request_transforms", **model},
            "postprocessing": {"_target_": "Compose", "transforms": [answer]},
        }
        other = infer(trained / "model.pt", tiny_data, tmp_path, **overlay)
        ours, theirs = (f / "scores.csv" for f in (of_data_set, other))
        assert theirs.read_bytes() == ours.read_bytes()

    def test_scores_of_another_model_go_before_their_pictures_do(
        self, trained, tiny_data, tmp_path, monkeypatch
    ):
        output = infer(trained / "model.pt", tiny_data, tmp_path / "out")
        torch.save(WEIGHTS, tmp_path / "model.pt")
        shutil.copy(trained / "config.json", tmp_path)

        def stopped(self) -> None:
            raise ValueError("stopped before the end")

        monkeypatch.setattr("healthygan_monai.inference.scores_file.ScoresFile.write", stopped)
        for model, left in ((trained / "model.pt", True), (tmp_path / "model.pt", False)):
            with pytest.raises(RuntimeError):
                infer(model, tiny_data, output)
            assert (output / "scores.csv").is_file() is left

    def test_an_unlabelled_data_set_is_scored_too(self, trained, tmp_path):
        data = read(write_dataset(tmp_path / "data"))
        bare = [replace(i, label=None, mask=None) for i in data.sections["test"]]
        write(replace(data, sections={"test": bare}), tmp_path / "data")
        output = infer(trained / "model.pt", tmp_path / "data", tmp_path / "out")
        assert {r.label for r in read_scores(output / "scores.csv")} == {None}
        assert not (output / "localisation.json").exists()

    def test_some_images_may_be_slices_and_others_not(self, trained, tmp_path):
        data = read(write_dataset(tmp_path / "data"))
        slices = [3, None, 7, None]
        items = [replace(i, slice=k) for i, k in zip(data.sections["test"], slices, strict=True)]
        write(replace(data, sections={"test": items}), tmp_path / "data")
        output = infer(trained / "model.pt", tmp_path / "data", tmp_path / "out")
        assert [r.slice for r in read_scores(output / "scores.csv")] == slices

    def test_boxes_are_judged_where_there_are_no_masks(self, trained, tmp_path):
        data = read(write_dataset(tmp_path / "data"))
        boxes = {"test1": (0, 0, 32, 32, "all"), "test3": (0, 0, 16, 32, "left half")}
        items = [
            replace(i, mask=None, boxes=(boxes[i.subject],) if i.label else None)
            for i in data.sections["test"]
        ]
        write(replace(data, sections={**data.sections, "test": items}), tmp_path / "data")
        output = infer(trained / "model.pt", tmp_path / "data", tmp_path / "out")
        found = json.loads((output / "localisation.json").read_text())
        assert found["images"] == 0 and found["pooled"] is None and found["pixel_ap"] is None
        assert (found["boxes"]["images"], found["boxes"]["box_share"]) == (2, 0.75)
        place = brightest_place(
            by_hand(trained / "model.pt", tmp_path / "data" / items[3].image)[0]
        )
        assert found["boxes"]["box_hit"] == (1.0 if place[1] < 16 else 0.5)


class TestOfAFolderOfPictures:
    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        rng = np.random.default_rng(0)
        for name in ("p1/film.png", "p2/film.png", "p2/other.jpg", "top.jpeg"):
            path = tmp_path / "films" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (40, 40), np.uint8)).save(path)
        (tmp_path / "films" / "notes.txt").write_text("not a picture")
        return tmp_path / "films"

    def test_every_picture_is_a_subject_of_its_own_with_its_own_pictures(
        self, folder, trained, tmp_path
    ):
        output = infer(trained / "model.pt", folder, tmp_path / "out")
        rows = read_scores(output / "scores.csv")
        assert [r.image for r in rows] == ["p1/film.png", "p2/film.png", "p2/other.jpg", "top.jpeg"]
        assert [r.subject for r in rows] == ["p1/film", "p2/film", "p2/other", "top"]
        assert {(r.section, r.label) for r in rows} == {("test", None)}
        names = {p.relative_to(output / "pictures").as_posix() for p in output.rglob("*_mask.png")}
        assert names == {f"{n}_mask.png" for n in ("p1/film", "p2/film", "p2/other", "top")}

    def test_a_mask_beside_its_picture_is_no_patient(self, folder, trained, tmp_path):
        shutil.copy(folder / "p1" / "film.png", folder / "p1" / "film_mask.png")
        shutil.copy(folder / "p1" / "film.png", folder / "p1" / "other_mask.png")
        output = infer(trained / "model.pt", folder, tmp_path / "out")
        scored = {row.image for row in read_scores(output / "scores.csv")}
        assert "p1/film_mask.png" not in scored and "p1/other_mask.png" in scored
        assert "a mask beside its picture" in (output / "skipped.csv").read_text()

    def test_pictures_are_brought_to_the_size_the_model_was_trained_at(
        self, folder, trained, tmp_path
    ):
        output = infer(trained / "model.pt", folder, tmp_path / "out")
        with Image.open(output / "pictures" / "top_difference.png") as picture:
            assert picture.size == (32, 32)

    def test_two_pictures_that_would_share_one_name_are_refused(self, folder, trained, tmp_path):
        shutil.copy(folder / "p1" / "film.png", folder / "p1" / "film.jpg")
        with pytest.raises(DataError, match=r"p1/film\.jpg and p1/film\.png"):
            load_images(folder, 32)

    def test_those_that_cannot_be_used_are_listed_and_the_others_are_scored(
        self, folder, trained, tmp_path, capsys
    ):
        (folder / "p2" / "other.jpg").write_bytes(b"no picture")
        (folder / "half.png").write_bytes((folder / "p1" / "film.png").read_bytes()[:900])
        Image.new("RGB", (16, 16)).save(folder / "shot.png")
        (folder / "raw").write_bytes(bytes(128) + b"DICM")
        (folder / "head.nii.gz").write_bytes(b"a volume")
        (folder / "notes.txt").write_text("no image")
        words = ["infer", str(trained / "model.pt"), str(folder), "--output", str(tmp_path / "out")]
        assert main([*words, "-q"]) == 3
        assert f"not scored: {tmp_path / 'out' / 'skipped.csv'}" in capsys.readouterr().out
        rows = read_scores(tmp_path / "out" / "scores.csv")
        assert [r.image for r in rows] == ["p1/film.png", "p2/film.png", "top.jpeg"]
        with (tmp_path / "out" / "skipped.csv").open(newline="") as stream:
            told = {row["source"]: row["reason"] for row in csv.DictReader(stream)}
        assert set(told) == {"half.png", "p2/other.jpg", "shot.png", "raw", "head.nii.gz"}
        assert told["raw"] == told["head.nii.gz"] and "not prepared yet" in told["raw"]
        assert "cannot be read as a picture" in told["half.png"]
        assert "image mode RGB" in told["shot.png"]
        for name in told:
            (folder / name).unlink()
        assert main([*words, "-q"]) == 0
        assert not (tmp_path / "out" / "skipped.csv").exists()

    def test_one_that_kills_its_decoder_costs_itself(self, folder, trained, tmp_path, monkeypatch):
        monkeypatch.setattr("data_prep.film.read_levels", hazards.crash_at_killer)
        shutil.copy(folder / "top.jpeg", folder / "killer.jpeg")
        output = infer(trained / "model.pt", folder, tmp_path / "out")
        assert len(read_scores(output / "scores.csv")) == 4
        text = (output / "skipped.csv").read_text()
        assert "killer.jpeg,the decoder crashed on this input" in text
        result = hg.load_model(trained, "cpu").score_folder(folder, prepared=True)
        assert len(result) == 4 and [p.source for p in result.problems] == ["killer.jpeg"]
        with pytest.raises(DataError, match=r"1 of 5 files .* killer\.jpeg: the decoder crashed"):
            hg.load_model(trained, "cpu").score_folder(folder, prepared=True, on_error="raise")

    def test_one_that_kills_a_whole_batch_is_named_alone(self, folder, tiny_data, monkeypatch):
        """Between the check of a folder and its scoring a file may change."""
        module = "healthygan_monai.data.reader"
        monkeypatch.setattr(f"{module}.read_all_levels", hazards.crash)
        monkeypatch.setattr(f"{module}.read_levels", hazards.crash_at_killer)
        items = [{"image": str(path)} for path in sorted(folder.rglob("*.png"))]
        assert len(DecodedBatches(items, image_transforms(32)).__getitems__([0, 1])) == 2
        items.append({"image": str(folder / "killer.png")})
        with pytest.raises(RuntimeError) as caught:
            DecodedBatches(items, image_transforms(32)).__getitems__([0, 2])
        assert str(root_cause(caught.value)).startswith("killer.png: the decoder crashed")

    def test_nothing_is_decoded_in_the_process_that_scores(
        self, folder, trained, tiny_data, tmp_path, monkeypatch
    ):
        def never(*_: object, **__: object) -> None:
            raise AssertionError("decoded here")

        monkeypatch.setattr("PIL.Image.open", never)
        infer(trained / "model.pt", folder, tmp_path / "pictures")
        infer(trained / "model.pt", tiny_data, tmp_path / "data")
        assert (tmp_path / "data" / "localisation.json").is_file()  # of masks

    def test_one_picture_is_scored_alone(self, folder, trained, tmp_path):
        whole = infer(trained / "model.pt", folder, tmp_path / "all")
        (row,) = read_scores(
            infer(trained / "model.pt", folder / "top.jpeg", tmp_path / "one") / "scores.csv"
        )
        assert row.image == "top.jpeg"
        scores = {r.image: r.score for r in read_scores(whole / "scores.csv")}
        assert row.score == pytest.approx(scores["top.jpeg"], rel=1e-6)

    def test_one_that_claims_to_be_huge_is_refused(self, folder, trained, tmp_path):
        data = bytearray((folder / "p1" / "film.png").read_bytes())
        data[16:24] = (60_000).to_bytes(4, "big") * 2
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
        (folder / "p1" / "film.png").write_bytes(data)
        output = infer(trained / "model.pt", folder, tmp_path / "out")
        assert "p1/film.png" in (output / "skipped.csv").read_text()

    def test_an_empty_folder_says_what_to_do(self, tmp_path):
        with pytest.raises(DataError, match="healthygan prep films"):
            load_images(tmp_path, 32)


class TestBadModels:
    """One clear message, before any image is read."""

    def message(self, content, tmp_path: Path, tiny_data: Path) -> str:
        path = tmp_path / "model.pt"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            torch.save(content, path)
        message = refusal(path, tiny_data, tmp_path / "out")
        assert not list((tmp_path / "out").rglob("*.*"))
        return message

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", r"model\.pt: not a file of weights that PyTorch can read"),
            (b"\x80\x04random bytes", r"model\.pt: not a file of weights that PyTorch can read"),
            (bytes(range(256)) * 20, r"model\.pt: not a file of weights that PyTorch can read"),
            (Path("code that is not run"), "not a file of weights"),
            (None, "no such model; give a run folder"),
            (
                Discriminator(1, 2, 3).state_dict(),
                r"model\.pt: these are not the weights of a Heal",
            ),
            ([torch.zeros(2)], r"model\.pt: .*(expected|not the weights)"),
            (torch.zeros(2), r"model\.pt: .*(expected|not the weights)"),
            ({"main.0.weight": 3}, r"model\.pt: .*(expected|not the weights)"),
            (
                {**WEIGHTS, "main.3.weight": torch.zeros(5, 2, 4, 4)},
                "do not make a whole generator",
            ),
            ({k: v for k, v in WEIGHTS.items() if k != "main.3.weight"}, r"main\.3\.weight"),
            ({**WEIGHTS, "main.1.running_mean": torch.zeros(2)}, "running_mean"),
        ],
    )
    def test_the_message_says_what_is_wrong_with_the_file(
        self, content, words, tmp_path, tiny_data
    ):
        assert re.search(words, self.message(content, tmp_path, tiny_data), re.S)

    def test_a_whole_state_instead_of_the_generator(self, trained, tmp_path, tiny_data):
        path = next((trained / "checkpoints").glob("training_*.pt"))
        content = torch.load(path, weights_only=True)
        message = self.message(content, tmp_path, tiny_data)
        assert (
            "not the weights of a HealthyGAN generator" in message
            and "model.pt of a run" in message
        )


class TestScoreBy:
    def test_top_scores_the_same_maps_by_their_brightest_places(
        self, of_data_set, trained, tiny_data, tmp_path
    ):
        output = infer(trained / "model.pt", tiny_data, tmp_path, score_by="top")
        rows = read_scores(output / "scores.csv")
        assert {row.score_by for row in rows} == {"top"}
        assert json.loads((output / "scores.json").read_text())["score_by"] == "top"
        for row in rows:
            difference, _, _ = by_hand(trained / "model.pt", tiny_data / row.image)
            expected = top_score(torch.as_tensor(difference)[None, None])
            assert row.score == pytest.approx(expected.item(), rel=1e-4)
        maps = [(f / "localisation.json").read_text() for f in (of_data_set, output)]
        assert maps[0] == maps[1]

    def test_the_recipe_of_the_training_is_named_where_it_is_known(
        self, of_data_set, trained, tiny_data, tmp_path
    ):
        known = shutil.copytree(of_data_set, tmp_path / "known")
        assert json.loads((known / "scores.json").read_text())["training_recipe"] == "paper"
        evaluate_run(known, None, bootstrap=20)
        assert read_evaluation(known)["provenance"]["training_recipe"] == "paper"
        shutil.copy(trained / "model.pt", tmp_path)
        unknown = infer(tmp_path / "model.pt", tiny_data, tmp_path / "out", image_size=32)
        assert "training_recipe" not in json.loads((unknown / "scores.json").read_text())
        evaluate_run(unknown, None, bootstrap=20)
        assert "training_recipe" not in read_evaluation(unknown)["provenance"]

    def test_mean_is_the_default_and_named(self, of_data_set):
        assert {row.score_by for row in read_scores(of_data_set / "scores.csv")} == {"mean"}
        assert json.loads((of_data_set / "scores.json").read_text())["score_by"] == "mean"

    def test_an_unknown_rule_is_refused_with_those_that_there_are(
        self, trained, tiny_data, tmp_path
    ):
        message = refusal(trained / "model.pt", tiny_data, tmp_path, score_by="tops")
        assert "did you mean 'top'? expected one of mean, top" in message


class TestLoading:
    def test_sizes_are_read_off_the_weights(self, trained):
        generator = load_generator(load_weights(trained / "model.pt"))
        assert not generator.training
        assert sum(p.numel() for p in generator.parameters()) == sum(
            p.numel() for p in Generator(1, 2, 1).parameters()
        )

    def test_masks_become_the_size_of_the_difference_map(self, tmp_path):
        mask = np.zeros((64, 64), np.uint8)
        mask[:, 32:] = 1  # any grey above black is lesion
        Image.fromarray(mask).save(tmp_path / "m.png")
        found = load_mask(tmp_path / "m.png", (16, 8))
        assert found.shape == (16, 8) and found[:, 4:].all() and not found[:, :4].any()

    def test_the_reports_pictures_are_those_of_the_scores(self, of_data_set, trained, tiny_data):
        translate = case_pictures(trained / "model.pt", tiny_data)
        for row in read_scores(of_data_set / "scores.csv"):
            pictures = translate(row)
            assert pictures.difference.mean() == pytest.approx(row.score, rel=1e-5)
            assert pictures.image.shape == pictures.mask.shape == (32, 32)
            assert (pictures.lesion is not None) is (row.section == "test" and row.label == 1)
            shown = np.asarray(Image.open(tiny_data / row.image)) / 255
            np.testing.assert_allclose(pictures.image, shown, atol=1e-6)


@pytest.mark.parametrize(("depth", "channels"), [(16, 1), (8, 3)])
def test_16_bit_data_and_three_channel_networks_go_all_the_way(tmp_path, depth, channels):
    data = write_dataset(tmp_path / "data", bit_depth=depth)
    run = train(tmp_path / "runs", data, image_channels=channels, max_iterations=2)
    output = infer(run / "model.pt", data, tmp_path / "out")
    rows = read_scores(output / "scores.csv")
    assert len(rows) == 8 and all(0 < r.score < 1 for r in rows)
    if channels == 1:
        for row in rows:
            difference, _, _ = by_hand(run / "model.pt", data / row.image)
            assert row.score == pytest.approx(difference.mean(), rel=1e-4)
    load = image_transforms(32, depth, channels)
    assert load({"image": str(data / rows[0].image)})["image"].shape == (channels, 32, 32)


def test_every_unusable_picture_of_a_folder_is_named_before_anything_is_scored(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "colour.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.new("L", (16, 16)).save(tmp_path / "good.png")
    assert [name for name, _ in load_images(tmp_path, 16).refused] == ["broken.png", "colour.png"]
    (tmp_path / "good.png").unlink()
    with pytest.raises(DataError, match=r"no picture can be used.*broken\.png.*colour\.png"):
        load_images(tmp_path, 16)


def test_test_images_whose_lesions_are_not_known_are_left_out_and_counted(tmp_path):
    Image.fromarray(np.full((16, 16), 255, np.uint8)).save(tmp_path / "full.png")
    Image.fromarray(np.eye(16, dtype=np.uint8)).save(tmp_path / "line.png")
    Image.new("L", (16, 16)).save(tmp_path / "empty.png")
    handler = LocalisationFile(tmp_path / "localisation.json", bootstrap=20)
    values = np.random.default_rng(0).random((16, 16), dtype=np.float32)
    kinds = {"line": 0, "empty": 0, "full": 0, "": 0, "healthy": 1}
    for name, free in kinds.items():
        known = (tmp_path / f"{name}.png").is_file()
        lesion = str(tmp_path / f"{name}.png") if known else ""
        handler.judge({"subject": name, "lesion": lesion, "lesion_free": free}, values)
    handler.write()
    found = json.loads((tmp_path / "localisation.json").read_text())
    assert found["left_out"] == 2
    assert (found["pooled"]["diseased"]["images"], found["pooled"]["all"]["images"]) == (1, 3)
    assert found["pooled"]["all"]["regions"] == 1
    assert found["healthy_quantile"]["reason"] == "no healthy validation image"
