"""The examples in the docstrings of what users call."""

import doctest
from importlib import import_module

import pytest

MODULES = (
    "data_prep.brain",
    "data_prep.brain.recipe",
    "data_prep.datalist.file",
    "data_prep.errors",
    "data_prep.film",
    "data_prep.film.recipe",
    "healthygan_monai.api.model",
    "healthygan_monai.composition",
    "healthygan_monai.evaluation.conformal",
    "healthygan_monai.evaluation.exact",
    "healthygan_monai.integrity.onnx",
    "healthygan_monai.losses",
    "healthygan_monai.models.scorer",
    "healthygan_monai.networks.discriminator",
    "healthygan_monai.networks.ensemble",
    "healthygan_monai.networks.generator",
    "healthygan_monai.networks.sizes",
    "healthygan_monai.scoring",
    "healthygan_monai.selection.criteria",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted and not result.failed
