"""What an exported network carries to score alone: sizes, range and origin."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from data_prep.datalist import SIZES, fits_networks
from data_prep.errors import UsageError
from healthygan_monai import __version__
from healthygan_monai.errors import ModelError
from healthygan_monai.scoring import HEALTHYGAN

INTENSITY_RANGE = "-1 1"  # black and white as the network takes them (data/transforms.py)


@dataclass(frozen=True)
class Facts:
    """Of one exported generator; written as texts, since ONNX keeps nothing else.

    ``image_size`` is the side in pixels that images are brought to, ``intensity_range`` black and
    white of the input, ``model_sha256`` of the model.pt that it was made from, ``seed`` of the
    training (0 where unknown). ``translation`` says what the output's channels are.
    """

    image_size: int
    image_channels: int
    model_sha256: str
    seed: int = 0
    method: str = HEALTHYGAN
    version: str = __version__
    intensity_range: str = INTENSITY_RANGE
    translation: str = "masked"

    def as_texts(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}


def facts_of(texts: Mapping[str, object], name: str) -> Facts:
    """Return the facts that a file called ``name`` carries.

    Raises:
        ModelError: they are missing, broken, or of another method or intensity range.
    """
    later = ("translation",)  # files older than it are masked
    missing = [f.name for f in fields(Facts) if f.name not in (*texts, *later)]
    if missing:
        raise ModelError(
            f"{name}: its metadata lack {', '.join(missing)}, without which it could be fed "
            "images of a wrong size. "
            "Export the network with healthygan export onnx (or torchscript)."
        )
    if (texts["method"], texts["intensity_range"]) != (HEALTHYGAN, INTENSITY_RANGE):
        raise ModelError(
            f"{name}: a network of {texts['method']} for intensities {texts['intensity_range']}; "
            f"expected {HEALTHYGAN} and {INTENSITY_RANGE}."
        )
    try:
        size, channels, seed = (
            int(str(texts[key])) for key in ("image_size", "image_channels", "seed")
        )
    except ValueError as error:
        raise ModelError(f"{name}: broken metadata ({error}). Export it again.") from error
    if channels not in (1, 3):
        raise ModelError(f"{name}: image_channels is {channels}; expected 1 or 3. Export it again.")
    return Facts(
        checked_size(size),
        channels,
        str(texts["model_sha256"]),
        seed,
        version=str(texts["version"]),
        translation=str(texts.get("translation", Facts.translation)),
    )


def checked_size(size: int) -> int:
    """Return an image size that the generator can take.

    Raises:
        UsageError: it cannot.
    """
    if not fits_networks(size):
        raise UsageError(f"image size {size}: expected {SIZES}.")
    return size
