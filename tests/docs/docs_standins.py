"""What stands for the names a page uses: phantom films and heads, tiny data sets and runs.

A stand-in is a function (place, shelf): it puts something at `place`, inside the folder of the page's story.
The shelf keeps what several pages use, made once.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from tiny import train, write_dataset

from data_prep.phantom.brains import make_brains
from data_prep.phantom.study import make_films
from healthygan_monai.cli.main import main

# what `healthygan prep phantom` and the demo draw here, in the place of 600 films and 52 heads
PHANTOM_COUNTS = {
    "films": {"training_mixed": 8, "training_healthy": 8, "validation": 10, "test": 14},
    "brains": {"training_mixed": 2, "training_healthy": 1, "validation": 2, "test": 2},
}
NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)

ROOT = Path(__file__).resolve().parents[2]

Standin = Callable[[Path, "Shelf"], None]


class Shelf:
    """Phantoms that are drawn when the first page wants them."""

    def __init__(self, folder: Path, trained: Path) -> None:
        self.folder = folder
        self.trained = trained  # a run folder

    @cached_property
    def films(self) -> Path:
        return make_films(self.folder / "films", counts=PHANTOM_COUNTS["films"])

    @cached_property
    def brains(self) -> Path:
        return make_brains(self.folder / "brains", counts=PHANTOM_COUNTS["brains"])

    @cached_property
    def films_run(self) -> Path:
        """A run whose images of 64 x 64 pixels were prepared from these films, and which says how."""
        prepared, table = self.folder / "films-64", self.films / "cohort.csv"
        words = ["prep", "films", str(self.films), str(prepared), "--table", str(table)]
        assert main([*words, "--size", "64", "--quiet"]) == 0
        return train(self.folder / "runs", prepared)


def films(place: Path, shelf: Shelf) -> None:
    """Phantom DICOM films with their table, as `healthygan prep phantom films` draws them."""
    shutil.copytree(shelf.films, place)


def bare_films(place: Path, shelf: Shelf) -> None:
    """A few films without a table."""
    place.mkdir()
    for film in sorted((shelf.films / "films").iterdir())[:4]:
        shutil.copy(film, place)


def films_table(place: Path, shelf: Shelf) -> None:
    shutil.copy(shelf.films / "cohort.csv", place)


def brains(place: Path, shelf: Shelf) -> None:
    """Phantom heads with their table."""
    shutil.copytree(shelf.brains, place)


def brains_table(place: Path, shelf: Shelf) -> None:
    shutil.copy(shelf.brains / "cohort.csv", place)


def data(place: Path, shelf: Shelf) -> None:
    """A prepared data set of 19 images of 32 x 32 pixels."""
    write_dataset(place)
    path = place / "dataset.json"
    path.write_text(path.read_text().replace('"tiny"', '"NAME"'))


def run(place: Path, shelf: Shelf) -> None:
    """A finished training run, and its data set where run.json says."""
    shutil.copytree(shelf.trained, place)


def films_run(place: Path, shelf: Shelf) -> None:
    """A finished training run on prepared phantom films."""
    shutil.copytree(shelf.films_run, place)


def bundle(place: Path, shelf: Shelf) -> None:
    """The bundle, under another name."""
    shutil.copytree(ROOT / "bundle", place, ignore=shutil.ignore_patterns("eval"))


def authors_file(place: Path, shelf: Shelf) -> None:
    """A generator in the authors' form."""
    from healthygan_monai.exchange.authors_files import export_authors

    export_authors(shelf.trained / "model.pt", place)


def label_app(place: Path, shelf: Shelf) -> None:
    """What `install` looks for in a MONAI Label app."""
    place.mkdir()
    (place / "main.py").touch()


def newest_run(place: Path, shelf: Shelf) -> None:
    """The run that was made last in this story."""
    runs = [*place.parent.rglob("run.json"), *place.parent.parent.glob("runs/*/run.json")]
    found = [p.parent for p in runs if not p.parent.is_symlink()]
    place.symlink_to(
        max(found, key=lambda p: (p / "run.json").stat().st_mtime), target_is_directory=True
    )


def grid(place: Path, shelf: Shelf) -> None:
    """A grid file of two quick methods on a tiny data set."""
    write_dataset(place.with_name("grid-data"))
    methods = ["mean-intensity", "distance-to-mean"]
    place.write_text(json.dumps({"datasets": ["grid-data"], "methods": methods, "seeds": [0]}))


def labelled_films(place: Path, shelf: Shelf) -> None:
    """Films of two data sets with one table labels.csv, in columns of its own names."""
    shutil.copytree(shelf.films / "films", place / "films")
    with (shelf.films / "cohort.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("path", "patient_id", "split", "label", "mask_path", "dataset", "site", "age", "sex")
    with (place / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for name in ("brain_lgg", "cxr_nih"):
            for row in rows:
                who = (row["image"], row["subject"], row["section"], row["label"])
                writer.writerow((*who, "", name, "here", 40 + len(row["subject"]) % 9, "F"))


def nih(place: Path, shelf: Shelf) -> None:
    """ChestX-ray14's two tables in their published form, and 20 pictures of noise."""
    rows, pictures = [NIH_HEADER], place / "images_001" / "images"
    pictures.mkdir(parents=True)
    for k in range(20):
        name = f"{k + 1:08d}_000.png"
        noise = np.random.default_rng(k).integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(noise).save(pictures / name)
        rows.append(
            f"{name},{'Mass' if k > 11 else 'No Finding'},0,{k + 1},{40 + k},{'MF'[k % 2]},PA,64,64,1,1"
        )
    (place / "Data_Entry_2017_v2020.csv").write_text("\n".join(rows) + "\n")
    boxes = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000013_000.png,Mass,16,16,32,16,,,\n"
    (place / "BBox_List_2017.csv").write_text(boxes)


def ixi(place: Path, shelf: Shelf) -> None:
    """IXI.csv in its published form and five phantom heads named like IXI's, four of them of HH."""
    place.mkdir(parents=True)
    names = ["IXI_ID", '"SEX_ID (1=m, 2=f)"', "AGE"]
    rows = [names, *([str(k), str(1 + k % 2), f"{20 + 5 * k}.5"] for k in range(1, 6))]
    (place / "IXI.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    for k, head in enumerate(sorted((shelf.brains / "brains").iterdir())[:5], start=1):
        site = "Guys" if k == 5 else "HH"
        shutil.copy(head, place / f"IXI{k:03d}-{site}-{700 + k:04d}-T1.nii.gz")


def clinic(place: Path, shelf: Shelf) -> None:
    """cohort.yaml and the heads it names: four healthy, three diseased."""
    place.mkdir()
    names = [f"c0{k}" for k in range(1, 5)] + [f"m0{k}" for k in range(1, 4)]
    for name, head in zip(names, sorted((shelf.brains / "brains").iterdir()), strict=True):
        shutil.copy(head, place / f"{name}.nii.gz")
    healthy, diseased = ", ".join(names[:4]), "".join(f"  - {name}\n" for name in names[4:])
    text = f"site: Our clinic\nhealthy: [{healthy}]\ndiseased:\n{diseased}"
    (place / "cohort.yaml").write_text(text)


def empty_folder(place: Path, shelf: Shelf) -> None:
    place.mkdir()


def set_down(name: str, standin: Standin, story: Path, shelf: Shelf) -> None:
    """Put a stand-in at `name`, in the place of what an earlier one left there."""
    place = story / name
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    standin(place, shelf)
    os.utime(place, follow_symlinks=False)
