"""Walk the checklist of a release: python .ci/release.py OUTPUT [--test]

Needs the extras ``release`` and ``test``. Each step prints ok, FAILED or not run, with the reason;
the exit code is 1 if one failed. OUTPUT gets the wheel, the source archive, their SHA-256 and the
list of parts (CycloneDX). Nothing is uploaded.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class NotRun(Exception):
    """A step that cannot be done here; the text says why."""


class Failed(Exception):
    """A step that found something."""


def call(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Return what a command prints; raise Failed with its last lines if it ends with an error."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        raise Failed("\n".join((done.stdout + done.stderr).strip().splitlines()[-8:]))
    return done.stdout.strip()


def python(*words: str | Path, **environment: str) -> str:
    return call(sys.executable, *words, **environment)


def version() -> str:
    return python("-c", "import data_prep; print(data_prep.__version__)")


def clean_tree() -> str:
    if call("git", "status", "--porcelain"):
        raise Failed("there are changes that are not committed")
    return call("git", "log", "-1", "--format=%h %s")


def one_version() -> str:
    """The version, its date and its notes stand in every file that names them."""
    found = version()
    metadata = json.loads((ROOT / "bundle/configs/metadata.json").read_text(encoding="utf-8"))
    notes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    day = re.search(r"^date-released: (\S+)$", citation, re.MULTILINE)
    wrong = [
        name
        for name, right in {
            "CITATION.cff": f"\nversion: {found}\n" in citation and day is not None,
            "CHANGELOG.md": day is not None and f"## {found} ({day[1]})\n" in notes,
            "bundle/configs/metadata.json": metadata["version"] == found,
            "its changelog": found in metadata["changelog"],
            "its packages": metadata["required_packages_version"]["healthygan-monai"] == found,
        }.items()
        if not right
    ]
    if wrong:
        raise Failed(f"no {found} of one day in {', '.join(wrong)}")
    return found


def style() -> str:
    for words in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]):
        python("-m", *words)
    call(Path(sys.executable).with_name("lint-imports"), ".importlinter")
    return "ruff, mypy, import-linter"


def tests() -> str:
    return python("-m", "pytest", "-n", "2", "--dist", "loadfile").splitlines()[-1]


def built_twice(output: Path) -> str:
    """Two builds of two exports of the last commit are the same bytes."""
    moment = call("git", "log", "-1", "--format=%ct")
    hashes = []
    for number in range(2):
        with tempfile.TemporaryDirectory() as folder:
            export = Path(folder) / "source.tar"
            call("git", "archive", "--output", export, "HEAD")
            source = Path(folder) / f"source{number}"
            shutil.unpack_archive(export, source)
            made = Path(folder) / "dist"
            python("-m", "build", "--outdir", made, source, SOURCE_DATE_EPOCH=moment)
            files = sorted(made.iterdir())
            hashes.append({p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files})
            for path in files:
                shutil.copy2(path, output)
    if hashes[0] != hashes[1]:
        raise Failed("two builds differ")
    lines = [f"{digest}  {name}\n" for name, digest in hashes[0].items()]
    (output / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
    return ", ".join(f"{name} {digest[:12]}" for name, digest in hashes[0].items())


def checked_by_twine(output: Path) -> str:
    files = [*output.glob("*.whl"), *output.glob("*.tar.gz")]
    python("-m", "twine", "check", "--strict", *files)
    return "twine check --strict"


def installed(output: Path) -> str:
    """The wheel, beside the libraries that are here, says its version and has its bundle."""
    wheel = next(output.glob("*.whl"), None)
    if wheel is None:
        raise Failed("no wheel was built")
    with tempfile.TemporaryDirectory() as folder:
        python("-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, wheel)
        code = "import healthygan_monai as h; print(h.__version__, h.bundle_root(), h.__file__)"
        said = call(sys.executable, "-c", code, cwd=Path(folder), PYTHONPATH=folder)
        there = all(word.startswith(folder) for word in said.split()[1:])
    if said.split()[0] != version() or not there:
        raise Failed(f"the installed wheel says {said}")
    return wheel.name


def parts(output: Path) -> str:
    """The parts of this environment with versions and licences, as CycloneDX has them."""
    path = output / f"healthygan-monai-{version()}.cdx.json"
    python("-m", "cyclonedx_py", "environment", "--output-reproducible", "-o", path)
    count = len(json.loads(path.read_text(encoding="utf-8"))["components"])
    return f"{path.name}, {count} parts"


def known_faults() -> str:
    """The pinned packages against the public list of known faults (needs its server)."""
    words = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json")
    command = [sys.executable, "-m", "pip_audit", *words, "-r", "constraints.txt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except json.JSONDecodeError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        if not re.search("[Cc]onnection|[Tt]imeout|service", done.stderr):  # a fault of its own
            raise Failed(f"pip-audit: {last}") from None
        raise NotRun(f"pip-audit reached no list of known faults: {last}") from None
    # what the list does not have is skipped there, and would pass for sound
    skipped = [package["name"] for package in found if "skip_reason" in package]
    bad = [f"{p['name']}: {f['id']}" for p in found for f in p.get("vulns", [])]
    if bad:
        raise Failed(", ".join(bad))
    if skipped:
        raise NotRun(f"{len(skipped)} of {len(found)} packages are in no list that was reached")
    return f"{len(found)} packages, none known"


def main() -> int:
    parser = argparse.ArgumentParser(description="Walk the checklist of a release.")
    parser.add_argument("output", type=Path, help="a folder for the files of the release; made")
    parser.add_argument("--test", action="store_true", help="run the whole test suite too")
    options = parser.parse_args()
    output = options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    if any(output.iterdir()):
        parser.error("OUTPUT: expected an empty folder.")
    steps: dict[str, Callable[[], str]] = {
        "all is committed": clean_tree,
        "one version and date": one_version,
        "style and types": style,
        "built twice, same bytes": lambda: built_twice(output),
        "metadata of the files": lambda: checked_by_twine(output),
        "the wheel works": lambda: installed(output),
        "list of parts": lambda: parts(output),
        "known faults": known_faults,
    }
    if options.test:
        steps["tests"] = tests
    failed = 0
    for name, step in steps.items():
        try:
            print(f"{name}: ok, {step()}", flush=True)
        except NotRun as reason:
            print(f"{name}: not run, {reason}", flush=True)
        except Failed as reason:
            failed += 1
            print(f"{name}: FAILED, {reason}", flush=True)
    if not failed:
        print(f"next, by hand: tag v{version()}, and upload what lies in {options.output}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
