"""What the wheel carries: all of both packages and the whole bundle, and nothing else."""

import email
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging_build import built
from places import ROOT

import healthygan_monai

INSIDE = "healthygan_monai/bundle"
BUNDLE = ("configs", "docs", "models", "LICENSE")


@pytest.fixture(scope="module")
def content(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def info(content: dict[str, bytes], name: str) -> str:
    (found,) = (n for n in content if n.endswith(f".dist-info/{name}"))
    return content[found].decode()


def test_every_module_of_both_packages_is_in_it_as_it_is_here(content):
    for package in ("healthygan_monai", "data_prep"):
        for path in (ROOT / package).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            assert content.get(name) == path.read_bytes(), f"{name}: is its folder in setup.cfg?"


def test_every_file_that_a_package_reads_is_in_it(content):
    for package in ("healthygan_monai", "data_prep"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert path.relative_to(ROOT).as_posix() in content, "see [options.package_data]"


def test_the_bundle_is_whole_and_unchanged(content, checkout):
    expected = {
        f"{INSIDE}/{path.relative_to(checkout / 'bundle').as_posix()}": path.read_bytes()
        for path in (checkout / "bundle").rglob("*")
        if path.is_file()
    }
    assert {n: b for n, b in content.items() if n.startswith(f"{INSIDE}/")} == expected
    for name in BUNDLE:
        assert any(found.startswith(f"{INSIDE}/{name}") for found in expected)


def test_nothing_but_the_two_packages_is_installed(content):
    tops = {name.split("/")[0] for name in content}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "healthygan_monai",
        "data_prep",
    }
    assert not [name for name in content if "__pycache__" in name or "/eval/" in name]


def test_both_packages_say_that_they_are_typed(content):
    assert {"healthygan_monai/py.typed", "data_prep/py.typed"} <= content.keys()


def test_metadata_name_the_version_the_licence_the_command_and_the_extras(content):
    metadata = email.message_from_string(info(content, "METADATA"))
    assert metadata["Version"] == healthygan_monai.__version__
    assert info(content, "licenses/LICENSE") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "healthygan = healthygan_monai.cli.main:main" in info(content, "entry_points.txt")
    assert {"fid", "search", "brain", "cluster", "fetch", "sheets", "onnx", "test"} <= {
        *metadata.get_all("Provides-Extra", [])
    }


def test_a_wheel_from_the_sdist_is_the_same(sdist, content, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    with zipfile.ZipFile(built("wheel", source, tmp_path / "again")) as archive:
        again = {name: archive.read(name) for name in archive.namelist()}
    assert {n: b for n, b in again.items() if ".dist-info/" not in n} == {
        n: b for n, b in content.items() if ".dist-info/" not in n
    }
    for name in ("tests", "docs", "constraints.txt", "CITATION.cff"):
        assert (source / name).exists()
