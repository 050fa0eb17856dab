"""Drawing a frontal chest film of an anatomy, with or without a lesion, and its exact mask.

Coordinates are x in [-1, 1] from image left to right (patient's right to left) and y in [-1, 1]
from top to bottom; one unit is half the film's width. Density adds up as attenuation does, and
one tone curve makes a film of it.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data_prep.phantom.anatomy import Anatomy, Lesion, Lung

# A pixel belongs to the lesion where it adds at least this share of the lesion's peak density.
MASK_LEVEL = 0.35


def film(
    rng: np.random.Generator, size: int, lesion: Lesion | None, anatomy: Anatomy | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One frontal film: float32 (size, size) in [0, 1], bright = dense, and its lesion, bool.

    A lesion has its own seed: the same generator state gives the same film outside of it.
    """
    body = anatomy or Anatomy.draw(rng)
    x, y = _coordinates(size, body)
    pixel = 2.0 / size
    inside = _body(x, y, body, pixel)
    left, right = (_lung(x, y, body.lungs[0], -1, pixel), _lung(x, y, body.lungs[1], 1, pixel))
    heart = _heart(x, y, body)
    centre = _mediastinum(x, y, body)
    air = np.maximum(left, right) * (1 - heart) * (1 - centre)
    opacity = np.zeros_like(air) if lesion is None else _opacity(x, y, lesion, body, left, right)
    airiness = air * (1 - opacity)

    chord = np.sqrt(np.clip(1 - (x / (1.35 * body.body)) ** 2, 0.2, 1))
    density = inside * body.thickness * (0.52 + 0.18 * chord)
    density -= 0.46 * body.thickness * airiness
    density += inside * (0.06 * heart + 0.05 * centre + _spine(x, y))
    density += inside * _bones(x, y, body)
    density += 0.5 * airiness * _vessels(size, body)
    density += inside * 0.05 * _smooth_field(rng, size, 4) + 0.02 * _smooth_field(rng, size, 3)

    image = _expose(rng, density)
    peak = float((air * opacity).max())
    mask = air * opacity > MASK_LEVEL * peak if peak > 0 else np.zeros(air.shape, bool)
    return image, mask


def _coordinates(size: int, body: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    y, x = np.meshgrid(axis, axis, indexing="ij")
    x, y = (x - body.shift[0]) / body.scale, (y - body.shift[1]) / body.scale
    return x + body.tilt * y, y - body.tilt * x


def _edge(distance: np.ndarray, width: float) -> np.ndarray:
    """1 inside (distance > 0), 0 outside, soft over about `width`."""
    return 0.5 + 0.5 * np.tanh(distance * np.float32(0.5 / width))


def _body(x: np.ndarray, y: np.ndarray, body: Anatomy, pixel: float) -> np.ndarray:
    heights = [-1.4, -0.95, -0.86, -0.74, -0.60, -0.30, 0.20, 1.4]
    widths = [0.20, 0.23, 0.34, 0.72, 0.96, 0.98, 0.94, 0.92]
    half = np.interp(y, heights, np.array(widths) * body.body).astype(np.float32)
    return _edge(half - np.abs(x), max(0.02, pixel))


def _lung(x: np.ndarray, y: np.ndarray, lung: Lung, sign: int, pixel: float) -> np.ndarray:
    across = sign * x
    rise = np.clip((lung.widest - y) / (lung.widest - lung.apex), 0, 1)
    half = lung.half_width * (1 - rise**lung.power) ** (1 / lung.power)
    half = half + 0.05 * np.clip(y - lung.widest, 0, 1)  # the base flares a little
    away = (across - lung.centre + 0.06) / (lung.half_width + 0.06)
    dome = lung.dome + lung.dome_height * (1.6 * away**2 - 0.6)  # deep costophrenic angles
    soft = max(0.018, pixel)
    sides = _edge(half - np.abs(across - lung.centre), soft)
    return sides * _edge(dome - y, soft) * _edge(y - lung.apex, soft)


def _heart(x: np.ndarray, y: np.ndarray, body: Anatomy) -> np.ndarray:
    width, height, offset = body.heart
    u, v = x - offset, y - (body.lungs[1].dome - 0.72 * height)
    u, v = 0.88 * u + 0.47 * v, -0.47 * u + 0.88 * v  # its long axis points down and left
    return _edge(1 - np.hypot(u / (width * 1.12), v / (height * 0.92)), 0.07)


def _mediastinum(x: np.ndarray, y: np.ndarray, body: Anatomy) -> np.ndarray:
    knob = body.knob * np.exp(-(((y + 0.30) / 0.09) ** 2)) * (x > 0)
    return _edge(body.mediastinum + knob + 0.06 * np.clip(y, 0, 1) - np.abs(x), 0.025)


def _spine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    column = _edge(0.085 - np.abs(x), 0.02) * (0.08 + 0.02 * np.cos(2 * np.pi * y / 0.14))
    trachea = _edge(0.045 - np.abs(x - 0.01), 0.015) * _edge(-0.22 - y, 0.05)
    return column - 0.12 * trachea


def _bones(x: np.ndarray, y: np.ndarray, body: Anatomy) -> np.ndarray:
    spacing, phase, strength = body.ribs
    side = np.abs(x)
    cage = _edge(0.80 * body.body - side, 0.03) * _edge(side - 0.07, 0.02)
    cage = cage * _edge(y + 0.86, 0.05) * _edge(0.75 - y, 0.06)
    back = y - 0.55 * side**2.2 + 0.10 * np.sin(3 * side)  # posterior ribs fall away from the spine
    front = y + 0.85 * (side - 0.25) * np.clip(side, 0.2, None) * -1.0 + 0.30
    ribs = 0.75 * _bands(back / spacing + phase) + 0.35 * _bands(front / spacing + 2 * phase)
    height, slope = body.clavicle
    line = height - slope * (side - 0.1) + 0.05 * np.sin(6 * side)
    clavicle = _edge(0.032 - np.abs(y - line), 0.009) * _edge(side - 0.09, 0.02)
    clavicle = clavicle * _edge(0.82 - side, 0.02)
    return strength * ribs * cage + 0.13 * clavicle


def _bands(turns: np.ndarray) -> np.ndarray:
    """A flat-topped band with brighter rims once a turn: the cortex of a rib."""
    distance = np.abs(turns - np.round(turns))
    return _edge(0.21 - distance, 0.03) + 0.6 * np.exp(-(((distance - 0.18) / 0.04) ** 2))


def _vessels(size: int, body: Anatomy) -> np.ndarray:
    """Branches that leave both hila and thin out, in [0, 1]; a subject's own."""
    rng = np.random.default_rng(body.vessels)
    big = max(size, 128)
    sheet = Image.new("L", (big, big), 0)
    pen = ImageDraw.Draw(sheet)

    def spot(x: float, y: float) -> tuple[float, float]:
        x, y = x - body.tilt * y, y + body.tilt * x
        return (
            (x * body.scale + body.shift[0] + 1) / 2 * big,
            (y * body.scale + body.shift[1] + 1) / 2 * big,
        )

    for sign in (-1, 1):
        for _ in range(13):
            here = np.array([sign * rng.uniform(0.15, 0.20), rng.uniform(-0.12, 0.10)])
            angle = rng.uniform(-1.3, 1.3)
            for step in range(7):
                there = here + 0.075 * np.array([sign * np.cos(angle), np.sin(angle)])
                shade = int(200 - 24 * step)
                wide = max(1, round((0.020 - 0.0024 * step) * big / 2))
                pen.line([spot(*here), spot(*there)], fill=shade, width=wide)
                here, angle = there, angle + rng.normal(0, 0.25)
    sheet = sheet.filter(ImageFilter.GaussianBlur(big / 200))
    return _resize(np.asarray(sheet, np.float32) / 255, size)


def _opacity(
    x: np.ndarray, y: np.ndarray, lesion: Lesion, body: Anatomy, *lungs: np.ndarray
) -> np.ndarray:
    """Share of the lung's air that the lesion replaces, in [0, 1], zero outside its lung."""
    rng = np.random.default_rng(lesion.seed)
    index = 0 if lesion.side == "left" else 1
    lung, sign = body.lungs[index], (-1, 1)[index]
    sigma = 2 * lesion.sigma / body.scale  # a fraction of the film's width -> half widths
    top, base = lung.apex, lung.dome - lung.dome_height
    centre = np.array([sign * (lung.centre + 0.04), top + lesion.height * (base - top)])
    total = np.zeros_like(x)
    for k in range(int(rng.integers(1, 4))):
        spread = sigma * rng.uniform(0.75, 1.0)
        cx, cy = centre + (0 if k == 0 else 1) * rng.normal(0, 0.45 * sigma, 2)
        ratio = rng.uniform(0.85, 1.2)
        power = ((x - cx) / spread * ratio) ** 2 + ((y - cy) / spread / ratio) ** 2
        total = np.maximum(total, np.exp(-0.5 * power))
    ripple = 1 + 0.12 * _smooth_field(rng, x.shape[0], 9)
    return np.clip(lesion.strength * total * ripple, 0, 1) * lungs[index]


def _smooth_field(rng: np.random.Generator, size: int, knots: int) -> np.ndarray:
    return _resize(rng.normal(size=(knots, knots)).astype(np.float32), size)


def _resize(values: np.ndarray, size: int) -> np.ndarray:
    if values.shape == (size, size):
        return values
    return np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.BICUBIC))


def _expose(rng: np.random.Generator, density: np.ndarray) -> np.ndarray:
    """Density -> grey: this film's own exposure, contrast, gamma and quantum noise."""
    low, span, gamma = rng.uniform(-0.02, 0.08), rng.uniform(0.72, 0.98), rng.uniform(0.8, 1.3)
    noise = rng.standard_normal(density.shape, dtype=np.float32) * rng.uniform(0.004, 0.014)
    grey = np.clip((density - low) / span + noise, 0, None)
    grey = grey / np.sqrt(np.sqrt(1 + grey**4))  # the shoulder of a film's curve: no hard white
    return np.clip(1.08 * grey**gamma, 0, 1).astype(np.float32)
