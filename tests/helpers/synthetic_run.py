"""A run folder with drawn films: two lungs on a grey chest, a bright disc as the disease."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from healthygan_monai.evaluation.evaluate import evaluate
from healthygan_monai.report import Translation
from healthygan_monai.scoring import ScoreRow, write_scores

SIZE = 96
CONFIG = {
    **{"image_size": 96, "image_channels": 1, "batch_size": 16, "max_iterations": 4000},
    **{"decay_iterations": 1000, "lr_schedule": "linear", "learning_rate": 3e-4},
    **{"betas": [0.5, 0.999], "n_critic": 2, "lambda_gp": 10, "lambda_id": 1, "lambda_rec": 1},
    **{"lambda_f": 0.1, "lambda_fs": 1, "lambda_fz": 1, "focus_eps": 0.01, "criterion": "fid"},
}
PROBES = [
    ("mean intensity", False, 0.41, 0.30, 0.52),
    ("distance to the mean healthy image", False, 0.55, 0.44, 0.66),
    ("PCA reconstruction", False, 0.60, 0.49, 0.70),
    ("border only", True, 0.52, 0.41, 0.63),
    ("grey histogram", True, 0.57, 0.46, 0.68),
    ("thumbnail", True, 0.62, 0.51, 0.72),
]


def film(subject: int, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """(image in [0, 1], lesion mask), both (SIZE, SIZE); contrast 0 = healthy."""
    rng = np.random.default_rng(subject)
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    image = 0.75 - 0.35 * np.hypot(x - 0.5, y - 0.5)
    shift = rng.uniform(-0.03, 0.03)
    for centre in (0.31 + shift, 0.69 + shift):
        lung = ((x - centre) / 0.15) ** 2 + ((y - 0.5) / 0.32) ** 2
        image = image - 0.45 / (1 + np.exp(12 * (lung - 1)))
    image += 0.05 * np.sin(28 * y + 4 * np.abs(x - 0.5)) * (np.hypot(x - 0.5, y - 0.5) < 0.42)
    centre_x, centre_y = rng.choice([0.31, 0.69]), rng.uniform(0.35, 0.65)
    distance = np.hypot(x - centre_x, y - centre_y)
    image = image + contrast * np.exp(-((distance / 0.06) ** 2))
    image = np.clip(image + rng.normal(0, 0.015, image.shape), 0, 1)
    return image, (distance < 0.07) & (contrast > 0)


def contrast(subject: int) -> float:
    """Odd subjects are diseased, some of them faintly."""
    return float(np.random.default_rng(subject).uniform(0.05, 0.5)) if subject % 2 else 0.0


def translate(row: ScoreRow) -> Translation:
    """A translation that finds most of the lesion and repaints a little of everything."""
    number = int(row.subject.split("-")[1])
    image, lesion = film(number, contrast(number))
    rng = np.random.default_rng([number, int(row.slice or 0)])
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    wave = np.sin(rng.uniform(8, 16) * x + rng.uniform(0, 6)) * np.sin(rng.uniform(8, 16) * y)
    drift = rng.uniform(0, 0.25) * np.clip(wave, 0, 1)
    target = film(number, 0.0)[0]
    mask = np.clip(4 * np.abs(image - target) + 3 * drift, 0, 1)
    healthy = np.clip(image + mask * (0.9 * (target - image) + drift), 0, 1)
    outline = lesion if row.label else None
    return Translation(image, mask, healthy, np.abs(image - healthy), outline)


def score_rows(subjects: int = 60) -> list[ScoreRow]:
    """Scores as they follow from the drawn translations; every third subject has two images."""
    rows = []
    for section, first in (("validation", 1000), ("test", 2000)):
        for number in range(first, first + subjects):
            for piece in range(2 if number % 3 == 0 else 1):
                name = f"sub-{number}"
                row = ScoreRow(section, f"images/{name}/{piece}.png", name, 0.0, slice=piece)
                row = replace(row, label=number % 2)
                rows.append(replace(row, score=float(translate(row).difference.mean())))
    return rows


def make_run(folder: Path, *, bootstrap: int = 200, probes: bool = True) -> Path:
    """Every file of a finished run, as the trainer and the commands write them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    write_json(folder / "config.json", CONFIG)
    write_json(
        folder / "run.json",
        {
            **{"version": "0.1.0", "commit": "abc1234", "torch": "2.4.0", "seed": 0},
            **{"dataset": "drawn-films", "data_hash": "sha256:0123", "device": "cpu"},
            **{"command": "healthygan train data/drawn-films", "iterations": 4000},
            "started": "2024-05-01T10:00:00+00:00",
            "finished": "2024-05-01T11:00:00+00:00",
        },
    )
    lines = []
    for iteration in range(20, 4001, 20):
        t = iteration / 4000
        noise = rng.normal(0, 0.08, 6)
        line = {
            **{"iteration": iteration, "loss_d": -3 * t**0.3 + noise[0], "loss_g": 1.2 - t},
            **{"d_real": 1.5 * t + noise[1], "d_fake": -1.5 * t + noise[2], "gp": 0.1 + 0.02 * t},
            **{
                "g_adv": 0.5 + noise[3],
                "g_id": 0.3 * np.exp(-4 * t),
                "g_rec": 0.2 * np.exp(-3 * t),
            },
            **{"g_focus": 9.8 * np.exp(-6 * t), "mask_mean": 0.12 + 0.38 * np.exp(-5 * t)},
            **{"mask_std": 0.25 * (1 - np.exp(-5 * t)), "lr": 3e-4, "seconds": iteration * 0.1},
        }
        lines.append(json.dumps({key: round(float(v), 6) for key, v in line.items()}))
    lines = [line.replace(".0,", ",", 1) for line in lines]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = ["iteration,fid,aucp,fid_features,chosen"]
    for iteration in range(400, 4001, 400):
        fid = 60 - 40 * (iteration / 3200) + 90 * max(0, iteration / 3200 - 1)
        aucp = 0.5 + 0.2 * iteration / 4000
        table.append(f"{iteration},{fid},{aucp},efficientnet_lite0,{int(iteration == 3200)}")
    (folder / "selection.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "samples").mkdir(exist_ok=True)
    for iteration in (400, 4000):
        strip = np.hstack([film(k, contrast(k))[0] for k in range(8)])
        Image.fromarray((strip * 255).astype(np.uint8)).save(
            folder / "samples" / f"iter_{iteration:07d}.png"
        )
    (folder / "model.pt").write_bytes(b"weights")
    write_scores(folder / "scores.csv", score_rows())
    evaluate(folder, bootstrap=bootstrap, probes=probe_list() if probes else None)
    return folder


def probe_list() -> list[dict]:
    keys = ("name", "supervised", "auc", "low", "high")
    extra = {"description": "drawn for the test", "n": 160, "subjects": 120, "reason": None}
    return [dict(zip(keys, probe, strict=True)) | extra for probe in PROBES]


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
