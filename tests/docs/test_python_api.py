"""docs/python_api.md: what its blocks print and write, and what its tables name."""

from docs_story import PAGES

import healthygan_monai as hg

PAGE = PAGES["docs/python_api.md"]


def test_the_blocks_print_and_write_what_the_page_says(told):
    folder = told("docs/python_api.md")
    said = (folder / "story.log").read_text()
    assert "films/IM0001.dcm sub-" in said and "(32, 32)" in said
    assert "healthygan 32\nfilms paper" in said
    assert "empty file" in said
    assert "\nruns/00099-absent: no such run folder; they are named like runs/00003-demo.\n" in said
    assert (folder / "results" / "scores.csv").is_file()
    assert sorted(path.name for path in (folder / "results" / "one").iterdir()) == [
        f"first_{name}.png" for name in ("difference", "healthy", "mask")
    ]


def test_the_first_block_is_short():
    first = next(fence.text for fence in PAGE.fences if fence.language == "python")
    assert len([line for line in first.splitlines() if line]) <= 5


def test_the_page_names_every_error_and_every_part_of_a_result():
    errors = {name for name in hg.__all__ if name.endswith("Error") or name == "NoModel"}
    parts = {"score", *hg.ImageResult.__dataclass_fields__} - {"method", "parts"}
    assert errors | parts <= {span for _, span in PAGE.spans}
