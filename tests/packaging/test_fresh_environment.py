"""The wheel in its own environment, away from the repository: ``pytest -m packaging``."""

import os
import re
import stat
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.packaging,
    pytest.mark.timeout(1800),  # PyTorch and forty other packages are downloaded
]
SHORT = ["--max_iterations", "8", "--epoch_length", "4"]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment made as docs/installation.md says, with its packages read-only."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, clear=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    (torch,) = re.findall(r"^torch==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    for words in ([torch], ["-c", str(ROOT / "constraints.txt"), f"{wheel}[fid]"]):
        subprocess.run([python, "-m", "pip", "install", "-q", *words], check=True)
    subprocess.run([python, "-m", "compileall", "-q", str(packages(python))], check=False)
    return python


def packages(python: Path) -> Path:
    call = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([python, "-c", call], text=True).strip())


@pytest.fixture(scope="module")
def run(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run a command in an empty folder, with only the environment's programs."""
    here = tmp_path_factory.mktemp("elsewhere")
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    clean["PATH"] = os.pathsep.join([str(environment.parent), clean["PATH"]])

    def call(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*without_root(), *words], cwd=here, env=clean, capture_output=True, text=True
        )
        assert done.returncode == code, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    installed = packages(environment)
    before = files(installed)
    for path in [installed, *installed.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    yield call
    for path in [installed, *installed.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    assert files(installed) == before, "something was written into the installation"


def without_root() -> list[str]:
    """What makes root respect read-only files, where the tests run as root on Linux."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time of change."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_nothing_is_missing_or_in_conflict(run):
    assert "No broken requirements" in run("python", "-m", "pip", "check")


def test_the_installation_is_used_and_cannot_be_written_to(run, environment):
    bundle = Path(run("healthygan", "bundle-path").strip())
    assert bundle.is_relative_to(packages(environment))
    where = run(
        "python", "-c", "import healthygan_monai, data_prep; print(healthygan_monai.__file__)"
    )
    assert Path(where.strip()).is_relative_to(packages(environment))
    run("python", "-c", f"open({str(bundle / 'x')!r}, 'w')", code=1)


def test_the_demo_goes_from_raw_films_to_a_report(run):
    said = run("healthygan", "demo", "--set", "max_iterations=8", "--set", "epoch_length=4")
    assert "report.html" in said


def test_the_bundle_trains_scores_and_evaluates_where_the_user_is(run):
    configs = Path(run("healthygan", "bundle-path").strip()) / "configs"
    monai = ("python", "-m", "monai.bundle", "run")
    run(*monai, "training", "--config_file", str(configs / "train.json"), *SHORT)
    here = Path(run("python", "-c", "import os; print(os.getcwd())").strip())
    (made,) = (here / "runs").iterdir()
    assert (made / "model.pt").is_file()
    for command in ("infer", "evaluate", "report"):
        run("healthygan", command, str(made))
    assert (made / "report.html").is_file()
    run(*monai, "--config_file", str(configs / "inference.json"))
    assert (here / "eval" / "scores.csv").is_file()


def test_the_python_api_scores_raw_films(run):
    run("healthygan", "prep", "phantom", "films", "export", "--bad")
    said = run(
        "python",
        "-c",
        "import healthygan_monai as hg; m = hg.load_model(hg.bundle_root(), device='cpu'); "
        "r = m.score_folder('export/films', maps=False); print(len(r), len(r.problems))",
    )
    assert re.fullmatch(r"\d{3} \d+\s*", said)
