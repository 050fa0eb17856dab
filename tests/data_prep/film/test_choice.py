"""Which films are taken, and what is said of the others."""

import pytest
from planted import PLANTED

from data_prep.film.choice import SUBTRACTED_NOTE, LeftOut
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions
from data_prep.read.dicom.terms import UNDECIDED, body_part_of_text, view_of_text

CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
RAW, CAPTURE = DX + ".1", "1.2.840.10008.5.1.4.1.1.7"


@pytest.fixture
def left(make_dicom, ramp):
    """left(header, **options) -> the error's text, None where the film is taken."""

    def try_it(header=None, **options):
        try:
            read_film(make_dicom(ramp, **(header or {})), FilmOptions(**options))
        except LeftOut as error:
            assert error.reason and error.remedy
            assert not any(planted.lower() in str(error).lower() for planted in PLANTED)
            return str(error)
        return None

    return try_it


def code(value: str):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", PLANTED[0]
    return [item]


def test_films_are_taken_and_other_modalities_are_left(left):
    assert all(left({"Modality": modality}) is None for modality in ("CR", "DX", "RG"))
    assert "MG (mammography)" in left({"Modality": "MG"})
    assert "--modalities films,OT" in left({"Modality": "OT"})
    assert left({"Modality": "OT"}, modalities="films,OT") is None
    assert left({"Modality": "MG"}, modalities="any") is None
    assert left({"Modality": "CR"}, modalities="DX")
    assert "another modality" in left({"Modality": PLANTED[0].upper()})


def test_the_sop_class_decides_where_the_modality_is_missing(left):
    assert left({"Modality": "", "SOPClassUID": CR}) is None
    assert left({"Modality": "", "SOPClassUID": DX}) is None
    assert "Secondary Capture" in left({"Modality": "", "SOPClassUID": CAPTURE})
    nothing = {"Modality": "", "SOPClassUID": "1.2.3.4"}
    assert "--modalities any" in left(nothing) and "1.2.3.4" not in left(nothing)
    assert left(nothing, modalities="any") is None


def test_raw_detector_data_is_left_unless_asked_for(left):
    raw = {"PresentationIntentType": "FOR PROCESSING"}
    assert "FOR PRESENTATION" in left(raw) and "--intent any" in left(raw)
    assert "FOR PRESENTATION" in left({"SOPClassUID": RAW})
    assert left(raw, modalities="any")  # another question, another option
    assert left(raw, intent="any") is None and left(raw, intent="processing") is None
    assert left({"PresentationIntentType": "FOR PRESENTATION"}) is None
    assert left({}, intent="processing")


@pytest.mark.parametrize(
    ("text", "view"),
    [
        *[(text, "PA") for text in ("PA", "pa", "P.A.", "PA ERECT", "Postero-Anterior")],
        *[(text, "AP") for text in ("AP", "AP SUPINE", "Portable AP", "ANTERO-POSTERIOR")],
        *[(text, "lateral") for text in ("LL", "RL", "LAT", "Left Lateral", "LATERAL ERECT")],
        *[(text, "oblique") for text in ("RAO", "LLO", "OBLIQUE", "LATERAL OBLIQUE")],
        *[(text, "decubitus") for text in ("LLD", "RLD", "left lateral decubitus")],
        *[(text, None) for text in ("", "PA LAT", "Papa", "XX", "2 VIEWS")],
    ],
)
def test_view_positions_as_people_type_them(text, view):
    assert view_of_text(text) == view


def test_lateral_oblique_and_decubitus_films_are_left_by_default(left):
    assert left({"ViewPosition": "LL"}).startswith("a lateral film")
    assert left({"ViewPosition": "RAO"}).startswith("an oblique film")
    assert left({"ViewPosition": "LLD"}).startswith("a decubitus film")
    assert left({"ViewPosition": "LL"}, views="any") is None
    assert left({"ViewPosition": "LL"}, views="pa,lateral") is None
    assert "view AP, not PA" in left({"ViewPosition": "AP"}, views="PA")


def test_a_missing_view_is_taken_and_noted_unless_views_are_named(left, make_dicom, ramp):
    film = read_film(make_dicom(ramp, ViewPosition=""))
    assert film.facts["notes"] == ["view position missing"] and "view" not in film.facts
    assert left({"ViewPosition": ""}, views="PA,AP").startswith("view position missing")
    odd = {"ViewPosition": PLANTED[0].upper()}
    assert left(odd, views="PA,AP").startswith("view position not understood")
    assert read_film(make_dicom(ramp, **odd)).facts["notes"] == ["view position not understood"]


@pytest.mark.parametrize(
    ("value", "view"),
    [
        *[("272479007", "PA"), ("R-10214", "PA"), ("399348003", "AP"), ("R-10206", "AP")],
        *[("399067008", "lateral"), ("399173006", "lateral"), ("R-10232", "lateral")],
        *[("399135007", "oblique"), ("399061009", "other")],
    ],
)
def test_the_view_code_sequence_speaks_where_the_view_position_is_silent(
    make_dicom, ramp, value, view
):
    path = make_dicom(ramp, ViewPosition="", ViewCodeSequence=code(value))
    assert read_film(path, FilmOptions(views="any")).facts["view"] == view


def test_patient_orientation_tells_the_side_from_the_front(left, make_dicom, ramp):
    assert left({"ViewPosition": "", "PatientOrientation": ["A", "F"]}).startswith("a lateral")
    film = read_film(make_dicom(ramp, ViewPosition="", PatientOrientation=["L", "F"]))
    assert film.facts["view"] == "frontal" and film.facts["notes"] == ["view position missing"]


@pytest.mark.parametrize(
    "orientation", [["AFR", "FP"], ["P", "F"], ["F", "A"], ["H", "PL"], ["PH", "HA"], [" A", "F "]]
)
@pytest.mark.filterwarnings("ignore:.*for VR CS")
def test_a_side_view_is_known_by_any_form_of_the_orientation(left, orientation):
    header = {"ViewPosition": "", "PatientOrientation": orientation}
    assert left(header).startswith("a lateral film")


@pytest.mark.parametrize("orientation", [["L", "P"], ["LE", "F"], ["A", "L"], ["A"], ["AP", "F"]])
@pytest.mark.filterwarnings("ignore:.*for VR CS")
def test_an_orientation_that_tells_nothing_leaves_no_film_out(left, orientation):
    assert left({"ViewPosition": "", "PatientOrientation": orientation}) is None


@pytest.mark.parametrize(
    ("text", "view"),
    [
        *[(text, "lateral") for text in ("CHEST LATERAL", "Thorax seitlich", "chest lat", "LAT")],
        *[(text, "lateral") for text in ("Thorax de profil", "Torace LL", "TÓRAX PERFIL")],
        *[(text, "lateral") for text in ("Thorax Latéral", "胸部側位", "胸部侧位", "흉부 측면")],
        *[(text, "lateral") for text in ("ГРУДНАЯ КЛЕТКА БОКОВАЯ", "L-Spine/Chest LATERAL ERECT")],
        *[(text, "oblique") for text in ("Chest RAO", "Thorax oblique", "LATERAL OBLIQUE")],
        *[(text, "decubitus") for text in ("LEFT LATERAL DECUBITUS", "Chest Decub")],
        *[(text, None) for text in ("CHEST PA AND LATERAL", "Thorax in 2 Ebenen seitlich", "")],
        *[(text, None) for text in ("Thorax face et profil", "chest 2 views lateral", "PA/LAT")],
        *[(text, None) for text in ("胸部正側位", "BILATERAL", "Laterality", "CHEST", "PLATE")],
        *[(text, None) for text in ("AP LAT", "translate", "ПРЯМАЯ И БОКОВАЯ", "Profiles")],
    ],
)
@pytest.mark.parametrize(
    "keyword",
    [
        *("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"),
        *("StudyDescription", "PerformedProcedureStepDescription", "RequestedProcedureDescription"),
    ],
)
def test_a_side_view_is_known_by_its_description_alone(left, text, view, keyword):
    header = {"ViewPosition": "", keyword: text, "SpecificCharacterSet": "ISO_IR 192"}
    found = left(header)
    assert found is None if view is None else f" {view} film" in found
    assert left({**header, "ViewPosition": "PA"}) is None  # the header's own word comes first
    assert view is None or left(header, views=f"PA,{view}") is None


def test_the_images_own_description_goes_before_that_of_the_order(left):
    header = {"ViewPosition": "", "SeriesDescription": "Chest PA"}
    assert left({**header, "StudyDescription": "CHEST LATERAL"}) is None
    side = {**header, "SeriesDescription": "Thorax seitlich"}
    assert " lateral film" in left({**side, "StudyDescription": "XR CHEST PA"})
    assert left({**header, "SeriesDescription": "W033", "StudyDescription": "CHEST LATERAL"})


@pytest.mark.parametrize("part", sorted(UNDECIDED))
def test_a_part_that_decides_nothing_leaves_no_film_out_and_is_noted(left, make_dicom, ramp, part):
    film = read_film(make_dicom(ramp, BodyPartExamined=part))
    assert film.facts["body_part"] == part and film.facts["notes"] == ["body part not understood"]
    assert left({"BodyPartExamined": part}, body_parts="stated")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        *[(text, "CHEST") for text in ("CHEST", "CHEST PA", "Thorax", "CHST", "PORT CHEST")],
        *[(text, "CHEST") for text in ("CHESTABDOMEN", "TORAX", "LUNG", "chest/ribs")],
        *[(text, "SPINE") for text in ("TSPINE", "THORACIC SPINE", "C-SPINE", "LSPINE")],
        *[(text, text) for text in ("HAND", "HIP", "EXTREMITY", "SKULL", "ABDOMEN", "PELVIS")],
        *[("HEART", None), ("BRAIN, KNEE", "KNEE")],
        *[("Left knee", "KNEE"), ("FEET", "FOOT"), ("HANDS", "HAND"), ("", None), ("XQ", None)],
    ],
)
def test_body_parts_as_people_type_them(text, part):
    assert body_part_of_text(text) == part


def test_films_of_other_body_parts_are_left(left):
    assert left({"BodyPartExamined": "HAND"}).startswith("body part HAND: not a chest film")
    assert "--body-parts any" in left({"BodyPartExamined": "HAND"})
    assert left({"BodyPartExamined": "HAND"}, body_parts="any") is None
    assert left({"BodyPartExamined": ""}) is None
    assert left({"BodyPartExamined": ""}, body_parts="stated").startswith("body part missing")
    chest = {"BodyPartExamined": "", "AnatomicRegionSequence": code("51185008")}
    assert left(chest, body_parts="stated") is None


def test_facts_are_closed_codes(make_dicom, ramp):
    film = read_film(
        make_dicom(ramp, ImageLaterality="U", PresentationIntentType="FOR PRESENTATION")
    )
    wanted = {"view": "PA", "laterality": "U", "intent": "presentation", "body_part": "CHEST"}
    assert wanted.items() <= film.facts.items() and "notes" not in film.facts
    odd = read_film(make_dicom(ramp, ImageLaterality=PLANTED[0][:1] + "X"))
    assert "laterality" not in odd.facts


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"views": "frontl"}, "frontal"),
        ({"modalities": "films,CRR"}, "did you mean 'CR'"),
        ({"modalities": " , "}, "empty"),
        ({"body_parts": "cest"}, "did you mean 'chest'"),
        ({"intent": "raw"}, "presentation"),
        ({"frames": "all"}, "first"),
        ({"colour": "yes"}, "equal"),
        ({"burned_in": "no"}, "quarantine"),
        ({"window": -1}, "0 or more"),
    ],
)
def test_an_invalid_choice_is_refused_with_the_valid_ones(choice, message):
    with pytest.raises(ValueError, match=message):
        FilmOptions(**choice)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("SeriesDescription", "Dual-Energy soft tissue"),
        ("SeriesDescription", "ClearRead Bone Suppression"),
        ("AcquisitionDeviceProcessingDescription", "ENERGY SUBTRACTION"),
        ("DerivationDescription", "rib suppressed by a program"),
        ("ImageType", ["DERIVED", "PRIMARY", "SOFT_TISSUE"]),
    ],
)
def test_a_film_without_its_bones_is_noted(make_dicom, ramp, keyword, text):
    film = read_film(make_dicom(ramp, **{keyword: text}))
    assert SUBTRACTED_NOTE in film.facts["notes"]


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("SeriesDescription", "Chest PA bone and lung"),
        ("StudyDescription", "Dual energy chest"),  # of which one film may be the plain one
        ("ImageType", ["SOFT_TISSUE", "PRIMARY"]),  # no words of a maker before the third
        ("ImageType", ""),
    ],
)
def test_a_plain_film_is_not_taken_for_one(make_dicom, ramp, keyword, text):
    assert SUBTRACTED_NOTE not in read_film(make_dicom(ramp, **{keyword: text})).facts.get(
        "notes", ()
    )
