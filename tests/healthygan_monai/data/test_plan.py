"""What a data set asks of training: the numbers of Appx. A, and what may be overridden."""

import json
from dataclasses import replace

import pytest
import torch

from data_prep.datalist import DataError, Dataset, Item, write
from data_prep.errors import UsageError
from healthygan_monai.data import PROTOCOLS, plan_at, plan_for
from healthygan_monai.data.plan import RECIPES, critic_layers_for


def of(protocol: str | None, size: int = 256, recipe: str | None = None):
    return plan_for(Dataset("study", size, protocol=protocol), recipe)


@pytest.mark.parametrize(
    ("protocol", "size", "batch"),
    [("covidx", 256, 16), ("chestxray14", 128, 32), ("migraine", 256, 16)],
)
def test_the_papers_protocols(protocol, size, batch):
    plan = of(protocol, size)
    assert (
        (plan.image_size, plan.batch_size)
        == (size, batch)
        == (PROTOCOLS[protocol].image_size, PROTOCOLS[protocol].batch_size)
    )
    assert plan.max_iterations == 400_000
    assert plan.max_iterations * plan.decay_share == 100_000
    assert plan.learning_rate == 1e-4
    assert (plan.generator_channels, plan.generator_blocks) == (64, 6)
    assert (plan.critic_channels, plan.critic_layers) == (64, 6)
    assert plan.max_iterations / plan.checkpoints == 10_000
    assert plan.criterion == "fid"
    assert (plan.lambda_id, plan.lambda_rec, plan.lambda_f) == (1, 1, 0.1)
    assert (plan.lambda_fs, plan.lambda_fz) == (1, 1)


def test_the_demo_is_small_enough_for_a_processor():
    demo, paper = of("demo", 64), of("covidx")
    assert (demo.recipe, demo.price) == ("pretrained", 1.0)  # no search
    assert demo.max_iterations < paper.max_iterations / 100
    assert demo.generator_channels < paper.generator_channels / 2
    assert demo.image_size < paper.image_size and demo.checkpoints >= 5


@pytest.mark.parametrize(("size", "batch"), [(64, 32), (128, 32), (256, 16)])
def test_the_papers_recipe_takes_the_papers_sizes_without_a_protocol(size, batch):
    plan = of(None, size, "paper")
    assert (plan.image_size, plan.batch_size, plan.generator_channels) == (size, batch, 64)


def test_the_data_sets_image_size_wins_over_the_protocols():
    assert of("covidx", 128).image_size == 128


@pytest.mark.parametrize(("size", "layers"), [(256, 6), (128, 6), (64, 5), (32, 4), (16, 3)])
def test_the_critic_keeps_two_patches_a_side_at_least(size, layers):
    assert critic_layers_for(size) == layers == of(None, size).critic_layers
    assert size // 2**layers >= 2


@pytest.mark.parametrize(
    ("recipe", "iterations", "rises"),
    [
        ("pretrained", 600, 300),
        ("pretrained", 250, 150),
        ("pretrained", 100, 75),
        ("paper", 100, 0),
    ],
)
def test_the_price_rises_over_half_of_a_run_and_no_more_than_three_quarters(
    recipe, iterations, rises
):
    assert RECIPES[recipe].warmup(iterations) == rises


def test_an_unknown_protocol_is_refused_with_the_nearest():
    with pytest.raises(DataError, match=r"'covid' is not known.*did you mean 'covidx'\?"):
        of("covid")


@pytest.mark.parametrize("size", [8, 30, 225])
def test_sizes_the_generator_cannot_halve_twice_are_refused(size):
    with pytest.raises(DataError, match=f"image_size is {size}"):
        of(None, size)


def test_a_plan_reads_like_a_dictionary_too():
    plan = of("demo", 64)
    assert plan["batch_size"] == plan.batch_size


@pytest.mark.parametrize("size", [64, 128])
def test_a_data_set_of_ones_own_gets_the_pretrained_recipe(size):
    plan = of(None, size)
    assert (plan.recipe, plan.critic, plan.translation) == ("pretrained", "pretrained", "additive")
    assert (plan.price, plan.criterion) == ("auto", "aucp") and plan.kept_out > 0


@pytest.mark.parametrize(
    ("side", "critic", "blocks"), [(32, 96, 3), (64, 96, 3), (128, 96, 6), (256, 128, 6)]
)
def test_larger_images_get_a_deeper_generator_and_a_critic_of_half_their_side(side, critic, blocks):
    plan = of(None, side)
    assert (plan.critic_size, plan.generator_blocks) == (critic, blocks)
    assert of(None, side, "paper").generator_blocks == 6


def images(count: int) -> list[Item]:
    return [Item(f"{i}.png", f"{i}") for i in range(count)]


@pytest.mark.parametrize(
    ("side", "memory", "batch"),
    [(64, None, 16), (128, 4e9, 16), (256, 4e9, 8), (512, 4e9, 2), (2048, 1e9, 1)],
)
def test_the_batch_takes_half_of_the_memory_at_most(side, memory, batch):
    assert plan_for(Dataset("study", side), memory=memory).batch_size == batch
    assert plan_for(Dataset("study", side), "paper", memory=memory).batch_size in (16, 32)


@pytest.mark.parametrize(("mixed", "batch"), [(7, 4), (8, 8), (40, 16), (1, 1)])
def test_the_smaller_training_set_fills_a_batch(mixed, batch):
    sections = {"training_mixed": images(mixed), "training_healthy": images(50)}
    assert plan_for(Dataset("study", 64, sections=sections)).batch_size == batch


@pytest.mark.parametrize(("mixed", "healthy", "share"), [(50, 50, 0.2), (50, 49, 0), (25, 90, 0)])
def test_subjects_are_kept_out_where_enough_of_both_sections_judge(mixed, healthy, share):
    sections = {"training_mixed": images(mixed), "training_healthy": images(healthy)}
    plan = plan_for(Dataset("study", 64, sections=sections))
    assert (plan.kept_out, plan.price_kept_out) == (share, 0.2)
    assert plan.price_folds == (2 if share else 3)  # few judges: one fold more
    assert plan_for(Dataset("study", 64, sections=sections), "paper").kept_out == 0


def test_images_of_few_subjects_count_as_few():
    items = [Item(f"{i}.png", f"{i % 20}") for i in range(500)]
    plan = plan_for(
        Dataset("s", 64, sections=dict.fromkeys(("training_mixed", "training_healthy"), items))
    )
    assert plan.kept_out == 0


def test_a_resumed_run_keeps_its_sizes_on_another_machine(tmp_path):
    write(Dataset("study", 256), tmp_path)
    begun = {"recipe": "pretrained", "batch_size": 4, "critic_size": 256, "max_iterations": 900}
    begun["kept_out"] = 0.1
    begun["generator_blocks"] = 3  # a run of 128 pixels that an earlier version began
    (tmp_path / "config.json").write_text(json.dumps(begun))
    plan = plan_at(tmp_path, resume=tmp_path, device=torch.device("cpu"))
    assert {name: plan[name] for name in begun} == begun


@pytest.mark.parametrize("protocol", ["covidx", "chestxray14", "migraine"])
def test_the_papers_data_sets_keep_the_papers_recipe_unless_told_otherwise(protocol):
    assert of(protocol).recipe == "paper"
    assert of(protocol, recipe="pretrained").recipe == "pretrained"
    assert (of(protocol).n_critic, of(protocol).ema, of(protocol).kept_out) == (2, 0, 0)


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"'papper', did you mean 'paper'\?"):
        of(None, recipe="papper")


def test_a_resumed_run_keeps_its_recipe_and_an_old_run_the_papers(tmp_path):
    write(Dataset("study", 64), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert plan_at(tmp_path, resume=tmp_path).recipe == "paper"
    (tmp_path / "config.json").write_text('{"recipe": "pretrained"}')
    assert plan_at(tmp_path, resume=tmp_path).recipe == "pretrained"
    assert plan_at(tmp_path, "paper", resume=tmp_path).recipe == "paper"


@pytest.mark.parametrize(
    ("count", "iterations", "larger"),
    [(0, 400, 400), (479, 400, 600), (1079, 700, 1300), (9999, 4000, 4000)],
)
def test_the_pretrained_recipe_goes_ten_times_through_the_mixed_set(count, iterations, larger):
    sections = {"training_mixed": images(count), "training_healthy": images(50 if count else 0)}
    dataset = Dataset("study", 64, sections=sections)
    assert plan_for(dataset).max_iterations == iterations
    assert plan_for(replace(dataset, image_size=128)).max_iterations == min(4000, larger)
    assert plan_for(dataset, "paper").max_iterations == 400_000
    few = replace(dataset, sections=sections | {"training_healthy": images(20)})
    assert plan_for(few).max_iterations == (min(4000, larger) if count else 400)
