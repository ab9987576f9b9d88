"""Whether the arrays of a prepared set are what they should be: kind, shape, range.

A set may be handed on or damaged, and what follows indexes by these arrays, some of it in native
code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
)
from recsys_core.data.file_layout import LATEST


def check_dataset(dataset: Dataset, *, rows_expected: bool) -> None:
    """Check that rows, ids and attributes fit together.

    Raises
    ------
    ValueError
        They do not; the message names the array.
    """
    rows = dataset.user.size
    _check(dataset.user_ids, "user_ids", np.str_)
    _check(dataset.item_ids, "item_ids", np.str_)
    _check(dataset.user, "user", np.int32, rows, (0, dataset.n_users - 1))
    _check(dataset.item, "item", np.int32, rows, (0, dataset.n_items - 1))
    _check(dataset.rating, "rating", np.float32, rows, (-math.inf, math.inf))
    _check(dataset.timestamp, "timestamp", np.int64, rows, (0, LATEST))
    if rows_expected and not rows:
        raise ValueError("there are no rows")
    for side, columns, owners in (
        ("user", dataset.user_columns, dataset.n_users),
        ("item", dataset.item_columns, dataset.n_items),
        ("event", dataset.event_columns, rows),
    ):
        for name, column in columns.items():
            _check_column(column, f"{side}.{name}", owners)
    _check_timeline(dataset)


def _check_timeline(dataset: Dataset) -> None:
    """Check that rows stand by user, time and place in the file, each once."""
    order, rows = dataset.timeline, dataset.user.size
    _check(order, "timeline", np.int64, rows, (0, rows - 1))
    user, time = dataset.user[order], dataset.timestamp[order]
    later = order[1:] > order[:-1]
    for key in (time, user):
        later = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & later)
    if not later.all():
        raise ValueError("timeline is not in the order of users and times")


def _check_column(column: Column, name: str, rows: int) -> None:
    if isinstance(column, Categorical):
        _check(column.vocabulary, f"{name}.vocabulary", np.str_)
        _check(column.codes, f"{name}.codes", np.int32, rows, (-1, len(column.vocabulary) - 1))
    elif isinstance(column, MultiCategorical):
        _check(column.vocabulary, f"{name}.vocabulary", np.str_)
        _check(column.codes, f"{name}.codes", np.int32, None, (0, len(column.vocabulary) - 1))
        ends = (0, len(column.codes))
        _check(column.offsets, f"{name}.offsets", np.int64, rows + 1, ends)
        if (column.offsets[0], column.offsets[-1]) != ends or np.any(np.diff(column.offsets) < 0):
            raise ValueError(f"{name}.offsets do not ascend from 0 to the number of values")
    elif isinstance(column, Numeric):
        _check(column.values, f"{name}.values", np.float32, rows)
    elif isinstance(column, Text):
        _check(column.values, f"{name}.values", np.str_, rows)
    elif isinstance(column, Vectors):
        if column.values.ndim != 2 or len(column.values) != rows or not column.values.shape[1]:
            raise ValueError(f"{name}.values has the shape {column.values.shape}")
        _check(column.values.ravel(), f"{name}.values", np.float32)


def _check(
    array: NDArray[Any],
    name: str,
    kind: type[np.generic],
    length: int | None = None,
    bounds: tuple[float, float] | None = None,
) -> None:
    """Check one array; NaN is within no bounds."""
    if array.ndim != 1 or not np.issubdtype(array.dtype, kind):
        raise ValueError(f"{name} is {array.ndim}-dimensional {array.dtype}")
    if length is not None and len(array) != length:
        raise ValueError(f"{name} has {len(array):,} values where {length:,} are expected")
    if bounds is not None and len(array):
        low, high = array.min(), array.max()
        if not (bounds[0] <= low and high <= bounds[1] and np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"{name} has values from {low} to {high}, out of bounds")
