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


def keys_of(dataset: Dataset, rows: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Give the keys of some rows, shape (n,), in their order."""
    if not len(rows):
        return np.empty(0, dtype=np.uint64)
    return row_keys(dataset, dataset.user[rows], dataset.item[rows], dataset.timestamp[rows])


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


def rows_there(
    here: Dataset, there: Dataset, users: NDArray[np.int64], items: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find the events of a data set in another one, by user, item and time.

    Most often users' timelines begin alike, which takes no keys to tell. What follows a user's
    first difference is looked up by them.

    Parameters
    ----------
    users, items
        Shapes (n_users,) and (n_items,): the numbers there of those here; -1: they are not there.

    Returns
    -------
    Shape (n_interactions,): the row there, -1 for none.
    """
    own, other = _alike(here, there, users, items)
    found = np.full(here.n_interactions, -1, dtype=np.int64)
    found[own] = other
    left = np.ones(there.n_interactions, dtype=np.bool_)
    left[other] = False
    rest, rest_there = np.flatnonzero(found < 0), np.flatnonzero(left)
    if len(rest) and len(rest_there):
        keys, keys_there = keys_of(here, rest), keys_of(there, rest_there)
        order = np.argsort(keys_there)
        place = order[np.minimum(np.searchsorted(keys_there, keys, sorter=order), len(order) - 1)]
        hit = keys_there[place] == keys
        found[rest[hit]] = rest_there[place[hit]]
    return found


def _alike(
    here: Dataset, there: Dataset, users: NDArray[np.int64], items: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the rows with which users' timelines begin alike: rows here, and rows there."""
    starts, lengths = _bounds(here)
    starts_there, lengths_there = (np.append(each, 0) for each in _bounds(there))  # -1: no events
    both = np.minimum(lengths, lengths_there[users])
    nth = np.arange(both.sum()) - np.repeat(np.cumsum(both) - both, both)
    own = here.timeline[nth + np.repeat(starts, both)]
    other = there.timeline[nth + np.repeat(starts_there[users], both)]
    same = items[here.item[own]] == there.item[other]
    same &= here.timestamp[own] == there.timestamp[other]
    if same.all():
        return own, other
    differs = np.flatnonzero(~same)
    user, first = np.unique(here.user[own[differs]], return_index=True)
    both[user] = nth[differs[first]]
    same = nth < both[here.user[own]]
    return own[same], other[same]


def _bounds(dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tell where each user's events begin in the timeline, and how many they are."""
    lengths = np.bincount(dataset.user, minlength=dataset.n_users)
    return np.cumsum(lengths) - lengths, lengths
