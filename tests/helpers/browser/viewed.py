"""A scored folder with drawn pictures: what `healthygan view` and the gallery show."""

from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.files import write_csv, write_json
from healthygan_monai.paths import picture_stem
from healthygan_monai.scoring import ScoreRow, write_scores

PARTS = ("healthy", "mask", "difference")


def rows(count: int) -> list[ScoreRow]:
    """Two images a subject; the score of image 0 is the highest."""
    return [
        ScoreRow(
            section=("test", "validation")[k % 3 == 2],
            image=f"images/sub-{k // 2:05d}/{k:06d}.png",
            subject=f"sub-{k // 2:05d}",
            score=round(1 - k / count, 6),
            slice=k % 2,
            label=k % 4 // 2,
        )
        for k in range(count)
    ]


def make_run(folder: Path, count: int = 8, side: int = 48) -> tuple[Path, Path]:
    """Return (RUN with scores.csv and pictures, the data set with the inputs)."""
    run, data = folder / "00001-drawn", folder / "data"
    made = rows(count)
    run.mkdir(parents=True)
    write_scores(run / "scores.csv", made)
    for k, row in enumerate(made):
        stem = picture_stem(row.image)
        paths = [run / "pictures" / f"{stem}_{part}.png" for part in PARTS]
        for number, path in enumerate([data / row.image, *paths]):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn(side, k, number)).save(path)
    write_json(run / "run.json", {"dataset": str(data)})
    return run, data


def drawn(side: int, case: int, part: int) -> np.ndarray:
    """A disc on a slope; its place is the case's, its grey the part's."""
    y, x = np.mgrid[0:side, 0:side] / side
    far = np.hypot(x - 0.3 - 0.4 * (case % 5) / 4, y - 0.5)
    disc = np.exp(-((far / 0.12) ** 2))
    ground = 0.4 * (1 - np.abs(x - 0.5)) if part < 2 else 0.0
    bright = (0.5, 0.1, 1.0, 0.3)[part]
    return (255 * np.clip(ground + bright * disc, 0, 1)).astype(np.uint8)


def make_study(folder: Path) -> tuple[Path, Path]:
    """Return (OUTPUT as `healthygan score` writes it, INPUT): one film 60 x 40 and one volume."""
    import nibabel

    output, inputs = folder / "scored", folder / "films"
    for name in (output / "maps", output / "pictures", inputs):
        name.mkdir(parents=True)
    columns = ["name", "subject", "kind", "score", "threshold", "above", "plane", "slices"]
    columns.append("warnings")
    cases = [
        ["sub-a_ses-1", "sub-a", "film", "0.06", "0.05", "yes", "", "", "first of 2 frames"],
        ["sub-b_ses-1", "sub-b", "volume", "0.04", "0.05", "no", "axial", "7 (0.0500)", ""],
    ]
    write_csv(output / "cases.csv", columns, cases)
    write_scores(
        output / "scores.csv",
        [
            ScoreRow("test", "images/sub-a/1.png", "sub-a", 0.06),
            ScoreRow("test", "images/sub-b/7.png", "sub-b", 0.04, slice=7),
        ],
    )
    cut = {"value": 0.05, "policy": "5 % false alarms promised"}
    write_json(output / "about.json", {"white": 0.4, "map_threshold": None, "score_threshold": cut})
    film = np.tile(np.arange(40, dtype=np.uint8) * 4, (60, 1))
    Image.fromarray(film).save(output / "pictures" / "sub-a_ses-1.jpg")
    for end in ("", "_marked"):
        Image.fromarray(film).save(output / "maps" / f"sub-a_ses-1{end}.png")
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    scan = np.zeros((20, 24, 16), np.float32)
    scan[4:16, 4:20, 3:13] = 100
    found = np.zeros_like(scan)
    found[14, 6, 9] = 0.5
    for array, path in (
        (scan, inputs / "WARD_ROSA.nii.gz"),
        (found, output / "maps" / "sub-b_ses-1.nii.gz"),
    ):
        nibabel.save(nibabel.Nifti1Image(array, affine), path)
    links = [["WARD_ROSA.nii.gz", "***.nii.gz", "sub-b", "ses-1", "images/sub-b/7.png"]]
    columns = ["input", "shown", "subject", "session", "image"]
    write_csv(folder / "scored.links.csv", columns, links, private=True)
    return output, inputs
