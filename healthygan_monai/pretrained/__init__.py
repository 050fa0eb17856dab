"""Training with a frozen pretrained critic: its view, its heads, and the price of a change.

After Projected GAN (Sauer et al., NeurIPS 2021) and DiffAugment (Zhao et al., NeurIPS 2020).
"""

from healthygan_monai.pretrained.critic import PretrainedCritic
from healthygan_monai.pretrained.make import make_critic, make_trainer
from healthygan_monai.pretrained.price import PriceSearch
from healthygan_monai.pretrained.trainer import PretrainedCriticTrainer

__all__ = [
    "PretrainedCritic",
    "PretrainedCriticTrainer",
    "PriceSearch",
    "make_critic",
    "make_trainer",
]
