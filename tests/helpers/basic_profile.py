"""The attributes of the PS3.15 Basic Profile, each planted in a film with a value to look for.

basic_profile.txt: action code and tags of Table E.1-1, column Basic Prof., edition 2026c, with
keyword and VR where pydicom's dictionary is older; XX in a repeating group is 00. D: dummy value,
Z: empty or dummy, X: removed, U: new UID.
"""

import base64
import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

MARK = "Zqvx"  # in every planted text; in no word of ours
ROOT = "2.25.90817263545"  # of every planted UID
HOLDER = 0x00400275  # Request Attributes Sequence, which holds the copy inside a sequence
PRIVATE_VRS = ("LO", "PN", "UN", "OB", "DA", "UI", "LT", "SH")
ALLOWED = {"PatientSex": "F", "PatientAge": "071Y"}  # the exceptions of docs/security.md
KEPT_OUT = ("0000", "0002")  # command and meta groups are no part of a data set


@dataclass(frozen=True)
class Attribute:
    tag: int
    keyword: str
    vr: str
    action: str


@dataclass
class Planted:
    """values: what was planted, by place; text of it must turn up nowhere."""

    values: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def value(self, attribute: Attribute, where: str) -> Any:
        """A value of the VR that is planted nowhere else."""
        self.count += 1
        number = self.count
        text = f"{MARK}{number:05d}"
        day = datetime.date(1931, 1, 1) + datetime.timedelta(number)
        moment = f"{number % 24:02d}{number % 60:02d}{number % 59:02d}.{number:06d}"
        by_vr = {
            "PN": f"{text}Müller^{text}Anna",
            "UI": f"{ROOT}.{100_000 + number}",  # none is the beginning of another
            "DA": f"{day:%Y%m%d}",
            "DT": f"{day:%Y%m%d}{moment}",
            "TM": moment,
            "CS": text.upper(),
            "DS": f"271.8281{number:05d}",
            "IS": f"27182{number:05d}",
            "UR": f"http://{text}.example/",
        }
        told = by_vr.get(attribute.vr, text)
        self.values[f"{where}/{attribute.keyword}"] = told
        return told.encode() + b" " if attribute.vr in ("OB", "OW", "UN") else told


def profile() -> list[Attribute]:
    """All of Table E.1-1 that has a tag of its own, by tag."""
    text = Path(__file__).with_name("basic_profile.txt").read_text(encoding="ascii")
    found = []
    for action, *entries in map(str.split, text.splitlines()):
        for tag, *named in (entry.split(":") for entry in entries):
            number = int(tag, 16)
            keyword, vr = named or (keyword_for_tag(number), dictionary_VR(number))
            found.append(Attribute(number, keyword, vr, action))
    return sorted(found, key=lambda attribute: attribute.tag)


def plant(dataset: Dataset) -> Planted:
    """Every attribute at the top level, inside a sequence, and a private copy of each VR."""
    planted = Planted()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _fill(dataset, planted, "top", nested=True)
    item = Dataset()
    _fill(item, planted, "item", nested=False)
    dataset.add_new(HOLDER, "SQ", Sequence([item]))
    block = dataset.private_block(0x0009, f"{MARK}Creator", create=True)
    for offset, vr in enumerate(PRIVATE_VRS, start=1):
        fake = Attribute(0, f"private{vr}", vr, "X")
        block.add_new(offset, vr, planted.value(fake, "private"))
    inner = Dataset()
    inner.PatientName = planted.value(Attribute(0, "PatientName", "PN", "Z"), "private/item")
    block.add_new(0x20, "SQ", Sequence([inner]))
    for keyword, value in ALLOWED.items():
        setattr(dataset, keyword, value)
    return planted


def _fill(dataset: Dataset, planted: Planted, where: str, nested: bool) -> None:
    for attribute in profile():
        if f"{attribute.tag:08X}"[:4] in KEPT_OUT or attribute.keyword in ALLOWED:
            continue
        if attribute.vr in ("AS", "US") or attribute.tag == HOLDER:
            continue  # four characters or two bytes: too short to be looked for
        if attribute.vr == "SQ":
            if not nested:
                continue
            item = Dataset()
            item.CodeMeaning = planted.value(
                Attribute(0, attribute.keyword, "LO", attribute.action), where
            )
            dataset.add_new(attribute.tag, "SQ", Sequence([item]))
        else:
            dataset.add_new(_tag(attribute), attribute.vr, planted.value(attribute, where))


def _tag(attribute: Attribute) -> int:
    return attribute.tag | 0x3000 if attribute.keyword == "CurveData" else attribute.tag


def read_back(dataset: Dataset) -> dict[str, str]:
    """What a data set holds now where plant() put something, by the same places."""
    found = {}
    holder = dataset.get(HOLDER)
    items = {"top": dataset, "item": holder.value[0] if holder and holder.value else Dataset()}
    for where, part in items.items():
        for attribute in profile():
            if _tag(attribute) in part:
                found[f"{where}/{attribute.keyword}"] = _text(part[_tag(attribute)].value)
    for offset, vr in enumerate(PRIVATE_VRS, start=1):
        if 0x00091000 + offset in dataset:
            found[f"private/private{vr}"] = _text(dataset[0x00091000 + offset].value)
    if 0x00091020 in dataset and dataset[0x00091020].value:
        inner = dataset[0x00091020].value[0]
        found["private/item/PatientName"] = str(inner.get("PatientName", ""))
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, Sequence):
        return str(value[0].get("CodeMeaning", "")) if value else ""
    return str(value)


def leaks(places: dict[str, bytes], values: Iterable[str]) -> list[str]:
    """'value in place' for every value found, in any case, as UTF-16, hexadecimal or base64."""
    whole = {place: content.lower() for place, content in places.items()}
    everything = b"\0".join(whole.values())
    found = []
    for value in values:
        for form in _plain_forms(value):
            if form in everything:
                found += [f"{value} in {place}" for place, text in whole.items() if form in text]
    for mark in (MARK, MARK.upper(), MARK.lower(), ROOT):
        for form in _encoded_forms(mark):
            found += [f"{mark} encoded in {p}" for p, content in places.items() if form in content]
    return found


def _plain_forms(value: str) -> set[bytes]:
    parts = {value, *value.split("^")}
    if len(value) >= 8 and value[:8].isdigit() and value[:2] == "19":
        year, month, day = value[:4], value[4:6], value[6:8]
        parts |= {value[:8], f"{year}-{month}-{day}", f"{day}.{month}.{year}"}
    return {part.lower().encode() for part in parts}


def _encoded_forms(mark: str) -> set[bytes]:
    raw = mark.encode()
    forms = {raw.hex().encode(), raw.hex().upper().encode(), mark.encode("utf-16-le")}
    for shift in range(3):  # base64 of a text depends on where it begins
        coded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        forms.add(coded[{0: 0, 1: 2, 2: 3}[shift] : len(coded) - 1])
    return forms
