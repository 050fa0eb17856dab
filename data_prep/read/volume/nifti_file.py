"""The bytes of one NIfTI file or .hdr/.img pair: found by content, unpacked, read to their end.

A gzip stream ends with the CRC-32 and the length of what was packed (RFC 1952, 2.3.1). Python
compares them only for who reads to the end, so a changed bit would pass for a voxel.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.read.volume.volume import MAX_VOXELS, VolumeError

GZIP = b"\x1f\x8b"
MAX_GZIP_RATIO = 1032  # the most deflate can do: zlib technical notes, "Maximum Compression Factor"
HEADER_ROOM = 4096  # bytes; a small file may compress its header only
HEADER_BYTES = 540  # of NIfTI-2; NIfTI-1 has 348
BLOCK = 1 << 20
AFTER_GZIP = "bytes follow the end of the gzip file; they were ignored"
HALVES = {".hdr": ".img", ".hdr.gz": ".img.gz", ".img": ".hdr", ".img.gz": ".hdr.gz"}


@dataclass(frozen=True)
class NiftiFile:
    """An open file. image: nibabel's, its voxels not read yet; stream: what holds the voxels."""

    image: Any
    stream: Any
    path: Path

    def require_possible_size(self) -> None:
        """Refuse a header that asks for more memory than a head or than the file can hold."""
        voxels = int(np.prod([int(n) for n in self.image.shape], dtype=object))
        if voxels <= 0 or voxels > MAX_VOXELS:
            raise VolumeError(
                "the header claims an impossible size",
                detail=f"{voxels} voxels; expected 1 to {MAX_VOXELS}",
                remedy="The header is damaged: convert the scan again.",
            )
        if isinstance(self.stream, gzip.GzipFile):
            claimed = voxels * self.image.header.get_data_dtype().itemsize
            if claimed > MAX_GZIP_RATIO * self.path.stat().st_size + HEADER_ROOM:
                raise _cut_short()

    def values(self, index: int | None) -> np.ndarray:
        """The scaled values, float32; of a 4-D image volume `index`, without reading the rest.

        VolumeError: one is a number, but beyond what 32 bits hold.
        """
        proxy = self.image.dataobj
        place = () if index is None else (..., index, *[0] * (proxy.ndim - 4))
        with _damage(), np.errstate(all="ignore"):
            whole = proxy if index is None else proxy[place]
            values = np.asarray(whole, dtype=np.float32)
            infinite = np.isinf(values)
            beyond = infinite.any() and np.isfinite(np.asarray(whole, np.float64)[infinite]).any()
        if beyond:
            raise VolumeError(
                "values beyond 3.4e38, the largest of 32-bit numbers",
                remedy="Its scaling is broken: export it again.",
            )
        return values

    def require_whole(self) -> list[str]:
        """Read on to the end and return notes; VolumeError: damaged, or more there than claimed."""
        proxy = self.image.dataobj
        end = proxy.offset + int(np.prod(proxy.shape, dtype=object)) * proxy.dtype.itemsize
        slice_bytes = int(np.prod(proxy.shape[:2])) * proxy.dtype.itemsize
        notes = []
        with _damage():
            try:
                beyond = self._beyond(end, slice_bytes)
            except gzip.BadGzipFile as error:
                if not str(error).startswith("Not a gzipped file"):
                    raise
                notes, beyond = [AFTER_GZIP], 0  # the CRC before them was right
        if beyond >= slice_bytes:
            raise VolumeError(
                "the file holds more than its header claims: one of the two is damaged",
                detail=f"the header claims {' x '.join(str(n) for n in proxy.shape)} voxels",
                remedy="Convert the scan again, or correct the header.",
            )
        return notes

    def _beyond(self, end: int, enough: int) -> int:
        """How many bytes there are behind the voxels; packed ones are unpacked, until `enough`."""
        if not isinstance(self.stream, gzip.GzipFile):
            return self.path.stat().st_size - end
        beyond = 0
        while beyond < enough and self.stream.read(BLOCK):
            beyond = self.stream.tell() - end
        return beyond


@contextmanager
def opened(path: Path) -> Iterator[NiftiFile]:
    """Open a NIfTI file, or one of a pair, by its content; VolumeError where it is none."""
    import nibabel as nib

    if path.stat().st_size == 0:
        raise VolumeError("empty file: 0 bytes", remedy="Copy or export it again.")
    header, voxels = _halves(path)
    with ExitStack() as stack:
        streams = [stack.enter_context(_unpacked(half)) for half in dict.fromkeys((header, voxels))]
        with _damage():
            kind = _class_of(streams[0].read(HEADER_BYTES), header)
            streams[0].seek(0)
        holders = {
            name: nib.FileHolder(fileobj=stream)
            for name, stream in zip(("header", "image"), (streams[0], streams[-1]), strict=True)
        }
        try:
            with _damage():
                _require_scaling(kind, streams[0])
                image = kind.from_file_map({name: holders[name] for name, _ in kind.files_types})
        except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError):
            raise _no_nifti() from None
        except nib.wrapstruct.WrapStructError:  # fewer bytes than a header has
            raise _cut_short() from None
        yield NiftiFile(image, streams[-1], voxels)


def _require_scaling(kind: Any, stream: Any) -> None:
    """Refuse a slope that goes with an intercept that is no number; back at the start."""
    header = kind.header_class(stream.read(kind.header_class.sizeof_hdr), check=False)
    stream.seek(0)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isfinite(slope) and slope != 0 and not np.isfinite(intercept):
        raise VolumeError(
            "scl_inter of the header is no number: the grey levels are not known",
            remedy="Correct the header (0 means no offset), or convert the scan again.",
        )


def _halves(path: Path) -> tuple[Path, Path]:
    """(header, voxels) of a pair, found whatever their capitals; the same path twice otherwise."""
    for suffix, other in HALVES.items():
        if not path.name.lower().endswith(suffix):
            continue
        stem = path.name[: -len(suffix)].lower()
        wanted = {stem + other, stem + other.removesuffix(".gz"), stem + other + ".gz"}
        found = sorted(p for p in path.parent.iterdir() if p.name.lower() in wanted)
        if found:
            return (path, found[0]) if suffix.startswith(".hdr") else (found[0], path)
    return path, path


def _unpacked(path: Path) -> Any:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path) if packed else path.open("rb")


def _class_of(head: bytes, path: Path) -> Any:
    """nibabel's class for the magic of a header (nifti1.h, nifti2.h); VolumeError for no NIfTI."""
    import nibabel as nib

    magics = {
        b"n+1\0": nib.Nifti1Image,
        b"ni1\0": nib.Nifti1Pair,
        b"n+2\0": nib.Nifti2Image,
        b"ni2\0": nib.Nifti2Pair,
    }
    found = magics.get(head[344:348]) or magics.get(head[4:8])
    if found is None:
        raise _another_format(path)
    if len(found.files_types) == 2 and _halves(path) == (path, path):
        raise VolumeError(
            "half of a .hdr/.img pair is missing", remedy="Copy both files into one folder."
        )
    return found


def _another_format(path: Path) -> VolumeError:
    import nibabel as nib

    if path.name.lower().endswith((".img", ".img.gz")):
        return VolumeError(
            "half of a .hdr/.img pair is missing", remedy="Copy both files into one folder."
        )
    try:
        name = type(nib.load(path)).__name__.removesuffix("Image")
    except Exception:  # nibabel's own classes of errors, and those of each format
        return _no_nifti()
    return VolumeError(
        "another format than NIfTI", detail=name, remedy="Convert it, for example with nib-convert."
    )


@contextmanager
def _damage() -> Iterator[None]:
    """Turn what gzip, zlib and nibabel raise on damaged files into a VolumeError."""
    try:
        yield
    except (gzip.BadGzipFile, zlib.error):
        raise VolumeError(
            "damaged: what the gzip file holds does not agree with its checksum",
            remedy="Copy or export it again.",
        ) from None
    except MemoryError:
        raise VolumeError(
            "not enough memory for this volume", remedy="Use a larger machine, or resample it."
        ) from None
    except VolumeError:
        raise
    except (EOFError, OSError, ValueError):
        raise _cut_short() from None


def _no_nifti() -> VolumeError:
    return VolumeError(
        "not a NIfTI or DICOM file, or its header is damaged",
        remedy="Convert the scan again, for example with dcm2niix.",
    )


def _cut_short() -> VolumeError:
    return VolumeError(
        "the file is cut short: it holds less than its header claims",
        remedy="Copy or export it again.",
    )
