"""A critic that looks through a frozen pretrained network and learns only light heads.

Source: Sauer et al., Projected GANs Converge Faster, NeurIPS 2021: a frozen feature network
(Sec. 3.1), one discriminator for each of its scales (Sec. 3.2), EfficientNet-Lite as the network
that served best (Table 3). Left out: their random mixing of channels and scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from data_prep.errors import NotFound, UsageError
from data_prep.files import sha256
from healthygan_monai.errors import ModelError
from healthygan_monai.integrity.weights import require_whole
from healthygan_monai.networks.backbones import LEAST_SIDE, make_backbone
from healthygan_monai.networks.efficientnet_lite0 import with_plain_convolutions
from healthygan_monai.pretrained.augmentation import STRENGTHS

HEAD_CHANNELS = 48
GRID = 4  # each head answers for GRID x GRID places of an image
LEAST_MAP = 2  # pixels of a map's side; one pixel says nothing of a place
LONGEST = 200  # characters of a network's own error in a message
TORCHSCRIPT = (".ts", ".pt", ".torchscript")


class FrozenMaps(nn.Module):
    """Images (B, C, H, W) in [-1, 1], C 1 or 3 -> maps (B, c, h, w) of a frozen network.

    Gradients pass through to the images; the network itself has none and never changes. Batch
    normalisations are folded into their convolutions, and the memory is channels-last, which halves
    the time on a CPU and changes the maps by rounding only.

    Args:
        name: a backbone of :mod:`~healthygan_monai.networks.backbones`, or the path of a
            TorchScript file: a module that takes (B, 3, H, W) in [-1, 1] and returns a list or
            tuple of maps, finest first.
        weights: as there; not for a TorchScript file.
        seed: of the weights ``"random"``.
        side: pixels of the image by which its maps are found out.

    Attributes:
        source: in words, what the network is and where its weights are from.
        file_sha256: of the user's own file that the network or its weights are from, or None.
        channels: of the maps.

    Raises:
        UsageError: no such backbone, or its weights are missing.
        NotFound, ModelError: the file is not there, or is no such module, also when images of
            another size come later.
        ModuleNotFoundError: the package of the backbone is not installed.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self, name: str, weights: Path | str | None = None, seed: int = 0, side: int = 96
    ) -> None:
        super().__init__()
        if Path(name).suffix in TORCHSCRIPT:
            if weights is not None:
                raise UsageError(f"critic_weights: {Path(name).name} has its weights in itself.")
            self.network, self.source = _torchscript(Path(name))
            mean = std = torch.full((3, 1, 1), 0.5)  # [-1, 1] as it is
        else:
            backbone = make_backbone(name, weights, seed=seed, prefix="critic_")
            self.network = fuse(with_plain_convolutions(backbone.network))
            self.source = f"{name}, {backbone.weights}"
            mean, std = backbone.mean, backbone.std
        file = own_file(name, weights)
        self.file_sha256 = None if file is None else sha256(file)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval().requires_grad_(False)
        found = self._tried(side)
        self.channels = [each.shape[1] for each in found]

    def train(self, mode: bool = True) -> FrozenMaps:
        return super().train(False)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = ((images + 1) / 2 - self.mean) / self.std  # (B, 3, H, W), grey three times
        maps = self._run(x.contiguous(memory_format=torch.channels_last))
        if not isinstance(maps, (list, tuple)) or not maps or not all(map(_is_map, maps)):
            raise ModelError(
                f"{self.source}: expected a module that returns a list of maps (B, c, h, w)."
            )
        return list(maps)

    def _tried(self, side: int) -> list[torch.Tensor]:
        """Return the maps of one black image, whose gradients and numbers serve a training."""
        with torch.enable_grad():
            found = self(torch.zeros(1, 1, side, side).requires_grad_())
        kinds = {each.dtype for each in found} - {torch.float32}
        if kinds:
            raise ModelError(
                f"{self.source}: its maps are {kinds.pop()}; expected torch.float32. Let the "
                "module return .float() maps."
            )
        small = [tuple(each.shape[-2:]) for each in found if min(each.shape[-2:]) < LEAST_MAP]
        if small:
            raise ModelError(
                f"{self.source}: a map of an image of {side} pixels has {small[0]} pixels; "
                f"expected at least {LEAST_MAP} x {LEAST_MAP}. Enlarge the images (--set "
                "critic_size=N), or let the module return finer maps alone."
            )
        if not all(each.requires_grad for each in found):
            raise ModelError(
                f"{self.source}: it passes no gradient back to the images, so the generator "
                "cannot learn from it. Let the module run without torch.no_grad() and detach()."
            )
        return found

    def _run(self, x: torch.Tensor) -> Any:
        """Return what the network makes of x (B, 3, H, W); an error of a user's own names it."""
        try:
            return self.network(x)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # whatever the user's program raises
            if not isinstance(self.network, torch.jit.ScriptModule):
                raise
            raise ModelError(
                f"{self.source}: the network fails for images {tuple(x.shape)}: "
                f"{_last_line(error)} It must take (B, 3, H, W). Enlarge the images (--set "
                "critic_size=N), or give another network (--set critic_backbone=FILE)."
            ) from error


def _is_map(found: Any) -> bool:
    return isinstance(found, torch.Tensor) and found.ndim == 4 and found.numel() > 0


def _last_line(error: Exception) -> str:
    """Return the reason as a sentence: TorchScript puts it after its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{(lines or [type(error).__name__])[-1][:LONGEST].rstrip('.')}."


def own_file(backbone: str, weights: Path | str | None) -> Path | None:
    """Return the user's own file of a frozen network; None for weights of a package, or random."""
    if Path(backbone).suffix in TORCHSCRIPT:
        return Path(backbone)
    return None if weights in (None, "random") else Path(str(weights))


def _torchscript(path: Path) -> tuple[nn.Module, str]:
    if not path.is_file():
        raise NotFound(f"critic_backbone {path}: no such file.")
    require_whole(path)
    try:
        network = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise ModelError(f"{path}: not a TorchScript file that PyTorch can read.") from error
    return network, f"file {path.name}, sha256 {sha256(path)[:16]}"


class Head(nn.Sequential):
    """A map (B, c, h, w) -> realness (B, GRID * GRID): convolutions 1x1, 3x3 and 3x3 with spectral
    normalisation (Miyato et al., ICLR 2018) and LeakyReLU(0.2), averaged over the grid's cells.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(
            spectral_norm(nn.Conv2d(channels, width, 1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, 1, 3, padding=1)),
            nn.AdaptiveAvgPool2d(GRID),
            nn.Flatten(),
        )


class PretrainedCritic(nn.Module):
    """Maps of images -> realness (B, heads * GRID * GRID), unbounded; the heads alone are learned.

    :meth:`features` gives the maps of images, once for all that is asked of them. The frozen
    network is not part of the state: checkpoints hold the heads.

    Args:
        backbone, weights: see :class:`FrozenMaps`.
        side: pixels to which images are enlarged for the network; smaller ones only.
        channels: width of the heads.
        dropout: share of the maps' channels that a head does not see, drawn for each image.
        strength: of the augmentation of what the heads see; 0 for none.
        adapt: whether the strength follows the over-fitting.
        seed: of the weights ``"random"``.

    Attributes:
        strength: of the augmentation; a buffer, so that a resumed training goes on with it.
    """

    strength: torch.Tensor

    def __init__(
        self,
        backbone: str = "efficientnet_lite0",
        weights: Path | str | None = None,
        side: int = 96,
        channels: int = HEAD_CHANNELS,
        dropout: float = 0.0,
        strength: float = 1.0,
        adapt: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if isinstance(strength, bool) or not 0 <= strength <= STRENGTHS[1]:
            raise UsageError(
                f"critic_strength is {strength!r}; expected a number from 0 to {STRENGTHS[1]:g}."
            )
        if side < LEAST_SIDE:
            raise UsageError(f"critic_size is {side}; expected at least {LEAST_SIDE} pixels.")
        if channels < 1 or not 0 <= dropout < 1:
            raise UsageError(
                f"critic_channels is {channels} and critic_dropout {dropout}; expected 1 or more, "
                "and 0 to below 1."
            )
        frozen = FrozenMaps(backbone, weights, seed, side)
        self._frozen = (frozen,)  # in a tuple: no part of the state, and never trained
        self.side, self.adapt = side, adapt
        self.dropout = nn.Dropout2d(dropout)
        self.heads = nn.ModuleList(Head(c, channels) for c in frozen.channels)
        self.register_buffer("strength", torch.tensor(float(strength)))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def source(self) -> str:
        """In words, what the frozen network is and where its weights are from."""
        return self._frozen[0].source

    @property
    def file_sha256(self) -> str | None:
        """SHA-256 of the user's own file that the frozen network is from; None without one."""
        return self._frozen[0].file_sha256

    def _apply(self, fn: Any, recurse: bool = True) -> PretrainedCritic:
        self._frozen[0]._apply(fn, recurse)  # to a device, with the heads
        return super()._apply(fn, recurse)

    def features(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the frozen network's maps of images (B, C, H, W) in [-1, 1]."""
        if images.shape[-1] < self.side:
            size = (self.side, self.side)
            images = F.interpolate(images, size, mode="bilinear", align_corners=False)
        return self._frozen[0](images)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        answers = [head(self.dropout(each)) for head, each in zip(self.heads, maps, strict=True)]
        return torch.cat(answers, dim=1)
