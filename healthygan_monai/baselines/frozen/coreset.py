"""Choose few vectors that represent many: a uniform sample, then a greedy cover of it."""

import numpy as np
import torch

from data_prep.errors import UsageError


class Reservoir:
    """A uniform sample of at most ``size`` vectors of a stream (Vitter 1985, Algorithm R).

    The t-th vector (from 1) draws a whole number below t and replaces the vector of that number, if
    any.
    The first ``size`` vectors are kept in order.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self.size, self.generator = size, generator
        self.seen = 0
        self.rows = np.empty((0, 0), np.float32)

    def add(self, vectors: torch.Tensor) -> None:
        """Add the next (n, d) of the stream; each call draws n numbers."""
        new = vectors.detach().cpu().numpy()
        if self.seen == 0:  # memory pages are used only when written, so a small set needs little
            self.rows = np.empty((self.size, new.shape[1]), np.float32)
        ranks = torch.arange(self.seen, self.seen + len(new), dtype=torch.float64)
        drawn = torch.rand(len(new), dtype=torch.float64, generator=self.generator)
        places = torch.where(ranks < self.size, ranks, (drawn * (ranks + 1)).floor()).long().numpy()
        kept = places < self.size
        self.rows[places[kept]] = new[kept]  # of two for one place NumPy keeps the later
        self.seen += len(new)

    def sample(self) -> torch.Tensor:
        """Return (min(seen, size), d), sharing memory with the reservoir."""
        return torch.from_numpy(self.rows[: min(self.seen, self.size)])


def project(points: torch.Tensor, width: int, generator: torch.Generator) -> torch.Tensor:
    """Project (N, d) -> (N, width) by a random Gaussian matrix; unchanged if d <= width.

    Distances are kept in expectation (Johnson and Lindenstrauss 1984).
    """
    if not 0 < width < points.shape[1]:
        return points
    matrix = torch.randn(points.shape[1], width, generator=generator) / width**0.5
    return points @ matrix.to(points)


def greedy_coreset(
    points: torch.Tensor, size: int, generator: torch.Generator, starting_points: int = 10
) -> torch.Tensor:
    """Return indices of points, each the farthest from those before it (Gonzalez 1985).

    At first a point's distance is its mean distance to ``starting_points`` random ones: PatchCore's
    approximation, instead of the N x N matrix. Memory is a few vectors of N; time is size x N x d.

    Raises:
        UsageError: not 1 <= size <= N.
    """
    count = len(points)
    if not 1 <= size <= count:
        raise UsageError(f"coreset of {size} of {count} points; expected 1 to {count}.")
    points = points - points.mean(0)  # short vectors: |a|^2 + |b|^2 - 2ab cancels least
    squares = points.square().sum(1)
    buffer = torch.empty_like(squares)

    def squared_distances(index: int) -> torch.Tensor:
        torch.mv(points, points[index], out=buffer)
        return buffer.mul_(-2).add_(squares).add_(squares[index]).clamp_(min=0)

    starts = torch.randperm(count, generator=generator)[:starting_points].tolist()
    nearest = sum(squared_distances(i).sqrt() for i in starts) / len(starts)
    assert isinstance(nearest, torch.Tensor)
    nearest.square_()
    chosen = torch.empty(size, dtype=torch.long)
    for step in range(size):
        index = int(nearest.argmax())
        chosen[step] = index
        torch.minimum(nearest, squared_distances(index), out=nearest)
        nearest[index] = -1  # never twice, even where all points are equal
    return chosen
