"""Metadata of full size, with the published counts and quirks and nobody's data."""

import hashlib
import random
from pathlib import Path

from data_prep.sources.card import Row, write_table

RSNA_TRAIN = 13_389
# source -> negative, positive films of the V7B training list; then of the test list
COVIDX_TRAIN = {
    **{"cohen": (298, 439), "actmed": (107, 25), "sirm": (0, 1182), "fig1": (0, 24)},
    "rsna": (RSNA_TRAIN, 0),
}
COVIDX_TEST = {"cohen": (1, 39), "actmed": (20, 33), "sirm": (0, 17), "fig1": (0, 11)}
COVIDX_TEST |= {"rsna": (79, 0)}
SINGLE = {  # PA films with this finding alone
    **{"Infiltration": 5270, "Atelectasis": 2210, "Effusion": 2086, "Nodule": 1924},
    **{"Pneumothorax": 1506, "Mass": 1367, "Pleural_Thickening": 875, "Cardiomegaly": 746},
    **{"Fibrosis": 648, "Emphysema": 525, "Consolidation": 346, "Pneumonia": 176},
    **{"Hernia": 98, "Edema": 51},
}
BOXED = {"Cardiomegaly": 41, "Atelectasis": 26, "Pneumothorax": 23, "Nodule": 20, "Effusion": 12}
BOXED |= {"Mass": 10, "Infiltration": 6, "Pneumonia": 6}  # on PA films of one finding: 144
PATIENTS, ROWS, PA, PA_HEALTHY, BOXES, BOXED_FILMS = 30_805, 112_120, 67_310, 39_302, 984, 880
HEADER_2020 = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
HEADER_2020 += "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"


def uuid_like(number: int) -> str:
    text = hashlib.sha256(f"uuid {number}".encode()).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))


def covidx_lines(counts: dict[str, tuple[int, int]], tested: bool) -> list[str]:
    """Lines "patient file class source", one to three films a patient, in no order.

    Five patients of cohen have films of both classes.
    """
    lines = []
    for source, pair in counts.items():
        for label, many in enumerate(pair):
            for k in range(many):
                kind = ("negative", "positive")[label]
                number = k + 100_000 * tested
                if source == "rsna":
                    patient = uuid_like(number)
                    name = f"{patient}.png"
                elif source == "sirm":
                    patient, name = f"COVID {number}", f"COVID({number}).png"
                elif source == "fig1":
                    patient = name = f"COVID-{number:05d}"
                    name += ".jpg"
                else:
                    who = number // 8 * 5 + (0, 1, 2, 2, 3, 4, 4, 4)[k % 8]
                    both = source == "cohen" and k < 6 and not tested
                    patient = f"{'ANON' if source == 'actmed' else ''}{who}"
                    patient += "p" if label and not both else ""
                    name = f"{source}-{label}-{number}.png"
                lines.append(f"{patient} {name} {kind} {source}")
    random.Random(7).shuffle(lines)
    return lines


def write_covidx(folder: Path, version: str = "7B") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, counts in (("train", COVIDX_TRAIN), ("test", COVIDX_TEST)):
        lines = covidx_lines(counts, part == "test")
        (folder / f"{part}_COVIDx{version}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def _films_of(patients: range, films: int, draw: random.Random) -> list[int]:
    """Patient of each film: every patient has one, a few have dozens."""
    extra = films - len(patients)
    more = [patients[int(len(patients) * draw.random() ** 1.7)] for _ in range(extra)]
    return [*patients, *more]


def chest_entries() -> list[tuple[int, str, str]]:
    """(patient, findings, view) of 112,120 films: the published marginal counts."""
    draw = random.Random(3)
    findings = [name for name, count in SINGLE.items() for _ in range(count)]
    draw.shuffle(findings)
    entries = [(p, "No Finding", "PA") for p in _films_of(range(0, 22_452), PA_HEALTHY, draw)]
    diseased = _films_of(range(17_000, 27_445), len(findings), draw)
    entries += [(p, name, "PA") for p, name in zip(diseased, findings, strict=True)]
    several = _films_of(range(22_000, 27_000), PA - PA_HEALTHY - len(findings), draw)
    entries += [(p, "Effusion|Mass", "PA") for p in several]
    lying = _films_of(range(18_000, PATIENTS), ROWS - PA, draw)
    return entries + [(p, ("No Finding", "Edema")[p % 2], "AP") for p in lying]


def write_chestxray14(folder: Path, variant: str = "2020") -> Path:
    """Data_Entry_2017*.csv, BBox_List_2017.csv; variant 2017: ages 058Y, an empty column."""
    folder.mkdir(parents=True, exist_ok=True)
    follow_up: dict[int, int] = {}
    rows, films = [], []
    for patient, findings, view in chest_entries():
        number = follow_up[patient] = follow_up.get(patient, -1) + 1
        image = f"{patient + 1:08d}_{number:03d}.png"
        years = 20 + patient % 60 if patient % 997 else 412  # the table has such ages
        age = f"{years:03d}Y" if variant == "2017" else f"{years}"
        end = "," if variant == "2017" else ""
        rows.append(
            f"{image},{findings},{number},{patient + 1},{age},{'MF'[patient % 2]},{view},"
            f"2682,2749,0.143,0.143{end}"
        )
        films.append((image, findings, view))
    header = HEADER_2020 + ("," if variant == "2017" else "")
    name = "Data_Entry_2017.csv" if variant == "2017" else "Data_Entry_2017_v2020.csv"
    (folder / name).write_text("\n".join([header, *rows]) + "\n", "utf-8")
    (folder / "BBox_List_2017.csv").write_text("\n".join(_box_lines(films)) + "\n", "utf-8")
    return folder


def _box_lines(films: list[tuple[str, str, str]]) -> list[str]:
    lines, left = ["Image Index,Finding Label,Bbox [x,y,w,h],,,"], dict(BOXED)
    others = []
    for image, findings, view in films:
        word = "Infiltrate" if findings == "Infiltration" else findings
        if view == "PA" and left.get(findings, 0):
            left[findings] -= 1
            lines.append(f"{image},{word},225.084745762712,547.019216763771,86.78,79.19,,,")
        elif view == "AP" and len(others) < BOXED_FILMS - sum(BOXED.values()):
            others.append(f"{image},Atelectasis,100,200,300,400,,,")
    twice = BOXES - BOXED_FILMS
    return lines + others + others[:twice]


def ixi_names() -> list[str]:
    """566 names; ids with gaps; three hospitals."""
    sites = ("Guys", "HH", "IOP")
    ids = [k for k in range(2, 663) if k % 7][:566]
    return [f"IXI{k:03d}-{sites[k % 3]}-{700 + k:04d}-T1.nii.gz" for k in ids]


def ixi_table() -> list[list[str]]:
    """The sheet "Table": unpadded ids, zeros for missing, subjects twice, rows without images."""
    header = "IXI_ID|SEX_ID (1=m, 2=f)|HEIGHT|WEIGHT|ETHNIC_ID|MARITAL_ID|OCCUPATION_ID|"
    header += "QUALIFICATION_ID|DOB|DATE_AVAILABLE|STUDY_DATE|AGE"
    rows = [header.split("|")]
    for k in range(1, 646):
        age = "" if k % 29 == 0 else f"{20 + k % 60}.5"
        sex = "0" if k % 31 == 0 else str(1 + k % 2)
        rows.append([str(k), sex, "170", "70", "1", "2", "1", "5", "", "1", "", age])
    twice = [row for row in rows if row[0] in ("219", "237", "251")]
    again = [list(row) for row in twice]
    again[0][-1] = ""  # one row knows the age, the other does not
    again[2][-1] = "99.5"  # these two disagree
    return rows + again


def write_ixi(folder: Path, *, bytes_of_a_head: bytes = b"") -> Path:
    place = folder / "T1"
    place.mkdir(parents=True, exist_ok=True)
    for name in ixi_names():
        (place / name).write_bytes(bytes_of_a_head)
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in ixi_table())
    (folder / "IXI.csv").write_text(text + "\n", "utf-8")
    return folder


def text_hash(rows: tuple[Row, ...], path: Path) -> str:
    """SHA-256 of the split as text: the same on every machine."""
    write_table(rows, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()
