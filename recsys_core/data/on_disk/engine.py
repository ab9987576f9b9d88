"""DuckDB, held below a limit of memory: what does not fit it writes to a folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.errors import InputError

Arrays = dict[str, NDArray[Any]]
#: vectors of 2,048 rows that are fetched at a time
VECTORS = 256
_FULL = ("no space left", "file too large", "disk quota", "max_temp_directory_size")


class Engine:
    """A database of one import.

    Parameters
    ----------
    folder
        Where it may write; whoever made the folder deletes it.
    memory
        Bytes that it may take.

    Raises
    ------
    InputError
        DuckDB is not installed.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        try:
            import duckdb
        except ImportError:
            raise InputError(
                "an import below a limit of memory needs duckdb",
                "pip install 'recsys-workbench[large]'",
            ) from None
        self._module = duckdb
        with self._errors():
            self._connection = duckdb.connect(
                ":memory:",  # what exceeds the limit is written to the folder, without a journal
                config={
                    "memory_limit": f"{memory // 2**20}MiB",
                    "temp_directory": str(folder / "spilled"),
                    "threads": 1,
                    "preserve_insertion_order": False,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )

    def close(self) -> None:
        """Let go of its files."""
        self._connection.close()

    def run(self, statement: str) -> None:
        """Run a statement that gives nothing back."""
        with self._errors():
            self._connection.execute(statement)

    def one(self, query: str) -> tuple[Any, ...]:
        """Give the only row of a query."""
        with self._errors():
            found = self._connection.execute(query).fetchone()
        assert found is not None
        return tuple(found)

    def insert(self, table: str, columns: Arrays) -> None:
        """Add rows to a table; the columns stand in its order."""
        import pandas as pd

        # objects stay what they are: pandas would make a type of its own of texts
        series = {name: pd.Series(column, dtype=column.dtype) for name, column in columns.items()}
        rows = pd.DataFrame(series, copy=False)
        with self._errors():
            self._connection.register("rows_to_insert", rows)
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM rows_to_insert")  # noqa: S608
            self._connection.unregister("rows_to_insert")

    def blocks(self, query: str) -> Iterator[Arrays]:
        """Run a query and yield some rows of it at a time."""
        with self._errors():
            result = self._connection.cursor().execute(query)
            while len(frame := result.fetch_df_chunk(VECTORS)):
                yield {name: np.asarray(frame[name]) for name in frame.columns}

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn its errors into those of this program."""
        try:
            yield
        except self._module.Error as error:
            text = str(error).lower()
            if any(full in text for full in _FULL):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            if isinstance(error, self._module.OutOfMemoryException):
                raise InputError(
                    "the rows cannot be sorted with so little memory",
                    "give more: recsys-workbench data import PATH --memory-limit 2G",
                ) from error
            raise


def in_parts(found: Iterator[Arrays], name: str, sizes: list[int]) -> Iterator[NDArray[Any]]:
    """Cut a column of what a query gives into parts of these sizes."""
    rest: NDArray[Any] = np.empty(0, np.int64)
    for size in sizes:
        parts, missing = [rest[:size]], size - len(rest)
        rest = rest[size:]
        while missing > 0:
            block = next(found)[name]
            parts.append(block[:missing])
            rest = block[missing:]
            missing -= len(block)
        yield np.concatenate(parts) if len(parts) > 1 else parts[0]
