"""Fitted transforms of an earlier fit, grown by what new train rows have beside it.

Values keep their codes, so that what was learned of them still holds; numbers keep their edges and
scales, so that they mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_core.features.transforms import Crossed, EventLookup, Fitted, Lookup

Codes = NDArray[np.int64]


def grown(earlier: Fitted, found: Fitted, codes: Sequence[Codes]) -> Fitted:
    """Keep what was fitted earlier, and add the values that were found now.

    Parameters
    ----------
    codes
        Of a cross: what became of the codes of each feature that it is of, as `kept_codes` says.
    """
    if isinstance(earlier, Lookup) and isinstance(found, Lookup):
        return Lookup(values=_joined(earlier.values, found.values))
    if isinstance(earlier, EventLookup) and isinstance(found, EventLookup):
        values = _joined(earlier.values, found.values)
        return EventLookup(of=earlier.of, values=values, centre=earlier.centre)
    if isinstance(earlier, Crossed) and isinstance(found, Crossed) and earlier.buckets is None:
        kept = _keys(earlier, found.sizes, codes)
        keys = tuple(np.union1d(kept, np.array(found.keys, dtype=np.int64)).tolist())
        return Crossed(sizes=found.sizes, keys=keys, buckets=None)
    if isinstance(earlier, Crossed):
        return found  # hashed: keys of other sizes fall elsewhere
    return earlier


def kept_codes(earlier: Fitted, now: Fitted, codes: Sequence[Codes]) -> Codes:
    """Tell which code each code of an earlier fit has now, shape (its size,); -1: none."""
    same = np.arange(earlier.size, dtype=np.int64)
    if not isinstance(earlier, Crossed) or not isinstance(now, Crossed):
        return same
    if earlier.buckets is not None:
        return same if earlier.sizes == now.sizes else np.where(same == 0, 0, -1)
    keys = _keys(earlier, now.sizes, codes)
    return np.concatenate([[0], 1 + np.searchsorted(np.array(now.keys, dtype=np.int64), keys)])


def _joined(earlier: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*earlier, *found]))


def _keys(earlier: Crossed, sizes: Sequence[int], codes: Sequence[Codes]) -> Codes:
    """Write the keys of an earlier fit with the codes and sizes of today."""
    rest = np.array(earlier.keys, dtype=np.int64)
    parts = []
    for size, now in zip(reversed(earlier.sizes), reversed(codes), strict=True):
        parts.append(now[rest % size])
        rest = rest // size
    keys = np.zeros_like(rest)
    for part, size in zip(reversed(parts), sizes, strict=True):
        keys = keys * size + part
    return keys
