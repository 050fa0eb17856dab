"""A model is whole, and the one that training wrote; changed weights are read on request alone."""

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch

from healthygan_monai.baselines.base import read_state
from healthygan_monai.baselines.registry import load_detector
from healthygan_monai.cli.main import main
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.weights import read_weights
from healthygan_monai.models.ensemble import make_ensemble
from healthygan_monai.models.load import load_state
from healthygan_monai.paths import bundle_root, read_run
from healthygan_monai.selection import select

ACCEPT = "--accept-changed-weights"
COMMANDS = (
    "infer {}",
    "report {}",
    "ensemble {} {other}",
    "export torchscript {} {out}.ts",
    "export authors {} {out}.ckpt",
    "export zoo {out} --model {}",
    "export huggingface {out} --model {}",
)


def flip(path: Path) -> Path:
    """Flip the lowest bit of one byte in the largest tensor: the file loads, with other numbers."""
    values = torch.load(path, weights_only=True)
    values = values.get("generator", values)
    largest = max((v for v in values.values() if isinstance(v, torch.Tensor)), key=torch.numel)
    raw = largest.numpy().tobytes()
    content = bytearray(path.read_bytes())
    at = content.find(raw) + len(raw) // 2
    content[at] ^= 1
    path.write_bytes(bytes(content))
    torch.load(path, weights_only=True)  # PyTorch itself says nothing
    return path


def replace(path: Path) -> Path:
    """Write other weights as a whole file."""
    values = torch.load(path, weights_only=True)
    torch.save({n: v + 1 if isinstance(v, torch.Tensor) else v for n, v in values.items()}, path)
    return path


def said(capsys) -> str:
    return capsys.readouterr().err


class TestModelOfARun:
    def test_its_sum_is_written_when_training_ends(self, trained):
        assert len(read_run(trained)["weights_sha256"]) == 64

    def test_one_flipped_bit_is_refused(self, own_run):
        with pytest.raises(ModelError, match=r"damaged; the checksum of .* does not fit"):
            load_state(flip(own_run / "model.pt"))

    def test_damage_of_any_place_is_one_error(self, own_run):
        model = own_run / "model.pt"
        whole = model.read_bytes()
        parts = range(0, len(whole), len(whole) // 40)
        cut = [whole[:at] + whole[at + 7 :] for at in parts] + [whole[:at] for at in parts]
        table = whole.rindex(b"PK\x05\x06")
        names = [whole[:at] + b"\xb6" + whole[at + 1 :] for at in range(table - 400, table, 3)]
        for content in (*cut, *names, whole[:table] + b"\xff" * 30):
            model.write_bytes(content)
            with pytest.raises(ModelError):
                load_state(model)

    def test_other_weights_are_refused(self, own_run):
        with pytest.raises(ModelError, match=f"changed since it was written: .*{ACCEPT}"):
            load_state(replace(own_run / "model.pt"))

    @pytest.mark.parametrize("spoil", [flip, replace])
    @pytest.mark.parametrize("words", COMMANDS)
    def test_by_every_command_that_loads_it(self, own_run, words, spoil, tmp_path, capsys):
        other = shutil.copytree(own_run, own_run.parent / "00009-other")
        spoil(own_run / "model.pt")
        filled = [w.format(own_run, other=other, out=tmp_path / "out") for w in words.split()]
        assert main(filled) == 1
        err = said(capsys)
        assert "SHA-256" in err or "damaged" in err
        assert main([*filled, ACCEPT]) == 0, said(capsys)
        assert ACCEPT in said(capsys)

    def test_an_older_run_without_a_sum_loads_and_says_so_once(self, own_run, caplog):
        known = json.loads((own_run / "run.json").read_text())
        known.pop("weights_sha256")
        (own_run / "run.json").write_text(json.dumps(known))
        with caplog.at_level(logging.WARNING):
            load_state(own_run / "model.pt")
            load_state(own_run / "model.pt")
        assert caplog.text.count("no SHA-256") == 1

    def test_a_choice_of_another_checkpoint_writes_its_sum(self, own_run):
        before = read_run(own_run)["weights_sha256"]
        for criterion in ("fid", "aucp"):
            select(own_run, criterion)
            load_state(own_run / "model.pt")
        assert before and read_run(own_run)["weights_sha256"]

    def test_a_damaged_checkpoint_cannot_become_the_model(self, own_run):
        for path in (own_run / "checkpoints").glob("generator_*.pt"):
            flip(path)
        with pytest.raises(ModelError, match="damaged"):
            select(own_run, "fid")

    def test_a_damaged_state_is_passed_over_on_resuming(self, own_run, tiny_data, caplog, capsys):
        last = max((own_run / "checkpoints").glob("training_*.pt"), key=lambda p: p.stat().st_mtime)
        flip(last)
        with pytest.raises(ModelError, match="damaged"):
            read_weights(last)
        assert main(["train", "--resume", str(own_run), "--device", "cpu"]) == 0
        assert "damaged" in said(capsys)

    def test_an_ensemble_has_a_sum_of_its_own(self, own_run):
        other = shutil.copytree(own_run, own_run.parent / "00009-other")
        replace(other / "model.pt")
        folder = make_ensemble([own_run, other], accept_changed=True)
        assert len(read_run(folder)["weights_sha256"]) == 64
        with pytest.raises(ModelError):
            load_state(flip(folder / "model.pt"))


class TestOtherModels:
    def test_of_a_bundle_serving_json_says_which_weights(self, tmp_path):
        models = shutil.copytree(bundle_root() / "models", tmp_path / "models")
        assert load_state(models / "model.pt")
        replace(models / "model.pt")
        with pytest.raises(ModelError, match=r"serving\.json beside it"):
            load_state(models / "model.pt")
        assert load_state(models / "model.pt", accept_changed=True)

    def test_an_exported_bundle_has_the_sum_without_a_data_set(self, own_run, tmp_path):
        run = json.loads((own_run / "run.json").read_text())
        run["dataset"] = str(tmp_path / "gone")
        (own_run / "run.json").write_text(json.dumps(run))
        assert main(["export", "huggingface", str(tmp_path / "out"), "--model", str(own_run)]) == 0
        (model,) = (tmp_path / "out").rglob("model.pt")
        assert not model.with_name("serving.json").exists() and load_state(model)
        with pytest.raises(ModelError, match=r"config\.json beside it"):
            load_state(replace(model))

    def test_of_another_method(self, tiny_data, tmp_path, capsys):
        words = ["--method", "mean-intensity", "--device", "cpu", "--runs-dir", str(tmp_path)]
        assert main(["train", str(tiny_data), *words]) == 0
        (run,) = tmp_path.iterdir()
        assert load_detector(run / "model.pt")
        state = read_state(run / "model.pt")
        torch.save({**state, "more": torch.zeros(3)}, run / "model.pt")
        assert main(["infer", str(run), "--device", "cpu"]) == 1
        assert "SHA-256" in said(capsys)
        assert main(["infer", str(run), "--device", "cpu", ACCEPT]) == 0

    def test_an_exported_program_is_compared_with_its_checksums(self, own_run, tmp_path):
        path = tmp_path / "model.ts"
        assert main(["export", "torchscript", str(own_run), str(path)]) == 0
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
        assert main(["infer", str(path), str(own_run), "--output", str(tmp_path / "out")]) == 1

    def test_a_program_in_a_run_folder_is_not_run_for_its_runtime(self, own_run, monkeypatch):
        words = ["infer", str(own_run), "--runtime", "torchscript", "--device", "cpu"]
        assert main(words) == 0
        loaded = []
        real = torch.jit.load
        monkeypatch.setattr(
            torch.jit, "load", lambda f, *a, **k: loaded.append(str(f)) or real(f, *a, **k)
        )
        assert main(words) == 0
        assert ".part-" in loaded[0], "the file that was there is compared before it is loaded"
