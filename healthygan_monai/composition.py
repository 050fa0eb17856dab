"""Eq. 1 and Eq. 2: two images from an image, the intermediate image and the mask."""

import torch


def split_output(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The generator's (B, C + 1, H, W) as intermediate image (B, C, H, W) and mask (B, 1, H, W)."""
    return output[:, :-1], output[:, -1:]


def compose_healthy(
    image: torch.Tensor, intermediate: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Eq. 1: B' = B_int * M + A * (1 - M); (B, C, H, W) in [-1, 1], mask in [0, 1].

    >>> image, drawn = torch.full((1, 1, 1, 1), -1.0), torch.full((1, 1, 1, 1), 1.0)
    >>> compose_healthy(image, drawn, torch.full((1, 1, 1, 1), 0.25)).item()
    -0.5
    """
    return intermediate * mask + image * (1 - mask)


def compose_reconstruction(
    image: torch.Tensor, intermediate: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Eq. 2: A' = A * M + B_int * (1 - M), the reconstructed input; (B, C, H, W) in [-1, 1].

    >>> image, drawn = torch.full((1, 1, 1, 1), -1.0), torch.full((1, 1, 1, 1), 1.0)
    >>> compose_reconstruction(image, drawn, torch.full((1, 1, 1, 1), 0.25)).item()
    0.5
    """
    return image * mask + intermediate * (1 - mask)
