"""What would fit where a model of all pairs of items does not: fewer items, or another model."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_core.compute.capacity import Changes
from recsys_core.data.dataset import Dataset
from recsys_core.protocols.base import LEAST_IDS, k_core

#: keeps the similarities of few pairs of items
SPARSE_MODEL = "item-cf"


def fewer_items(dataset: Dataset, most: int) -> list[Changes]:
    """Say by which filter at most so many items are left, and which model does with all of them."""
    core = core_of_items(dataset, most)
    filters: list[Changes] = [] if core is None else [{"protocol": {"k_core": core}}]
    return [*filters, {"model": SPARSE_MODEL}]


def core_of_items(dataset: Dataset, most: int) -> int | None:
    """Find a k-core of at most `most` items; None: nothing is left of one that is so small."""
    counts = np.sort(np.bincount(dataset.item, minlength=dataset.n_items))[::-1]
    if most < 1 or most >= len(counts):
        return None
    # no more items than these have so many rows, before the filter takes any away
    core = int(counts[most]) + 1
    rows: Any = np.ones(dataset.n_interactions, dtype=np.bool_)
    kept = k_core(dataset.user, dataset.item, rows, rows, core)
    left = min(len(np.unique(ids[kept])) for ids in (dataset.user, dataset.item))
    return core if left >= LEAST_IDS else None
