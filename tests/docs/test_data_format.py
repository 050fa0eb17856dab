"""docs/data_format.md against the files that its commands make: fields and columns, both ways."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs_pages import Page, read
from docs_story import PAGES

PAGE = PAGES["docs/data_format.md"].text
RUN, PRETRAINED = "runs/00000-films-64", "runs/00001-films-64"
TABLES = {
    "participants.tsv": "films-64/participants.tsv",
    "sessions.tsv": "films-64/sessions.tsv",
    "inputs.csv": "films-64/inputs.csv",
    "skipped.csv": "films-64/skipped.csv",
    "selection.csv": f"{RUN}/selection.csv",
    "kept_out.csv": f"{PRETRAINED}/kept_out.csv",
    "prices.csv": f"{PRETRAINED}/prices.csv",
    "scores.csv": f"{RUN}/scores.csv",
    "p_values.csv": f"{RUN}/p_values.csv",
}
RECORDS = {
    "dataset.json": "films-64/dataset.json",
    "images/\\<subject\\>/\\<session\\>.json": "films-64/images/*/01.json",
    "run.json": f"{RUN}/run.json",
    "metrics.jsonl": "runs/*/metrics.jsonl",
    "pictures/ and localisation.json": f"{RUN}/localisation.json",
    "evaluation.json": f"{RUN}/evaluation.json",
}
# what these hold is named elsewhere, or differs from image to image
CLOSED = frozenset({"recipe", "intensity", "framing", "facts", "files", "provenance"})
# named on the page, and only in files that these commands do not make
NOT_HERE = {"boxes", "source", "resumed", "slice", "voi"}
# a section, or a statistic that was 0 / 0 in some resamples
NAMES = re.compile(r"training_\w+|validation|test|(validation|promised|test_optimistic)/\w+")


@pytest.fixture(scope="module")
def story(told) -> Path:
    return told("docs/data_format.md")


def section(title: str) -> Page:
    part = PAGE.split(f"\n### {title}\n", 1)[1]
    return read(re.split(r"\n##+ ", part, maxsplit=1)[0])


def examples(title: str, language: str) -> list[str]:
    return [fence.text for fence in section(title).fences if fence.language == language]


def keys(value: Any, closed: frozenset[str] = CLOSED) -> Iterator[str]:
    """All keys of objects in objects and lists, but not of those that are closed."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key
            if key not in closed:
                yield from keys(inside, closed)
    elif isinstance(value, list):
        for inside in value:
            yield from keys(inside, closed)


def written(story: Path, pattern: str, closed: frozenset[str] = CLOSED) -> set[str]:
    found = set()
    for path in story.glob(pattern):
        text = path.read_text()
        values = (
            map(json.loads, text.splitlines()) if path.suffix == ".jsonl" else [json.loads(text)]
        )
        found |= {key for value in values for key in keys(value, closed)}
    return found


def named(title: str) -> set[str]:
    """Keys of the examples, and what the first column of the section's tables names."""
    found = {*re.findall(r'"(\w+)":', "".join(examples(title, "json")))}
    for row in re.findall(r"^\| (.*?) \|", section(title).text, re.MULTILINE):
        found |= {part for name in re.findall(r"`([\w.]+)`", row) for part in name.split(".")}
    return found


@pytest.mark.parametrize("title", TABLES)
def test_columns_are_those_that_are_told(title, story):
    columns = (story / TABLES[title]).read_text().splitlines()[0]
    if title.endswith(".tsv"):  # shown with spaces, so that the columns stand in line
        assert examples(title, "text")[0].splitlines()[0].split() == columns.split("\t")
    else:
        assert [text.splitlines()[0] for text in examples(title, "csv")] == [columns]


@pytest.mark.parametrize("title", RECORDS)
def test_every_field_that_is_told_is_written(title, story):
    assert named(title) - written(story, RECORDS[title], frozenset()) - NOT_HERE == set()


@pytest.mark.parametrize("title", RECORDS)
def test_every_field_that_is_written_is_told(title, story):
    code = [*examples(title, "json"), *(span for _, span in section(title).spans)]
    untold = written(story, RECORDS[title]) - {*re.findall(r"\w+", " ".join(code))}
    assert {key for key in untold if not NAMES.fullmatch(key)} == set()


def test_facts_of_an_image_are_told(story):
    paths = story.glob("films-64/images/*/*.json")
    facts = {key for path in paths for key in json.loads(path.read_text())["facts"]}
    told = section("images/\\<subject\\>/\\<session\\>.json").text
    assert facts <= {*re.findall(r"\w+", told)}


def test_files_of_a_run_and_of_a_data_set_are_told(story):
    tree = PAGE.split("## A run folder", 1)[1].split("### run.json", 1)[0]
    for run in (RUN, PRETRAINED):
        assert {p.name for p in (story / run).iterdir() if p.name not in tree} == set()
    tree = PAGE.split("### dataset.json", 1)[0]
    assert {p.name for p in (story / "films-64").iterdir() if p.name not in tree} == set()


def test_the_seed_of_scores_is_that_of_training(tmp_path):
    """The page says so; the run of seed 0 alone would not show it."""
    from healthygan_monai.models.about import seed_of

    assert "`seed` is the seed of training" in " ".join(section("scores.csv").text.split())
    (tmp_path / "config.json").write_text(json.dumps({"seed": 7, "image_size": 64}))
    assert seed_of(tmp_path / "model.pt") == 7
