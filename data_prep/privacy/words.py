"""Makers of devices, and ordinary words, which tell nothing of a patient."""

import re

from data_prep.privacy.letters import fold, parts

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
COMMON = frozenset(map(fold, _COMMON.split()))

# What stands in place of a name, as in Removed^By^PACS; folders may still have the true one.
_REPLACED = """
    blank blinded concealed confidential deidentified deleted dummy erased hidden identified
    masked nil nobody noname null private redacted removed replaced restricted secret
    stripped suppressed undisclosed unnamed void withheld
    entfernt geheim gelöscht geschwärzt namenlos unbekannt unkenntlich
    anonyme confidentiel effacé inconnu inconnue masqué supprimé
    anónimo borrado confidencial desconocida desconocido eliminado oculto suprimido
    anonimo cancellato ignoto nascosto rimosso riservato sconosciuto
    apagado desconhecido removido sigiloso
    anoniem onbekend verborgen verwijderd nieznany usunięty okänd borttagen silinmiş bilinmeyen
    неизвестно неизвестный удалено скрыто 匿名 不明 未知 已删除 削除 익명
"""
REPLACED = frozenset(map(fold, _REPLACED.split()))

# The only words that are shown where it is not known how the patient is called: as few usual names
# as possible.
_TECHNICAL = """
    abdomen abnormal anat anatomy anim anisotropic anon anonymous anterior ap archive axial
    backup bad baseline batch big bin bit bits bmp bone bones brain brains broken bytes capture
    case cases cd chest clinic code cohort color colour constant contrast control controls copy
    coronal corrupt cr csv ct cxr data database dataset datasets dcm decoded deflate deflated
    department desc detector device dicom dicomdir digital dir disc disease diseased disk dr ds
    dump dwi dx emergency empty encoded endian epi erect exam exams exif export exported exports
    file files film films finding findings first flair folder folders follow followup frame
    frames frontal func gif group gz half head header headers heads healthy hospital id im image
    images imaging img implicit import index info input inputs inverted iso jp jpeg jpg json key
    label labels large last lateral left level levels license list little log lossless lossy ls
    lut mask masks meta mg middle mismatch missing mixed modality mono mr mri multi named names
    negative new nifti nii no none normal notes number of off old original output overlay pa
    pacs padding part parts pat patient patients phantom pic picture pictures pixel pixeldata
    pixels png positive posterior posteroanterior preamble processed radiograph radiographs
    radiography radiology raw readme report reports rescale result results rg rgb right rle
    routine rows rt rtplan sagittal scan scanner scans screening se second secondary section
    segmentation sequence ser serial series ses session sessions set site size skull slice
    slices slope small sorted source space spacing spine split sr st standing studies study sub
    subject subjects supine syntax table tag temp test tests text thin third thorax thumbnail
    tif tiff time timepoint train training truncated ts tsv txt type uncompressed unknown
    unreadable unsupported upright us val valid validation version vertical view views visit
    visits voi volume volumes weighted wide window windows with without wrong x xa xr xray zero
    zip
    aufnahme aufnahmen befund bild bilder gehirn gesund links liegend lunge ordner ohne rechts
    röntgen röntgenbild schädel seite seitlich stehend studie untersuchung
    cerveau cliché dossier droite étude études examen fichier gauche image poumon poumons profil
    radiographie radiographies série séries tête
    cerebro cráneo estudio estudios imagen imágenes izquierda derecha prueba pulmón radiografía
    radiografías tórax
    immagine immagini polmone radiologia studio torace cervello destra sinistra
    cabeça estudo imagem imagens pulmão
    badanie głowa klatka obraz płuca zdjęcie
    hjärna lungor undersökning
    akciğer görüntü çekim
    ngực phổi
    грудь грудная клетка исследование легкие мозг рентген серия снимки снимок череп
    θώρακας ακτινογραφία εικόνα εξέταση κεφάλι μελέτη
    أشعة صورة فحص دراسة
    胸部 胸片 胸 头部 頭部 颅脑 脑 脳 肺 正位 侧位 側位 正面 側面 图像 圖像 影像 画像 序列 系列
    检查 檢查 検査 研究 数据 數據 导出 原始 患者 病例 撮影
    흉부 머리 두부 뇌 폐 검사 시리즈 정면 측면 환자
"""
TECHNICAL = frozenset(map(fold, _TECHNICAL.split()))
# Further words that the columns of tables are called by.
_OF_COLUMNS = """
    age birth boxes class comment comments date day days diagnosis dose filename gender height
    identifier images indices key modality month name names opinion order original path paths
    patient person pixel position quality radiologist reader remark remarks report row scan
    score sex slice source spacing species state status subset time title train type up url
    validity visit weight who width year years
"""
OF_COLUMNS = TECHNICAL | frozenset(_OF_COLUMNS.split())
# Scripts that do not part words: 胸部正位 is two.
_COMPOUND = re.compile(f"(?:{'|'.join(word for word in TECHNICAL if not word.isascii())})+")


# Words of which labels of boxes are made: those of ChestX-ray14, VinDr-CXR, RSNA, and of lesions.
_FINDINGS = """
    abnormality abscess aneurysm aortic atelectasis bleeding calcification calcified cardiomegaly
    cavity collapse consolidation contusion copd covid cyst device edema effusion emphysema
    enlarged enlargement fibrosis fibrotic fluid focal fracture ground glass granuloma heart
    hemorrhage hernia hilar ild infarct infarction infection infiltrate infiltration interstitial
    kidney lesion lesions liver lung lymph lymphoma malignant mass masses mediastinal metastasis
    metastases necrosis node nodule nodules nofinding oedema opacities opacity other pleural
    pneumomediastinum pneumonia pneumoperitoneum pneumothorax scar scarring shift sclerosis
    stroke swelling thickening tortuous tracheal tuberculosis tumor tumors tumour tumours viral
    wmh
"""
FINDINGS = frozenset(map(fold, _FINDINGS.split()))


def finding(label: str) -> str:
    """Return the label of a box where all its words are ordinary ones, else "other"; "" for "".

    >>> finding("Pleural_Thickening"), finding("Nodule/Mass"), finding("Anna Meier 1961")
    ('Pleural_Thickening', 'Nodule/Mass', 'other')
    """
    words = [part for part in parts(label) if not (part.isdigit() and len(part) < 3)]
    known = all(word in FINDINGS or word in COMMON or is_technical(word) for word in words)
    return label if known else "other"


def is_technical(run: str) -> bool:
    """Whether a run of letters, as compared, is an ordinary technical word."""
    return run in TECHNICAL or _COMPOUND.fullmatch(run) is not None


def is_of_a_column(word: str) -> bool:
    """Whether a word, in small letters, is one that columns of tables are called by."""
    return word in OF_COLUMNS


def maker(text: str) -> str | None:
    """The known maker whose word a text holds, else 'other'; None without text. Never the text."""
    upper = text.upper().strip()
    if not upper:
        return None
    return next((name for name, pattern in _MAKER.items() if pattern.search(upper)), "other")
