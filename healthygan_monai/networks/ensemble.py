"""The mean of several generators, such as those of runs that differ in their seed."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from data_prep.errors import UsageError
from healthygan_monai.composition import compose_healthy
from healthygan_monai.networks.generator import Generator

OF_A_MEMBER = re.compile(r"members\.(\d+)\.(.+)")


class GeneratorEnsemble(nn.Module):
    """Image (B, C, H, W) in [-1, 1] -> mean change of its members, (B, C, H, W): B' = x + mean m_k.

    The mean of changes is a change again, so an ensemble is an additive generator. A masked member
    draws an intermediate image and a mask; its change is B'_k - x, with B'_k of Eq. 1. (A mean of
    masks and of intermediate images would compose another image.) A ``dead_zone`` acts in each
    member.

    Args:
        members: two or more generators of one translation and the same sizes.

    >>> members = [Generator(image_channels=1, channels=2, blocks=1) for _ in range(3)]
    >>> GeneratorEnsemble(members)(torch.zeros(4, 1, 32, 32)).shape
    torch.Size([4, 1, 32, 32])
    """

    translation = "additive"

    def __init__(self, members: Sequence[Generator]) -> None:
        super().__init__()
        if len(members) < 2:
            raise UsageError(f"an ensemble of {len(members)}: expected two or more generators.")
        self.image_channels = members[0].image_channels
        self.masked = members[0].translation == "masked"
        self.members = nn.ModuleList(members)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(image)
        for member in self.members:
            drawn = member(image)  # (B, C + 1, H, W) or (B, C, H, W)
            if self.masked:
                drawn = compose_healthy(image, drawn[:, :-1], drawn[:, -1:]) - image
            total = total + drawn
        return total / len(self.members)


def joined_weights(members: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the flat state dict of an ensemble of these generators: ``members.0.main.0.weight``,
    and so on.
    """
    return {
        f"members.{number}.{name}": value
        for number, weights in enumerate(members)
        for name, value in weights.items()
    }


def weights_of_members(state_dict: Mapping[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """Return the state dict of each member of an ensemble; none where it is not an ensemble's."""
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in state_dict.items():
        if match := OF_A_MEMBER.fullmatch(str(name)):
            found.setdefault(int(match[1]), {})[match[2]] = value
    return [found[number] for number in sorted(found)]
