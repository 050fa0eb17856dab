"""Whether a readable film is wanted: modality, intent, body part, view; missing facts are notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from data_prep import errors
from data_prep.errors import FilmError
from data_prep.read.dicom.header import code_of, codes_of, text_of
from data_prep.read.dicom.orientation import plane
from data_prep.read.dicom.terms import (
    CHEST_CODES,
    FILM_CLASSES,
    FOR_PROCESSING_CLASS,
    LATERALITIES,
    MODALITIES,
    MODALITY_WORDS,
    VIEW_OF_CODE,
    body_part_of_text,
    side_view_in,
    view_of_text,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from data_prep.film.options import FilmOptions

NO_VIEW, ODD_VIEW = "view position missing", "view position not understood"
NO_PART, ODD_PART = "body part missing", "body part not understood"
# Of the image and its series first, then of what was ordered and done.
DESCRIPTIONS = (
    *("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"),
    *("PerformedProcedureStepDescription", "RequestedProcedureDescription", "StudyDescription"),
)
# What subtracts bone or soft tissue from a film: dual energy, or a program afterwards.
SUBTRACTED = re.compile(
    r"DUAL[ _-]?ENERGY|ENERGY[ _-]?SUBTR|(BONE|RIB)S?[ _-]?(SUPPR|SUBTR|SHADOW)|SOFT[ _-]?TISSUE|"
    r"CLEARREAD|SOFTVIEW"
)
SUBTRACTED_NOTE = (
    "its description speaks of dual energy or of bone suppression: is it the plain film?"
)
ANY_MODALITY = "Pass --modalities any to take it."


class LeftOut(FilmError, errors.LeftOut):
    """A film that can be read, but was not asked for."""


def require_modality(dataset: Dataset, options: FilmOptions) -> None:
    """Check Modality (0008,0060), else the SOP Class (PS3.4 B.5); LeftOut if known and unwanted."""
    wanted = options.wanted_modalities()
    code = modality(dataset)
    if wanted is None or code in wanted:
        return
    stated = bool(code_of(dataset, "Modality"))
    if code in MODALITIES:
        word = MODALITY_WORDS.get(code)
        what = f"{code} ({word})" if word else code
        remedy = "Chest films are CR, DX or RG."
        if code == "OT":
            remedy = "If your archive keeps films so, pass --modalities films,OT."
        raise LeftOut(f"not a radiograph: {what}", remedy=remedy)
    if stated:
        raise LeftOut("not a radiograph: another modality", remedy=ANY_MODALITY)
    name = sop_class_name(dataset)
    if name:
        raise LeftOut(f"not a radiograph by its SOP Class: {name}", remedy=ANY_MODALITY)


def require_wanted(dataset: Dataset, options: FilmOptions) -> dict[str, Any]:
    """Return view, laterality, body part, intent and `notes`; LeftOut names the option to pass."""
    require_modality(dataset, options)
    if options.wanted_modalities() is not None and not modality(dataset):
        raise LeftOut("Modality and SOP Class are missing: a film?", remedy=ANY_MODALITY)
    facts: dict[str, Any] = {"notes": []}
    _require_intent(dataset, options, facts)
    _require_body_part(dataset, options, facts)
    _require_view(dataset, options, facts)
    if _is_subtracted(dataset):
        facts["notes"].append(SUBTRACTED_NOTE)
    laterality = code_of(dataset, "ImageLaterality") or code_of(dataset, "Laterality")
    if laterality in LATERALITIES:
        facts["laterality"] = laterality
    return facts


def modality(dataset: Dataset) -> str:
    """The code of Modality, else that of a film's SOP Class, else ''."""
    return code_of(dataset, "Modality") or FILM_CLASSES.get(_sop_class(dataset), "")


def sop_class_name(dataset: Dataset) -> str:
    """The standard's own name of the SOP Class (PS3.6 A), '' where it is another."""
    from pydicom.uid import UID

    uid = UID(_sop_class(dataset))
    return uid.name if uid and uid.name != str(uid) else ""


def view(dataset: Dataset) -> tuple[str | None, str]:
    """(one of dicom_terms.VIEWS or None, a note): View Position (0018,5101), View Code Sequence
    (0054,0220), then descriptions, which are believed of side views only, then Patient Orientation
    (0020,0020), which tells frontal from lateral only.
    """
    text = code_of(dataset, "ViewPosition")
    found = view_of_text(text)
    for code in _codes(dataset, "ViewCodeSequence"):
        found = found or VIEW_OF_CODE.get(code)
    if found:
        return found, ""
    return _described(dataset) or plane(dataset), ODD_VIEW if text else NO_VIEW


def body_part(dataset: Dataset) -> tuple[str | None, str]:
    """('CHEST', another Annex L term or None, a note), by (0018,0015), else (0008,2218)."""
    text = code_of(dataset, "BodyPartExamined")
    found = body_part_of_text(text)
    if found is None and CHEST_CODES & set(_codes(dataset, "AnatomicRegionSequence")):
        found = "CHEST"
    return (found, "") if found else (None, ODD_PART if text else NO_PART)


def _is_subtracted(dataset: Dataset) -> bool:
    """Whether Image Type (PS3.3 C.7.6.1.1.2, from its third value on) or a description of the image
    or its series names dual energy or bone suppression. No attribute is made for it.
    """
    described = (*DESCRIPTIONS[:3], "DerivationDescription")
    kinds = codes_of(dataset, "ImageType")[2:]
    texts = [*(text_of(dataset, keyword).upper() for keyword in described), *kinds]
    return any(SUBTRACTED.search(text) for text in texts)


def _require_intent(dataset: Dataset, options: FilmOptions, facts: dict[str, Any]) -> None:
    """Presentation Intent Type (PS3.3 C.8.11.1.1.1), else the SOP Class that goes with it."""
    raw = code_of(dataset, "PresentationIntentType") == "FOR PROCESSING"
    raw |= _sop_class(dataset) == FOR_PROCESSING_CLASS
    facts["intent"] = "processing" if raw else "presentation"
    if options.intent == "presentation" and raw:
        raise LeftOut(
            "raw detector data: FOR PROCESSING",
            remedy="Export the FOR PRESENTATION image, or pass --intent any.",
        )
    if options.intent == "processing" and not raw:
        raise LeftOut("not raw detector data", remedy="Pass --intent any to take it.")


def _require_body_part(dataset: Dataset, options: FilmOptions, facts: dict[str, Any]) -> None:
    part, note = body_part(dataset)
    if part:
        facts["body_part"] = part
    else:
        facts["notes"].append(note)
    if options.body_parts == "any" or part == "CHEST":
        return
    if part:
        raise LeftOut(f"body part {part}: not a chest film", remedy="Pass --body-parts any.")
    if options.body_parts == "stated":
        raise LeftOut(note, remedy="Pass --body-parts chest to take such films.")


def _require_view(dataset: Dataset, options: FilmOptions, facts: dict[str, Any]) -> None:
    found, note = view(dataset)
    if found:
        facts["view"] = found
    if note:
        facts["notes"].append(note)
    require_view(found, options, note)


def require_view(found: str | None, options: FilmOptions, note: str = NO_VIEW) -> None:
    """Check a view, one of dicom_terms.VIEWS or None; note: why it is None. Raises LeftOut."""
    wanted = options.wanted_views()
    if wanted is None:
        if options.views.strip().lower() == "any" or found in (None, "PA", "AP", "frontal"):
            return
        article = "an" if found in ("oblique", "other") else "a"
        what = "view, neither PA nor AP" if found == "other" else "film"
        raise LeftOut(
            f"{article} {found} {what}", remedy=f"Pass --views any, or --views PA,AP,{found}."
        )
    if found in wanted:
        return
    if found is None:
        raise LeftOut(note, remedy="Pass --views frontal or --views any to take such films.")
    asked = ", ".join(sorted(wanted))
    raise LeftOut(f"view {found}, not {asked}", remedy=f"Add {found} to --views.")


def _described(dataset: Dataset) -> str | None:
    """The side view of the first description that names a view; None: no view, or a frontal one."""
    for keyword in DESCRIPTIONS:
        text = text_of(dataset, keyword)
        if view_of_text(text) in ("PA", "AP", "frontal"):
            return None
        if found := side_view_in(text):
            return found
    return None


def _sop_class(dataset: Dataset) -> str:
    meta = getattr(dataset, "file_meta", None) or {}
    text = code_of(dataset, "SOPClassUID") or str(meta.get("MediaStorageSOPClassUID") or "")
    return text if re.fullmatch(r"[0-9.]+", text) else ""


def _codes(dataset: Dataset, keyword: str) -> list[str]:
    try:
        return [str(item.get("CodeValue") or "").strip() for item in dataset.get(keyword) or ()]
    except Exception:  # a broken sequence tells nothing
        return []
