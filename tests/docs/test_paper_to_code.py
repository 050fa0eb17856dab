"""docs/paper_to_code.md row by row: the file has the symbol, the config the key and default."""

import importlib
import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from docs_pages import ROOT

PAGE = (ROOT / "docs" / "paper_to_code.md").read_text(encoding="utf-8")
TRAIN = json.loads((ROOT / "bundle" / "configs" / "train.json").read_text())


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the first table below a heading, by the names of its columns."""
    part = PAGE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


EQUATIONS = table("Equations")
TABLES, SECTIONS, NUMBERS = table("Tables"), table("Sections"), table("Appendix A")


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def module_of(file: str) -> Any:
    path = file if (ROOT / file).is_file() else f"healthygan_monai/{file}"
    return importlib.import_module(path.removesuffix(".py").replace("/", "."))


def symbol(file: str, name: str) -> Any:
    found = module_of(file)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [next(iter(row.values())) + " " + row.get("Name", row.get("File", "")) for row in rows]


@cache
def plan() -> Any:
    """What the paper's recipe is at 256 pixels without a protocol: the paper's numbers."""
    from data_prep.datalist import Dataset
    from healthygan_monai.data import plan_for

    return plan_for(Dataset("paper", 256), "paper")


@cache
def resolved(key: str) -> Any:
    """The default of a key of train.json at 256 pixels."""
    from monai.bundle import ConfigParser

    import healthygan_monai.bundle_api  # noqa: F401
    from data_prep.datalist import Dataset

    parser = ConfigParser({**TRAIN, "dataset": Dataset("paper", 256), "plan": plan()})
    return parser.get_parsed_content(key)


@pytest.mark.parametrize("row", EQUATIONS, ids=ids(EQUATIONS))
def test_the_docstring_of_an_equation_names_it(row):
    (file,), (name,) = ticked(row["File"]), ticked(row["Name"])
    text = inspect.getdoc(symbol(file, name)) or ""
    assert re.search(rf"{re.escape(row['Paper'])}\b", text), text


def test_every_equation_has_a_row():
    assert {row["Paper"] for row in EQUATIONS} == {f"Eq. {k}" for k in range(1, 10)}


@pytest.mark.parametrize("row", EQUATIONS, ids=ids(EQUATIONS))
def test_keys_of_an_equation_have_the_defaults_that_are_told(row):
    for key, told in re.findall(r"`(\w+)` \(`?([\w.]+)`?\)", row["Config key (default)"]):
        default = resolved(key)
        expected = told if isinstance(default, str) else json.loads(told)
        assert default == expected, key
    assert {*ticked(row["Config key (default)"])} - {"batch"} <= {*TRAIN}


def test_names_in_metrics_jsonl_are_those_of_a_run(trained):
    lines = (trained / "metrics.jsonl").read_text().splitlines()
    written = {key for line in lines for key in json.loads(line)}
    told = {t for row in EQUATIONS for t in ticked(row["Name in `metrics.jsonl`"])}
    assert told - {"lambda_f"} <= written
    assert {key for key in written if re.match(r"[dg]_|loss_|gp$", key)} <= told


@pytest.mark.parametrize("row", [*TABLES, *SECTIONS], ids=ids([*TABLES, *SECTIONS]))
def test_the_home_of_a_table_or_section_is_there(row):
    (file,) = ticked(row["File"])
    names = [name for name in ticked(row["Name"]) if name != "paper"]
    assert names
    for name in names:
        found = (
            symbol(file, name)
            if file.endswith(".py")
            else getattr(module_of(file.strip("/")), name)
        )
        if row["Paper"].startswith(("Table", "Sec.")) and not isinstance(found, (dict, list)):
            module = inspect.getmodule(found)
            said = (inspect.getdoc(found) or "") + (inspect.getdoc(module) or "")
            assert row["Paper"].split(",")[0] in said or "data/pairs.py" in file, f"{name}: {said}"


@pytest.mark.parametrize("row", TABLES, ids=ids(TABLES))
def test_the_networks_have_the_keys_and_sizes_that_are_told(row):
    for key, told in re.findall(r"`(\w+)` \((\d+)\)", row["Config key"]):
        assert resolved(key) == int(told), key


def test_the_networks_have_as_many_weights_as_told():
    from healthygan_monai.networks import Discriminator, Generator

    text = " ".join(PAGE.split())
    told = re.search(
        r"([\d,]+) weights in the generator and ([\d,]+) in the critic.*?they have ([\d,]+) and "
        r"([\d,]+)",
        text,
    )
    assert told is not None
    numbers = [int(number.replace(",", "")) for number in told.groups()]
    made = [network(channels) for channels in (3, 1) for network in (Generator, Discriminator)]
    assert [sum(p.numel() for p in n.parameters()) for n in made] == numbers


@pytest.mark.parametrize("row", NUMBERS, ids=[row["Paper"] for row in NUMBERS])
def test_a_number_of_the_appendix_stands_where_told_and_is_a_key(row):
    keys = ticked(row["Config key"])
    assert keys and {*keys} <= {*TRAIN}
    homes = ticked(row["Where the default stands"])
    files = [home for home in homes if re.search(r"\.(py|json)$", home) and home != "dataset.json"]
    for file in files:
        tried = (ROOT / "bundle/configs" / file, ROOT / file, ROOT / "healthygan_monai" / file)
        assert any(path.is_file() for path in tried), file
    for name in [home for home in homes if home not in files and home != "dataset.json"]:
        texts = [
            Path(inspect.getfile(module_of(f))).read_text() for f in files if f.endswith(".py")
        ]
        assert any(re.search(rf"\b{name}\b", text) for text in texts), name


def test_the_numbers_of_the_appendix_are_the_defaults():
    """Read from the column Number; each is what train.json gives at the size it is told for."""
    from healthygan_monai.data import PROTOCOLS

    told = {row["Paper"]: row["Number"] for row in NUMBERS}
    assert told["image size"] == "256 (COVIDx, migraine), 128 (ChestX-ray14)"
    sizes = {name: (p.image_size, p.batch_size) for name, p in PROTOCOLS.items() if name != "demo"}
    assert sizes == {"covidx": (256, 16), "migraine": (256, 16), "chestxray14": (128, 32)}
    assert told["batch size"] == "16; 32 at 128 pixels" and plan().batch_size == 16
    assert int(told["iterations"].split(",")[0] + "000") == plan().max_iterations
    assert float(told["learning rate"]) == resolved("learning_rate")
    assert [float(x) for x in re.findall(r"0\.\d+", told["Adam's betas"])] == resolved("betas")
    assert "100,000" in told["decay"] and resolved("decay_iterations") == 100_000
    assert int(told["critic updates for one of the generator"]) == resolved("n_critic")
    for name in ("lambda_gp", "lambda_id, lambda_rec", "lambda_f, lambda_fs, lambda_fz"):
        values = [float(x) for x in told[name].split(",")]
        assert values == [resolved(key) for key in name.split(", ")], name
    every, many = re.match(r"every ([\d,]+) .* so (\d+)", told["checkpoints"]).groups()
    assert (resolved("epoch_length"), plan().checkpoints) == (
        int(every.replace(",", "")),
        int(many),
    )
    assert told["choice of the model"].lower() == resolved("criterion")
    assert float(told["horizontal flips"].split()[1]) == resolved("flip_prob")
    assert told["optimiser"] == "Adam" and TRAIN["optimizer"]["_target_"].endswith(".Adam")
