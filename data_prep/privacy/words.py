"""Makers of devices, and ordinary words, which tell nothing of a patient."""

import re

# Makers of film readers, detectors and heads' scanners, by a word of theirs in Manufacturer.
_MAKERS = {
    "GE": r"GE|GENERAL ELECTRIC|GEMS|LUNAR",
    "Philips": r"PHILIPS|ADAC|MARCONI|PICKER",
    "Siemens": r"SIEMENS",
    "Fujifilm": r"FUJI|FUJI ?FILM",
    "Agfa": r"AGFA",
    "Carestream": r"CARESTREAM",
    "Kodak": r"KODAK|LUMISYS",
    "Canon": r"CANON",
    "Konica Minolta": r"KONICA|MINOLTA",
    "Shimadzu": r"SHIMADZU",
    "Samsung": r"SAMSUNG|MEDISON",
    "Hologic": r"HOLOGIC|LORAD",
    "Toshiba": r"TOSHIBA",
    "Hitachi": r"HITACHI",
    "Swissray": r"SWISSRAY",
    "Varian": r"VARIAN|VAREX",
    "Vieworks": r"VIEWORKS",
    "Rayence": r"RAYENCE",
    "DRTECH": r"DRTECH",
    "iRay": r"IRAY",
    "Trixell": r"TRIXELL",
    "Mindray": r"MINDRAY",
    "United Imaging": r"UIH|UNITED IMAGING",
    "Neusoft": r"NEUSOFT",
    "Italray": r"ITALRAY",
    "Villa": r"VILLA SISTEMI",
    "Imaging Dynamics": r"IMAGING DYNAMICS|IDC",
    "Del Medical": r"DEL MEDICAL",
    "Oldelft": r"OLDELFT",
    "Sectra": r"SECTRA",
    "Arcoma": r"ARCOMA",
    "Sedecal": r"SEDECAL",
    "Vidar": r"VIDAR",
    "Ziehm": r"ZIEHM",
    "Planmed": r"PLANMED|PLANMECA",
    "EOS": r"EOS IMAGING|BIOSPACE",
}
_MAKER = {
    name: re.compile(rf"(?<![A-Z])(?:{words})(?![A-Z])|^(?:{words})FILM")
    for name, words in _MAKERS.items()
}

# Ordinary words of the trade, which tell nothing of a patient, and words of file names.
# They count in texts alone: a patient may be called Ward or Page.
_COMMON = """
    abdomen adult anatomic anterior autopsy axial biopsy body bone brain burned cassette center
    centre check chest children clinic clinical code comment contrast control cranial data default
    department detector device diagnostic dicom digital direct dose emergency erect exam
    examination export exposure female field file film films folder follow frame frontal general
    generic grid hand head header healthcare hospital imaging image images infant information inputs
    institute intensive kind label laboratory lateral left lower lung male medical medicine modality
    name none normal number numbers other output overlay pacs page patient pediatric pelvis pixel
    pixels portable posterior posteroanterior prone protocol radiograph radiographs radiography
    radiologie radiology raw report research right routine rows scan scanner section sequence
    series service session shoulder skull slice spine standard standing station storage study
    subject supine system systems table technical test text thorax time trauma true type unit
    university unknown upper upright value version view volume ward window with without xray
    and bei dem den der des die für for fur of the und von zum zur
"""
COMMON = frozenset(_COMMON.split())


def maker(text: str) -> str | None:
    """The known maker whose word a text holds, else 'other'; None without text. Never the text."""
    upper = text.upper().strip()
    if not upper:
        return None
    return next((name for name, pattern in _MAKER.items() if pattern.search(upper)), "other")
