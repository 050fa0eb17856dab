"""Whole small files of each kind, from which the mutants are made; the same in every run."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from tiny import write_dataset

from data_prep.read.dicom.write import save_dicom

SIZE = 48
GREY = np.random.default_rng(3).integers(0, 200, (SIZE, SIZE)).astype(np.uint8)
NATIVE = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
JPEG, LOSSLESS, JPEG_LS, J2K, RLE = (
    f"1.2.840.10008.1.2.{tail}" for tail in ("4.50", "4.70", "4.80", "4.90", "5")
)


def picture(form: str, mode: str = "L", size: int = SIZE, **options: object) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(GREY).resize((size, size))
    if mode == "I;16":
        image = Image.fromarray(GREY.astype(np.uint16) * 200)
    elif mode != "L":
        image = image.convert(mode)
    image.save(buffer, form, **options)
    return buffer.getvalue()


def pngs() -> list[bytes]:
    return [picture("PNG", mode) for mode in ("L", "I;16", "RGB", "P", "LA", "1")]


def jpegs() -> list[bytes]:
    return [
        picture("JPEG", quality=90),
        picture("JPEG", progressive=True),
        picture("JPEG", "RGB"),
        picture("JPEG", restart_marker_blocks=1),
        picture("JPEG", "CMYK"),
    ]


def dicom_film(
    folder: Path, syntax: str, frames: list[bytes] | None = None, bits: int = 16
) -> bytes:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3.4"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.5"
    ds.PatientName, ds.PatientID, ds.StudyDate = "Meier^Anna", "4711", "20200102"
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "PA"
    ds.PhotometricInterpretation, ds.SamplesPerPixel = "MONOCHROME2", 1
    ds.Rows, ds.Columns = SIZE, SIZE
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, min(bits, 12), min(bits, 12) - 1
    ds.PixelRepresentation, ds.NumberOfFrames = 0, str(max(1, len(frames or ())))
    ds.WindowCenter, ds.WindowWidth, ds.RescaleSlope, ds.RescaleIntercept = "100", "200", "1", "0"
    ds.PixelSpacing, ds.PatientOrientation = ["0.2", "0.2"], ["L", "F"]
    ds.PixelPaddingValue, ds.PatientSex, ds.PatientAge = 0, "F", "041Y"
    lut = Dataset()
    lut.add_new("LUTDescriptor", "US", [256, 0, 12])
    lut.add_new("LUTData", "OW", np.arange(0, 4096, 16, np.uint16).tobytes())
    ds.VOILUTSequence = [lut]
    if frames is None:
        order = ">" if syntax == NATIVE[3] else "<"
        ds.PixelData = GREY.astype(f"{order}u{bits // 8}").tobytes()
    else:
        ds.PixelData = encapsulate(frames)
        ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB" if frames is not None or bits == 8 else "OW"
    path = folder / "film.dcm"
    save_dicom(ds, path, syntax)
    return path.read_bytes()


def codestreams() -> Iterator[tuple[str, list[bytes], int]]:
    """(transfer syntax, frames, allocated bits) of each encoder that is here."""
    yield JPEG, [picture("JPEG")], 8
    yield JPEG, [picture("JPEG"), picture("JPEG", quality=40)], 8
    head = struct.pack("<16I", 1, 64, *[0] * 14)
    rows = b"".join(bytes([SIZE - 1]) + row.tobytes() for row in GREY)
    yield RLE, [head + rows + b"\0" * (len(rows) % 2)], 8
    yield J2K, [picture("JPEG2000", irreversible=False)], 8
    try:
        import jpeg_ls  # pyjpegls
    except ImportError:
        return
    stream = jpeg_ls.encode_array(GREY)
    yield JPEG_LS, [bytes(stream)], 8


def dicoms(folder: Path) -> list[bytes]:
    native = [dicom_film(folder, syntax) for syntax in NATIVE]
    return native + [dicom_film(folder, *stream) for stream in codestreams()]


def niftis() -> list[bytes]:
    import nibabel as nib

    grid = np.mgrid[-1:1:12j, -1:1:14j, -1:1:10j]
    head = (1000 * np.exp(-(grid**2).sum(0)) * (np.hypot(*grid[:2]) < 0.9)).astype(np.int16)
    affine = np.diag([15.0, 15.0, 16.0, 1.0])
    affine[:3, 3] = -80
    found = []
    for kind in (np.int16, np.float32, np.uint8):
        image = nib.Nifti1Image((head / 4).astype(kind), affine)
        found += [image.to_bytes(), gzip.compress(image.to_bytes(), 1, mtime=0)]
    found.append(nib.Nifti2Image(head, affine).to_bytes())
    return found


def zips(folder: Path) -> list[bytes]:
    film, large = dicom_film(folder, NATIVE[1]), picture("PNG", size=96)  # no icon
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in (("a/IM1", film), ("b.png", large), ("note.txt", b"text")):
                info = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
                archive.writestr(info, content, method)
        found.append(buffer.getvalue())
    return found


def datasets(folder: Path) -> list[bytes]:
    """dataset.json of a tiny data set, made in ``folder``, whose images stay there."""
    if not (folder / "dataset.json").exists():
        write_dataset(folder)
    return [(folder / "dataset.json").read_bytes()]


def checkpoints() -> list[bytes]:
    """A small generator, in the zip format of PyTorch and in the one before."""
    import torch

    from healthygan_monai.networks import make_generator

    torch.manual_seed(0)
    found = []
    for new in (True, False):
        buffer = io.BytesIO()
        weights = make_generator(channels=2, blocks=1).state_dict()
        torch.save(weights, buffer, _use_new_zipfile_serialization=new)
        found.append(buffer.getvalue())
    return found


def run_folder(folder: Path, data: Path) -> Path:
    """A finished run, scored and evaluated, of the tiny data set; made once."""
    import tiny

    from healthygan_monai.evaluation.evaluate import evaluate

    runs = folder / "runs"
    if not runs.exists():
        run = tiny.train(runs, data)
        tiny.infer(run / "model.pt", data, run)
        evaluate(run, bootstrap=20)
    return next(runs.iterdir())


def tables() -> list[bytes]:
    boxes = json.dumps([[2, 2, 9, 9, "x"]]).replace('"', '""')
    head = "image,subject,section,group,label,mask,boxes,view,site,age,sex\n"
    rows = [f"{k}.png,p{k},{s},,{k % 2},,,PA,A,{40 + k},F\n" for k, s in enumerate(SECTION_OF)]
    return [
        (head + "".join(rows)).encode(),
        f'image,subject,boxes\n0.png,a,"{boxes}"\n1.png,b,\n'.encode(),
        b"image,subject,group,label\n"
        + b"".join(b"%d.png,q%d,healthy,0\n" % (k, k) for k in range(4)),
    ]


SECTION_OF = ("training_mixed", "training_healthy", "validation", "test")
