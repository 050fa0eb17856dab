"""Films per second and memory of `healthygan prep films`, against two bare scripts.

    python benchmarks/prep_films.py make FOLDER --source ../shared/data/cxr_nih --films 2000
    python benchmarks/prep_films.py run FOLDER --jobs 2

`make` writes films of 2048 x 2048 pixels and 12 bit in mixed transfer syntaxes: real pictures from
the source folder, enlarged, with the grain of a detector, each with its own; a tenth of them
MONOCHROME1. `run` prints three rows:

    bare    pydicom's decoding and Pillow's resize in one process, times the number of jobs
    script  the obvious script, one process: rescale, VOI, MONOCHROME1, resize, PNG
    prep    the command itself, with --jobs; and the largest memory of parent and of a child

The bare rows are timed on every tenth film. All rows read the same files, once before the clock
starts, so that the disk's cache serves each of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

SIDE, BITS = 2048, 12
GRAIN = 12.0  # grey levels of 4096: about what a detector of this depth shows in the lung
# Shares as in a mixed archive: most uncompressed, the rest in every lossless codec in use.
SYNTAXES = (
    ["1.2.840.10008.1.2.1"] * 6  # explicit little endian
    + ["1.2.840.10008.1.2"] * 2  # implicit little endian
    + ["1.2.840.10008.1.2.4.90"] * 4  # JPEG 2000
    + ["1.2.840.10008.1.2.4.70"] * 4  # JPEG lossless, as most modalities send
    + ["1.2.840.10008.1.2.4.80"] * 2  # JPEG-LS
    + ["1.2.840.10008.1.2.5"] * 2  # RLE
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("folder", type=Path)
    make.add_argument("--source", type=Path, required=True)
    make.add_argument("--films", type=int, default=2000)
    make.add_argument("--jobs", type=int, default=os.cpu_count())
    run = commands.add_parser("run")
    run.add_argument("folder", type=Path)
    run.add_argument("--jobs", type=int, default=os.cpu_count())
    run.add_argument("--size", type=int, default=256)
    run.add_argument("--films", type=int, default=0, help="the first N alone")
    arguments = parser.parse_args()
    (make_films if arguments.command == "make" else compare)(arguments)
    return 0


def make_films(arguments: argparse.Namespace) -> None:
    pictures = sorted(
        p for p in arguments.source.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg")
    )[:40]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        calls = [
            pool.submit(make_film, pictures[k % len(pictures)], arguments.folder, k)
            for k in range(arguments.films)
        ]
        for call in calls:
            call.result()
    print(f"{arguments.films} films in {arguments.folder}")


def make_film(picture: Path, folder: Path, number: int) -> None:
    """One film; the same number gives the same film."""
    from PIL import Image
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    from data_prep.read.dicom.write import save_dicom

    path = folder / f"IM{number:05d}.dcm"
    if path.exists():
        return
    with Image.open(picture) as opened:
        grey = opened.convert("F").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    rng = np.random.default_rng(number)
    values = np.asarray(grey) * (2**BITS / 256) + rng.normal(0, GRAIN, (SIDE, SIDE))
    pixels = np.clip(np.rint(values), 0, 2**BITS - 1).astype("<u2")
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.SOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
    ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid(entropy_srcs=[str(number), "s"])
    ds.PatientID, ds.StudyDate = f"P{number // 2:05d}", f"2020{1 + number % 12:02d}01"
    ds.Modality, ds.ViewPosition, ds.BodyPartExamined = "DX", "PA", "CHEST"
    ds.PhotometricInterpretation = "MONOCHROME1" if number % 10 == 9 else "MONOCHROME2"
    ds.Rows = ds.Columns = SIDE
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, BITS, BITS - 1
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.PixelSpacing = [0.168, 0.168]
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
    # A prime step: every syntax meets every picture.
    encode(ds, path, SYNTAXES[(7 * number) % len(SYNTAXES)], save_dicom)


def encode(ds: object, path: Path, syntax: str, save_dicom: object) -> None:
    """Write the film in a transfer syntax; gdcm writes JPEG lossless, pydicom all others."""
    temporary = path.with_suffix(".part")
    save_dicom(ds, temporary)  # type: ignore[operator]
    if syntax == "1.2.840.10008.1.2.4.70":
        import gdcm

        reader = gdcm.ImageReader()
        reader.SetFileName(str(temporary))
        reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        if not change.Change():
            raise RuntimeError("gdcm cannot write JPEG lossless")
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(temporary))
        writer.Write()
    elif syntax != "1.2.840.10008.1.2.1":
        import pydicom

        read = pydicom.dcmread(temporary)
        if syntax == "1.2.840.10008.1.2":
            read.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
            read.save_as(temporary, implicit_vr=True, little_endian=True)
        else:
            read.compress(syntax, generate_instance_uid=False)
            read.save_as(temporary)
    os.replace(temporary, path)


def compare(arguments: argparse.Namespace) -> None:
    films = sorted(arguments.folder.glob("*.dcm"))
    films = films[: arguments.films] if arguments.films else films
    sample = films[::10]
    for path in films:
        path.read_bytes()
    bare = timed(bare_film, sample, arguments.size)
    script = timed(script_film, sample, arguments.size)
    with tempfile.TemporaryDirectory(dir=arguments.folder.parent) as folder:
        inputs = arguments.folder
        if arguments.films:
            inputs = Path(folder) / "raw"
            inputs.mkdir()
            for path in films:
                os.link(path, inputs / path.name)
        wall, memory = prep(inputs, Path(folder) / "out", arguments)
        written = json.loads((Path(folder) / "out" / "dataset.json").read_text())["generated_by"]
    rows = [
        (f"bare x {arguments.jobs}", arguments.jobs / bare, "", ""),
        ("script, one process", 1 / script, "", ""),
        (f"prep --jobs {arguments.jobs}", len(films) / wall, *(f"{m:.0f}" for m in memory)),
    ]
    print(f"{len(films)} films, {written['images']} written, {wall:.0f} s")
    print("| | films/s | parent, MiB | largest child, MiB |\n|---|---|---|---|")
    for name, rate, parent, child in rows:
        print(f"| {name} | {rate:.2f} | {parent} | {child} |")
    print(f"prep / bare: {len(films) / wall / (arguments.jobs / bare):.2f}")


def timed(function: object, films: list[Path], size: int) -> float:
    """Seconds a film, in a process of its own with one thread, without its start."""
    with ProcessPoolExecutor(1) as pool:
        pool.submit(function, films[0], size).result()  # type: ignore[arg-type]
        start = time.perf_counter()
        pool.submit(all_of, function, films, size).result()
        return (time.perf_counter() - start) / len(films)


def all_of(function: object, films: list[Path], size: int) -> None:
    for path in films:
        function(path, size)  # type: ignore[operator]


def bare_film(path: Path, size: int) -> None:
    import pydicom
    from PIL import Image

    pixels = pydicom.dcmread(path).pixel_array
    Image.fromarray(pixels.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)


def script_film(path: Path, size: int) -> None:
    """What one would write in ten minutes; it is right for these films, and only for them."""
    import pydicom
    from PIL import Image
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    ds = pydicom.dcmread(path)
    values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(np.float32)
    values = (values - values.min()) / (values.max() - values.min())
    if ds.PhotometricInterpretation == "MONOCHROME1":
        values = 1 - values
    values = values[int(SIDE * 0.08) :]
    left = (SIDE - values.shape[0]) // 2
    square = Image.fromarray(values[:, left : left + values.shape[0]])
    small = np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(np.rint(small * 255).astype(np.uint8)).save(Path(folder) / "film.png")


def prep(inputs: Path, out: Path, arguments: argparse.Namespace) -> tuple[float, list[float]]:
    """(seconds, largest resident memory of the parent and of a child in MiB), start included."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "data_prep", "films", str(inputs), str(out), "-q"]
    command += ["--size", str(arguments.size), "--jobs", str(arguments.jobs)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most = [0.0, 0.0]
    watch = threading.Thread(target=watch_memory, args=[process, most], daemon=True)
    watch.start()
    process.wait()
    wall = time.perf_counter() - start
    watch.join()
    return wall, most


def watch_memory(process: subprocess.Popen[bytes], most: list[float]) -> None:
    import psutil  # comes with Dask

    parent = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            most[0] = max(most[0], parent.memory_info().rss / 2**20)
            for child in parent.children():
                most[1] = max(most[1], child.memory_info().rss / 2**20)
        except psutil.Error:
            pass
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
