"""What setup.cfg asks for is what the code imports and what is tested."""

import ast
import configparser
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from places import ROOT

NOT_FOR_PIP = {"starlette"}  # looked up where a server has loaded it, never imported first
MODULES = {"faiss": "faiss-cpu", "mlflow": "mlflow", "deepbet": "deepbet", "gdcm": "python-gdcm"}


def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(lines: str) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines.splitlines() if line.strip()]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


NEEDED = requirements(config()["options"]["install_requires"])
EXTRAS = {n: requirements(lines) for n, lines in config()["options.extras_require"].items()}


def pins(name: str) -> dict[str, Version]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def lower(requirement: Requirement) -> Version | None:
    bounds = [Version(s.version) for s in requirement.specifier if s.operator in (">=", "==")]
    return max(bounds, default=None)


def test_what_is_tested_every_day_is_allowed():
    known = {**NEEDED, **{n: r for extra in EXTRAS.values() for n, r in extra.items()}}
    for name, version in pins("constraints.txt").items():
        if name in known:
            assert version in known[name].specifier, f"{name} {version}"
    assert NEEDED.keys() <= pins("constraints.txt").keys()


def test_the_oldest_environment_has_the_lower_bound_of_everything_but_torch():
    oldest = pins("constraints-oldest.txt")
    assert oldest.keys() == NEEDED.keys()
    for name, requirement in NEEDED.items():
        assert requirement.specifier.contains(oldest[name]), name
        if name != "torch":
            assert oldest[name] == lower(requirement), name


def test_everything_imported_is_asked_for():
    declared = {*NEEDED, *(name for extra in EXTRAS.values() for name in extra)}
    homes = packages_distributions()
    unknown: dict[str, str] = {}
    for package in ("healthygan_monai", "data_prep"):
        for path in (ROOT / package).rglob("*.py"):
            if path.parent.name == "zoo_tests":  # they run in the Model Zoo, beside its modules
                continue
            for module in imported(path) - sys.stdlib_module_names - NOT_FOR_PIP:
                if module in ("healthygan_monai", "data_prep"):
                    continue
                homes_of = [*homes.get(module, ()), MODULES.get(module, module)]
                if not {canonicalize_name(name) for name in homes_of} & declared:
                    unknown[module] = path.relative_to(ROOT).as_posix()
    assert not unknown


def imported(path: Path) -> set[str]:
    """Top-level names of absolute imports anywhere in a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_stated_python_is_one_number():
    (oldest,) = re.findall(r">=(\d\.\d+)", config()["options"]["python_requires"])
    assert config()["mypy"]["python_version"] == oldest
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'target-version = "py{oldest.replace(".", "")}"' in text
    installation = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    assert f"| Python | {oldest}" in installation


@pytest.mark.parametrize("name", ["torch", "monai", "numpy", "pydicom"])
def test_the_table_of_versions_states_the_bounds(name):
    text = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {name} .*$", text, re.MULTILINE)
    for words in (lower(NEEDED[name]), pins("constraints.txt")[name]):
        assert str(words) in row


def test_the_list_of_licences_has_every_extra_and_what_it_asks_for():
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed: dict[str, set[str]] = {}
    for part, packages in re.findall(r"^\| (\w+) \| .* \| (.*) \|$", text, re.MULTILINE):
        listed.setdefault(part, set()).update(packages.split(", "))
    core = listed["core"]
    assert listed.keys() - {"part"} == {"core", *EXTRAS}
    lacking = {
        part: missing
        for part, asked in {"core": NEEDED, **EXTRAS}.items()
        if (missing := asked.keys() - listed[part] - core)
    }
    assert lacking == {}
    assert "not installed" not in text
