"""Inputs of several files: a DICOM series, wherever its files are, and a .hdr/.img pair."""

import logging
import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from data_prep.read.volume.dicom_damage import Damaged, suffix_of
from data_prep.read.volume.dicom_groups import Slice, by_direction, slices_of
from data_prep.source import Source
from data_prep.work.pools import Pool

log = logging.getLogger(__name__)
HEADER = re.compile(r"\.hdr(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class _File:
    """One image of a series. folder: the source of all DICOM files of its folder."""

    folder: Source
    path: Path
    member: str | None
    slice: Slice


def joined(sources: Sequence[Source]) -> list[Source]:
    """The sources; a .hdr and the .img beside it are one NIfTI, named like the header."""
    by_name = {source.name.lower(): source for source in sources}
    pairs: dict[str, Source] = {}
    for source in sources:
        stem = HEADER.sub("", source.name.lower())
        voxels = by_name.get(f"{stem}.img") or by_name.get(f"{stem}.img.gz")
        if stem == source.name.lower() or voxels is None:
            continue
        pair = source if voxels.kind != "pointer" else replace(voxels, name=source.name)
        if pair.kind != "pointer":
            parts = tuple((half.path, half.member) for half in (source, voxels))
            pair = replace(pair, kind="nifti", parts=parts)
        pairs[source.name], pairs[voxels.name] = pair, pair
    whole = [pairs.get(source.name, source) for source in sources]
    return [
        found for source, found in zip(sources, whole, strict=True) if source.name == found.name
    ]


def places(sources: Sequence[Source]) -> dict[str, Source]:
    """Absolute path -> the source that it belongs to: a half of a pair, a folder of a series.

    A folder belongs to a series where it, or what is below it, holds no other.
    """
    owners: dict[str, set[int]] = {}
    for number, source in enumerate(sources):
        for path, member in source.parts:
            place = Path(os.path.abspath(path))
            owned = place.parents if source.kind == "series" else [place]
            for folder in owned if member is None else []:
                owners.setdefault(str(folder), set()).add(number)
    alone = {path: sources[min(numbers)] for path, numbers in owners.items() if len(numbers) == 1}
    return {
        path: source
        for path, source in alone.items()
        if source.kind != "series" or Path(path).is_relative_to(os.path.abspath(source.path))
    }


def by_series(sources: Sequence[Source], pool: Pool) -> list[Source]:
    """The sources; the DICOM files of folders, each kind 'series' until now, sorted into series.

    A series that is spread over folders or archives is one, named after the folder around them.
    Where some of its files were not fetched, it was not fetched. Files beside it that may have been
    its slices are counted as `damaged`; beside multi-frame files alone they are inputs themselves.
    """
    folders = [source for source in sources if source.kind == "series"]
    result = [source for source in sources if source.kind != "series"]
    of_key: dict[tuple, list[_File]] = {}
    damaged: dict[str, list[tuple[Source, Damaged]]] = {}
    for k, answer in pool.stream(images_of, ((folder,) for folder in folders)):
        if isinstance(answer, Exception) or not answer:
            result.append(folders[k])  # its reader will say why
            continue
        for path, member, found in answer:
            if isinstance(found, Damaged):
                name = (
                    PurePosixPath(folders[k].name) / PurePosixPath(member or path).name
                ).as_posix()
                piece = replace(folders[k], name=name, path=path, kind="dicom", member=member)
                damaged.setdefault(folders[k].name, []).append((piece, found))
            else:
                file = _File(folders[k], path, member, found)
                of_key.setdefault((*found.key, found.study), []).append(file)
    _warn_of_sizes(of_key)
    volumes = [
        volume
        for files in of_key.values()
        for stack in by_direction(files, lambda file: file.slice.direction)
        for volume in _volumes(stack)
    ]
    volumes.sort(
        key=lambda files: (files[0].slice.key[0], str(files[0].path), files[0].member or "")
    )
    homes = [posixpath.commonpath([file.folder.name for file in files]) or "." for files in volumes]
    absent = {_kind_of_name(s.name): s for s in sources if s.kind == "pointer"}
    lacking = _lacking(volumes, damaged)
    seen, count = Counter[str](), Counter(homes)
    for files, home, pieces in zip(volumes, homes, lacking, strict=True):
        seen[home] += 1
        alone = count[home] == 1 and len({file.folder.name for file in files}) == 1
        name = home if alone else f"{home}/series-{seen[home]}"
        result.append(replace(_source(name, files, absent), damaged=len(pieces)))
    told = {source.name for source in sources}.union(*lacking)
    pieces_of = (piece for pieces in damaged.values() for piece, _ in pieces)
    return result + [piece for piece in pieces_of if piece.name not in told]


def _warn_of_sizes(keys: Iterable[tuple]) -> None:
    """Warn where slices of one series differ in rows and columns, as one volume's cannot."""
    sizes: dict[tuple, set[tuple]] = {}
    for _, series, multi_frame, rows, columns, _, study in keys:
        if series and not multi_frame:
            sizes.setdefault((series, study), set()).add((rows, columns))
    count = sum(len(found) > 1 for found in sizes.values())
    if count:
        log.warning(
            "%d DICOM series hold slices of several sizes, and those of each size are an input of "
            "their own: a head may be cut in two. Look at their strips, or leave them out.",
            count,
        )


def _lacking(
    volumes: Sequence[Sequence[_File]], damaged: dict[str, list[tuple[Source, Damaged]]]
) -> list[set[str]]:
    """The names of the damaged files that each volume may lack: those of its own series in its
    folders, and those of no series there. A multi-frame file is whole by itself.
    """
    there: dict[str, set[str]] = {}
    for files in volumes:
        for file in files:
            there.setdefault(file.folder.name, set()).add(file.slice.series)
    lacking = []
    for files in volumes:
        first = files[0].slice
        folders = {file.folder.name for file in files if first.frames <= 1}
        lacking.append(
            {
                piece.name
                for folder in folders
                for piece, part in damaged.get(folder, [])
                if part.series in ("", first.series) or part.series not in there[folder]
            }
        )
    return lacking


def images_of(folder: Source) -> list[tuple[Path, str | None, Slice | Damaged]]:
    """Return (path, member, place) of the images of a folder, and of what may have been images;
    nothing where there is no image. Call it in a guard.
    """
    parts = [(piece.path, piece.member) for piece in folder.pieces()]
    slices = slices_of(parts)
    if not any(isinstance(found, Slice) for found in slices):
        return []
    pairs = zip(parts, slices, strict=True)
    return [(path, member, found) for (path, member), found in pairs if found is not None]


def _volumes(files: Sequence[_File]) -> list[list[_File]]:
    """The files of one series, taken apart where each folder holds a whole volume.

    Files of one series share the Series Instance UID (PS3.3 C.7.3.1), whatever folder they are in.
    Folders that hold the same places are volumes of their own: copies or echoes. So are folders
    whose UIDs cannot be trusted: none, or one SOP Instance UID at two places.
    """
    folders: dict[str, list[_File]] = {}
    for file in sorted(files, key=lambda f: (f.folder.name, str(f.path), f.member or "")):
        folders.setdefault(file.folder.name, []).append(file)
    places = [{file.slice.place for file in folder} for folder in folders.values()]
    place_of: dict[str, tuple[float, ...] | None] = {}
    trusted = files[0].slice.series != "" and all(
        file.slice.place == place_of.setdefault(file.slice.instance, file.slice.place)
        for file in files
    )
    if not trusted or None in set().union(*places) or all(p == places[0] for p in places):
        return list(folders.values())
    return [[file for folder in folders.values() for file in folder]]


def _source(name: str, files: Sequence[_File], absent: dict[tuple[str, str], Source]) -> Source:
    for file in files:
        inside = PurePosixPath(file.folder.name) / PurePosixPath(file.member or file.path).name
        lost = absent.get(_kind_of_name(inside.as_posix()))
        if lost is not None:
            return replace(lost, name=name)
    folder = files[0].folder
    if len({file.folder.name for file in files}) > 1:
        around = os.path.commonpath([file.path for file in files])
        folder = replace(folder, path=Path(around), member=None)
    return replace(folder, name=name, parts=tuple((file.path, file.member) for file in files))


def _kind_of_name(name: str) -> tuple[str, str]:
    """(folder, suffix) of a name; a UID has no suffix."""
    path = PurePosixPath(name)
    return path.parent.as_posix(), suffix_of(name)
