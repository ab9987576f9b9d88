"""Events as numbers that say the same in every data set: by user, item and time as they are."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import Dataset, TextArray

#: odd multipliers of 64 bits, one for each part of a key
_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)


def row_keys(
    dataset: Dataset,
    user: NDArray[np.integer],
    item: NDArray[np.integer],
    timestamp: NDArray[np.integer],
) -> NDArray[np.uint64]:
    """Give each event a key, shape (n,); events of the same user, item and second share it.

    Original ids enter it, numbers do not: they differ between data sets.
    """
    users, items = (_hashes(ids) for ids in (dataset.user_ids, dataset.item_ids))
    with np.errstate(over="ignore"):
        key = users[user] * np.uint64(_MIX[0]) ^ items[item]
        key = key * np.uint64(_MIX[1]) ^ timestamp.astype(np.uint64)
        mixed: NDArray[np.uint64] = key * np.uint64(_MIX[0])
    return mixed


def held(keys: NDArray[np.uint64], ascending: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell which keys, shape (n,), are among others, which ascend."""
    if not len(ascending):
        return np.zeros(keys.shape, dtype=np.bool_)
    place = np.minimum(np.searchsorted(ascending, keys), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[place] == keys
    return found


def _hashes(ids: TextArray) -> NDArray[np.uint64]:
    """Hash texts, shape (n,); all but never do two of them share a hash."""
    digests = (blake2b(text.encode(), digest_size=8).digest() for text in ids.tolist())
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def numbers_there(here: TextArray, there: TextArray) -> NDArray[np.int64]:
    """Look up ids in those of another data set, shape (n,): their numbers there, -1 for none."""
    places = {text: number for number, text in enumerate(there.tolist())}
    return np.array([places.get(text, -1) for text in here.tolist()], dtype=np.int64)
