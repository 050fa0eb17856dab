"""Two builds of the same files are the same bytes, whenever and wherever they are made."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from packaging_build import built


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_another_folder_and_another_day_change_nothing(
    kind: str, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    hashes = []
    for number, day in enumerate((1_600_000_000, 1_650_000_000)):
        source = shutil.copytree(checkout, tmp_path / f"{number}" / "source")
        for path in source.rglob("*"):
            os.utime(path, (day, day))
            if kind == "sdist" and path.is_file():  # a wheel is built from the sdist
                path.chmod(0o640 if number else 0o644)
        file = built(kind, source, tmp_path / f"out{number}")
        hashes.append(hashlib.sha256(file.read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]
