"""Files that are not there: links to nothing, and the pointers of git-annex and Git LFS.

DataLad and git-annex keep a link, or a line of text, where a file has not been fetched
(git-annex.branchable.com/internals/pointer_file); Git LFS keeps three lines of text
(github.com/git-lfs/git-lfs, docs/spec.md). Both are a few hundred bytes long.
"""

import os
import re
from pathlib import Path

ANNEX = re.compile(rb"(\.\./)*(\.git)?/?annex/objects/")
LFS = b"version https://git-lfs.github.com/spec/"

Reason = tuple[str, str]  # what is wrong, and the remedy
_ANNEX = (
    "not fetched: a pointer of DataLad or git-annex, not the file itself",
    "Fetch the files first: datalad get . (or git annex get .), in the folder of the data set.",
)
_LFS = (
    "not fetched: a pointer of Git LFS, not the file itself",
    "Fetch the files first: git lfs pull, in the folder of the data set.",
)
_LINK = (
    "a link to a file that is not there",
    "Copy the file, or correct the link. In a DataLad data set: datalad get .",
)


def pointer(head: bytes) -> Reason | None:
    """Return (reason, remedy) for the first bytes of a pointer, None for anything else."""
    if head.startswith(LFS):
        return _LFS
    return _ANNEX if ANNEX.match(head) else None


def not_fetched(path: Path) -> Reason | None:
    """Return (reason, remedy) for a pointer or a link to nothing, None for other files."""
    if path.is_symlink() and not path.exists():
        return _ANNEX if b"annex/objects/" in os.fsencode(os.readlink(path)) else _LINK
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return pointer(file.read(256))
