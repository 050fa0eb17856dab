"""Names of ten scripts in headers, folders, archives and tables reach no list, log or error."""

import html
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from planted_names import (
    DECLARED,
    PEOPLE,
    encoded,
    film,
    save_with_raw_name,
    zip_with_raw_names,
)

from data_prep.read.dicom.write import save_dicom

SHORTEST = {"text": 3, "pixels": 6}  # bytes; shorter ones turn up in compressed pixels by chance
FLAGS = ("--size", "32", "--jobs", "1", "-v")


def spellings(script: str) -> set[str]:
    family, given, texts = PEOPLE[script]
    words = {family, given, f"{family}^{given}", *texts}
    for text in texts:  # of a romanised name every part counts
        words |= {part for part in re.split(r"[_ .-]", text) if not part.isascii() or len(part) > 3}
    return {word for word in words if not word.isascii() or len(word) > 3}


def marks() -> set[bytes]:
    """All spellings in every encoding, and what wrong decoders make of them, in lower case."""
    found: set[bytes] = set()
    planted = {word for script in PEOPLE for word in spellings(script)}
    for text in {form for word in planted for form in (word, word.lower(), word.upper())}:
        forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC")}
        forms |= {quote(form) for form in forms} | {json.dumps(text)[1:-1]}
        forms |= {text.encode("ascii", "xmlcharrefreplace").decode(), html.escape(text)}
        for _, raw in encoded(text):
            found.add(raw.lower())
            forms |= {raw.decode(wrong) for wrong in ("cp437", "latin-1")}
            forms.add(quote(raw))
        found |= {form.lower().encode() for form in forms}
    return {mark for mark in found if len(mark) >= SHORTEST["text"]}


MARKS = marks()


def found_in(places: dict[str, bytes]) -> list[str]:
    leaks = []
    for place, content in places.items():
        # bytes.lower() is for ASCII alone
        texts = {
            content.lower(),
            content.decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape"),
        }
        shortest = SHORTEST["pixels" if place.endswith(".png") else "text"]
        leaks += [
            f"{mark!r} in {place}"
            for mark in MARKS
            if len(mark) >= shortest and any(mark in text for text in texts)
        ]
    return leaks


def films(folder: Path) -> Iterator[Path]:
    """Films of everybody under every spelling, good and broken, conformant and mislabelled."""
    number = 0
    for script, (family, given, texts) in PEOPLE.items():
        for text in texts:
            number += 1
            good = folder / "export" / text / f"IM{number}_{text}.dcm"
            good.parent.mkdir(parents=True, exist_ok=True)
            more = {"OtherPatientNames": f"{given}^{family}", "OperatorsName": family,
                    "PatientID": f"N{number:05d}"}  # fmt: skip
            save_dicom(film(f"{family}^{given}", **more), good)
            bad = good.with_name(f"{text}_PA.dcm")
            save_dicom(film(f"{family}^{given}", Modality="CT", PatientID=text), bad)
            good.with_name(f"{text}.png").write_bytes(b"no picture of " + text.encode())
            yield from (good, bad)
        for k, (codec, raw) in enumerate(encoded(f"{family}^{given}")):
            path = folder / "wrong" / script / codec / texts[k % len(texts)] / "IM1.dcm"
            save_with_raw_name(path, raw, DECLARED[k % len(DECLARED)])
    members = {}
    for number, (family, given, texts) in enumerate(PEOPLE.values()):
        member = folder / f"Z{number}"
        save_dicom(film(f"{family}^{given}", PatientID=f"Z{number:05d}"), member)
        for codec, raw in encoded(texts[0]):
            members[raw + f"/{codec}/IM{number}.dcm".encode()] = member
    zip_with_raw_names(folder / f"{PEOPLE['chinese'][2][0]}.zip", members)


def command(*arguments: str | Path) -> tuple[int, dict[str, bytes]]:
    """Exit code of `films`, and what it printed."""
    words = [sys.executable, "-m", "data_prep", "films", *map(str, arguments), *FLAGS]
    done = subprocess.run(words, capture_output=True, check=False)
    return done.returncode, {"stdout": done.stdout, "stderr": done.stderr}


def contents(output: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(output.rglob("*")):
        found[f"name of {path.name}"] = str(path.relative_to(output)).encode()
        if path.is_file():
            found[path.name if path.suffix == ".png" else str(path)] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("in")
    assert len(list(films(folder))) > 60 and len(MARKS) > 1000
    return folder


def test_no_name_is_in_any_output_or_printed(export, tmp_path):
    code, told = command(export, tmp_path / "out")
    assert code == 3, told["stderr"].decode()[-2000:]
    places = contents(tmp_path / "out") | told
    assert any(name.endswith(".png") for name in places)
    assert found_in(places) == []
    private = (tmp_path / "out.links.csv").read_text("utf-8", "surrogateescape")
    assert "王小东" in private and "Иванов" in private


def test_no_name_of_a_table_is_in_any_output_or_printed(export, tmp_path):
    lines = ["image,subject,section,site"]
    images = sorted(path.relative_to(export) for path in (export / "export").rglob("*.dcm"))
    lines += [f"{path.as_posix()},{path.parts[1]},test,A" for path in images]
    lines += [
        f"{text}/absent.dcm,{text},test,A" for _, _, texts in PEOPLE.values() for text in texts
    ]
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    code, told = command(export, tmp_path / "out", "--table", table)
    assert code == 3, told["stderr"].decode()[-2000:]
    assert found_in(contents(tmp_path / "out") | told) == []


@pytest.mark.parametrize("script", PEOPLE)
@pytest.mark.parametrize(
    "rows",
    [
        "{0}/IM1.dcm,{0}\n{1}/IM2.dcm,{1}",  # no first line of names
        "image,subject,section\na.dcm,{0},test\nb.dcm,{0},val",
        "image,subject,section\na.dcm,{0},{1}\n{1},,test\n{1},x,test",
        "image,subject,label\na.dcm,x,{1}",
        "image,subject,group\na.dcm,x,{0} {1}",
        "image,subject,mask\na.dcm,x,{0}/{1}.png",
        "image,subject,boxes\na.dcm,x,{0}",
        "image,who\n{0},{1}",
    ],
)
def test_no_name_is_in_an_error_about_a_table(tmp_path, capfd, script, rows):
    from data_prep.__main__ import main

    _, given, texts = PEOPLE[script]
    (tmp_path / "in").mkdir()
    (tmp_path / "t.csv").write_text(rows.format(texts[0], given), encoding="utf-8")
    words = ["films", tmp_path / "in", tmp_path / "out", "--table", tmp_path / "t.csv", *FLAGS]
    assert main(list(map(str, words))) in (1, 2)
    told = capfd.readouterr()
    assert told.err and found_in({"out": told.out.encode(), "err": told.err.encode()}) == []


def test_the_search_finds_a_name_in_every_disguise():
    for text in ("王小东", "иванов", "müller", "ISIK_CAGRI", "Đức"):
        for form in (text, unicodedata.normalize("NFD", text), quote(text), json.dumps(text)):
            assert found_in({"x": f"<p>{form}</p>".encode()}), form
    assert found_in({"x": "王小东".encode("gb18030").decode("cp437").encode()})
    assert found_in({"x": "Müller".encode("cp1252").decode("cp437").encode()})
    assert found_in({"x": b"***/IM1.dcm skipped series_3 DX sub-0123456789ab"}) == []
