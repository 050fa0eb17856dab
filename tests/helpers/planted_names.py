"""Patients in ten scripts, as headers, folders, archives and tables have them."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from data_prep.read.dicom.write import save_dicom

# Family name, given name, and how people write them in a path.
PEOPLE = {
    "chinese": ("王", "小东", ["王小东", "王_小东", "小东 王", "Wang_Xiaodong", "WangXiaoDong"]),
    "short": ("张", "三", ["张三", "张-三", "Zhang_San"]),
    "japanese": ("山田", "太郎", ["山田太郎", "山田 太郎", "やまだ_たろう", "ﾔﾏﾀﾞ", "Yamada_Taro"]),
    "korean": ("홍", "길동", ["홍길동", "길동_홍", "Hong_Gildong"]),
    "russian": ("Иванов", "Сергей", ["Иванов_Сергей", "ИВАНОВ", "сергей", "Ivanov_Sergej"]),
    "greek": ("Παπαδόπουλος", "Γιώργος", ["Παπαδόπουλος", "ΓΙΩΡΓΟΣ", "Papadopoulos_Giorgos"]),
    "arabic": ("محمد", "فاطمة", ["محمد_فاطمة", "فاطمة", "Mohammed_Fatima"]),
    "vietnamese": ("Nguyễn", "Đức", ["Nguyễn_Đức", "NGUYEN_DUC", "nguyen duc", "Duc-Nguyen"]),
    "turkish": ("Işık", "Çağrı", ["Işık_Çağrı", "ISIK_CAGRI", "Isik.Cagri", "İŞIK"]),
    "german": ("Müller", "Jürgen", ["Müller_Jürgen", "MUELLER_JUERGEN", "Muller", "M_ller_J_rgen"]),
}
CODECS = (
    "utf-8", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1252", "latin-1", "cp1251",
    "koi8-r", "iso8859-5", "iso8859-7", "iso8859-6", "cp1256", "cp1258", "iso8859-9",
)  # fmt: skip
DECLARED = (None, "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 144", "ISO 2022 IR 87")


def film(name: str, charset: str | None = "ISO_IR 192", **more: object) -> Dataset:
    """A film of 32 x 24 pixels, usable, of this patient."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "2.25.77"
    if charset is not None:
        dataset.SpecificCharacterSet = charset
    dataset.Modality, dataset.ViewPosition, dataset.BodyPartExamined = "DX", "PA", "CHEST"
    dataset.PatientID = "X815"
    dataset.add_new("PatientName", "PN", name)
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MONOCHROME2", 1
    dataset.Rows, dataset.Columns, dataset.PixelRepresentation = 32, 24, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = np.arange(32 * 24, dtype="<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def save_with_raw_name(path: Path, raw: bytes, charset: str | None, **more: object) -> None:
    """Save a film whose PatientName has these bytes, whatever its character set says."""
    stand_in = "Q" * (len(raw) + len(raw) % 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_dicom(film(stand_in, charset, **more), path)
    content = path.read_bytes()
    assert content.count(stand_in.encode()) == 1
    path.write_bytes(content.replace(stand_in.encode(), raw + b" " * (len(raw) % 2)))


def zip_with_raw_names(path: Path, films: Mapping[bytes, Path]) -> None:
    """Write an archive whose members have these names, byte for byte, without the UTF-8 flag."""
    stand_ins = {}
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, member) in enumerate(films.items()):
            stand_in = f"Q{number:04d}".ljust(len(name), "Q")
            stand_ins[stand_in.encode()] = name
            archive.write(member, stand_in)
    content = path.read_bytes()
    for stand_in, name in stand_ins.items():
        assert content.count(stand_in) == 2 and len(stand_in) == len(name)
        content = content.replace(stand_in, name)
    path.write_bytes(content)


def encoded(text: str) -> Iterator[tuple[str, bytes]]:
    """(codec, bytes) of a text in every codec that has its letters."""
    for codec in CODECS:
        try:
            yield codec, text.encode(codec)
        except UnicodeEncodeError:
            continue
