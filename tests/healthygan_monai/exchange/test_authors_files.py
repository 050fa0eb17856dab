"""The authors' files in and out: every weight bit by bit; wrong files refused by name."""

import json
import re
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from PIL import Image

from data_prep.files import sha256
from healthygan_monai.exchange.authors_checkpoint import generator_to_authors
from healthygan_monai.models.load import load_generator, load_weights
from healthygan_monai.networks import Discriminator, Generator
from healthygan_monai.runs import save_weights
from healthygan_monai.scoring import read_scores


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def assert_identical(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Names in their order, kinds of number, and every bit."""
    assert list(one) == list(other)
    for name, value in one.items():
        assert value.dtype == other[name].dtype, name
        assert value.numpy().tobytes() == other[name].numpy().tobytes(), name


@pytest.fixture
def authors_file(tmp_path) -> Path:
    """A small file as the authors' code writes it, with statistics unlike those of a new layer."""
    torch.manual_seed(0)
    theirs = OrderedDict(generator_to_authors(Generator(3, 4, 2).state_dict()))
    for name, value in theirs.items():
        if name.endswith(("running_mean", "running_var")):
            theirs[name] = torch.rand_like(value)
        if name.endswith("num_batches_tracked"):
            theirs[name] = torch.tensor(360000)
    torch.save(theirs, tmp_path / "360000-G.ckpt")
    return tmp_path / "360000-G.ckpt"


class TestRoundTrip:
    @pytest.mark.parametrize("prefix", ["", "module."])  # the second is DataParallel's
    def test_from_the_authors_and_back(self, prefix, run, authors_file, tmp_path):
        theirs, back = tensors(authors_file), tmp_path / "back-G.ckpt"
        torch.save({f"{prefix}{name}": v for name, v in theirs.items()}, tmp_path / "their-G.ckpt")
        assert run("import-checkpoint", tmp_path / "their-G.ckpt", tmp_path / "in")[0] == 0
        code, out, _ = run("export", "authors", tmp_path / "in", back)
        assert code == 0 and "those it was imported with" in out
        assert_identical(tensors(back), theirs)

    def test_of_the_published_run(self, run, golden, tmp_path):
        for name in ("initial-G", "final-G"):
            model, back = tmp_path / name / "model.pt", tmp_path / f"{name}.ckpt"
            assert run("import-checkpoint", golden / f"{name}.ckpt", model)[0] == 0
            assert run("export", "authors", model.parent, back)[0] == 0
            assert_identical(tensors(back), tensors(golden / f"{name}.ckpt"))

    def test_from_a_run_and_back(self, run, trained, tmp_path):
        theirs, model = tmp_path / "run-G.ckpt", tmp_path / "in" / "model.pt"
        code, out, _ = run("export", "authors", trained, theirs)
        assert code == 0 and "a new layer's" in out and "1 channel" in out
        assert run("import-checkpoint", theirs, model)[0] == 0
        assert_identical(tensors(model), tensors(trained / "model.pt"))

    def test_statistics_of_another_model_are_not_taken(self, run, authors_file, tmp_path):
        model, back = tmp_path / "in" / "model.pt", tmp_path / "back-G.ckpt"
        run("import-checkpoint", authors_file, model)
        save_weights(Generator(3, 4, 2).state_dict(), model)
        code, out, _ = run("export", "authors", model, back)
        assert code == 0 and "a new layer's" in out
        assert not tensors(back)["main.1.running_mean"].any()


def test_the_exported_file_is_what_their_layers_load(run, trained, tmp_path):
    """Their normalisation tracks statistics, and loads strictly."""
    run("export", "authors", trained, tmp_path / "G.ckpt")
    theirs = Generator(1, 2, 1)
    for module in theirs.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.InstanceNorm2d):
                layer = torch.nn.InstanceNorm2d(
                    child.num_features, affine=True, track_running_stats=True
                )
                setattr(module, name, layer)
    theirs.load_state_dict(tensors(tmp_path / "G.ckpt"), strict=True)
    assert list(theirs.state_dict()) == list(tensors(tmp_path / "G.ckpt"))
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():  # they never leave training mode
        expected = load_generator(load_weights(trained / "model.pt"))(images)
        torch.testing.assert_close(theirs.train()(images), expected, rtol=0, atol=1e-6)


class TestImport:
    def test_infer_takes_the_image_size_it_was_given(
        self, run, authors_file, phantom_films, tmp_path
    ):
        model = tmp_path / "in" / "model.pt"
        code, out, _ = run("import-checkpoint", authors_file, model, "--image-size", "48")
        assert code == 0 and f"next: healthygan infer {model}" in out
        code, _, err = run(
            *("infer", model, phantom_films, "--output", tmp_path / "out", "--device=cpu")
        )
        assert code == 0, err
        assert len(read_scores(tmp_path / "out" / "scores.csv")) == 6
        with Image.open(tmp_path / "out" / "pictures" / "0_difference.png") as picture:
            assert picture.size == (48, 48)

    def test_the_folder_says_where_the_weights_are_from(self, run, authors_file, tmp_path):
        code, out, _ = run("import-checkpoint", authors_file, tmp_path / "in")
        assert code == 0 and "256 is the published model's" in out
        config = json.loads((tmp_path / "in" / "config.json").read_text())
        assert config == {
            "method": "healthygan",
            "image_size": 256,
            "image_channels": 3,
            "generator_channels": 4,
            "generator_blocks": 2,
            "imported": {
                "file": "360000-G.ckpt",
                "sha256": sha256(authors_file),
                "model_sha256": sha256(tmp_path / "in" / "model.pt"),
            },
        }

    def test_published_sizes_are_read_off_the_file(self, run, tmp_path):
        theirs = generator_to_authors(Generator(3, 64, 6).state_dict())
        convolutions = {int(name.split(".")[1]) for name, v in theirs.items() if v.ndim == 4}
        assert convolutions == {0, 3, 6, *range(9, 15), 15, 18, 21}
        assert len(theirs) == 103 and theirs["main.21.weight"].shape == (4, 64, 7, 7)
        torch.save(theirs, tmp_path / "G.ckpt")
        code, out, _ = run("import-checkpoint", tmp_path / "G.ckpt", tmp_path / "in")
        assert code == 0 and "3 channels, width 64, 6 blocks; images of 256 x 256" in out

    def test_nothing_is_written_over(self, run, authors_file, own_run):
        before = {p: p.read_bytes() for p in own_run.iterdir() if p.is_file()}
        for target in (own_run, own_run / "other.pt"):
            code, _, err = run("import-checkpoint", authors_file, target)
            assert code == 2 and "exists already; import into a new folder" in err
        assert before == {p: p.read_bytes() for p in own_run.iterdir() if p.is_file()}

    def test_what_fails_half_way_leaves_nothing(self, run, authors_file, tmp_path, monkeypatch):
        def full(*_):
            raise ValueError("no space left")

        monkeypatch.setattr("healthygan_monai.exchange.authors_files.write_json", full)
        assert run("import-checkpoint", authors_file, tmp_path / "in")[0] == 1
        assert not list((tmp_path / "in").iterdir())

    def test_another_ending_is_refused(self, run, authors_file, tmp_path):
        code, _, err = run("import-checkpoint", authors_file, tmp_path / "model.pth")
        assert code == 2 and "expected the name of a .pt file" in err

    @pytest.mark.parametrize("size", ["0", "30", "-64", "8"])
    def test_an_image_size_that_cannot_be(self, size, run, authors_file, tmp_path):
        code, _, err = run(
            "import-checkpoint", authors_file, tmp_path / "in", f"--image-size={size}"
        )
        assert code == 2 and "expected a multiple of 4, at least 16" in err
        assert not (tmp_path / "in").exists()


class TestWrongFiles:
    def refusal(self, run, content, tmp_path: Path) -> str:
        path = tmp_path / "wrong.ckpt"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            torch.save(content, path)
        code, _, err = run("import-checkpoint", path, tmp_path / "in")
        assert code == (1 if path.is_file() else 2) and not (tmp_path / "in").exists()
        assert "wrong.ckpt: " in err
        return err

    theirs = generator_to_authors(Generator(3, 2, 1).state_dict())
    critic = Discriminator(3, 2, 3).state_dict()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "no such file"),
            (critic, "the critic's weights; give the generator's"),
            ({f"module.{k}": v for k, v in critic.items()}, "the critic's weights; give the gen"),
            ({"state_dict": theirs, "epoch": 3}, r"expected a flat state dict.*'state_dict' holds"),
            (Generator(3, 2, 1), "pickled objects are not opened"),
            *((content, "") for content in (b"", b"text", [torch.zeros(2)], {})),
            ({k: v for k, v in theirs.items() if k != "main.3.weight"}, r"main\.3\.weight"),
            ({**theirs, "main.99.weight": torch.zeros(2)}, r"main\.99\.weight"),
            (
                {**theirs, "main.0.weight": theirs["main.0.weight"] * float("nan")},
                r"main\.0\.weight holds infinite numbers or NaN",
            ),
        ],
    )
    def test_the_message_says_what_is_wrong(self, content, words, run, tmp_path):
        assert re.search(words, self.refusal(run, content, tmp_path), re.S)

    def test_a_rivals(self, run, rival, tmp_path):
        rival(tmp_path / "wrong.ckpt")
        assert "a model of method 'mean-intensity'" in self.refusal(run, None, tmp_path)
