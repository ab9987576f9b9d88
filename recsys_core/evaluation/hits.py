"""Which places of ranked lists are hits."""

from __future__ import annotations

import numpy as np

from recsys_core.data.dataset import BoolArray, IntArray, TimeArray


def hits_of(users: IntArray, items: IntArray, pairs: TimeArray, n_items: int) -> BoolArray:
    """Shape of `items`: whether each is one of its user's `pairs`, of which there are some."""
    listed = users[:, None].astype(np.int64) * n_items + items
    place = np.minimum(np.searchsorted(pairs, listed), len(pairs) - 1)
    found: BoolArray = pairs[place] == listed
    return found & (items >= 0)
