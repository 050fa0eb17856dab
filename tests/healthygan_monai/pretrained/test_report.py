"""The report of a run of the pretrained recipe says what was run, and draws the price search."""

import shutil

import pytest
from tiny import infer

from healthygan_monai.evaluation.run import evaluate_run
from healthygan_monai.report import write_report


@pytest.fixture(scope="module")
def scored(run, tiny_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored") / "run"
    shutil.copytree(run, folder)
    infer(folder / "model.pt", tiny_data, folder)
    evaluate_run(folder, dataset=tiny_data, bootstrap=20, probes=False)
    return folder


def page(folder) -> str:
    return write_report(folder, translate=None).read_text()


def test_the_methods_are_those_of_the_recipe(scored):
    text = page(scored)
    assert "recipe pretrained" in text and "draws a change that is added" in text
    assert "frozen pretrained network (resnet18)" in text
    assert "gradient penalty" not in text and "mask composes" not in text


def test_the_search_is_drawn_with_its_verdict(scored):
    assert "AUCp over the price" in page(scored)
    (scored / "prices.csv").rename(scored / "prices.bak")
    assert "over the price" not in page(scored)
    (scored / "prices.bak").rename(scored / "prices.csv")


def test_a_damaged_search_is_said_and_nothing_fails(scored):
    whole = (scored / "prices.csv").read_text()
    (scored / "prices.csv").write_text("price\n1\n")
    assert "rices.csv could not be read (KeyError)" in page(scored)
    (scored / "prices.csv").write_text(whole)
