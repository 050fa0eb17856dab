"""Every command of a page is run, or understood if the page marks it slow or impossible."""

import pytest
from docs_given import GIVEN
from docs_story import PAGES, tell, understand

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


def test_files_are_given_to_pages_that_exist():
    assert GIVEN.keys() <= PAGES.keys()
