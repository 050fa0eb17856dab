"""The two networks of HealthyGAN."""

from healthygan_monai.networks.discriminator import Discriminator
from healthygan_monai.networks.generator import (
    AdditiveGenerator,
    Generator,
    generator_sizes,
    make_generator,
)

__all__ = [
    "AdditiveGenerator",
    "Discriminator",
    "Generator",
    "generator_sizes",
    "make_generator",
]
