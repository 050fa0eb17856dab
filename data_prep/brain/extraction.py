"""Brain or not, by one of several programs behind one function.

    none            no extraction
    stripped        the scan is brain already where it is not background
    mask:FOLDER     the user's own masks, one file a scan
    deepbet         a network with its weights, MIT (L. Fisch et al. 2023); T1-weighted
    brainextractor  the BET algorithm (S. M. Smith, Hum Brain Mapp 17:143, 2002), MIT, no weights
    hd-bet          the program hd-bet (F. Isensee et al. 2019), which fetches its own weights
    auto            deepbet where it is installed, else brainextractor

Each runs in its own process without torch here; its output, which may hold paths, is dropped.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from data_prep.brain import extraction_run
from data_prep.brain.grey_range import lowest_grey
from data_prep.errors import NotFound, NotInstalled, UsageError
from data_prep.read.volume.background import background_level, outside
from data_prep.read.volume.volume import NIFTI_SUFFIXES, Volume, VolumeError

PACKAGES = {"deepbet": "deepbet", "brainextractor": "brainextractor", "hd-bet": "hd-bet"}
FREE = ("none", "stripped")  # need neither a program nor a file
METHODS = ("auto", *FREE, *PACKAGES)
SECONDS = 1800  # hd-bet took 15 minutes on one core
HEAD_MM = 170.0  # crown to the foramen magnum of a large adult head, and a little more
MARGIN_MM = 20.0  # of air, as far as the surface looks
BET_MM = 2.0  # brainextractor expects isotropic voxels; its surface has 2,562 points in any case
PLAUSIBLE_ML = (100.0, 3000.0)  # a scan cut to half a child's brain, and more than any adult's
MASK_ENDINGS = ("", "_mask", "_brain_mask", "_brainmask", "_desc-brain_mask", "-mask")
INSTALL = (
    "pip install 'healthygan-monai[brain]', or pass --brain mask:FOLDER with masks of your own."
)


def resolve(method: str) -> tuple[str, str]:
    """(method, version or '') on this machine; ValueError if it is unknown or not installed."""
    if method.startswith("mask:"):
        if not Path(method[5:]).is_dir():
            raise NotFound(f"--brain {method}: no such folder. Expected the folder of the masks.")
        return method, ""
    if method not in METHODS:
        raise UsageError(
            f"--brain {method}: unknown; expected {', '.join(METHODS)} or mask:FOLDER."
        )
    if method in FREE:
        return method, ""
    for name in ("deepbet", "brainextractor") if method == "auto" else (method,):
        version = _version(name)
        if version:
            return name, version
    wanted = "neither deepbet nor brainextractor is" if method == "auto" else f"{method} is not"
    raise NotInstalled(f"--brain {method}: {wanted} installed. {INSTALL}")


def extract(volume: Volume, method: str) -> np.ndarray:
    """Bool (R, A, S), True in the brain; method: of `resolve`. VolumeError: failed, or no brain."""
    if method.startswith("mask:"):
        raise VolumeError("no brain mask came with this scan", remedy="Give it with the head.")
    if method == "stripped":
        level = background_level(volume.data)
        level = float(volume.data.min()) if level is None else level
        return plausible(~outside(volume.data, level), volume.spacing)
    runner: Callable[[Volume], np.ndarray] = _RUNNERS[method]
    return plausible(runner(volume), volume.spacing)


def plausible(brain: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """The mask itself, or VolumeError where its volume is none that a brain can have."""
    ml = volume_ml(brain, spacing)
    if not PLAUSIBLE_ML[0] <= ml <= PLAUSIBLE_ML[1]:
        raise VolumeError(
            "brain extraction found no brain of a possible size",
            detail=f"{ml:.0f} ml; expected {PLAUSIBLE_ML[0]:.0f} to {PLAUSIBLE_ML[1]:.0f}",
            remedy="Look at the scan; try another --brain method, or give a mask of your own.",
        )
    return brain


def volume_ml(mask: np.ndarray, spacing: Sequence[float]) -> float:
    return float(mask.sum() * np.prod(spacing) / 1000.0)


def own_mask(method: str, name: str) -> Path | None:
    """The brain mask of the scan `name` (POSIX, relative to INPUT); None but for mask:FOLDER.

    In the scan's own sub-folder or the top, by its name and one of `MASK_ENDINGS`, or with the BIDS
    suffix replaced. Raises VolumeError where there is none.
    """
    if not method.startswith("mask:"):
        return None
    folder = Path(method[5:])
    stem, parent = _stem(name), PurePosixPath(name).parent
    bases = [stem, stem.rsplit("_", 1)[0]] if "_" in stem else [stem]
    for base in bases:
        for place in (folder / parent, folder):
            for ending in MASK_ENDINGS if base == stem else MASK_ENDINGS[1:]:
                for suffix in (".nii.gz", ".nii"):
                    path = place / f"{base}{ending}{suffix}"
                    if path.is_file():
                        return path
    raise VolumeError(
        "no brain mask for this scan in the folder of masks",
        detail=f"expected its name with one of {', '.join(MASK_ENDINGS[1:])}",
        remedy="Add it, or leave the scan out.",
    )


def require_masks_of_one(method: str, subjects: Mapping[str, str]) -> None:
    """Refuse masks that fit scans of several subjects; subjects: of each scan, by its name.

    Raises:
        UsageError: some do.
    """
    served: dict[Path | None, set[str]] = {}
    for name, subject in subjects.items() if method.startswith("mask:") else ():
        with suppress(VolumeError):  # its preparation says so
            served.setdefault(own_mask(method, name), set()).add(subject)
    several = sum(len(found) > 1 for found in served.values())
    if several:
        raise UsageError(
            f"{several} brain masks fit the scans of several subjects, by their names. Put each "
            "mask into a sub-folder that is called like the folder of its scan."
        )


def _stem(name: str) -> str:
    bare = PurePosixPath(name).name
    for suffix in sorted(NIFTI_SUFFIXES, key=len, reverse=True):
        if bare.lower().endswith(suffix):
            return bare[: -len(suffix)]
    return bare


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(PACKAGES[name])
    except importlib.metadata.PackageNotFoundError:
        return "unknown" if name == "hd-bet" and shutil.which("hd-bet") else ""


def _deepbet(volume: Volume) -> np.ndarray:
    return _in_a_process(volume, [sys.executable, "-m", extraction_run.__name__, "deepbet"])


def _brainextractor(volume: Volume) -> np.ndarray:
    from data_prep.brain.head import head_mask
    from data_prep.read.volume.resample import box_grid, onto_grid

    command = [sys.executable, "-m", extraction_run.__name__, "brainextractor"]
    # The centre of the head starts the surface, so the neck has to go.
    head = np.argwhere(head_mask(volume.data).any(axis=(0, 1)))[[0, -1], 0]
    lowest = max(int(head[0]), int(head[1] - HEAD_MM / volume.spacing[2]))
    shape, affine = box_grid(volume, BET_MM, margin_mm=MARGIN_MM, lowest=lowest)
    coarse = onto_grid(volume, shape, affine)
    found = _in_a_process(coarse, command).astype(np.float32)
    back = onto_grid(replace(coarse, data=found), volume.data.shape, volume.affine)
    return back.data > 0.5


def _hd_bet(volume: Volume) -> np.ndarray:
    options = ["-device", "cpu", "--disable_tta", "--save_bet_mask", "--no_bet_image"]
    return _in_a_process(volume, ["hd-bet"], ["-i", "{in}", "-o", "{out}", *options])


_RUNNERS = {"deepbet": _deepbet, "brainextractor": _brainextractor, "hd-bet": _hd_bet}


def _in_a_process(
    volume: Volume, command: list[str], arguments: Sequence[str] = ("{in}", "{out}")
) -> np.ndarray:
    """Hand the volume over as a file, wait, and read the mask back onto the same grid."""
    import nibabel as nib

    from data_prep.brain.head import head_mask

    with tempfile.TemporaryDirectory(prefix="brain-") as scratch:
        given, made = Path(scratch) / "head.nii.gz", Path(scratch) / "out.nii.gz"
        shown = volume.data - lowest_grey(volume.data[head_mask(volume.data)])
        nib.save(nib.Nifti1Image(shown, volume.affine), given)
        texts = [a.replace("{in}", str(given)).replace("{out}", str(made)) for a in arguments]
        failure = _run([*command, *texts])
        # hd-bet adds _bet to the name of the mask
        found = [path for path in (made, made.with_name("out_bet.nii.gz")) if path.is_file()]
        if failure or not found:
            raise VolumeError(
                "brain extraction failed on this scan",
                detail=failure or "no mask came back",
                remedy="Look at the scan; try another --brain method, or give a mask of your own.",
            )
        image: Any = nib.load(found[0])
        mask = np.asarray(image.dataobj)
    if mask.shape != volume.data.shape:
        raise VolumeError("brain extraction gave a mask of another size", remedy="Report it.")
    return mask > 0.5


def _run(command: list[str]) -> str:
    """'' where it went well, else how it ended; nothing it printed is kept."""
    home = str(Path(__file__).resolve().parents[2])
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **threads, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    except OSError:
        return "the program could not be started"
    return "" if done.returncode == 0 else f"exit code {done.returncode}"
