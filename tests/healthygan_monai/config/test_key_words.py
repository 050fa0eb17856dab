"""``healthygan keys``: every key that may be set, its default and its meaning."""

import pytest
from places import CONFIGS

from data_prep.errors import UsageError
from data_prep.files import read_json
from healthygan_monai.cli.main import main
from healthygan_monai.config.key_words import MEANINGS, key_rows, matching
from healthygan_monai.config.settings import RECORDED
from healthygan_monai.data.plan import RECIPES

# given by options of the command, made of other keys, or of MONAI
NOT_SET = {
    *("imports", "initialize", "run", "training", "bundle_root", "dataset_dir", "runs_dir"),
    *("resume", "device", "dataset", "plan", "output_dir", "split", "settings", "scored"),
    *("network", "critic_network", "save_execute_config"),
    *("tracking_uri", "experiment_name", "run_name"),
}


def test_every_key_of_the_config_is_explained_and_no_other():
    content = read_json(CONFIGS / "train.json")
    settable = {key for key, value in content.items() if not isinstance(value, dict)} - NOT_SET
    assert settable == set(MEANINGS)
    assert set(RECORDED) <= set(MEANINGS)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_defaults_are_those_of_the_recipe(recipe):
    rows = {key: default.removesuffix(" *") for key, default, _ in key_rows(recipe)}
    plan = RECIPES[recipe]
    for key in ("price", "learning_rate", "max_iterations", "lambda_adv_healthy", "criterion"):
        assert rows[key] == str(plan[key]), key
    assert rows["decay_iterations"] == str(round(plan.max_iterations * plan.decay_share))
    assert rows["critic_learning_rate"] == rows["learning_rate"]


def test_a_pattern_and_a_part_of_a_name():
    assert matching("price") == [key for key in MEANINGS if "price" in key]
    assert matching("price*")[0] == "price" and "prices" in matching("price?")


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'lambda_id'"):
        matching("lamda_id")
    with pytest.raises(UsageError, match="did you mean 'paper'"):
        list(key_rows("papr"))


def test_the_command_prints_a_line_a_key(capsys):
    assert main(["keys", "lambda_f*", "--recipe", "paper"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["lambda_f", "lambda_fs", "lambda_fz"]
