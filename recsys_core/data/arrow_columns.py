"""Columns of Arrow to arrays, and whether those of several files hold the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import RawFile
from recsys_core.data.context import Texts, numeric
from recsys_core.data.dataset import Numeric
from recsys_core.data.file_layout import LABELS, ContextColumn
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.roles import check_same_columns
from recsys_core.data.times import Clock, read_dates
from recsys_core.data.typed_rows import Checked, Ids, check_rows, check_single, clock_of
from recsys_core.errors import DataError, shorten


class Schemas:
    """What the columns of files hold, which has to be the same in each.

    Parameters
    ----------
    first
        The file that the others are compared with.
    """

    def __init__(self, first: RawFile) -> None:
        self._first = first
        self._kinds: dict[str, str] = {}

    def check(self, schema: Any, file: RawFile, used: Sequence[str]) -> None:
        """Look at one more.

        Parameters
        ----------
        used
            Names of the columns that are read.

        Raises
        ------
        DataError
            It has other columns than the first, one that is read twice, or one that holds
            something else.
        """
        for name in used:
            check_single([*schema.names, *file.keys], name, file.where)
        kinds = {each.name: _kind_of(each.type) for each in schema}
        kinds |= dict.fromkeys(file.keys, "text")
        if file is self._first:
            self._kinds = kinds
        check_same_columns(self._kinds, self._first.where, kinds, file.where)
        for name in used:
            if kinds[name] != self._kinds[name]:
                raise DataError(
                    f"{file.where}: column '{shorten(name)}' holds {kinds[name]},"
                    f" in {self._first.where} {self._kinds[name]}",
                    "write all files with the same types, or import them one by one",
                )


def _kind_of(kind: Any) -> str:
    """Say what a column holds; what is the same is read the same way."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _kind_of(kind.value_type)
    if types.is_integer(kind):
        return "whole numbers"
    if types.is_floating(kind):
        return "numbers"
    if is_text(kind) or types.is_string_view(kind):
        return "text"
    return str(kind)


class TimesAsText:
    """How times that are text are written: all as dates, or all as numbers."""

    def __init__(self) -> None:
        self.as_dates: bool | None = None

    def check(self, column: Any, where: str) -> None:
        """Look at some more of them; errors as `_seconds`."""
        import pyarrow as pa

        column = None if column is None else _plain(column)
        if column is None or not is_text(column.type):
            return
        texts = column.drop_null()
        if not len(texts):
            return
        # some that are read together are all like the first, or refused
        as_dates = read_dates(np.array(texts[:1].to_pylist(), object)) is not None
        if self.as_dates not in (None, as_dates):
            raise wrong_type(pa.array([], column.type), "timestamp", where, "numbers")
        self.as_dates = as_dates


def context_of(column: Any, about: ContextColumn, where: str) -> Texts | Numeric:
    """Turn a further column of events into texts or numbers."""
    import pyarrow as pa

    column = _plain(column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and about.kind != "category":
        return numeric(numbers_of(column, about.name, where))
    return _ids(column, about.name, where)


def checked_rows(columns: dict[str, Any], where: str, options: ImportOptions) -> Checked:
    """Turn Arrow's columns into arrays, and find the rows that may not be used."""
    labelled = "label" in columns
    whole = {role: columns[role] for role in ("user", "item") if _is_whole(columns[role])}
    ids: dict[str, Ids] = {
        role: whole[role].to_numpy().astype(np.int64, copy=False)
        if role in whole
        else _ids(columns[role], role, where)
        for role in ("user", "item", "type")
        if role in columns
    }
    rating = numbers_of(columns["rating"], "rating", where) if "rating" in columns else None
    if labelled:
        rating = _labels(columns["label"], where)
    times = columns.get("timestamp")
    seconds = None if times is None else _seconds(times, where, clock_of(options))
    return check_rows(ids, rating, seconds, options, labelled=labelled)


def _is_whole(column: Any) -> bool:
    """Whether ids are numbers that need no text to be told apart."""
    import pyarrow as pa
    from pyarrow import compute

    if not pa.types.is_integer(column.type) or column.type == pa.uint64():
        return False
    if column.null_count or not len(column):
        return False
    return bool(compute.min(column).as_py() >= 0)


def _ids(column: Any, role: str, where: str) -> Texts:
    """Write ids as text, empty where one is missing."""
    encoded = texts_of(column, role, where).fill_null("").combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_numpy(zero_copy_only=False)
    return Texts(np.asarray(encoded.indices, np.int32), np.asarray(values, dtype=object))


def _plain(column: Any) -> Any:
    """Write out a column of categories, and texts that Arrow keeps as views."""
    import pyarrow as pa

    kind, text = column.type, pa.large_string()
    if pa.types.is_string_view(kind):
        return column.cast(text)
    if not pa.types.is_dictionary(kind):
        return column
    if not pa.types.is_string_view(kind.value_type):
        return column.cast(kind.value_type)
    parts = [part.dictionary.cast(text).take(part.indices) for part in column.chunks]
    return pa.chunked_array(parts, text)


def texts_of(column: Any, role: str, where: str) -> Any:
    """Write ids as Arrow's text; bytes are taken as UTF-8."""
    import pyarrow as pa

    column = _plain(column)
    kind = column.type
    if pa.types.is_floating(kind):
        texts = [None if x is None else str(x) for x in column.to_pylist()]
        return pa.chunked_array([texts], pa.large_string())
    usable = (
        *(pa.types.is_integer, pa.types.is_string, pa.types.is_large_string),
        *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_null),
    )
    if not any(test(kind) for test in usable):
        raise wrong_type(column, role, where, "whole numbers or text")
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        raise wrong_type(column, role, where, "whole numbers or text in UTF-8") from None


def is_text(kind: Any) -> bool:
    """Whether it is the type of texts."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def numbers_of(column: Any, role: str, where: str) -> NDArray[np.float64]:
    """Turn a column into numbers, NaN where one is missing."""
    import pyarrow as pa

    try:
        numbers = _plain(column).cast(pa.float64(), safe=False)
    except pa.ArrowException:
        raise wrong_type(column, role, where, "numbers") from None
    return np.asarray(numbers.to_numpy(), np.float64)


def _labels(column: Any, where: str) -> NDArray[np.float64]:
    """Turn 0/1 labels into numbers, NaN where one is missing."""
    column = _plain(column)
    if is_text(column.type):
        texts = (str(text).strip().lower() for text in column.to_pylist())
        return np.array([LABELS.get(text, np.nan) for text in texts])
    return numbers_of(column, "label", where)


def _seconds(column: Any, where: str, clock: Clock) -> NDArray[np.float64]:
    """Turn times into seconds since 1970; a column of dates without a zone is taken as UTC."""
    import pyarrow as pa

    column = _plain(column)
    if clock.said and (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
        raise DataError(
            f"{where}: the times have a unit of their own, {column.type}",
            "import it without a unit of time",
        )
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        # with a zone, too, what is stored counts from 1970 in UTC
        numbers = column.cast(pa.int64())
        return _counted(numbers, Clock(column.type.unit), where)
    if is_text(column.type):
        dates = read_dates(np.array(column.drop_null().to_pylist(), object))
        if dates is not None and len(dates):
            seconds = np.full(len(column), np.nan)
            seconds[column.is_valid().to_numpy()] = dates
            return seconds
    return _counted(column, clock, where)


def _counted(column: Any, clock: Clock, where: str) -> NDArray[np.float64]:
    """Turn numbers of a clock into seconds, exact where they are whole and none is missing."""
    import pyarrow as pa

    if pa.types.is_integer(column.type) and clock.exact:
        seconds = clock.seconds(column.fill_null(-1).to_numpy()).astype(np.float64)
        return np.where(column.is_valid().to_numpy(), seconds, np.nan)
    seconds = clock.seconds(numbers_of(column, "timestamp", where))
    return np.asarray(np.floor(seconds), np.float64)


def wrong_type(
    column: Any, role: str, where: str, wanted: str, option: str = "--columns"
) -> DataError:
    """Say that a column holds something else than what is wanted."""
    return DataError(
        f"{where}: the {role} column holds {shorten(column.type)}, not {wanted}",
        f"convert it before it is written, or name another column with {option}",
    )
