"""The closed lists of a header: the standard's terms and makers' variants; no other text leaves.

Texts are recognised generously; what comes out is one of the names here, or None.
"""

import re
import unicodedata

# Defined Terms of Modality, PS3.3 C.7.3.1.1.1: those that an export often holds, in words.
MODALITY_WORDS = {
    "CR": "computed radiography",
    "DX": "digital radiography",
    "RG": "scanned film",
    "RF": "fluoroscopy",
    "PX": "panoramic dental X-ray",
    "IO": "intra-oral dental X-ray",
    "BMD": "bone densitometry",
    "RTIMAGE": "radiotherapy image",
    "OT": "other, often a secondary capture",
    "SC": "secondary capture",
    "XC": "photograph",
    "GM": "microscopy",
    "SM": "slide microscopy",
    "OP": "ophthalmic photograph",
    "OCT": "optical coherence tomography",
    "REG": "registration",
    "SR": "structured report",
    "KO": "key object selection",
    "PR": "presentation state",
    "DOC": "encapsulated document",
    "RTPLAN": "radiotherapy plan",
    "RTSTRUCT": "radiotherapy structures",
    "RTDOSE": "radiotherapy dose",
    "SEG": "segmentation",
    "CT": "computed tomography",
    "MR": "magnetic resonance",
    "US": "ultrasound",
    "NM": "nuclear medicine",
    "PT": "positron emission",
    "XA": "angiography",
    "MG": "mammography",
    "ES": "endoscopy",
    "ECG": "electrocardiogram",
}

# The others, retired ones included.
_OTHER_MODALITIES = (
    "AR ASMT AU BDUS BI CD CF CFM CP CS CTPROTOCOL DD DF DG DM DMS DS EC EEG EMG EOG EPS FA "
    "FID FS HC HD IOL IVOCT IVUS KER LEN LP LS M3D MA MS OAM OPM OPR OPT OPTBSV OPTENF OPV "
    "OSS PA PLAN POS RESP RTINTENT RTRAD RTRECORD RTSEGANN RWV SMR SRF ST STAIN TEXTUREMAP "
    "TG VA VF XAPROTOCOL"
)
MODALITIES = frozenset([*MODALITY_WORDS, *_OTHER_MODALITIES.split()])
FILMS = ("CR", "DX", "RG")

# SOP Classes that are films by themselves (PS3.4 B.5, PS3.6 A.1).
FOR_PROCESSING_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"
FILM_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    FOR_PROCESSING_CLASS: "DX",
}

# Photometric Interpretation, PS3.3 C.7.6.3.1.2.
COLOUR_SPACES = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_RCT", "YBR_ICT")
PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", *COLOUR_SPACES)
LATERALITIES = ("R", "L", "U", "B")  # PS3.3 C.7.6.1.1.1, C.8.11.2: right, left, unpaired, both
INTENTS = ("FOR PRESENTATION", "FOR PROCESSING")  # PS3.3 C.8.11.1.1.1
SEXES = ("M", "F", "O")  # PS3.3 C.7.1.1
YES_NO = ("YES", "NO")

VIEWS = ("PA", "AP", "frontal", "lateral", "oblique", "decubitus", "other")
_VIEW_WORDS = {  # Defined Terms of PS3.3 C.8.1.1.1 and C.8.11.5, and what stands there in practice
    "decubitus": {"LLD", "RLD", "DECUB", "DECUBITUS"},
    "oblique": {"LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "OBL", "OBLIQUE"},
    "lateral": {"LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "LATL", "LATR", "LATERALE", "PROFIL"}
    | {"LATERALES", "LATEROLATERAL", "LATEROLATERALE", "SEITLICH", "SEITL", "PERFIL", "PROFILO"}
    | {"ZIJDELINGS", "BOCZNE", "BOCZNY", "BOCZNA", "BOCNI", "SIDOBILD", "SIVUKUVA"},
    "PA": {"PA", "POSTEROANTERIOR", "POSTERIORANTERIOR"},
    "AP": {"AP", "ANTEROPOSTERIOR", "ANTERIORPOSTERIOR"},
    "frontal": {"FRONTAL", "FRONTALE", "FACE", "FRENTE", "FRONTE", "DV", "VD"},
}
# Scripts without blanks between words, or with many endings: parts of words.
_VIEW_PARTS = {
    "lateral": ("БОКОВ", "ΠΛΑΓΙ", "ΠΛΆΓΙ", "侧位", "側位", "侧面", "側面", "측면", "جانب"),
    "frontal": ("ПРЯМ", "ΠΡΟΣΘ", "ΠΡΌΣΘ", "正", "後前", "后前", "정면", "أمام"),
}
# More than one view is described: whichever this film is, it is not known by that.
_SEVERAL = re.compile(r"(?<!\d)[2-9](?!\d)|\b(TWO|BOTH|ZWEI|DEUX|DOS|DUE|VIEWS|EBENEN|PLANES)\b")
# What View Position may say on its way out; AXIAL is no view above, so that it leaves no film out.
VIEW_TERMS = frozenset({"AXIAL"}.union(*_VIEW_WORDS.values()))
# View Code Sequence: PS3.16 CID 4010, SNOMED CT and, before 2017, SNOMED-RT identifiers.
_VIEW_CODES = {
    "PA": "272479007 R-40888 R-10214",
    "AP": "399348003 R-10206",
    "frontal": "399033003 R-10202",
    "lateral": "399067008 R-102CD 399198007 R-10232 399173006 R-10236 399352003 R-10228 "
    "399260004 R-10224 30730003 G-A145",
    "oblique": "399038007 R-10210 399225005 R-10250 399059000 R-10216 399099002 R-10230 399288005 "
    "R-10248 399135007 R-10220 260427002 R-40783 399236003 R-10234 399368009 R-10226 399356000 "
    "R-40985 399312000 R-10208 399184004 R-10238 399182000 R-102C1 260426006 R-40782 399132005 "
    "R-10252 399325008 R-10254 399160007 R-10204 399004004 R-10246 399006002 R-10212",
    "other": "399061009 R-10241 399110001 R-102C2 399162004 R-10242 399242004 R-102C6 399351005 "
    "R-102C7 260499007 R-40810 399071006 R-102C3 399196006 R-10244 399360002 R-10257 119376003 "
    "G-8300 399272005 R-102C5 399255003 R-10256 399335002 R-102C4 399316002 R-102C8",
}
VIEW_OF_CODE = {code: view for view, codes in _VIEW_CODES.items() for code in codes.split()}

# Body Part Examined, PS3.16 Annex L, as far as it is filmed. Spines first: "thoracic spine".
_SPINES = "SPINE TSPINE CSPINE LSPINE SSPINE CTSPINE TLSPINE LSSPINE COCCYX"
_SPINE = frozenset(_SPINES.split())
_PARTS = (
    "ABDOMEN ABDOMENPELVIS ANKLE ARM BILEDUCT BLADDER BREAST CALCANEUS CALF CLAVICLE COLON "
    "DUODENUM ELBOW ESOPHAGUS EXTREMITY EYE FACE FEMUR FIBULA FINGER FOOT FOREARM HAND HEAD HEEL "
    "HIP HUMERUS JAW KIDNEY KNEE LEG MANDIBLE MAXILLA NECK NOSE ORBIT PATELLA PELVIS RADIUS RIB "
    "SACRUM SCAPULA SHOULDER SINUS SKULL STERNUM STOMACH TEETH THIGH THUMB TIBIA TOE TOOTH ULNA "
    "URETHRA UTERUS WHOLEBODY WRIST ZYGOMA"
)
# These leave no film out: the first two are in a chest film, and none was ever asked for.
UNDECIDED = frozenset(("HEART", "MEDIASTINUM", "ACJOINT", "BRAIN", "SIJOINT", "TMJ"))
_CHEST_TERMS = ("CHEST", "THORAX", "LUNG", "CHESTABDOMEN", "CHESTABDPELVIS")
BODY_PARTS = frozenset([*_CHEST_TERMS, *_SPINE, *_PARTS.split(), *UNDECIDED])
_PLURALS = {"HANDS": "HAND", "FEET": "FOOT", "HIPS": "HIP", "KNEES": "KNEE", "RIBS": "RIB"}
_CHEST = re.compile(r"CHEST|CHST|CXR|THORA[XKC]|TORAX|TORACE|LUNG|PULMO")
_LONGEST_FIRST = "|".join(sorted(BODY_PARTS, key=lambda part: (-len(part), part)))
_TERM = re.compile(rf"(?<![A-Z])({_LONGEST_FIRST})(?![A-Z])")
# Anatomic Region Sequence, PS3.16 CID 4009 and 4031: chest, thorax, lung, and chest with more.
_CHEST_CODES = (
    "51185008 T-D3000 816094009 39607008 T-28000 86598002 T-280A0 416550000 R-FAB55 417437006 "
    "R-FAB52 416152001 R-FAB53 416775004 R-FAB56 416319003 R-FAB54"
)
CHEST_CODES = frozenset(_CHEST_CODES.split())


def view_of_text(text: str) -> str | None:
    """One of VIEWS for a View Position like PA, LL, 'AP SUPINE', 'Lateral'; None if not clear."""
    words = re.findall("[A-Z]+", text.upper())
    known = {*words, "".join(words)}
    found = [view for view, names in _VIEW_WORDS.items() if names & known]
    if found[:1] in (["decubitus"], ["oblique"]):  # 'left lateral decubitus' is one view
        return found[0]
    return found[0] if len(found) == 1 else None


def side_view_in(text: str) -> str | None:
    """Return 'lateral', 'oblique' or 'decubitus' where a description names no other view."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.upper()) if c.isascii())
    words = set(re.findall("[A-Z]+", plain))
    found = {view for view, names in _VIEW_WORDS.items() if names & words}
    found |= {
        view for view, parts in _VIEW_PARTS.items() if any(part in text.upper() for part in parts)
    }
    if found & {"PA", "AP", "frontal"} or _SEVERAL.search(plain):
        return None
    return next((view for view in ("decubitus", "oblique", "lateral") if view in found), None)


def body_part_of_text(text: str) -> str | None:
    """Return 'CHEST', 'SPINE' or the Annex L term of another part; None for an unknown text."""
    words = [_PLURALS.get(word, word) for word in re.findall("[A-Z]+", text.upper())]
    together = "".join(words)
    if any(word in _SPINE for word in words) or together.endswith("SPINE"):
        return "SPINE"
    if _CHEST.search(together):
        return "CHEST"
    decided = BODY_PARTS - UNDECIDED
    return next((part for part in (*words, together) if part in decided), None)


def body_part_in(text: str) -> str | None:
    """The first term of BODY_PARTS that stands in the text as a word, for a fact that may leave."""
    found = _TERM.search(text.upper())
    return found[1] if found else None
