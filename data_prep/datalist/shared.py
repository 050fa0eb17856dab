"""Pictures that stand in two sections: a copy in the test set is known from training.

Standard library only.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from data_prep.datalist.items import Dataset
from data_prep.datalist.pixels import chunks
from data_prep.files import sha256

SHOWN = 20
MOST = 1 << 26  # bytes of pixels
END = 16  # bytes: the CRC of a PNG's pixels and its last chunk (PNG specification, 5.3 and 11.2.5)


def shared_pictures(dataset: Dataset) -> list[str]:
    """One sentence a picture whose file is the same, byte for byte, in two sections; one for a
    section of which every picture is, such as a mixed set that is the healthy one.

    A file is hashed only where another section has one of its size and of its last checksum. Flat
    pictures, such as a slice of air, are nobody's.
    """
    section_of: dict[Path, str] = {}
    for section, item in dataset.items():
        path = dataset.root / item.image
        if path.is_file():
            section_of.setdefault(path, section)
    groups = [
        same
        for near in _alike(section_of, _size_and_end, section_of)
        for same in _alike(near, sha256, section_of)
        if not _is_flat(same[0])
    ]
    wholes = []
    for section in dict.fromkeys(section_of.values()):
        own = {path for path, place in section_of.items() if place == section}
        found = [same for same in groups if own.intersection(same)]
        if len(own) > 1 and own <= {path for same in found for path in same}:
            others = sorted({section_of[path] for same in found for path in same} - {section})
            wholes.append(
                f"all {len(own)} pictures of {section} are in {' and '.join(others)} too, byte for "
                "byte. Prepare again, with sections that share no image."
            )
            groups = [same for same in groups if own.isdisjoint(same)]
    problems = []
    for same in groups:
        first, *rest = (path.relative_to(dataset.root).as_posix() for path in same)
        sections = " and ".join(sorted({section_of[path] for path in same}))
        problems.append(
            f"{first} is in {sections}: {', '.join(rest[:3])} holds the same picture. "
            "Keep one of them, or prepare again."
        )
    more = len(problems) - SHOWN
    more_than_shown = [f"and {more} more pictures in two sections"] if more > 0 else []
    return [*wholes, *problems[:SHOWN], *more_than_shown]


def _alike(
    paths: Iterable[Path], key: Callable[[Path], Hashable], section_of: dict[Path, str]
) -> list[list[Path]]:
    """The paths of equal key, where they are in more than one section."""
    groups: dict[Hashable, list[Path]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return [group for group in groups.values() if len({section_of[path] for path in group}) > 1]


def _size_and_end(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - END))
        return size, file.read()


def _is_flat(path: Path) -> bool:
    """True for a PNG of one grey level: its packed rows hold that, 0 and the numbers of filters."""
    data = path.read_bytes()
    packed = [body for name, body, _ in chunks(data) if name == b"IDAT"]
    width, depth = int.from_bytes(data[16:20], "big"), data[24]
    try:
        rows = zlib.decompressobj().decompress(b"".join(packed), MOST)
    except zlib.error:
        return False
    step = 1 + -(-width * depth // 8)
    found = set().union(*(rows[k::step] for k in range(1, step)))
    return len(found - {0}) <= depth // 8
