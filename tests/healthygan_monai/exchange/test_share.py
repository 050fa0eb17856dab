"""A packed run: verified as a whole, data only, and nothing of a patient or a machine in it."""

import csv
import doctest
import json
import shutil
import stat
import warnings
import zipfile
from pathlib import Path

import pytest
import torch

from data_prep.errors import UsageError
from data_prep.files import sha256
from data_prep.phantom.study import make_films
from healthygan_monai.cli.main import main
from healthygan_monai.errors import ModelError, NoModel
from healthygan_monai.exchange.share import contents
from healthygan_monai.exchange.share import unpack as unpack_module
from healthygan_monai.exchange.share.pack import pack
from healthygan_monai.exchange.share.unpack import unpack
from healthygan_monai.models.load import load_state
from healthygan_monai.networks import make_generator
from healthygan_monai.pretrained.trials import Trial, best_price, read_trials, write_trials
from healthygan_monai.report.summary import sentences
from healthygan_monai.runs import save_weights

FILMS = {"training_mixed": 1, "training_healthy": 1, "validation": 1, "test": 2}
RECIPE = {
    **{"version": "0.1.0", "pixels": 3, "kind": "films", "size": 16, "bits": 8},
    **{"framing": {"policy": "paper", "top": 0.08}, "intensity": {"policy": "window"}},
    **{"collimation": "remove", "options": {}},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder as after training and evaluation, full of what must not leave."""
    folder = tmp_path / "00000-films"
    folder.mkdir()
    torch.manual_seed(0)
    generator = make_generator(image_channels=1, channels=8, blocks=1)
    save_weights(generator.state_dict(), folder / "model.pt")
    digest = sha256(folder / "model.pt")
    cut = {"threshold": 0.1, "policy": "youden", "chosen_on": "validation"}
    cut |= {"words": "sensitivity + specificity is largest"}
    cut |= {"confusion": {"tp": 3, "fn": 1, "fp": 2, "tn": 4}, "precision": 0.6}
    cut |= {"sensitivity": {"value": 0.75}, "specificity": {"value": 0.67}}
    level = {
        "n": {"test": {"healthy": 6, "diseased": 4}},
        "auc": {"value": 0.8, "low": 0.7, "high": 0.9},
        "thresholds": {"validation": cut, "test_optimistic": cut},
    }
    texts = {
        "run.json": {
            **{"version": "0.1.0", "seed": 0, "dataset": "/secret/Meier/films", "recipe": RECIPE},
            **{"command": "healthygan train /secret/Meier/films", "weights_sha256": digest},
            **{"started": "2026-01-01", "finished": "2026-01-02", "iterations": 5},
        },
        "config.json": {
            "image_size": 16,
            "image_channels": 1,
            "critic_weights": "/secret/Meier.pt",
        },
        "evaluation.json": {
            **{"method": "healthygan", "score_by": "mean", "levels": {"image": level}},
            **{"provenance": {"weights_sha256": digest, "command": "/secret/Meier"}},
            **{"unit": "image", "counts": {"test": {"images": 10, "subjects": 7}}},
            "members": [{"run": "/secret/Meier"}],
        },
    }
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content), "utf-8")
    (folder / "scores.csv").write_text("section,image,subject\ntest,/secret/Meier.png,Meier\n")
    (folder / "log.txt").write_text("/secret/Meier")
    return folder


@pytest.fixture
def packed(run: Path) -> Path:
    pack(run, run.parent / "run.zip")
    return run.parent / "run.zip"


def parts(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(
    file: Path, files: dict[str, bytes], *, listed: bool = True, way: int = zipfile.ZIP_STORED
) -> Path:
    """The archive with other files, stored; listed: with a manifest that fits them."""
    import hashlib

    if listed:
        entries = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
            if name != "manifest.json"
        }
        manifest = json.loads(files["manifest.json"])
        files = {**files, "manifest.json": json.dumps({**manifest, "files": entries}).encode()}
    with zipfile.ZipFile(file, "w", way) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file


def refused(file: Path, match: str) -> None:
    before = sorted(file.parent.iterdir())
    with pytest.raises(ModelError, match=match):
        unpack(file, file.parent / "got")
    assert sorted(file.parent.iterdir()) == before  # nothing is left of it


def test_the_examples_are_true():
    result = doctest.testmod(contents)
    assert result.attempted and not result.failed


def test_a_packed_run_has_the_weights_and_nothing_of_a_patient_or_a_machine(run, packed):
    assert b"secret" not in packed.read_bytes() and b"/films" not in packed.read_bytes()
    assert [*parts(packed)] == [
        *("manifest.json", "README.md", "config.json", "run.json", "evaluation.json", "model.pt"),
    ]
    card = parts(packed)["README.md"].decode()
    assert "Research, not for diagnosis" in card and "AUC by image: 0.80" in card
    unpack(packed, run.parent / "got")
    there, here = load_state(run.parent / "got" / "model.pt"), load_state(run / "model.pt")
    assert all(torch.equal(there[name], here[name]) for name in here)


TRIALS = [Trial(price, 0, 9, aucp, 0.1) for price, aucp in ((1, 0.7), (3, 0.9), (10, 0.6))]


def test_an_unpacked_run_knows_the_price_that_its_search_found(run):
    write_trials(run, TRIALS)
    pack(run, run.parent / "run.zip")
    unpack(run.parent / "run.zip", run.parent / "got")
    assert best_price(read_trials(run.parent / "got")) == best_price(TRIALS) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.replace(b"chosen", b"chosen,patient").replace(b",1\n", b",1,Meier\n"),
        lambda table: table.replace(b"0.9", b"Meier"),
        lambda table: table.replace(b"0.9", b"nan"),
        lambda table: b"price\x00" + table,
        lambda table: b"",
    ],
)
def test_a_table_of_prices_with_anything_else_in_it_is_refused(run, change):
    write_trials(run, TRIALS)
    pack(run, run.parent / "run.zip")
    files = parts(run.parent / "run.zip")
    changed = rewritten(
        run.parent / "run.zip", {**files, "prices.csv": change(files["prices.csv"])}
    )
    refused(changed, "prices.csv is not as pack writes it")


def test_a_damaged_table_of_prices_is_named_and_nothing_is_packed(run):
    (run / "prices.csv").write_text("price\n1\n", "utf-8")
    with pytest.raises(ModelError, match=r"prices\.csv: line 2 is not a trial"):
        pack(run, run.parent / "run.zip")
    assert not (run.parent / "run.zip").exists()


def test_an_unpacked_run_has_its_figures_in_the_cards_of_further_exports(run, packed):
    unpack(packed, run.parent / "got")
    assert main(["export", "zoo", str(run.parent / "zoo"), "--model", str(run.parent / "got")]) == 0
    (card,) = (run.parent / "zoo").rglob("docs/README.md")
    text = card.read_text(encoding="utf-8")
    assert "The test set holds 10 images of 7 subjects; 4 images are diseased" in text
    assert "it called 3 of 4 diseased images anomalous" in text


def test_figures_of_a_run_that_an_earlier_version_packed(run):
    found = json.loads((run / "evaluation.json").read_text("utf-8"))
    del found["counts"], found["unit"], found["levels"]["image"]["n"]
    cut = found["levels"]["image"]["thresholds"]["validation"]
    for name in ("words", "confusion", "sensitivity", "specificity"):
        del cut[name]
    ranked, threshold = sentences(found)
    assert "AUC 0.80" in ranked and threshold == "The label-chosen threshold is 0.1."


def test_equal_runs_give_equal_bytes_and_an_unpacked_run_packs_to_the_same(run, packed):
    unpack(packed, run.parent / "got")
    pack(run.parent / "got", run.parent / "again.zip")
    assert (run.parent / "again.zip").read_bytes() == packed.read_bytes()


def test_the_unpacked_run_scores_new_films_as_the_run_does(run, packed, monkeypatch, capsys):
    monkeypatch.chdir(run.parent)
    assert main(["unpack", "run.zip"]) == 0
    assert main(["unpack", "run.zip"]) == 2  # the folder is there
    make_films(run.parent / "raw", counts=FILMS, size=64)
    found = []
    for folder in (run.name, "run"):
        words = ["score", folder, "raw/films", f"of-{folder}", "--key", "key", "--jobs", "0"]
        assert main(words) == 0
        with (run.parent / f"of-{folder}" / "cases.csv").open(encoding="utf-8") as file:
            found.append([row["score"] for row in csv.DictReader(file)])
    assert found[0] == found[1] and len(found[0]) >= 5
    assert main(["infer", "run", "raw"]) == 2
    assert "give --output FOLDER" in capsys.readouterr().err
    assert main(["pack", "run", "run.zip"]) == 2  # no file is replaced


def test_changed_weights_are_refused_even_with_a_manifest_that_fits(packed):
    files = parts(packed)
    weights = bytearray(files["model.pt"])
    weights[len(weights) // 2] ^= 1
    changed = {**files, "model.pt": bytes(weights)}
    refused(rewritten(packed, changed, listed=False), "model.pt was changed since it was packed")
    refused(rewritten(packed, changed), "model.pt")  # the sum in run.json, or the file's own


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/tmp/evil.txt", "a/b.txt", "C:\\evil", "evil.py", "model.pt/"]
)
def test_names_of_no_packed_run_are_refused(packed, name):
    refused(rewritten(packed, {**parts(packed), name: b"x"}, listed=False), "of no packed run")


def test_a_link_a_double_name_and_an_unlisted_file_are_refused(packed):
    files = parts(packed)
    link = zipfile.ZipInfo("critic.pt")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    rewritten(packed, files)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(packed, "critic.pt is no plain file")
    refused(rewritten(packed, {**files, "critic.pt": b"x"}, listed=False), "not those of its")
    rewritten(packed, files)
    with zipfile.ZipFile(packed, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("model.pt", b"other")
    refused(packed, "two of its files have one name")
    refused(rewritten(packed, {"manifest.json": files["manifest.json"]}), "it lacks run.json")


def test_every_file_is_as_large_as_the_manifest_says(packed):
    files = parts(packed)
    manifest = json.loads(files["manifest.json"])
    other = {**files, "config.json": files["config.json"] + b" "}
    refused(rewritten(packed, other, listed=False), "config.json has not the size")
    refused(rewritten(packed, {**files, "config.json": bytes(5 << 20)}), "config.json is too large")
    manifest["files"]["run.json"]["bytes"] = 1 << 40
    claimed = {**files, "manifest.json": json.dumps(manifest).encode()}
    refused(rewritten(packed, claimed, listed=False), "run.json is too large")
    huge = {**files, "manifest.json": b" " * (1 << 20)}
    refused(rewritten(packed, huge, listed=False), "manifest.json is too large")


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_is_refused_before_a_byte_is_written(packed, way, monkeypatch):
    """Weights of zeros pack a thousandfold; even a whole run that is compressed is refused."""
    files = parts(packed)
    monkeypatch.setattr(unpack_module, "_copy", lambda *_: pytest.fail("a file was written"))
    bomb = {**files, "model.pt": bytes(16 << 20)}
    for compressed in (bomb, files):
        refused(rewritten(packed, compressed, way=way), "is compressed; pack compresses nothing")


def test_files_that_share_their_bytes_are_refused(packed, monkeypatch):
    """A second entry of the directory that points at the bytes of the first (zip bomb of 2019)."""
    monkeypatch.setattr(unpack_module, "_copy", lambda *_: pytest.fail("a file was written"))
    rewritten(packed, parts(packed))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("serving.json", b"{}")
        shared = archive.getinfo("serving.json")
        weights = archive.getinfo("model.pt")
        shared.header_offset, shared.CRC = weights.header_offset, weights.CRC
        shared.file_size = shared.compress_size = weights.file_size
    refused(packed, "its files are larger than itself")


def test_a_directory_of_another_size_is_refused(packed):
    """The directory says one byte less than the manifest."""
    rewritten(packed, parts(packed))
    content = bytearray(packed.read_bytes())
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"model.pt"))
    for offset in (20, 24):  # compressed and plain size, APPNOTE 4.3.12
        size = int.from_bytes(content[place + offset : place + offset + 4], "little")
        content[place + offset : place + offset + 4] = (size - 1).to_bytes(4, "little")
    packed.write_bytes(content)
    refused(packed, "model.pt has not the size")


@pytest.mark.parametrize(
    ("name", "changes", "match"),
    [
        ("run.json", {"dataset": "films"}, "holds a path"),
        ("config.json", {"fid_features": "../program.ts"}, "holds a path"),
        ("config.json", {"_target_": "os.system"}, "unknown key"),
        ("run.json", {"weights_sha256": "0" * 64}, "changed since it was written"),
        ("manifest.json", {"format": 2}, "format"),
    ],
)
def test_texts_that_pack_never_writes_are_refused(packed, name, changes, match):
    files = parts(packed)
    files[name] = json.dumps({**json.loads(files[name]), **changes}).encode()
    refused(rewritten(packed, files), match)


def test_a_pickle_in_place_of_weights_is_not_run(packed):
    import pickle

    evil = pickle.dumps(Evil(packed.parent / "was-here"), protocol=2)
    refused(rewritten(packed, {**parts(packed), "model.pt": evil}), "model.pt")


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"no archive"])
def test_what_is_no_archive_is_one_clear_error(tmp_path, content):
    (tmp_path / "run.zip").write_bytes(content)
    refused(tmp_path / "run.zip", "no packed run|it lacks")
    with pytest.raises(NoModel, match="no such file"):
        unpack(tmp_path / "none.zip", tmp_path / "got")


def test_neither_folder_nor_file_is_replaced(run, packed):
    shutil.copytree(run, run.parent / "got")
    with pytest.raises(UsageError, match="not empty"):
        unpack(packed, run.parent / "got")
    with pytest.raises(UsageError, match="there already"):
        pack(run, packed)
