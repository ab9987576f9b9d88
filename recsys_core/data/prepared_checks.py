"""Whether the arrays of a prepared set are what they should be: kind, shape, range.

A set may be handed on or damaged, and what follows indexes by these arrays, some of it in native
code.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

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

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def check_archive(path: Path) -> None:
    """Check before anything is read that each array of an npz is as large as it says.

    Raises
    ------
    ValueError
        One is not, or the file is no regular one.
    OSError, zipfile.BadZipFile
        It cannot be read.
    """
    if path.exists() and not path.is_file():
        raise ValueError("not a regular file")
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                size = _size_said(file)
                if size != member.file_size - file.tell() or size > member.compress_size:
                    raise ValueError(f"{member.filename} is not as large as it says")


def _size_said(file: IO[bytes]) -> int:
    """Read an array's header: the bytes that follow, by what it says."""
    try:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    except (KeyError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        raise ValueError(f"no header of an array: {type(error).__name__}") from None
    return math.prod(shape) * int(dtype.itemsize)


def check_dataset(dataset: Dataset, *, rows_expected: bool = True) -> None:
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
