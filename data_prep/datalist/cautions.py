"""What a valid data set may still lack, which a person should know before training on it.

Standard library only; images are read with Pillow and numpy.
"""

from collections.abc import Iterator
from pathlib import Path

from data_prep.datalist.items import LABEL_WORDS, UNLABELLED, Dataset, a_few

FEW_SUBJECTS = 20  # of a class; from fewer an interval is itself unsteady
LEAST_IMAGES = 2  # of a training section: FID needs a covariance
LEAST_SIDE, SIDE_STEP = 16, 4  # the generator halves images twice
SIZES = f"a multiple of {SIDE_STEP}, at least {LEAST_SIDE}"  # that ``fits_networks`` takes
NEARLY = 4 / 255  # share of the grey range that nearly all pixels of a near-constant image lie in
IGNORED = 0.005  # share of pixels at each end that does not count: a letter, a dead pixel


def cautions(dataset: Dataset) -> list[str]:
    """Return one sentence for each thing to know; every image is read.

    They are images that show nothing, sections too small to train on or to measure, and a size that
    the networks cannot take.
    """
    return [*_of_size(dataset), *_of_sections(dataset), *_of_images(dataset)]


def fits_networks(size: int) -> bool:
    """Whether HealthyGAN's networks take images of ``size`` pixels a side.

    >>> fits_networks(64), fits_networks(50)
    (True, False)
    """
    return size >= LEAST_SIDE and size % SIDE_STEP == 0


def _of_size(dataset: Dataset) -> Iterator[str]:
    if not fits_networks(dataset.image_size):
        yield (
            f"image_size is {dataset.image_size}: the networks cannot take it, they need {SIZES}. "
            "Prepare the images again with --size 64, 128 or 256."
        )


def _of_sections(dataset: Dataset) -> Iterator[str]:
    for section, items in dataset.sections.items():
        if section in UNLABELLED:
            if 0 < len(items) < LEAST_IMAGES:
                yield (
                    f"section {section} holds one image: training needs {LEAST_IMAGES}, and "
                    "learns something from some hundred."
                )
            continue
        for label, word in LABEL_WORDS.items():
            subjects = len({item.subject for item in items if item.label == label})
            if 0 < subjects < FEW_SUBJECTS:
                one = "one subject" if subjects == 1 else f"{subjects} subjects"
                yield (
                    f"section {section} has {one} with {word} images: too few to measure by. "
                    f"Intervals are rough below {FEW_SUBJECTS}."
                )


def _of_images(dataset: Dataset) -> Iterator[str]:
    for section, items in dataset.sections.items():
        shown = {item.image: grey_spread(dataset.image_path(item)) for item in items}
        constant = [name for name, (every, _) in shown.items() if every == 0]
        nearly = [n for n, (every, most) in shown.items() if every > 0 and most <= NEARLY]
        for names, word in ((constant, "constant"), (nearly, "nearly constant")):
            if names:
                count = "1 image" if len(names) == 1 else f"{len(names)} images"
                yield (
                    f"section {section}: {count} {word}, with nothing to see: {a_few(names)}. Look "
                    "at the inputs, leave them out, or prepare them with other --intensity."
                )


def grey_spread(path: Path) -> tuple[float, float]:
    """Return the range of grey levels of a grey PNG, and that of nearly all its pixels, in [0, 1].

    The second one leaves out ``IGNORED`` of the pixels at either end.
    """
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    white = np.iinfo(pixels.dtype).max if pixels.dtype.itemsize < 4 else 65535  # Pillow's I
    below = np.cumsum(np.bincount(pixels.ravel().astype(np.int64))) / pixels.size
    first, low, high = np.searchsorted(below, [0, IGNORED, 1 - IGNORED], side="right")
    last = int(pixels.max())
    return (last - int(first)) / white, (min(int(high), last) - int(low)) / white
