"""Pictures among DICOM files that are no films: a viewer's icons, previews of the films."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from data_prep.source import Beside, Source

AUTORUN = "autorun.inf"  # of a disc that starts its own viewer
WORDS = re.compile(
    r"(?<![a-z])(previews?|thumbs?|thumbnails?|icons?|logos?|splash|viewers?|banners?|buttons?)"
    r"(?![a-z])"
)


def marked(sources: Sequence[Source], indexes: Iterable[Source]) -> list[Source]:
    """The sources; of pictures in an INPUT with DICOM files it is said what they probably are.

    indexes: DICOMDIRs. Below one, or below an autorun.inf, every picture is a viewer's.
    """
    films = [PurePosixPath(s.name) for s in sources if s.kind == "dicom"]
    if not films:
        return list(sources)
    starts = [s for s in sources if PurePosixPath(s.name).name.lower() == AUTORUN]
    discs = {PurePosixPath(s.name).parent for s in (*indexes, *starts)}
    stems = {(folder, film.stem.lower()) for film in films for folder in film.parents}
    return [
        replace(s, beside=_beside(PurePosixPath(s.name), discs, stems))
        if s.kind == "picture"
        else s
        for s in sources
    ]


def _beside(
    picture: PurePosixPath,
    discs: set[PurePosixPath],
    stems: set[tuple[PurePosixPath, str]],
) -> Beside:
    if not discs.isdisjoint(picture.parents):
        return Beside.ON_A_DISC
    stem = picture.name.lower().partition(".")[0]  # of IM1.dcm.jpg too
    folders = [picture.parent]
    if len(picture.parts) > 2:  # not INPUT itself: its folders may be sections
        folders.append(picture.parent.parent)
    bare = {stem, re.sub(r"[\W_]+[a-z]+$", "", stem)}  # IM1_small
    if any((folder, name) in stems for folder in folders for name in bare):
        return Beside.ITS_FILM
    return Beside.A_VIEWER if WORDS.search(str(picture).lower()) else Beside.DICOM
