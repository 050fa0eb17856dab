"""The two networks of HealthyGAN, and the mean of several generators."""

from healthygan_monai.networks.discriminator import Discriminator
from healthygan_monai.networks.ensemble import GeneratorEnsemble
from healthygan_monai.networks.generator import AdditiveGenerator, Generator
from healthygan_monai.networks.sizes import generator_sizes, make_generator, output_translation

__all__ = [
    "AdditiveGenerator",
    "Discriminator",
    "Generator",
    "GeneratorEnsemble",
    "generator_sizes",
    "make_generator",
    "output_translation",
]
