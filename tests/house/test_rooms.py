"""The walls of the house (docs/architecture.md): sizes of rooms, circles, who uses what."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from places import ROOT

PACKAGES = ("data_prep", "healthygan_monai")
MOST_AT_THE_TOP, MOST_IN_A_ROOM = 14, 20
MOST_OF_DATA_PREP, MOST_IN_THE_SERVER = 12, 6


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Return the graph of every import, those inside functions too, without type checkers' own."""
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


def folders() -> Iterator[Path]:
    for package in PACKAGES:
        yield from {path.parent for path in (ROOT / package).rglob("*.py")}


@pytest.mark.parametrize("folder", sorted(folders()), ids=lambda f: f.relative_to(ROOT).as_posix())
def test_no_room_is_overfull(folder: Path) -> None:
    most = MOST_AT_THE_TOP if folder.parent == ROOT else MOST_IN_A_ROOM
    assert len(list(folder.glob("*.py"))) <= most


def test_modules_do_not_import_in_circles(graph: grimp.ImportGraph) -> None:
    circles = [
        (module, other)
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
        if other == module or graph.chain_exists(importer=other, imported=module)
    ]
    assert circles == []


def used_of_data_prep(graph: grimp.ImportGraph, user: str) -> set[str]:
    modules = {user, *graph.find_descendants(user)}
    found = {o for m in modules for o in graph.find_modules_directly_imported_by(m)}
    return {module for module in found if module.startswith("data_prep.")}  # not the version


def test_healthygan_uses_few_modules_of_data_prep(graph: grimp.ImportGraph) -> None:
    assert len(used_of_data_prep(graph, "healthygan_monai")) <= MOST_OF_DATA_PREP


def test_the_server_uses_fewer(graph: grimp.ImportGraph) -> None:
    assert len(used_of_data_prep(graph, "healthygan_monai.serving")) <= MOST_IN_THE_SERVER


def test_the_lists_need_the_standard_library_alone() -> None:
    """What a program of another project imports to read dataset.json."""
    code = (
        "import sys, data_prep.datalist as d\n"
        "print(sorted({'numpy', 'PIL', 'pydicom', 'torch', 'monai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_floors_hold() -> None:
    """The contracts of .importlinter."""
    command = [Path(sys.executable).with_name("lint-imports"), ROOT / ".importlinter"]
    if not command[0].exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
