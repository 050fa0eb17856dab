"""Nothing planted in a header, or in the name of a file, comes out of a run of the pipeline."""

import base64
import io
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from basic_profile import ALLOWED, MARK, Attribute, Planted, leaks, plant, profile
from flat_settings import settings
from places import ROOT

from data_prep.pipeline import run
from data_prep.privacy import facts as deidentify
from data_prep.read.dicom.write import EXPLICIT_LITTLE_ENDIAN, save_dicom

PRIVATE_SYNTAX = f"{ROOT}.99"  # as long as the one it takes the place of
FAMILY, GIVEN, NUMBER, BORN = f"{MARK}Strasse", "Änneliese", f"{MARK}4711", "19360229"
OPTIONS = ("--size", "32", "--jobs", "2", "-v")
SECURITY = ROOT / "docs" / "security.md"
WORDS = (
    FAMILY, "Strasse", GIVEN, NUMBER, BORN, "29.02.1936", "1936-02-29", "Aenneliese", "Anneliese",
    "Gundula",
)  # fmt: skip
# Files that tell by their name alone whom they show; None: the first bytes of a good film, whose
# header ends before it says so.
HEADLESS: tuple[bytes | None, ...] = (b"", b"no film, but a letter", bytes(300), None)


@dataclass
class Export:
    folder: Path
    planted: list[Planted]

    @property
    def values(self) -> list[str]:
        return [*WORDS, *(value for one in self.planted for value in one.values.values())]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Two good films and broken ones, in folders named as a patient is; not to be written to."""
    result = Export(tmp_path_factory.mktemp("raw") / "export", [])
    home = result.folder / f"{FAMILY.upper()}_{GIVEN}"
    home.mkdir(parents=True)
    for name, bend in BENDS.items():
        dataset, planted = _film(len(result.planted))
        result.planted.append(planted)
        path = (
            home / f"{name}_{FAMILY}^{GIVEN}_{dataset.PatientID}_29.02.1936_{dataset.StudyDate}.dcm"
        )
        bend(dataset)
        save_dicom(dataset, path)
        if name == "private":
            explicit = EXPLICIT_LITTLE_ENDIAN.encode()
            path.write_bytes(path.read_bytes().replace(explicit, PRIVATE_SYNTAX.encode(), 1))
        if name == "cut":
            path.write_bytes(path.read_bytes()[:-500])
    good = next(home.glob("good*")).read_bytes()
    for number, content in enumerate(HEADLESS):
        path = home / f"Gundula{number}_{MARK}_19360229.dcm"
        path.write_bytes(good[:400] if content is None else content)
    return result


def _film(number: int) -> tuple[pydicom.Dataset, Planted]:
    dataset = pydicom.Dataset()
    planted = plant(dataset)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.Modality, dataset.ViewPosition, dataset.Manufacturer = "DX", "PA", f"GE {MARK}"
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientName, dataset.PatientBirthDate = f"{FAMILY}^{GIVEN}", BORN
    dataset.PatientID = f"{NUMBER}{number}"
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = 40, 32
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    pixels = (np.arange(40 * 32, dtype="<u2") + number) % 4096
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset, planted


def _window(dataset: pydicom.Dataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth = 500, 0


def _colour(dataset: pydicom.Dataset) -> None:
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "RGB", 3


def _foreign(dataset: pydicom.Dataset) -> None:
    dataset.Modality = f"{MARK}CT".upper()


def _strange(dataset: pydicom.Dataset) -> None:
    dataset.PhotometricInterpretation = f"{MARK}MONO".upper()


BENDS: dict[str, Callable[[pydicom.Dataset], None]] = {
    "good": lambda dataset: None,
    "better": lambda dataset: None,
    "cut": lambda dataset: None,
    "private": lambda dataset: None,
    "window": _window,
    "colour": _colour,
    "foreign": _foreign,
    "strange": _strange,
    "lateral": lambda dataset: setattr(dataset, "ViewPosition", "LL"),
    "burned": lambda dataset: setattr(dataset, "BurnedInAnnotation", "YES"),
    "empty": lambda dataset: dataset.__delitem__("PixelData"),
    "rows": lambda dataset: setattr(dataset, "Rows", 900),
}


def _contents(output: Path) -> dict[str, bytes]:
    """Names and bytes of all that OUTPUT holds, hidden files included."""
    found: dict[str, bytes] = {}
    for path in sorted(output.rglob("*")):
        name = path.relative_to(output).as_posix()
        found[f"name of {name}"] = name.encode()
        if path.is_file():
            found[name] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def places(export: Export, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All that a run of the pipeline wrote, logged, warned of and returned."""
    output = tmp_path_factory.mktemp("run") / "prepared"
    logged = io.StringIO()
    handler, root = logging.StreamHandler(logged), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = run(settings(export.folder, output, size=32))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    places = _contents(output)
    assert [name for name in places if name.endswith(".png")], "no film was prepared"
    assert logged.getvalue(), "nothing was logged"
    places["log"] = logged.getvalue().encode()
    places["warnings"] = "\n".join(str(one.message) for one in warned).encode()
    places["summary"] = result.summary.encode()
    unwritten = [one for one in result.outcomes if not one.images]
    assert len(unwritten) >= 5 + len(HEADLESS)
    places["outcomes"] = repr(unwritten).encode()
    return places


def test_no_planted_value_is_in_any_output_log_line_or_message(export, places):
    """Nor is a name that a file without a readable header has in its own name."""
    assert len(export.planted[0].values) > 1100
    assert leaks(places, export.values) == []


def test_no_planted_value_is_printed_by_the_command(export, tmp_path):
    output = tmp_path / "out"
    places = (str(export.folder), str(output))
    done = subprocess.run(
        [sys.executable, "-m", "data_prep", "films", *places, *OPTIONS],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr.decode()[-2000:]
    own = str(export.folder).encode()  # the path that was typed may be repeated
    told = {"stdout": done.stdout.replace(own, b""), "stderr": done.stderr.replace(own, b"")}
    assert leaks(told | _contents(output), export.values) == []


def test_a_png_holds_pixels_and_nothing_else(places):
    for name, content in places.items():
        if name.endswith(".png") and content.startswith(b"\x89PNG"):
            assert _chunks(content) <= {b"IHDR", b"IDAT", b"IEND"}


def test_only_sex_age_and_closed_lists_pass_the_allow_list(places):
    for name, content in places.items():
        if name.startswith("images/") and name.endswith(".json"):
            facts = json.loads(content)["facts"]
            assert facts["sex"] == "F" and facts["age"] == 71
            assert facts["manufacturer"] == "GE" and facts["view"] == "PA"


def test_the_allow_list_meets_the_basic_profile_in_sex_and_age_alone():
    listed = {attribute.keyword for attribute in profile()}
    asked: set[str] = set()

    class Header:
        def get(self, keyword: str) -> None:
            asked.add(keyword)

    assert deidentify.facts(Header()) == {}
    only_for_age = {"StudyDate", "PatientBirthDate"}
    assert listed & asked == set(ALLOWED) | only_for_age


def test_the_document_names_every_attribute_with_its_action():
    text = SECURITY.read_text(encoding="utf-8")
    told: dict[str, str] = {}
    for line in text.partition("## 7.")[2].partition("## 8.")[0].splitlines():
        group = re.match(r"\| \*\*.*?, ([DXZU/*]+)\*\* \((\d+)\): (.*?) \|", line)
        if group:
            names = group[3].split(", ")
            assert len(names) == int(group[2])
            told.update(dict.fromkeys(names, group[1]))
        else:
            told.update(re.findall(r"(\w+) ([DXZU/*]+)(?=[,| ])", line.partition(" | ")[0] + " "))
    assert {a.keyword: a.action for a in profile()}.items() <= told.items()


def test_the_search_finds_a_leak_in_every_form():
    planted = Planted()
    name = planted.value(Attribute(0, "PatientName", "PN", "Z"), "top")
    day = planted.value(Attribute(0, "StudyDate", "DA", "Z"), "top")
    uid = planted.value(Attribute(0, "StudyInstanceUID", "UI", "U"), "top")
    forms = [
        name.encode(),
        name.split("^")[1].upper().encode(),
        f"{day[6:]}.{day[4:6]}.{day[:4]}".encode(),
        uid.encode(),
        b"x" + name.encode().hex().encode(),
        *(base64.b64encode(b"x" * shift + name.encode()) for shift in range(3)),
        name.encode("utf-16-le"),
    ]
    for form in forms:
        assert leaks({"page": b"<p>" + form + b"</p>"}, planted.values.values()), form
    assert leaks({"page": b"<p>sub-0123456789ab</p>"}, planted.values.values()) == []


def test_a_leaky_allow_list_is_caught(export):
    path = next(export.folder.rglob("good*"))
    header = pydicom.dcmread(path, stop_before_pixels=True)
    careful = deidentify.facts(header)
    assert leaks({"facts": json.dumps(careful).encode()}, export.values) == []
    for keyword in ("StationName", "StudyDate", "StudyInstanceUID", "Manufacturer"):
        leaky = careful | {"more": str(header.get(keyword))}
        assert leaks({"facts": json.dumps(leaky).encode()}, [*export.values, MARK])


def _chunks(png: bytes) -> set[bytes]:
    names, at = set(), 8
    while at < len(png):
        names.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return names
