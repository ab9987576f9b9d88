"""Columns in files: written one piece after the other, then mapped.

Nothing is written through a mapping: on a full disk a write fails in order, a mapping kills.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: rows that are held in memory at a time
BLOCK_ROWS = 2**19


class ColumnFile:
    """A column that is being written.

    Parameters
    ----------
    path
        A new file.
    """

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._file = path.open("xb")
        self.rows = 0

    def append(self, values: NDArray[Any]) -> None:
        """Write some more values."""
        self._file.write(np.ascontiguousarray(values, self._dtype).data)
        self.rows += len(values)

    def map(self) -> NDArray[Any]:
        """End writing, and map what was written, shape (n,)."""
        self._file.close()
        if not self.rows:
            return np.empty(0, self._dtype)
        return np.memmap(self._path, self._dtype, "r", shape=(self.rows,))


def blocks(rows: int) -> Iterator[slice]:
    """Cut so many rows into blocks."""
    return (slice(start, min(start + BLOCK_ROWS, rows)) for start in range(0, rows, BLOCK_ROWS))


def forget(*columns: NDArray[Any] | None) -> None:
    """Delete the files of mapped columns that nobody reads any more."""
    for column in columns:
        if isinstance(column, np.memmap):
            Path(str(column.filename)).unlink()
