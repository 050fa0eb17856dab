"""One method several times in a grid, each time with other settings."""

import dataclasses
import json
from pathlib import Path

import pytest
from tiny import TRAINING

from healthygan_monai.benchmark.cell import run_cell
from healthygan_monai.benchmark.check import check_grid
from healthygan_monai.benchmark.folders import cells_of
from healthygan_monai.benchmark.grid import METHODS, Grid, GridError, read_grid
from healthygan_monai.benchmark.run import run_grid
from healthygan_monai.benchmark.table import reference_of, tables
from healthygan_monai.benchmark.table1 import paper_value

SHORT = {k: v for k, v in TRAINING.items() if k != "device"}
PRETRAINED = {
    **SHORT,
    **{"recipe": "pretrained", "critic_backbone": "resnet18", "critic_weights": "random"},
    **{"critic_size": 32, "critic_channels": 4, "kept_out": 0.4, "price": 1.0},
}
BRAINOMALY = {**SHORT, "translation": "brainomaly", "price": None, "criterion": "aucp"}


def here(cell, device: str) -> bool:
    run_cell(cell.folder, "cpu")
    return True


def written(folder: Path, **content) -> Path:
    path = folder / "grid.json"
    path.write_text(json.dumps({"datasets": ["a"], **content}))
    return path


@pytest.fixture(scope="module")
def both(tiny_data) -> Grid:
    """Two variants of healthygan, and a method without one."""
    return Grid(
        (str(tiny_data),),
        ("mean-intensity", "pretrained", "brainomaly"),
        (0,),
        {"pretrained": PRETRAINED, "brainomaly": BRAINOMALY},
        bootstrap=20,
        variants={"pretrained": "healthygan", "brainomaly": "healthygan"},
    )


@pytest.fixture(scope="module")
def finished(both, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("variants")
    failed, _ = run_grid(both, out, runner=here, devices=("cpu",))
    assert not failed
    return out


def rows_of(grid: Grid, out: Path, protocol: str | None = None) -> dict[str, dict[str, str]]:
    cells = cells_of(grid, check_grid(grid), out)
    return {row["method"]: row for row in tables(cells, {"tiny": protocol}, 20)["tiny"]}


def test_each_variant_is_trained_with_its_own_settings_in_a_folder_of_its_name(finished):
    for name, translation in (("pretrained", "additive"), ("brainomaly", "brainomaly")):
        folder = finished / "cells" / "tiny" / name / "0"
        assert json.loads((folder / "config.json").read_text())["translation"] == translation
        for file in ("cell.json", "result.json"):
            content = json.loads((folder / file).read_text())
            assert (content["method"], content["variant"]) == ("healthygan", name)


def test_the_table_compares_with_the_first_variant_of_healthygan(both, finished):
    rows = rows_of(both, finished)
    assert rows["pretrained"]["difference"] == "reference"
    assert "p " in rows["brainomaly"]["difference"] and "p " in rows["mean-intensity"]["difference"]
    assert [row["variant"] for row in rows.values()] == ["–", "healthygan", "healthygan"]
    assert rows["pretrained"]["backbone"] == "resnet18 (random), of the critic"
    assert rows["brainomaly"]["backbone"] == "–"


def test_the_plain_method_is_the_reference_wherever_it_stands(both, finished):
    larger = dataclasses.replace(both, methods=(*both.methods, "healthygan"))
    cells = cells_of(larger, check_grid(larger), finished)
    assert reference_of(cells) == "healthygan"
    assert reference_of([c for c in cells if c.method != "healthygan"]) is None
    assert rows_of(larger, finished)["brainomaly"]["difference"] == "healthygan not run"


def test_a_change_of_a_variant_is_refused(both, finished):
    with pytest.raises(GridError, match=r"^tiny/brainomaly/0: made with other"):
        changed = {**both.settings, "brainomaly": {**BRAINOMALY, "batch_size": 2}}
        run_grid(dataclasses.replace(both, settings=changed), finished, runner=here)


def test_cells_without_a_variant_have_the_specification_that_they_always_had(both, tmp_path):
    (cell,) = cells_of(
        dataclasses.replace(both, methods=("mean-intensity",)), check_grid(both), tmp_path
    )
    keys = {"dataset", "data_hash", "method", "seed", "settings", "weights", "bootstrap"}
    assert cell.specification.keys() == keys
    assert cell.folder == tmp_path / "cells" / "tiny" / "mean-intensity" / "0"


def test_the_papers_value_stands_beside_the_papers_recipe_alone(both, tmp_path):
    settings = {**both.settings, "healthygan": {"max_iterations": 4}}
    names = ("healthygan", *both.methods)
    plain = dataclasses.replace(both, methods=names, settings=settings)
    rows = rows_of(plain, tmp_path, "covidx")
    assert rows["healthygan"]["paper"] == "0.84"
    assert {rows[name]["paper"] for name in both.methods} == {"not in the paper"}
    for other in ({"recipe": "pretrained"}, {"translation": "brainomaly"}):
        assert paper_value("covidx", "healthygan", other) == "not in the paper"
    assert paper_value("covidx", "healthygan", {"recipe": "paper"}) == "0.84"


class TestFile:
    def test_a_variant_is_a_method_or_an_object_with_one(self, tmp_path):
        variants = {"mine": "healthygan", "other": {"method": "padim"}}
        found = read_grid(written(tmp_path, variants=variants))
        assert found.variants == {"mine": "healthygan", "other": "padim"}
        assert found.methods == (*METHODS, "mine", "other")
        chosen = read_grid(written(tmp_path, variants=variants, methods=["mine"]))
        assert chosen.methods == ("mine",)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("variants", {"mine": {"methd": "padim"}}, r"variants\.mine\.method is missing"),
            ("variants", {"mine": ["padim"]}, r"variants\.mine is .*; expected a text or an obj"),
            ("variants", {"mine": None}, r"variants\.mine is None"),
            ("variants", ["healthygan"], "variants is .*; expected an object"),
            ("seeds", 3, "seeds is 3; expected a list"),
            ("datasets", "brain", "datasets is 'brain'; expected a list"),
            ("bootstrap", "500", "bootstrap is '500'; expected a whole number"),
            ("weights", {"padim": 1}, r"weights\.padim is 1; expected a text"),
            ("sedes", [0], "unknown key 'sedes', did you mean 'seeds'"),
        ],
    )
    def test_a_value_of_a_wrong_kind_is_refused(self, key, value, message, tmp_path):
        with pytest.raises(GridError, match=message):
            read_grid(written(tmp_path, **{key: value}))

    def test_two_variants_of_one_name_are_refused(self, tmp_path):
        path = tmp_path / "grid.json"
        path.write_text('{"datasets": ["a"], "variants": {"mine": "alad", "mine": "padim"}}')
        with pytest.raises(GridError, match=r"grid\.json: .*'mine' twice in one object"):
            read_grid(path)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ({"mine": "helthygan"}, "'helthygan' is not known, did you mean 'healthygan'"),
        ({"padim": "healthygan"}, "variant 'padim': the name 'padim' is taken"),
        ({"mine": "alad", "Mine": "padim"}, "variant 'Mine': the name 'mine' is taken"),
        ({"my variant": "healthygan"}, "variant 'my variant': a folder is named after it"),
        ({"../mine": "healthygan"}, "expected letters, digits, - and _"),
        ({"pretrainedd": "healthygan"}, "'pretrained' is not known, did you mean 'pretrainedd'"),
    ],
)
def test_a_variant_that_cannot_be_used(variants, message, both):
    with pytest.raises(GridError, match=message):
        check_grid(dataclasses.replace(both, variants=variants))
