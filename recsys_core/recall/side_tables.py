"""Attributes of users and items as rows of embedding tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Categorical,
    Column,
    FloatArray,
    IntArray,
    MultiCategorical,
    Numeric,
)
from recsys_core.recall.saved_arrays import Arrays, take

#: an attribute is read if on average so many users or items share a value
MIN_OWNERS = 10
#: numbers are cut into so many buckets at most, of about as many users or items each
BUCKETS = 50


@dataclass(frozen=True)
class SideTable:
    """The attributes of all users or items, each value a row of one embedding table.

    Parameters
    ----------
    values
        Shape (n + 1, slots), int32: table rows, 0 where unused. The last row, all zeros, is that
        of somebody or something of which nothing is known.
    weights
        Shape (n + 1, slots), float32: several values of one attribute share a weight of 1.
    """

    values: IntArray
    weights: FloatArray

    @property
    def n_rows(self) -> int:
        """Rows of the embedding table."""
        return int(self.values.max(initial=0)) + 1

    @classmethod
    def of(cls, columns: Mapping[str, Column], n: int) -> SideTable:
        """Count through the values of all columns but free text and what hardly anybody shares.

        Parameters
        ----------
        n
            Users or items, entries of each column.
        """
        values, weights = [np.zeros((n, 0), np.int32)], [np.zeros((n, 0), np.float32)]
        rows = 1
        for name in sorted(columns):
            codes = _codes(columns[name])
            if codes is None:
                continue
            known = codes >= 0
            values.append(np.where(known, codes + rows, 0).astype(np.int32))
            weights.append((known / np.maximum(known.sum(axis=1, keepdims=True), 1)).astype("f4"))
            rows += int(codes.max(initial=-1)) + 1
        nothing = ((0, 1), (0, 0))
        return cls(np.pad(np.hstack(values), nothing), np.pad(np.hstack(weights), nothing))

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Give what `from_arrays` needs, to be saved."""
        return {f"{name}.values": self.values, f"{name}.weights": self.weights}

    @classmethod
    def from_arrays(cls, name: str, arrays: Arrays, n: int) -> SideTable:
        """Take back what `arrays` gave for `n` users or items."""
        values = take(arrays, f"{name}.values", np.int32, (n + 1, None), lowest=0)
        return cls(values, take(arrays, f"{name}.weights", np.float32, values.shape))


def _codes(column: Column) -> NDArray[np.integer] | None:
    """Give the values as codes, shape (n, slots), -1 where unused; None: a column not to read."""
    if isinstance(column, MultiCategorical):
        lengths = np.diff(column.offsets)
        used = np.arange(lengths.max(initial=1)) < lengths[:, None]
        codes = np.full(used.shape, -1, dtype=np.int32)
        codes[used] = column.codes
        return codes
    if isinstance(column, Numeric):
        known = ~np.isnan(column.values)
        shares = np.arange(BUCKETS) / BUCKETS
        numbers = column.values[known] if known.any() else np.zeros(1, np.float32)
        edges = np.unique(np.quantile(numbers, shares, method="higher"))
        place = np.searchsorted(edges, column.values, side="right")
        return np.where(known, np.maximum(place - 1, 0), -1)[:, None]
    if isinstance(column, Categorical):
        shared = len(column.vocabulary) * MIN_OWNERS <= len(column.codes)
        return column.codes[:, None] if shared else None
    return None
