"""From the generator's output to the healthy image: masked (Eq. 1 and 2) or additive.

The number of channels says which: C + 1 are an intermediate image and a mask, C are a change.
"""

from dataclasses import dataclass

import torch

CHANGED = 0.01  # of the grey range, 2.5 of 255 levels: a smaller change of a pixel is none


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


@dataclass(frozen=True)
class Translated:
    """Outputs of the generator.

    Attributes:
        image: its input, (B, C, H, W) in [-1, 1].
        intermediate: the intermediate healthy image, (B, C, H, W) in [-1, 1].
        mask: (B, 1, H, W) in [0, 1].
    """

    image: torch.Tensor
    intermediate: torch.Tensor
    mask: torch.Tensor

    @property
    def healthy(self) -> torch.Tensor:
        """B', Eq. 1."""
        return compose_healthy(self.image, self.intermediate, self.mask)


@dataclass(frozen=True)
class Added(Translated):
    """B' = x + m(x): ``intermediate`` is B' itself.

    ``mask`` is 1 where a pixel changes by more than ``CHANGED``; it has no gradient.
    """

    @property
    def healthy(self) -> torch.Tensor:
        """B'."""
        return self.intermediate


def output_names(image_names: list[str], translation: str) -> list[str]:
    """Return what the channels of a generator's output are, of images whose channels are ``image``
    or ``image 0``, ``image 1``, ...

    >>> output_names(["image"], "masked"), output_names(["image"], "additive")
    (['intermediate', 'mask'], ['change'])
    """
    if translation == "masked":
        return [*(name.replace("image", "intermediate") for name in image_names), "mask"]
    return [name.replace("image", "change") for name in image_names]


def output_range(translation: str) -> list[int]:
    """Return the lowest and the highest value that a generator of that translation draws."""
    return [-1, 1] if translation == "masked" else [-2, 2]


def output_words(translation: str) -> str:
    """Return in words what a generator of that translation draws."""
    if translation == "masked":
        return "intermediate healthy image in [-1, 1] and mask in [0, 1]"
    return "change of the image in [-2, 2]; image plus change is the healthy image"


def translate(image: torch.Tensor, output: torch.Tensor) -> Translated:
    """Put a generator's output (B, C + 1, H, W) or (B, C, H, W) beside its images (B, C, H, W).

    >>> image, change = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.5, 0.0]]]])
    >>> translate(image, change).healthy.tolist(), translate(image, change).mask.tolist()
    ([[[[0.5, 0.0]]]], [[[[1.0, 0.0]]]])
    """
    if output.shape[1] > image.shape[1]:
        return Translated(image, *split_output(output))
    changed = output.detach().abs().mean(1, keepdim=True) / 2 > CHANGED
    return Added(image, image + output, changed.to(output.dtype))
