"""Which attributes of users and items are others than in the data before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    BoolArray,
    Categorical,
    Column,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
)
from recsys_core.data.row_keys import numbers_there


def count_changed(
    old: Mapping[str, Column], new: Mapping[str, Column], there: NDArray[np.int64]
) -> int:
    """Count the users or items with another value than before in a column of both data sets.

    Parameters
    ----------
    old, new
        Their columns by name.
    there
        Shape (n,): the row among the old ones of each new one; -1: it is new itself.
    """
    here = np.flatnonzero(there >= 0)
    differs = np.zeros(len(here), dtype=np.bool_)
    for name in old.keys() & new.keys():
        differs |= _differs(old[name], there[here], new[name], here)
    return int(differs.sum())


def _differs(
    old: Column, there: NDArray[np.int64], new: Column, here: NDArray[np.int64]
) -> BoolArray:
    """Compare rows of a column with rows of the column of another data set, shape (n,)."""
    differs: BoolArray = np.ones(len(here), dtype=np.bool_)  # as columns of two types do
    match old, new:
        case Categorical(), Categorical():
            before, now = (
                np.append(column.vocabulary, "")[column.codes[rows]]  # -1 picks the last
                for column, rows in ((old, there), (new, here))
            )
            differs = before != now
        case MultiCategorical(), MultiCategorical():
            codes = numbers_there(new.vocabulary, old.vocabulary)[new.codes]
            pairs = zip(_lists(old, old.codes, there), _lists(new, codes, here), strict=True)
            differs = np.array([before != now for before, now in pairs], dtype=np.bool_)
        case (Numeric(was), Numeric(values)) | (Vectors(was), Vectors(values)):
            if was.shape[1:] == values.shape[1:]:
                was, values = was[there], values[here]
                unlike = (was != values) & ~(np.isnan(was) & np.isnan(values))
                differs = unlike.any(axis=tuple(range(1, unlike.ndim)))
        case Text(), Text():
            differs = old.values[there] != new.values[here]
    return differs


def _lists(
    column: MultiCategorical, codes: NDArray[np.integer], rows: NDArray[np.int64]
) -> list[list[int]]:
    """Give the codes of each of some rows."""
    plain = codes.tolist()
    starts, ends = column.offsets[rows].tolist(), column.offsets[rows + 1].tolist()
    return [plain[start:end] for start, end in zip(starts, ends, strict=True)]
