"""The notebooks: each a pair of the same cells, without outputs, that runs on phantoms."""

from pathlib import Path

import pytest
from docs_pages import ROOT

jupytext = pytest.importorskip("jupytext", reason="needs the extra [notebooks]")
nbclient = pytest.importorskip("nbclient", reason="needs the extra [notebooks]")
pytest.importorskip("ipykernel", reason="needs the extra [notebooks]")

nbformat = pytest.importorskip("nbformat", reason="needs the extra [notebooks]")

LITTLE = "from docs_programs import draw_little; draw_little()"  # phantoms enough for a rehearsal
PAIRS = sorted((ROOT / "docs" / "notebooks").glob("*.py"))


def test_there_are_two():
    assert [path.stem for path in PAIRS] == ["one_film", "own_data_set"]


@pytest.mark.parametrize("script", PAIRS, ids=lambda path: path.stem)
def test_a_pair_has_the_same_cells_and_no_outputs(script: Path):
    book = jupytext.read(script.with_suffix(".ipynb"))
    cells = [(cell.cell_type, cell.source) for cell in jupytext.read(script).cells]
    assert [(cell.cell_type, cell.source) for cell in book.cells] == cells
    assert not any(cell.get("outputs") for cell in book.cells)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("script", PAIRS, ids=lambda path: path.stem)
def test_a_notebook_runs_without_a_network(script: Path, tmp_path: Path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests' / 'docs'}", prepend=":")
    book = jupytext.read(script.with_suffix(".ipynb"))
    book.cells.insert(0, nbformat.v4.new_code_cell(LITTLE))
    client = nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": tmp_path}})
    client.execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    said = "".join(output.get("text", "") for output in outputs)
    assert ("score" in said) if script.stem == "one_film" else ("report.html" in said)
    (tmp_path / "executed.ipynb").write_text(jupytext.writes(book, fmt="ipynb"), encoding="utf-8")
