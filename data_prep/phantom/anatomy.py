"""Phantom chests: what varies between subjects, and the lesion that may be planted in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lesion:
    """A lobar-consolidation-like opacity: one to three soft blobs inside one lung.

    side: 'left' or 'right' of the image; height: 0 (apex) to 1 (diaphragm); sigma: standard
    deviation as a fraction of the film's width; strength: share of the lung's darkness it fills.
    """

    side: str
    height: float
    sigma: float
    strength: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Lesion:
        return cls(
            side=str(rng.choice(["left", "right"])),
            height=float(rng.uniform(0.3, 0.8)),
            sigma=float(rng.uniform(0.10, 0.15)),
            strength=float(rng.uniform(0.75, 0.95)),
            seed=int(rng.integers(2**31)),
        )


@dataclass(frozen=True)
class Lung:
    """One lung: a superellipse from its apex, cut below by the dome of the diaphragm."""

    centre: float
    half_width: float
    apex: float
    widest: float
    dome: float
    dome_height: float
    power: float


@dataclass(frozen=True)
class Anatomy:
    """What stays the same between two films of one subject; lengths in half film widths."""

    scale: float
    shift: tuple[float, float]
    tilt: float
    body: float
    lungs: tuple[Lung, Lung]
    heart: tuple[float, float, float]
    mediastinum: float
    knob: float
    ribs: tuple[float, float, float]
    clavicle: tuple[float, float]
    thickness: float
    vessels: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Anatomy:
        u = rng.uniform

        def lung(dome_low: float, dome_high: float) -> Lung:
            return Lung(
                centre=u(0.40, 0.46),
                half_width=u(0.29, 0.37),
                apex=u(-0.80, -0.68),
                widest=u(0.20, 0.40),
                dome=u(dome_low, dome_high),
                dome_height=u(0.08, 0.20),
                power=u(1.9, 2.6),
            )

        return cls(
            scale=u(0.90, 1.10),
            shift=(u(-0.07, 0.07), u(-0.06, 0.06)),
            tilt=u(-0.06, 0.06),
            body=u(0.84, 1.0),
            # The liver lifts the dome of the patient's right lung, on the left of the image.
            lungs=(lung(0.40, 0.62), lung(0.46, 0.70)),
            heart=(u(0.24, 0.40), u(0.26, 0.38), u(0.06, 0.18)),
            mediastinum=u(0.11, 0.17),
            knob=u(0.04, 0.10),
            ribs=(u(0.155, 0.19), u(0.0, 1.0), u(0.05, 0.10)),
            clavicle=(u(-0.62, -0.54), u(0.10, 0.26)),
            thickness=u(0.85, 1.15),
            vessels=int(rng.integers(2**31)),
        )
