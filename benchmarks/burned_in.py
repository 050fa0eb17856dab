"""Burned-in text: how many films are flagged, how much planted text is found, and how long it
takes.

    python benchmarks/burned_in.py DATA --texts 600 --sheets flagged

DATA holds folders of films (PNG, JPEG or DICOM; every folder with films is one row). --sheets
writes a contact sheet of the flagged films of each folder: look at them, as only eyes can say which
of them carry text. Text is planted on films that are not flagged: words, a name, dates and a number
in five fonts, at random places, sizes, greys, across or down, before or after JPEG; places whose
own grey is within 60 of 255 of the text's are a row of their own. The seconds are processor seconds
of one film brought to 2048 x 2048.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data_prep.errors import PrepError
from data_prep.film.burned_in import TextLine, find_text
from data_prep.film.open import read_film
from data_prep.film.options import FilmOptions

TEXTS = ("PORTABLE AP ERECT", "SMITH JOHN", "Mustermann, Erika", "1953-12-24", "ID 4711-0815")
TEXTS += ("Visit No 3", "12:34", "LEE")
SHARES = (0.01, 0.015, 0.02, 0.03, 0.05, 0.08)  # height of a capital over that of the film
GREYS = (255, 255, 0, 220, 170)
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif")
SIDES = (512, 1024, 2048)
CLEAN_FILMS = 60  # that text is planted on
CELL = 360

Film = tuple[str, np.ndarray]


def fonts() -> dict[str, Callable[[float], ImageFont.FreeTypeFont]]:
    """Pillow's own font and those that come with matplotlib."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    made = {n: lambda s, n=n: ImageFont.truetype(str(folder / f"{n}.ttf"), s) for n in FONTS}
    return {"Pillow": lambda size: ImageFont.load_default(size=size), **made}


def films(folder: Path) -> list[Film]:
    found = []
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            found.append(
                (path.name, read_film(path, FilmOptions(views="any", colour="equal")).image)
            )
        except (PrepError, ValueError):
            continue
    return found


def planted(
    image: np.ndarray, rng: np.random.Generator, how: dict
) -> tuple[np.ndarray, TextLine, int] | None:
    """(film with the text, its box, the median grey there before); None where it does not fit."""
    scale = how["side"] / max(image.shape)
    canvas = Image.fromarray((image * 255).astype(np.uint8))
    canvas = canvas.resize((round(image.shape[1] * scale), round(image.shape[0] * scale)), 3)
    font = fonts()[how["font"]](max(4, how["share"] * canvas.height / 0.72))
    left, top, right, bottom = font.getbbox(how["text"])
    stamp = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(stamp).text((2 - left, 2 - top), how["text"], fill=255, font=font)
    stamp = stamp.transpose(Image.Transpose.ROTATE_90) if how["turned"] else stamp
    if stamp.width > canvas.width or stamp.height > canvas.height:
        return None
    x = int(rng.integers(canvas.width - stamp.width + 1))
    y = int(rng.integers(canvas.height - stamp.height + 1))
    box = TextLine(y, x, y + stamp.height, x + stamp.width, len(how["text"]))
    ground = int(np.median(np.asarray(canvas)[box.top : box.bottom, box.left : box.right]))
    canvas.paste(how["grey"], (x, y), stamp)
    if how["jpeg"]:
        buffer = io.BytesIO()
        canvas.save(buffer, "JPEG", quality=how["jpeg"])
        canvas = Image.open(buffer)
    return np.asarray(canvas, np.float32) / 255, box, ground


def hit(line: TextLine, truth: TextLine) -> bool:
    """More than a quarter of the line's box lies in the text's."""
    high = min(line.bottom, truth.bottom) - max(line.top, truth.top)
    wide = min(line.right, truth.right) - max(line.left, truth.left)
    area = (line.bottom - line.top) * (line.right - line.left)
    return min(high, wide) > 0 and high * wide > 0.25 * area


def sensitivity(
    clean: list[np.ndarray], texts: int, seed: int
) -> dict[tuple[str, str], list[bool]]:
    """Found or not, by every property of the planted text."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    while len(found[("all", "")]) + len(found[("little contrast", "")]) < texts:
        how = {
            "font": rng.choice(["Pillow", *FONTS]),
            "text": rng.choice(TEXTS),
            "share": rng.choice(SHARES),
            "grey": int(rng.choice(GREYS)),
            "side": int(rng.choice(SIDES)),
            "turned": bool(rng.random() < 0.2),
            "jpeg": int(rng.choice([0, 0, 90, 75])),
        }
        result = planted(clean[rng.integers(len(clean))], rng, how)
        if result is None:
            continue
        image, box, ground = result
        good = any(hit(line, box) for line in find_text(image))
        if abs(ground - how["grey"]) < 60:
            found[("little contrast", "")].append(good)
            continue
        found[("all", "")].append(good)
        grey = how["grey"] in (0, 255)
        found[
            (
                "white or black" if grey else "grey",
                "up to 5 glyphs" if len(how["text"]) <= 5 else "longer",
            )
        ].append(good)
        for name, value in how.items():
            found[(name, str(value))].append(good)
    return found


def sheet(flagged: list[tuple[str, np.ndarray, list[TextLine]]], path: Path) -> None:
    columns = min(6, len(flagged))
    rows = -(-len(flagged) // columns)
    whole = Image.new("RGB", (columns * CELL, rows * CELL))
    for k, (name, image, lines) in enumerate(flagged):
        picture = Image.fromarray((image * 255).astype(np.uint8)).convert("RGB")
        pen = ImageDraw.Draw(picture)
        for line in lines:
            pen.rectangle(
                (line.left - 2, line.top - 2, line.right + 1, line.bottom + 1), outline="red"
            )
        picture.thumbnail((CELL - 4, CELL - 4))
        place = (k % columns * CELL, k // columns * CELL)
        whole.paste(picture, place)
        ImageDraw.Draw(whole).text(place, name, fill="yellow")
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path)


def seconds(images: list[np.ndarray]) -> list[float]:
    taken = []
    for image in images:
        large = np.asarray(Image.fromarray(image).resize((2048, 2048), Image.Resampling.BICUBIC))
        runs = []
        for _ in range(3):
            began = time.process_time()
            find_text(large)
            runs.append(time.process_time() - began)
        taken.append(min(runs))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--sheets", type=Path, help="folder for contact sheets of the flagged films"
    )
    parser.add_argument(
        "--only", default="", help="only folders whose path holds one of these, by comma"
    )
    arguments = parser.parse_args()
    clean: list[np.ndarray] = []
    print("| folder | films | flagged |\n|---|---|---|")
    for folder in sorted({p.parent for p in arguments.data.rglob("*") if p.is_file()}):
        name = folder.relative_to(arguments.data).as_posix()
        if not any(word in name for word in arguments.only.split(",")):
            continue
        read = films(folder)
        if not read:
            continue
        marked = [(film, image, find_text(image)) for film, image in read]
        flagged = [row for row in marked if row[2]]
        print(f"| {name} | {len(read)} | {len(flagged)} |", flush=True)
        clean += [image for _, image, lines in marked if not lines and min(image.shape) >= 400]
        if arguments.sheets and flagged:
            sheet(flagged, arguments.sheets / f"{name.replace('/', '_')}.png")
    order = np.random.default_rng(arguments.seed).permutation(len(clean))[:CLEAN_FILMS]
    chosen = [clean[k] for k in order]
    print(f"\n| text planted on {len(chosen)} films | found | of | share |\n|---|---|---|---|")
    for (what, value), hits in sorted(sensitivity(chosen, arguments.texts, arguments.seed).items()):
        print(
            f"| {what} {value} | {sum(hits)} | {len(hits)} | {sum(hits) / max(1, len(hits)):.2f} |"
        )
    taken = seconds(chosen[:20])
    print(
        f"\n{statistics.median(taken) * 1e3:.1f} ms a film of 2048 x 2048 (median of {len(taken)}; "
        f"slowest {max(taken) * 1e3:.1f}), one core"
    )


if __name__ == "__main__":
    main()
