"""Columns of pandas to arrays, as `parquet` does with those of Arrow; pyarrow is not needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.attributes import RawData
from recsys_core.data.context import Texts, numeric
from recsys_core.data.dataset import Numeric
from recsys_core.data.file_layout import LABELS, ContextColumn
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.times import Clock, read_dates
from recsys_core.data.typed_rows import (
    Checked,
    ChooseColumns,
    Floats,
    Ids,
    NumberTable,
    check_rows,
    check_single,
    clock_of,
    piece_of,
    plan_columns,
    settle_numbers,
    settle_rows,
)
from recsys_core.errors import DataError, InputError, shorten

if TYPE_CHECKING:
    import pandas as pd

IDS, TIMES = "whole numbers or text", "times or numbers"


def read_frame(frame: pd.DataFrame, where: str, options: ImportOptions) -> RawData:
    """Read events from a data frame; columns are taken by their names.

    Raises
    ------
    InputError
        The mapping names a role or column that does not exist, or none can be guessed.
    DataError
        A bad row, or a column of a type that cannot be what it is said to be.
    """
    frame = with_index(frame)
    plan = plan_columns(column_names(frame, where), options, where)
    checked = _checked({r: frame.iloc[:, at] for r, at in plan.places.items()}, where, options)
    context = [_context(frame.iloc[:, about.place], about, where) for about in plan.context]
    bad: Counter[str] = Counter()
    piece = piece_of(checked, context, where, options, bad)
    return settle_rows(plan, [piece], where, options, "pandas DataFrame", bad)


def number_table(
    frame: pd.DataFrame, choose: ChooseColumns, numbers: Sequence[str], where: str, remedy: str
) -> NumberTable:
    """Read users, items, times and numbers about them, as `parquet.read_number_table` does."""
    frame = with_index(frame)
    places = choose(column_names(frame, where))
    columns = {role: frame.iloc[:, place] for role, place in places.items()}
    found = {role: _numbers(columns.pop(role), role, where) for role in numbers if role in columns}
    return settle_numbers(_checked(columns, where, ImportOptions()), found, where, remedy)


def _checked(found: dict[str, pd.Series[Any]], where: str, options: ImportOptions) -> Checked:
    """Turn columns into arrays, and find the rows that may not be used."""
    ids: dict[str, Ids] = {role: _ids(found[role], role, where) for role in ("user", "item")}
    if "type" in found:
        ids["type"] = _texts(found["type"], "type", where)
    labelled = "label" in found
    rating = _numbers(found["rating"], "rating", where) if "rating" in found else None
    if labelled:
        rating = _labels(found["label"], where)
    times = found.get("timestamp")
    seconds = None if times is None else _seconds(times, where, clock_of(options))
    return check_rows(ids, rating, seconds, options, labelled=labelled)


def plain_columns(frame: pd.DataFrame, where: str) -> dict[str, list[Any]]:
    """Write all columns as plain values, None where one is missing; arrays become lists."""
    frame = with_index(frame)
    names = column_names(frame, where)
    for name in names:
        check_single(names, name, where)
    return {name: _cells(frame.iloc[:, place]) for place, name in enumerate(names)}


def with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Take an index that has names for columns: ids often stand there."""
    named = [name for name in frame.index.names if name is not None]
    if len(named) < frame.index.nlevels or not set(named).isdisjoint(frame.columns):
        return frame
    return frame.reset_index()


def column_names(frame: pd.DataFrame, where: str) -> list[str]:
    """List the names of columns.

    Raises
    ------
    InputError
        One is no text: numbers would be mistaken for positions.
    """
    names = frame.columns.tolist()
    for name in names:
        if not isinstance(name, str):
            raise InputError(
                f"{where}: a column is called {shorten(repr(name), 40)}, which is not text",
                "name the columns: frame.columns = ['user', 'item', …]",
            )
    return names


def _cells(column: pd.Series[Any]) -> list[Any]:
    missing = column.isna().tolist()
    values = column.tolist()
    return [None if gap else _plain_cell(value) for value, gap in zip(values, missing, strict=True)]


def _plain_cell(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return sorted(value, key=str) if isinstance(value, set | frozenset) else _as_list(value)


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _ids(column: pd.Series[Any], role: str, where: str) -> Ids:
    """Take whole numbers from 0 on as they are, and all else as text."""
    kind = column.dtype
    fits = isinstance(kind, np.dtype) and (kind.kind == "i" or kind in ("u1", "u2", "u4"))
    if fits and len(column) and column.min() >= 0:
        return column.to_numpy().astype(np.int64, copy=False)
    return _texts(column, role, where)


def _texts(column: pd.Series[Any], role: str, where: str) -> Texts:
    """Write ids as text, empty where one is missing; each value once."""
    import pandas as pd

    try:
        codes, values = pd.factorize(column)
    except TypeError:  # what cannot be hashed
        raise _wrong_type(column, role, where, IDS) from None
    texts = [_text(value) for value in np.asarray(values, dtype=object).tolist()]
    if None in texts:
        raise _wrong_type(column, role, where, IDS)
    distinct = Texts.of(np.array([*texts, ""], dtype=object))  # the last: for those missing
    return Texts(distinct.codes[codes], distinct.values)


def _text(value: Any) -> str | None:
    """Write an id; None for what cannot be one."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    usable = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value) if usable else None


def _numbers(column: pd.Series[Any], role: str, where: str, wanted: str = "numbers") -> Floats:
    """Turn a column into numbers, NaN where one is missing."""
    import pandas as pd

    column, kinds = _uncoded(column), pd.api.types
    is_number = kinds.is_numeric_dtype(column.dtype) and not kinds.is_complex_dtype(column.dtype)
    if not (is_number or column.dtype == object or kinds.is_string_dtype(column.dtype)):
        raise _wrong_type(column, role, where, wanted)
    try:
        numbers = column if is_number else pd.to_numeric(column)
        return numbers.to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        raise _wrong_type(column, role, where, wanted) from None


def _labels(column: pd.Series[Any], where: str) -> Floats:
    """Turn labels into 0 and 1, NaN where there is neither."""
    import pandas as pd

    column = _uncoded(column)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numbers(column, "label", where)
    return np.array([LABELS.get(str(text).strip().lower(), np.nan) for text in column.tolist()])


def _seconds(column: pd.Series[Any], where: str, clock: Clock) -> Floats:
    """Turn times into seconds since 1970, NaN where one is missing; without a zone it is UTC."""
    import pandas as pd

    column = _uncoded(column)
    present = column.dropna()
    first = present.iloc[0] if len(present) else None
    if isinstance(first, date) or _are_times(column):
        return _moments(column, where, clock)
    if isinstance(first, str):
        dates = read_dates(present.to_numpy(object))
        if dates is not None:
            seconds = np.full(len(column), np.nan)
            seconds[column.notna().to_numpy()] = dates
            return seconds
    if pd.api.types.is_integer_dtype(column.dtype) and clock.exact:
        numbers: NDArray[np.int64] = column.to_numpy(np.int64, na_value=-1)
        exact: Floats = clock.seconds(numbers).astype(np.float64)
        return np.where(column.notna().to_numpy(), exact, np.nan)
    found = clock.seconds(_numbers(column, "timestamp", where, TIMES))
    return np.asarray(np.floor(found), np.float64)


def _moments(column: pd.Series[Any], where: str, clock: Clock) -> Floats:
    """Turn dates and times of their own types into seconds since 1970."""
    import pandas as pd

    if clock.said:
        raise DataError(
            f"{where}: the times have a unit of their own, {column.dtype}",
            "import it without a unit of time",
        )
    try:
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy()
    except (ValueError, TypeError, OverflowError):
        raise _wrong_type(column, "timestamp", where, TIMES) from None
    unit, _ = np.datetime_data(moments.dtype)
    seconds = Clock(unit).seconds(moments.view(np.int64)).astype(np.float64)
    return np.where(np.isnat(moments), np.nan, seconds)


def _context(column: pd.Series[Any], about: ContextColumn, where: str) -> Texts | Numeric:
    """Turn a further column of events into texts or numbers."""
    import pandas as pd

    column = _uncoded(column)
    is_number = pd.api.types.is_numeric_dtype(column.dtype)  # true and false, too
    if is_number and about.kind != "category":
        return numeric(_numbers(column, about.name, where))
    if is_number and pd.api.types.is_bool_dtype(column.dtype):
        column = column.astype("Int8")
    return _texts(column, about.name, where)


def _uncoded(column: pd.Series[Any]) -> pd.Series[Any]:
    """Write out a column of categories."""
    import pandas as pd

    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column
    return column.astype(object).infer_objects()


def _are_times(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "mM"


def _wrong_type(column: pd.Series[Any], role: str, where: str, wanted: str) -> DataError:
    kinds: Sequence[str] = [str(column.dtype)]
    if column.dtype == object:
        kinds = sorted({type(value).__name__ for value in column.dropna().tolist()})
    return DataError(
        f"{where}: the {role} column holds {shorten(', '.join(kinds), 60)}, not {wanted}",
        "convert it, or name another column with --columns",
    )
