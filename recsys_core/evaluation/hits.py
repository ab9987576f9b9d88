"""Which places of ranked lists are hits."""

from __future__ import annotations

import numpy as np

from recsys_core.data.dataset import BoolArray, IntArray, TimeArray
from recsys_core.data.interactions import among


def hits_of(users: IntArray, items: IntArray, pairs: TimeArray, n_items: int) -> BoolArray:
    """Shape of `items`: whether each is one of its user's `pairs`."""
    listed = users[:, None].astype(np.int64) * n_items + items
    return among(listed, pairs) & (items >= 0)
