"""A torchvision whose library does not load is mended for new Pythons; a sound one is left."""

import subprocess
import sys
from pathlib import Path

import pytest

from healthygan_monai.errors import NotFound
from healthygan_monai.serving import torchvision_operators
from healthygan_monai.serving.torchvision_operators import HOOK, mend

# as torchvision/_meta_registrations.py, which asks for the operators of a library that is not there
BROKEN = """import torch
@torch.library.register_fake("torchvision::nms")
def meta_nms(dets, scores, iou_threshold):
    return dets
"""


def python(packages: Path, code: str) -> subprocess.CompletedProcess[str]:
    """A new Python that reads the ``.pth`` files of ``packages`` at its start."""
    begin = f"import site; site.addsitedir({str(packages)!r}); "
    return subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True)


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(
        torchvision_operators,
        "_import_error",
        lambda: python(tmp_path, "import torchvision").stderr,
    )
    return tmp_path


def install(packages: Path, code: str) -> None:
    (packages / "torchvision").mkdir()
    (packages / "torchvision" / "__init__.py").write_text(code)


def test_one_without_its_library_is_mended_for_every_new_python(packages):
    install(packages, BROKEN)
    assert "nms does not exist" in python(packages, "import torchvision").stderr
    assert mend(packages) == packages / HOOK
    assert python(packages, "import torchvision").returncode == 0
    assert mend(packages) == packages / HOOK  # again


def test_a_python_that_does_not_import_it_loads_no_torch(packages):
    install(packages, BROKEN)
    mend(packages)
    done = python(packages, "import os, sys; assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_a_sound_one_is_left_alone_and_an_old_hook_goes(packages):
    install(packages, "")
    (packages / HOOK).write_text("import nothing_there\n")
    assert mend(packages) is None
    assert not (packages / HOOK).exists()


def test_another_fault_is_said_and_nothing_is_written(packages):
    install(packages, "import no_such_module")
    with pytest.raises(NotFound, match="no_such_module"):
        mend(packages)
    assert not (packages / HOOK).exists()
