"""The study of a received file, read in a guarded child."""

from pathlib import Path

from healthygan_monai.errors import PrepError

BROKEN = "broken DICOM header: it cannot be parsed"


def study_uid(path: Path, sop_uid: str) -> str:
    """Return the Study Instance UID of a DICOM file. Call it in a guarded child.

    Args:
        path: the file.
        sop_uid: the SOP Instance UID with which it was sent (PS3.7 9.1.1.1, Affected SOP Instance
            UID).

    Raises:
        PrepError: no header, no study, or another SOP Instance UID.
    """
    import pydicom

    again = "Export it again from the archive."
    tags = ["StudyInstanceUID", "SOPInstanceUID"]
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        study, own = (str(header.get(tag) or "").strip() for tag in tags)
    except MemoryError:
        raise
    except Exception:  # pydicom raises many kinds, with header values in them
        raise PrepError(BROKEN, remedy=again) from None
    if not study:
        raise PrepError("no Study Instance UID in the header", remedy=again)
    if own != sop_uid:
        raise PrepError("the header has another SOP Instance UID than the request", remedy=again)
    return study
