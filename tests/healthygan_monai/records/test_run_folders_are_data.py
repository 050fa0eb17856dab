"""A run folder from somebody else: known keys, known types, and nothing in it is evaluated."""

import json
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import pytest

from data_prep.brain import BrainRecipe
from data_prep.film import FilmRecipe
from healthygan_monai.api.model import load_model
from healthygan_monai.cli.main import main
from healthygan_monai.cli.serving import main as serving
from healthygan_monai.config.settings import RECORDED
from healthygan_monai.errors import ModelError
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.paths import read_config, read_evaluation, read_run, read_serving
from healthygan_monai.records.config_json import CONFIG
from healthygan_monai.records.recipe import recipe


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A file that code of a run folder would write."""
    return tmp_path / "evaluated"


def code(trap: Path) -> str:
    return f"$__import__('pathlib').Path({str(trap)!r}).write_text('x')"


def change(path: Path, **keys) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


COMMANDS = (
    ["infer"],
    ["train", "--dry-run", "--resume"],
    ["train", "--resume"],
    ["evaluate"],
    ["report"],
)


def run(words: list[str], folder: Path) -> int:
    device = ["--device", "cpu"] if words[0] in ("infer", "train") else []
    return main([*words, str(folder), *device])


class TestNothingIsEvaluated:
    @pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
    def test_the_data_set_of_run_json(self, own_run, trap, words, capsys):
        change(own_run / "run.json", dataset=code(trap))
        assert run(words, own_run) != 0
        assert not trap.exists() and "Traceback" not in capsys.readouterr().err

    @pytest.mark.parametrize("words", COMMANDS[:3], ids=" ".join)
    @pytest.mark.parametrize("key", ["added", "imports", "initialize", "train#x", "_meta_"])
    def test_an_added_key_of_config_json_is_refused_by_name(
        self, own_run, trap, words, key, capsys
    ):
        change(own_run / "config.json", **{key: [code(trap)]})
        assert run(words, own_run) == 1
        assert f"unknown key {key!r}" in capsys.readouterr().err
        assert not trap.exists()

    @pytest.mark.parametrize("words", COMMANDS[1:3], ids=" ".join)
    @pytest.mark.parametrize("key", ["recipe", "critic", "translation", "criterion"])
    def test_a_text_of_config_json(self, own_run, trap, words, key):
        change(own_run / "config.json", **{key: code(trap)})
        assert run(words, own_run) != 0
        assert not trap.exists()

    @pytest.mark.parametrize("value", ["@seed", "%seed", "$1 + 1", {"_target_": "os.getcwd"}])
    def test_a_number_of_config_json_is_no_reference(self, own_run, value, capsys):
        change(own_run / "config.json", max_iterations=value)
        assert run(["train", "--dry-run", "--resume"], own_run) == 1
        assert "max_iterations is" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "options", [{"grid": {"_target_": "os.getcwd"}}, {"_target_": "os.getcwd"}]
    )
    def test_options_of_another_method(self, own_run, options, capsys):
        (own_run / "config.json").write_text(json.dumps({"method": "padim", "options": options}))
        assert run(["train", "--dry-run", "--resume"], own_run) == 1
        assert "has the name '_target_'" in capsys.readouterr().err

    def test_code_in_options_is_text(self, own_run, trap):
        options = {"backbone": code(trap)}
        (own_run / "config.json").write_text(json.dumps({"method": "padim", "options": options}))
        assert run(["train", "--resume"], own_run) != 0
        assert not trap.exists()

    @pytest.mark.parametrize("key", ["fid_features", "critic_backbone"])
    def test_a_program_in_the_run_folder_is_not_run(self, own_run, key, capsys):
        (own_run / "net.ts").write_bytes(b"a program")
        change(own_run / "config.json", **{key: str(own_run / "net.ts")})
        assert run(["train", "--dry-run", "--resume"], own_run) == 1
        assert "a program in the run folder" in capsys.readouterr().err

    def test_serving_json_and_recipes(self, own_run, trap, capsys):
        assert serving(["describe", str(own_run)]) == 0
        change(own_run / "serving.json", recipe={"kind": code(trap)})
        assert serving(["install", str(own_run), str(own_run)]) != 0
        change(own_run / "run.json", recipe={"kind": "films", "options": {"veiws": code(trap)}})
        assert run(["infer"], own_run) == 1
        assert "unknown key 'recipe.options.veiws', did you mean 'views'" in capsys.readouterr().err
        assert not trap.exists()

    def test_the_python_interface(self, own_run, trap):
        change(own_run / "run.json", added=code(trap))
        with pytest.raises(ModelError, match="unknown key 'added'"):
            load_model(own_run, "cpu")


NO_OBJECTS = ["{", "[]", "null", '"x"', "\x00", "1" * 6000, "[" * 100_000]
DEEP = '{"a": ' * 5_000 + "1" + "}" * 5_000  # which Python 3.13 can read
NO_OBJECTS += [DEEP, '{"seed": 1, "seed": 2}', '{"seed": 1e999}']
LOOKED_OVER = (DEEP, '{"seed": 1e999}')  # of evaluation.json only what is used is looked at
WRONG_LEVELS = ([], {"image": 3}, {"image": {"thresholds": {"promised": 1}}})


class TestSchema:
    def test_every_recorded_setting_is_known(self, trained):
        own = {field.name for field in fields(HealthyGANLoss)}
        content = {key: 1 for key in (*RECORDED, *own)}
        assert not any("unknown" in p for p in CONFIG.problems("", content))
        assert read_config(trained) and read_run(trained)["weights_sha256"]

    @pytest.mark.parametrize("made", [FilmRecipe(64), BrainRecipe(64)])
    def test_recipes_as_data_prep_writes_them_are_known(self, made):
        assert list(recipe.problems("recipe", json.loads(json.dumps(made.record())))) == []

    @pytest.mark.parametrize(
        ("keys", "why"),
        [
            ({"datset": "x"}, "unknown key 'datset', did you mean 'dataset'"),
            ({"dataset": 3}, "dataset is 3; expected a path"),
            ({"dataset": "a\0b"}, "expected a path"),
            ({"dataset": "x" * 300}, "expected a path"),
            ({"seed": -1}, "seed is -1; expected a whole number"),
            ({"seed": True}, "seed is True"),
            ({"seed": [0, "x"]}, r"seed\[1\] is 'x'"),
            ({"members": [{"run": "a"}]}, r"members\[0\].seed is missing"),
            ({"weights_sha256": "abc"}, "weights_sha256 is 'abc'; expected a SHA-256"),
            ({"recipe": {"framing": {"_target_": "x"}}}, "recipe.framing has the name '_target_'"),
            ({"detector": {"a": float("nan")}}, "detector.a is nan; expected a number"),
            ({"iterations": 10**400}, "iterations is 10{8}"),
            ({"iterations": 2**53 + 1}, "iterations is 9007199254740993; expected a whole number"),
            ({"dataset": "/tmp/\ud800x"}, "expected a path"),
        ],
    )
    def test_of_run_json(self, own_run, keys, why):
        change(own_run / "run.json", **keys)
        with pytest.raises(ModelError, match=why):
            read_run(own_run)

    @pytest.mark.parametrize("text", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
    def test_a_file_that_is_no_object_is_one_clear_error(self, tmp_path, text):
        for name in ("run.json", "config.json", "serving.json", "evaluation.json"):
            (tmp_path / name).write_text(text)
        for reader in (read_run, read_config, read_serving, read_evaluation):
            if reader is read_evaluation and text in LOOKED_OVER:
                with suppress(ModelError):
                    assert reader(tmp_path) == json.loads(text)
                continue
            with pytest.raises(ModelError):
                reader(tmp_path)

    def test_a_path_whose_bytes_are_no_text_is_a_path(self, own_run):
        change(own_run / "run.json", dataset="/data/\udcff")
        assert read_run(own_run)["dataset"] == "/data/\udcff"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            *(("generator_blocks", 10_000_000), ("image_size", 1_000_000), ("image_size", 0)),
            *(("critic_layers", 40), ("batch_size", 10**9), ("learning_rate", 10**400)),
        ],
    )
    def test_sizes_that_would_take_all_memory_are_refused_before_a_network(
        self, own_run, key, value, capsys
    ):
        change(own_run / "config.json", **{key: value})
        for words in (["train", "--dry-run", "--resume"], ["infer"]):
            assert run(words, own_run) == 1
            assert f"{key} is" in capsys.readouterr().err

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "run.json").write_bytes(b'{"dataset": "\xff"}')
        with pytest.raises(ModelError, match="not valid JSON"):
            read_run(tmp_path)

    @pytest.mark.parametrize(
        "levels", [[], {"image": 3}, {"image": {"thresholds": {"promised": 1}}}]
    )
    def test_of_evaluation_json_what_is_used(self, tmp_path, levels):
        (tmp_path / "evaluation.json").write_text(json.dumps({"levels": levels, "more": 1}))
        with pytest.raises(ModelError, match="levels"):
            read_evaluation(tmp_path)


@pytest.mark.parametrize("row", ["x,1,0.5,random,1", "2,1", "2,one,0.5,random,0"])
def test_a_broken_row_of_selection_csv_is_named(own_run, row, capsys):
    path = own_run / "selection.csv"
    path.write_text("iteration,fid,aucp,fid_features,chosen\n" + row + "\n")
    assert main(["select", str(own_run)]) == 1
    assert "selection.csv: line 2 is not a judged checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["scores.json", "localisation.json"])
@pytest.mark.parametrize("text", ["[]", "{", '{"weights_sha256": 3, "scores_sha256": []}'])
def test_broken_records_of_scores_are_one_error(own_run, name, text, capsys):
    assert run(["infer"], own_run) == 0
    (own_run / name).write_text(text)
    code = main(["evaluate", str(own_run), "--no-probes", "--bootstrap", "20"])
    err = capsys.readouterr().err
    assert "unexpected" not in err and (code == 1 or name == "localisation.json")


@pytest.mark.parametrize("name", ["training_x.pt", "training_\N{SUPERSCRIPT TWO}3.pt"])
def test_a_stray_file_among_the_checkpoints_is_left_alone(own_run, name):
    (own_run / "checkpoints" / name).write_bytes(b"")
    assert run(["train", "--dry-run", "--resume"], own_run) == 0
    assert run(["report"], own_run) == 0


EVALUATIONS = (
    {"levels": {}},
    {"levels": {"image": None, "subject": None}},
    {"counts": "x"},
    {"counts": {"test": {"images": 3, "subjects": "x"}}},
    {"probes": {"x": 1}},
    {"localisation": {"images": 3, "lesion_share": None}},
    {"levels": {"image": {"auc": {"value": 10**400}}}},
)


@pytest.mark.parametrize("keys", EVALUATIONS, ids=range(len(EVALUATIONS)))
def test_a_report_of_a_broken_evaluation_names_the_file(scored_run, keys, capsys):
    change(scored_run / "evaluation.json", **keys)
    assert run(["report"], scored_run) in (0, 1)
    err = capsys.readouterr().err
    assert "unexpected" not in err and ("error: " not in err or "evaluation.json" in err)


@pytest.fixture
def scored_run(own_run: Path) -> Path:
    """A copy of a run, scored and evaluated."""
    assert run(["infer"], own_run) == 0
    assert main(["evaluate", str(own_run), "--no-probes", "--bootstrap", "20"]) == 0
    return own_run
