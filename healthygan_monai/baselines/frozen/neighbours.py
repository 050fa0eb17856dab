"""Find the nearest of many vectors exactly, in bounded memory, and PatchCore's Eq. 7."""

import numpy as np
import torch

from data_prep.errors import NotInstalled

QUERIES_AT_ONCE = 1024


def nearest_neighbour(
    vectors: torch.Tensor, bank: torch.Tensor, search: str = "auto"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return distance and index of the nearest row of ``bank`` (M, d) for each of (N, d).

    ``search`` "faiss" raises NotInstalled without faiss.
    """
    if search == "torch" or (search == "auto" and vectors.device.type != "cpu"):
        found = [torch.cdist(part, bank).min(1) for part in vectors.split(QUERIES_AT_ONCE)]
        index = torch.cat([part.indices for part in found])
        return (vectors - bank[index]).norm(dim=1), index
    queries, rows = vectors.cpu().numpy(), bank.cpu().numpy()
    if search == "faiss":
        try:
            import faiss
        except ModuleNotFoundError as error:
            raise NotInstalled("search faiss needs it: pip install faiss-cpu") from error
        exact = faiss.IndexFlatL2(rows.shape[1])
        exact.add(rows)
        places = exact.search(np.ascontiguousarray(queries), 1)[1][:, 0]
    else:
        from sklearn.metrics import pairwise_distances_argmin

        places = pairwise_distances_argmin(queries, rows)
    index = torch.from_numpy(places.astype(np.int64)).to(vectors.device)
    # from the difference itself: libraries expand |a - b|^2, which is noise if a is near b
    return (vectors - bank[index]).norm(dim=1), index


def neighbour_weight(
    tested: torch.Tensor, nearest: torch.Tensor, bank: torch.Tensor, neighbours: int
) -> torch.Tensor:
    """Return Eq. 7's factor (B,) in [0, 1] for patches (B, d) with nearest rows (B,) of ``bank``.

    1 - exp|m_test - m*| / sum over the ``neighbours`` rows nearest to m*, including itself, of
    exp|m_test - m|.
    """
    own = bank[nearest]  # m*, (B, d)
    count = min(neighbours, len(bank))
    around = torch.cdist(own, bank).scatter(1, nearest[:, None], -1.0)  # itself comes first
    support = bank[around.topk(count, largest=False).indices]  # (B, count, d)
    distances = (support - tested[:, None]).norm(dim=2)
    return 1 - torch.softmax(distances, 1)[:, 0]
