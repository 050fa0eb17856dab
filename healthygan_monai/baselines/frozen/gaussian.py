"""Mean and covariance of many positions in one pass; memory does not grow with the images."""

import torch

from data_prep.errors import DataError

POSITIONS_AT_ONCE = 64  # factorised together in float64: 64 x 550 x 550 x 8 bytes = 155 MB


class RunningGaussian:
    """One Gaussian a position, from batches of vectors x (B, P, d).

    With a shift s (the mean of the first batch) it keeps n, sum(x - s) as (P, d) and
    sum((x - s)(x - s)^T) as (P, d, d), in float32: 4 P d^2 bytes. The shift prevents cancellation.
    """

    def __init__(self) -> None:
        self.count = 0
        self.shift = self.sum = self.scatter = torch.empty(0)

    def update(self, vectors: torch.Tensor) -> None:
        """Add a batch (B, P, d)."""
        if self.count == 0:
            self.shift = vectors.mean(0)  # (P, d)
            positions, width = self.shift.shape
            self.sum = torch.zeros_like(self.shift)
            self.scatter = self.shift.new_zeros(positions, width, width)
        centred = (vectors - self.shift).transpose(0, 1)  # (P, B, d)
        self.count += len(vectors)
        self.sum += centred.sum(1)
        self.scatter.baddbmm_(centred.transpose(1, 2), centred)

    def finish(self, ridge: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means (P, d) and inverse Cholesky factors W (P, d, d) of the covariances.

        C = sum((x - m)(x - m)^T) / (n - 1) + ridge I = L L^T and W = L^-1, so that the Mahalanobis
        distance sqrt((x - m)^T C^-1 (x - m)) is the length of W (x - m). W overwrites the scatter
        matrices.

        Raises:
            DataError: fewer than two vectors.
        """
        if self.count < 2:
            raise DataError(f"{self.count} healthy image(s); a covariance needs at least 2.")
        whitening, offset = self.scatter, self.sum / self.count
        identity = torch.eye(offset.shape[1], dtype=torch.float64, device=offset.device)
        for start in range(0, len(offset), POSITIONS_AT_ONCE):
            part = slice(start, start + POSITIONS_AT_ONCE)
            delta = offset[part].double()
            covariance = whitening[part].double()
            covariance.baddbmm_(delta.unsqueeze(2), delta.unsqueeze(1), alpha=-self.count)
            covariance = covariance.div_(self.count - 1).add_(ridge * identity)
            factor = torch.linalg.cholesky(covariance)
            whitening[part] = torch.linalg.solve_triangular(
                factor, identity.expand_as(factor), upper=False
            ).float()
        return self.shift + offset, whitening


def mahalanobis(vectors: torch.Tensor, mean: torch.Tensor, whitening: torch.Tensor) -> torch.Tensor:
    """sqrt((x - m)^T C^-1 (x - m)): x (B, P, d), m (P, d), W (P, d, d), W^T W = C^-1 -> (B, P)."""
    centred = (vectors - mean).permute(1, 2, 0)  # (P, d, B)
    return torch.bmm(whitening, centred).norm(dim=1).T
