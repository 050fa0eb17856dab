"""Who a file shows, from its name alone: BIDS entities and the names of the IXI data set.

The scan number of an IXI file is no part of the subject: a split must keep both scans together.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

# BIDS 1.9, "Entities": sub-<label>[_ses-<label>], labels of letters and digits; in a file name or
# in the folders above it.
BIDS_SUBJECT = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9]+)(?=[/_.]|$)")
BIDS_SESSION = re.compile(r"(?:^|[/_])(ses-[A-Za-z0-9]+)(?=[/_.]|$)")
# IXI<id>-<hospital>-<scan>-<sequence>.nii.gz; https://brain-development.org/ixi-dataset/
IXI = re.compile(r"(?:^|/)(IXI\d{3})-((?:Guys|HH|IOP)-\d{4})(?=[-_.]|$)")


@dataclass(frozen=True)
class FileName:
    """subject: as the name tells it; session: None where the name has none."""

    subject: str
    session: str | None = None


def parse_name(name: str) -> FileName:
    """Subject and session of a POSIX path relative to INPUT; they may identify a patient.

    "sub-07/ses-b/anat/sub-07_ses-b_T1w.nii.gz" -> sub-07, ses-b; "IXI012-HH-1211-T1.nii.gz" ->
    IXI012, HH-1211; anything else -> its file name without .nii, .hdr, .img or .gz.
    """
    subject = BIDS_SUBJECT.search(name)
    if subject:
        session = BIDS_SESSION.search(name)
        return FileName(subject[1], session[1] if session else None)
    ixi = IXI.search(name)
    if ixi:
        return FileName(ixi[1], ixi[2])
    bare = PurePosixPath(name).name
    return FileName(re.sub(r"\.(nii|hdr|img)(\.gz)?$", "", bare, flags=re.IGNORECASE))
