"""Data frames to a data set, as files are imported: same columns, same checks, same fingerprint.

Frames of pandas are read as they are. Anything else that has `__arrow_c_stream__` (polars, pyarrow,
relations of duckdb) is read through Arrow, without a copy where its types allow that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from recsys_core.data import pandas_columns, parquet
from recsys_core.data.attribute_tables import TableOption, add_table, add_tables, read_option
from recsys_core.data.attributes import RawData
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.importer import Made, put_together
from recsys_core.data.vectors import add_vectors, check_free, check_vectors
from recsys_core.errors import DataError, InputError, shorten

Side = Literal["user", "item"]
TABLE_HINT = (
    "pass a pandas DataFrame, or anything with __arrow_c_stream__: a DataFrame of polars, a table"
    " of pyarrow, a relation of duckdb"
)


def read_frames(
    events: Any,
    name: str,
    options: ImportOptions,
    *,
    users: Any = None,
    items: Any = None,
    vectors: Mapping[str, Any] | None = None,
) -> Made:
    """Make a data set of frames.

    Parameters
    ----------
    users, items
        Tables of users and items: a frame, or a frame and what is said of its columns, as after
        the file in `attribute_tables`: ``(frame, "id=isbn,price:number")``.
    vectors
        ``NAME`` or ``user:NAME`` -> ids, shape (n,), and their vectors, shape (n, length).

    Raises
    ------
    InputError
        What is given is no table, or an option does not fit it.
    DataError
        A bad row, or a column of a type that cannot be what it is said to be.
    """
    raw = add_tables(_read_events(events, options), options)
    tables: dict[Side, Any] = {"user": users, "item": items}
    for side, given in tables.items():
        if given is not None:
            raw = _add(raw, side, given, options)
    raw = add_vectors(raw, options)
    for key, pair in (vectors or {}).items():
        raw = _with_vectors(raw, key, pair)
    return put_together(raw, options, "events", name)


def _read_events(events: Any, options: ImportOptions) -> RawData:
    where = "events"
    table = as_table(events, where)
    if is_pandas(table):
        return pandas_columns.read_frame(table, where, options)
    found = table.column_names
    read_as = f"table of {type(events).__module__.partition('.')[0]}"
    with parquet.arrow_errors(where):
        return parquet.read_arrow(found, table.select, where, options, read_as)


def _add(raw: RawData, side: Side, given: Any, options: ImportOptions) -> RawData:
    """Add a table of users or items."""
    where = f"{side}s"
    frame, text = given if isinstance(given, tuple) else (given, "")
    option = read_option(f"{where},{text}") if text else TableOption(Path(where), {}, {})
    table = as_table(frame, where)
    if is_pandas(table):
        columns = pandas_columns.plain_columns(table, where)
    else:
        with parquet.arrow_errors(where):
            columns = parquet.plain_columns(table, where)
    if not any(columns.values()):
        raise DataError(f"{where}: there are no rows", "check that this is the right table")
    return add_table(raw, side, columns, option, options.on_bad_rows)


def _with_vectors(raw: RawData, key: str, pair: Any) -> RawData:
    """Add vectors of users or items."""
    side, colon, own = key.rpartition(":")
    if (colon and side not in ("user", "item")) or not own:
        raise InputError(f"vectors '{shorten(key)}': not NAME or user:NAME", "rename them")
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise InputError(
            f"vectors {key}: {type(pair).__name__} instead of ids and vectors",
            f'give both: vectors={{"{key}": (ids, matrix)}}',
        )
    whose: Side = "user" if side == "user" else "item"
    check_free(raw, whose, own)
    ids, values = (np.asarray(part) for part in pair)
    if ids.dtype == object and all(isinstance(each, str) for each in ids.ravel()):
        ids = ids.astype(np.str_)
    found = check_vectors(whose, own, ids, values, f"vectors {key}")
    return replace(raw, vectors=(*raw.vectors, found))


def as_table(frame: Any, where: str) -> Any:
    """Take a frame of pandas as it is, and anything else as a table of Arrow.

    Raises
    ------
    InputError
        It is no table, or pyarrow is not installed.
    """
    called = f"{type(frame).__module__.partition('.')[0]} {type(frame).__name__}"
    if type(frame).__name__ == "LazyFrame":
        raise InputError(f"{where}: a {called} has no rows yet", "pass the result: frame.collect()")
    if is_pandas(frame) and not _is_arrow_backed(frame):
        return frame
    if not hasattr(frame, "__arrow_c_stream__"):
        what = called.removeprefix("builtins ")
        raise InputError(f"{where}: a {what} is not a table", TABLE_HINT)
    try:
        import pyarrow as pa
    except ImportError:
        raise InputError(
            f"{where}: reading a {called} needs pyarrow",
            "pip install 'recsys-workbench[parquet]', or pass a pandas DataFrame",
        ) from None
    with parquet.arrow_errors(where):
        if is_pandas(frame):
            frame = pandas_columns.with_index(frame)
            pandas_columns.column_names(frame, where)
            return pa.Table.from_pandas(frame, preserve_index=False)
        return pa.table(frame)


def is_pandas(frame: Any) -> bool:
    """Whether it is a frame of pandas."""
    import pandas as pd

    return isinstance(frame, pd.DataFrame)


def _is_arrow_backed(frame: Any) -> bool:
    """Whether a frame of pandas has columns that are Arrow's."""
    import pandas as pd

    return any(isinstance(kind, pd.ArrowDtype) for kind in frame.dtypes)
