"""Every command of the pages is run, or said why not: each page as one story, in a folder of its own."""

from __future__ import annotations

from collections import Counter

import pytest
from docs_pages import commands
from docs_server import PARSE_ONLY
from docs_story import TEXTS, Story, found, row_of, tell
from docs_table import PAGES


class TestTable:
    @pytest.mark.parametrize("page", TEXTS)
    def test_every_command_of_a_page_is_in_one_class(self, page):
        rows = PAGES[page].rows if page in PAGES else ()
        unknown = [c.text for c in commands(TEXTS[page]) if not rows or row_of(page, c) is None]
        assert unknown == [], f"{page}: say in docs_table.py whether these run"
        assert [k for k, many in Counter(r.command for r in rows).items() if many > 1] == []

    @pytest.mark.parametrize("page", PAGES)
    def test_the_table_names_no_command_that_no_page_has(self, page):
        assert page in TEXTS, f"no page {page}"
        used = {row.command for _, row in found(page)}
        assert [row.command for row in PAGES[page].rows if row.command not in used] == []

    def test_what_cannot_run_has_a_reason(self):
        rows = [row for page in PAGES.values() for row in page.rows]
        assert all(bool(row.why) == (row.kind in ("cannot", "same")) for row in rows)

    def test_what_is_run_on_another_page_is_run_there(self):
        same = [row for page in PAGES.values() for row in page.rows if row.kind == "same"]
        ran = {page: {c.text for c, row in found(page) if row.kind == "run"} for page in PAGES}
        assert [row.command for row in same if row.command not in ran[row.why]] == []


def pages_with(kind: str) -> list[str]:
    return [name for name, page in PAGES.items() if any(row.kind == kind for row in page.rows)]


@pytest.mark.parametrize("page", pages_with("run"))
def test_the_commands_of_a_page_work_in_their_order(page, told):
    told(page)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", pages_with("slow"))
def test_all_commands_of_a_page_work_in_their_order(page, tmp_path, programs, shelf):
    tell(page, {"run", "slow"}, tmp_path, programs, shelf)


@pytest.mark.parametrize("page", pages_with("cannot"))
def test_the_words_of_a_command_that_cannot_run_are_understood(page, tmp_path, programs, shelf):
    story = Story(page, tmp_path, programs, shelf)
    for command, row in found(page):
        if row.kind == "cannot":
            done = story.shell(command, row.cwd, **{PARSE_ONLY: "1"})
            assert done.returncode == 0, (
                f"{command.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            )
