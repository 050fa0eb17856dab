"""A path is a path: for MONAI's parser, for its command line, and for every command of ours."""

from pathlib import Path

import pytest
from monai.bundle import ConfigParser
from places import CONFIGS
from processes import warm_python
from tiny import write_dataset

from healthygan_monai.cli.arguments import settings
from healthygan_monai.cli.main import main
from healthygan_monai.config.literal import as_literal, as_prose, as_word
from healthygan_monai.config.typed_paths import typed_words
from healthygan_monai.config.workflow import run_config
from healthygan_monai.errors import ConfigError

NAMES = ["a#b", "$x", "$(x)", "%y", "%##y", "@z", "@#z", "@seed", "2024", "1e3", "a,b", "x::y"]
NAMES += [" ", "new\nline", "None", "True", "'q'", '"q"', "Größe", "数据", "\\x23", "-d", "{a: 1}"]
NAMES += ["a b ", "%##"]
VALUES = [*NAMES, 3, 0.5, True, None, [1, "$x"], {"a": "@seed"}, {"a": {"_target_": "os.getcwd"}}]
TINY = ["recipe=paper", "generator_channels=2", "generator_blocks=1", "critic_channels=2"]
TINY += ["critic_layers=3", "batch_size=4", "max_iterations=2", "epoch_length=2"]
TINY += ["fid_features=random"]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_the_parser_gives_a_literal_back_as_it_was(value):
    parser = ConfigParser({"seed": 7, "path": as_literal(value), "used": "$[@path]"})
    parser.parse()
    parser.parse()  # as a second reading does
    assert parser.get_parsed_content("used") == [value]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_command_that_is_shown_means_the_same_to_fire(name):
    from fire.parser import DefaultParseValue

    parser = ConfigParser({"seed": 7, "path": DefaultParseValue(as_word(as_literal(name)))})
    assert parser.get_parsed_content("path") == name


def test_settings_are_monais_language_only_where_they_begin_so():
    found = settings(["epoch_length=$1 + 1", "fid_features=a#b", "critic_weights=2024", "seed=3"])
    assert found["epoch_length"] == "$1 + 1" and found["seed"] == 3
    parser = ConfigParser(found)
    assert parser.get_parsed_content("fid_features") == "a#b"
    assert parser.get_parsed_content("critic_weights") == "2024"


def test_texts_of_a_data_set_in_metadata_import_nothing():
    told = as_prose({"data_source": "$import antigravity; x", "name": "of %##y", "n": [1, "@a"]})
    assert told == {"data_source": "'$import antigravity; x'", "name": "of % ##y", "n": [1, "'@a'"]}


@pytest.mark.parametrize("name", ["a#b $x@y%z::q", "$x", "@z", "%y", "2024", "new\nline"])
def test_commands_write_where_they_are_told(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    root = Path(name)
    write_dataset(root / "data")
    words = [word for text in TINY for word in ("--set", text)]
    device = ["--device", "cpu"]
    main(["train", str(root / "data"), "--runs-dir", str(root / "runs"), *device, *words])
    (run,) = (root / "runs").iterdir()
    assert (run / "model.pt").is_file()
    assert main(["train", "--resume", str(run), "--dry-run", *device]) == 0
    assert (
        main(["infer", str(run), str(root / "data"), "--output", str(root / "out"), *device]) == 0
    )
    assert (root / "out" / "scores.csv").is_file() and (root / "out" / "pictures").is_dir()
    assert main(["evaluate", str(root / "out"), "--no-probes", "--bootstrap", "20"]) == 0
    assert main(["report", str(run)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {root.parts[0]}


class TestMonaisCommand:
    @pytest.mark.parametrize("name", ["a#b", "2024", "$x"])
    def test_takes_paths_as_they_aretyped_words(self, name, trained, tmp_path):
        data = write_dataset(tmp_path / name)
        words = ["--config_file", CONFIGS / "inference.json", "--checkpoint", trained / "model.pt"]
        words += ["--dataset_dir", data.name, f"--output_dir={tmp_path.name}#1", "--device"]
        command = ("-m", "monai.bundle", "run", *words, "$torch.device('cpu')")
        warm_python(*command, cwd=tmp_path)
        assert (tmp_path / f"{tmp_path.name}#1" / "scores.csv").is_file()

    def test_pairs_words_as_fire_does(self):
        words = ["run", "--dataset-dir", "2024", "--resume=None", "--checkpoint='a,b'"]
        words += ["--output_dir", "$'x'", "--seed", "3", "--runs_dir", "--weights"]
        assert dict(typed_words(words)) == {"dataset_dir": "2024", "checkpoint": "a,b"}

    def test_a_path_of_a_config_that_has_lost_its_sign_is_refused(
        self, trained, tiny_data, tmp_path
    ):
        paths = {"checkpoint": str(trained / "model.pt"), "dataset_dir": str(tiny_data)}
        with pytest.raises(ConfigError, match="MONAI reads # as ::"):
            try:
                run_config("inference.json", {**paths, "output_dir": str(tmp_path / "a#b")})
            except RuntimeError as error:
                raise error.__cause__ from None
        assert not list(tmp_path.iterdir())
