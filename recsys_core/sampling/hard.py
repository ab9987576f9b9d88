"""Hard negatives: the items that an index over the vectors of the moment finds for a query."""

from __future__ import annotations

import torch
from torch import Tensor

from recsys_core.retrieval.vector_index import IndexConfig, VectorIndex
from recsys_core.sampling.negatives import Search


def search_over(vectors: Tensor, items: Tensor, config: IndexConfig) -> Search:
    """Build an index over item vectors, as they are now.

    Parameters
    ----------
    vectors
        Shape (m, dim).
    items
        Shape (m,), int64, on the host: their items.

    Returns
    -------
    A function from queries, shape (n, dim), and k to the numbers of the k best items, shape (n, k);
    -1 where there are fewer.
    """
    index = VectorIndex(vectors.detach().cpu().numpy(), config)

    def search(queries: Tensor, k: int) -> Tensor:
        place, _ = index.search(queries.cpu().numpy(), k)
        found = torch.from_numpy(place)
        return torch.where(found >= 0, items[found.clamp(min=0)], -1)

    return search
