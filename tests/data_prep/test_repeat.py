"""A recipe stored by an earlier version gives the same preparation."""

import json

import pytest

from data_prep import __version__
from data_prep.brain import BrainOptions, BrainRecipe
from data_prep.errors import DataError, UsageError
from data_prep.film import FilmOptions, FilmRecipe
from data_prep.frame.recipe import PIXELS
from data_prep.repeat import default_recipe, recipe_from

# generated_by.recipe as commit 0c97d3b wrote it
FILMS = """{"version": "0.1.0", "pixels": 2, "kind": "films", "size": 64, "bits": 16,
"framing": {"policy": "square", "resampling": "bilinear, antialiased"},
"intensity": {"policy": "percentile", "low": 1.0, "high": 99.0}, "collimation": "keep",
"options": {"window": 0, "colour": "equal", "views": "any", "modalities": "any",
"body_parts": "any", "intent": "any", "frames": "each", "burned_in": "allow"}}"""
BRAINS = """{"version": "0.1.0", "pixels": 2, "kind": "brains", "size": 96, "bits": 16,
"framing": {"policy": "square", "resampling": "bilinear, antialiased"},
"intensity": {"policy": "percentile", "low": 0.5, "high": 99.0},
"options": {"plane": "coronal", "range": "30%:75%", "step": "4mm", "least_foreground": 0.1,
"n4": true, "brain": "none", "brain_version": "", "mni": false, "template": "",
"template_sha256": "", "registration": "simpleitk", "least_ncc": 0.65, "least_overlap": 0.88,
"spacing": 3.0, "normalise": "zscore:2,3", "suffix": "T1w", "modality": "MR",
"straighten": false,
"unoriented": "RAS", "disagreement": "sform", "volume_index": null, "series_index": null,
"allow_single_slice": false}}"""
NEWER = {"films": {"orient": "keep"}, "brains": {}}  # options that came later
EVERY = FilmOptions(
    colour="equal", views="any", modalities="any", body_parts="any", intent="any",
    frames="each", burned_in="allow",
)  # fmt: skip
CORONAL = BrainOptions(plane="coronal", n4=True, spacing=3.0, normalise="zscore:2,3")
WANTED = {
    FILMS: FilmRecipe(64, 16, "square", "percentile:1.0,99.0", "keep", EVERY),
    BRAINS: BrainRecipe(96, 16, intensity="percentile:0.5,99.0", options=CORONAL),
}


@pytest.mark.parametrize("stored", [FILMS, BRAINS])
def test_a_stored_recipe_is_read_as_it_was_meant_and_written_as_it_was(stored):
    recipe = recipe_from(json.loads(stored))
    assert recipe == WANTED[stored]
    assert list(recipe.record()) == list(json.loads(stored))
    wanted = {**json.loads(stored), "version": __version__, "pixels": PIXELS}
    wanted["options"] |= NEWER[recipe.kind]
    assert recipe.record() == wanted


@pytest.mark.parametrize("kind", ["films", "brains"])
def test_what_a_recipe_leaves_out_is_the_default(kind):
    assert recipe_from({"kind": kind, "size": 48}).record() == default_recipe(kind, 48)
    assert recipe_from(default_recipe(kind, 48)).record() == default_recipe(kind, 48)


def test_heads_whose_window_was_the_films_default_keep_their_recipe():
    stored = {**default_recipe("brains", 48), "intensity": {"policy": "window"}}
    recipe = recipe_from(stored)
    assert isinstance(recipe, BrainRecipe) and recipe.record() == stored
    assert recipe.grey() == BrainRecipe().grey()


def test_options_may_differ_but_not_in_name():
    recipe = recipe_from(json.loads(FILMS), {"views": "PA"})
    assert isinstance(recipe, FilmRecipe) and recipe.options.views == "PA"
    with pytest.raises(DataError, match="'plane' unknown for films"):
        recipe_from(json.loads(FILMS), {"plane": "axial"})


@pytest.mark.parametrize(
    ("stored", "name", "value", "told"),
    [
        (BRAINS, "allow_single_slice", "no", "allow_single_slice is 'no'; expected true or false"),
        (BRAINS, "n4", 1, "n4 is 1; expected true or false"),
        (BRAINS, "volume_index", "a", "volume_index is 'a'; expected a whole number or null"),
        (BRAINS, "volume_index", True, "expected a whole number or null"),
        (BRAINS, "least_foreground", "a", "least_foreground is 'a'; expected a number"),
        (BRAINS, "step", 0, "step"),
        (FILMS, "modalities", 5, "modalities"),
        (FILMS, "views", "latteral", "did you mean 'lateral'"),
    ],
)
def test_an_option_with_an_invalid_value_is_a_wrong_option_and_no_broken_recipe(
    stored, name, value, told
):
    with pytest.raises(UsageError, match=told) as raised:
        recipe_from(json.loads(stored), {name: value})
    assert "recipe" not in str(raised.value)


def test_a_number_is_a_text_where_an_option_wants_one():
    recipe = recipe_from(json.loads(BRAINS), {"step": 2, "spacing": 2})
    assert isinstance(recipe, BrainRecipe)
    assert (recipe.options.step, recipe.options.spacing) == ("2", 2.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "hands"}, "not a recipe of this version"),
        ({"framing": "square"}, "not a recipe of this version"),
        ({"options": {"brain": "mask"}}, "brain masks of their own"),
        ({"options": {"planes": "axial"}}, "planes"),
    ],
)
def test_what_is_no_recipe_or_needs_files_is_refused(change, told):
    with pytest.raises(DataError, match=told):
        recipe_from({**json.loads(BRAINS), **change})
