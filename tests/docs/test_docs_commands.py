"""Every command of a page is run, or understood if the page marks it slow or impossible."""

import pytest
from docs_given import GIVEN
from docs_story import PAGES, tell, understand

from data_prep.phantom.study import make_films
from healthygan_monai.cli.main import main

KINDS = {name: {command.kind for command in page.commands} for name, page in PAGES.items()}


@pytest.mark.parametrize("page", [name for name in PAGES if "run" in KINDS[name]])
def test_the_commands_of_a_page_work_in_their_order(page, told):
    told(page)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", [name for name in PAGES if "slow" in KINDS[name]])
def test_all_commands_of_a_page_work_in_their_order(page, tmp_path, programs, shelf):
    tell(page, {"run", "slow"}, tmp_path, programs, shelf)


@pytest.mark.parametrize("page", [name for name in PAGES if KINDS[name] - {"run"}])
def test_commands_that_are_slow_or_cannot_run_are_understood(page, tmp_path, programs):
    understand(page, tmp_path, programs)


def test_each_command_of_the_readme_names_the_next(told):
    said = (told("README.md") / "story.log").read_text()
    for command in (
        "check data/films",
        "train data/films",
        "infer runs",
        "evaluate runs",
        "report runs",
    ):
        assert f"\nnext: healthygan {command}" in said


def test_the_readme_says_what_drafts_the_table_of_its_command(tmp_path, monkeypatch, capsys):
    page = PAGES["README.md"]
    (draft,) = (span for _, span in page.spans if span.startswith("healthygan table "))
    _, _, folder = draft.split()
    (prep,) = (c.text for c in page.commands if f"prep films {folder} " in c.text)
    assert "--table films.csv" in prep and "save it as films.csv" in page.text
    monkeypatch.chdir(tmp_path)
    make_films(tmp_path / folder, counts={"test": 2}, size=32)
    assert main(draft.split()[1:]) == 0
    table = f"{folder}.table.csv"
    assert (tmp_path / table).read_text().startswith("image,subject,section,group,label")
    following = capsys.readouterr().out.splitlines()[-1]
    assert f"prep films {folder} " in following and f"--table {table}" in following


def test_files_are_given_to_pages_that_exist():
    assert GIVEN.keys() <= PAGES.keys()
