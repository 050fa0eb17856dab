"""The two networks of HealthyGAN."""

from healthygan_monai.networks.discriminator import Discriminator
from healthygan_monai.networks.generator import Generator, generator_sizes

__all__ = ["Discriminator", "Generator", "generator_sizes"]
