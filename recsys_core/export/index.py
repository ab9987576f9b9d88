"""Item vectors in a faiss index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recsys_core.data.dataset import BoolArray, FloatArray
from recsys_core.retrieval.vector_index import IndexConfig, VectorIndex
from recsys_core.saving.replace import replacing

INDEX = "items.faiss"


def write_index(path: Path, vectors: FloatArray, config: IndexConfig) -> None:
    """Write an index by inner product over vectors, shape (n, dim)."""
    import faiss

    index: Any = VectorIndex(vectors, config).built
    with replacing(path) as partial:
        faiss.write_index(index, str(partial))


def indexed_vectors(
    vectors: FloatArray, bias: FloatArray | None, listed: BoolArray
) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.int32]]]:
    """Pick what an index holds: vectors, the bias as a last number, and the items' numbers.

    Parameters
    ----------
    listed
        Shape (n_items,): the items that something was learned of.
    """
    items = np.flatnonzero(listed).astype(np.int32)
    chosen = vectors[items]
    if bias is not None:
        chosen = np.concatenate([chosen, bias[items, None]], axis=1)
    return np.ascontiguousarray(chosen, dtype=np.float32), items
