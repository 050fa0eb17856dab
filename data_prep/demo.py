"""The demo data set: phantom films written as DICOM and taken through the pipeline."""

import logging
from pathlib import Path

from data_prep import datalist

log = logging.getLogger(__name__)

IMAGE_SIZE = 64


def make_demo(
    folder: Path,
    *,
    seed: int = 0,
    image_size: int = IMAGE_SIZE,
    counts: dict[str, int] | None = None,
) -> Path:
    """Make folder/dataset.json (protocol demo) from phantom films in folder/raw; return its path.

    A whole demo is used again, an interrupted one finished. DataError: it has another image size.
    """
    from data_prep.film import FilmRecipe
    from data_prep.inputs.choices import Cohort
    from data_prep.phantom import study
    from data_prep.pipeline import run
    from data_prep.settings import About, Settings

    folder = Path(folder)
    path = folder / datalist.FILE_NAME
    if path.is_file():
        size = datalist.read(path).image_size
        if size != image_size:
            raise datalist.DataError(
                f"{path}: the demo there has {size} x {size} pixels, {image_size} asked for. "
                "Remove the folder or choose another."
            )
        return path
    raw = folder / "raw"
    table = raw / "cohort.csv"
    if not table.is_file():  # written last, so a table means whole films
        log.info("drawing phantom films in %s", raw)
        study.make_films(raw, seed=seed, counts=counts)
    recipe = FilmRecipe(size=image_size, framing="centre")
    about = About(
        name="demo",
        description="Phantom chest films with planted opacities: drawn, nobody's data.",
        licence="Apache-2.0",
        protocol="demo",
    )
    cohort = Cohort(table=table, pseudonyms="given", seed=seed)  # nobody's names
    run(Settings(raw, folder, recipe, cohort, about=about))
    return path
