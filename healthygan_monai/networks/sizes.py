"""From sizes to a generator, and from weights back to sizes; one generator or an ensemble."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from data_prep.errors import UsageError, nearest
from healthygan_monai.networks.ensemble import GeneratorEnsemble, weights_of_members
from healthygan_monai.networks.generator import AdditiveGenerator, Generator

TRANSLATIONS: dict[str, Callable[..., Generator]] = {
    "masked": Generator,
    "additive": AdditiveGenerator,
    "brainomaly": partial(AdditiveGenerator, tanh_of_sum=True),
}


def make_generator(
    image_channels: int = 1,
    channels: int = 64,
    blocks: int = 6,
    translation: str = "masked",
    members: int = 1,
    mirrored: bool = False,
) -> Generator | GeneratorEnsemble:
    """Return a generator of that translation: masked (the paper's), additive or brainomaly.

    With two or more ``members`` it is an ensemble of so many such generators. ``mirrored`` is for
    an additive one alone; the others score as their authors' do.

    Raises:
        UsageError: no such translation, a size that cannot be, or ``mirrored`` of another one.
    """
    if translation not in TRANSLATIONS:
        raise UsageError(
            f"translation is {translation!r}{nearest(translation, TRANSLATIONS) or ';'} "
            f"expected one of {', '.join(TRANSLATIONS)}."
        )
    if mirrored and translation != "additive":
        raise UsageError(
            f"mirrored: a score of both sides is additive's alone, not {translation}'s."
        )
    more = {"mirrored": mirrored} if translation == "additive" else {}
    make = partial(TRANSLATIONS[translation], image_channels, channels, blocks, **more)
    made = [make() for _ in range(members)]
    return made[0] if members == 1 else GeneratorEnsemble(made)


def generator_sizes(state_dict: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The arguments of :func:`make_generator` that gives a network for these weights, read off
    their shapes.

    Raises:
        ValueError: the weights are not a HealthyGAN generator's, or the members of an ensemble
            differ in size.
    """
    members = weights_of_members(state_dict)
    if not members:
        return _sizes_of_one(state_dict)
    sizes = [_sizes_of_one(weights) for weights in members]
    if any(other != sizes[0] for other in sizes):
        raise ValueError(
            "the members of this ensemble differ in size or translation. Make it again: healthygan "
            "ensemble RUN RUN."
        )
    return {**sizes[0], "members": len(members)}


def output_translation(sizes: Mapping[str, Any]) -> str:
    """Return what a generator of these sizes draws: ``masked``, or a change (the other names).

    An ensemble draws a change, also where its members are masked.

    >>> output_translation({"translation": "masked", "members": 3})
    'additive'
    """
    if sizes.get("members", 1) > 1:
        return GeneratorEnsemble.translation
    return str(sizes.get("translation", Generator.translation))


def _sizes_of_one(weights: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    first = weights.get("main.0.weight")
    if first is None or first.ndim != 4 or first.shape[-1] != 7:
        names = ", ".join(list(weights)[:3]) or "none"
        raise ValueError(
            "these are not the weights of a HealthyGAN generator: 'main.0.weight' of shape "
            f"(channels, image_channels, 7, 7) is missing (first names found: {names}). Give the "
            "model.pt of a run."
        )
    blocks = sum(name.endswith(".main.0.weight") for name in weights)
    sizes: dict[str, Any] = {
        "image_channels": int(first.shape[1]),
        "channels": int(first.shape[0]),
        "blocks": blocks,
    }
    if "tanh_of_sum" in weights:
        sizes["translation"] = "brainomaly" if weights["tanh_of_sum"] else "additive"
        sizes["mirrored"] = "mirrored" in weights
    return sizes
