"""Differentiable views of images, drawn from numbers that come with the batch.

Source: Zhao et al., DiffAugment, NeurIPS 2020, Sec. 3.2: what the critic sees of real and
translated images is changed in the same way, and gradients pass through the change. Karras et al.,
StyleGAN2-ADA, NeurIPS 2020, Sec. 3.1: its strength follows the measured over-fitting.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from healthygan_monai.data.pairs import FLIP

# at strength 1, either way; shift of a half side
ANGLE, SCALE, SHIFT = math.radians(10), 0.1, 0.075
TARGET = 0.6  # of mean sign D(B), StyleGAN2-ADA's r_t
STEP = 0.01  # change of the strength an iteration
STRENGTHS = (0.5, 2.0)


def view(
    images: torch.Tensor, numbers: torch.Tensor, strength: torch.Tensor | float
) -> torch.Tensor:
    """Turn, scale, shift and flip images (B, C, H, W) in [-1, 1]; what comes in is black.

    Args:
        images: the images.
        numbers: (B, 6) uniform in [0, 1): angle, scale, shift right, shift down, flip (below a
            half), and one to spare.
        strength: 1 turns by up to 10 degrees, scales by up to 10 % and shifts by up to 3.75 % of
            the side, either way; 0 leaves the images as they are.
    """
    either = (numbers * 2 - 1) * strength  # (B, 6)
    angle, scale = either[:, 0] * ANGLE, 1 + either[:, 1] * SCALE
    flip = torch.where((numbers[:, FLIP] < 0.5) & (torch.as_tensor(strength) > 0), -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cos * flip, -sin, either[:, 2] * SHIFT], dim=1),
        torch.stack([sin * flip, cos, either[:, 3] * SHIFT], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def adapted(strength: torch.Tensor, mean_sign: torch.Tensor) -> torch.Tensor:
    """Return a strength that rises where the critic is too sure of its real images.

    ``mean_sign`` is the mean of sign D(B) over a batch; above ``TARGET`` the strength rises.
    """
    return (strength + STEP * torch.sign(mean_sign - TARGET)).clamp(*STRENGTHS)
