"""Parquet tables of events: columns by name, types as they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import RawFile
from recsys_core.data.attributes import RawData
from recsys_core.data.context import Texts, numeric
from recsys_core.data.dataset import Numeric
from recsys_core.data.dialect import plain_name
from recsys_core.data.file_layout import LABELS, ContextColumn
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.pieces import Piece, Store
from recsys_core.data.roles import check_keys, check_same_columns
from recsys_core.data.times import Clock, read_dates
from recsys_core.data.typed_rows import (
    Checked,
    ChooseColumns,
    Ids,
    NumberTable,
    Plan,
    check_rows,
    check_single,
    clock_of,
    piece_of,
    plan_columns,
    settle_numbers,
    settle_rows,
)
from recsys_core.errors import DataError, InputError, shorten, unknown_name

#: rows that are turned into arrays at a time
BATCH_ROWS = 2**17


def read_parquet_files(
    files: Sequence[RawFile], where: str, options: ImportOptions, store: Store
) -> RawData:
    """Read files of one schema as one, some rows at a time.

    Parameters
    ----------
    where
        What they are together, for messages.

    Raises
    ------
    InputError
        The mapping names a role or column that does not exist, or none can be guessed.
    DataError
        A bad row, a column of a type that cannot be what it is said to be, or files that differ in
        their columns or in what these hold.
    """
    schemas = Schemas(files[0])
    with _opened(files[0]) as stored:
        names = stored.schema_arrow.names
    plan = plan_columns([*names, *files[0].keys], options, where)
    check_keys(plan.places, len(names), plan.names, where)
    bad: Counter[str] = Counter()

    def pieces() -> Iterator[Piece]:
        for file in files:
            with _opened(file) as stored:
                schemas.check(stored.schema_arrow, file, plan.used)
                yield from _pieces(_tables(stored, plan.used, file), plan, file.where, options, bad)

    return settle_rows(plan, pieces(), where, options, "parquet table", bad, store)


def read_arrow(
    names: Sequence[str],
    read: Callable[[list[str]], Any],
    where: str,
    options: ImportOptions,
    read_as: str,
) -> RawData:
    """Read events from columns of Arrow; errors as `read_parquet_files`.

    Parameters
    ----------
    names
        Of all columns.
    read
        Gives a table of the columns that are named to it.
    """
    plan = plan_columns(names, options, where)
    bad: Counter[str] = Counter()
    table = read(list(plan.used))
    pieces = _pieces([table], plan, where, options, bad)
    return settle_rows(plan, pieces, where, options, read_as, bad)


def _tables(stored: Any, columns: Sequence[str], file: RawFile) -> Iterator[Any]:
    """Read some rows at a time; what the folders of the file say of them are columns, too."""
    import pyarrow as pa

    keys = file.keys
    names = [name for name in columns if name not in keys]
    for batch in stored.iter_batches(BATCH_ROWS, columns=names):
        table = pa.Table.from_batches([batch])
        table.validate(full=True)
        for name in columns:
            if name in keys:
                values = pa.repeat(pa.scalar(keys[name], pa.large_string()), len(table))
                table = table.append_column(name, values)
        yield table


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
            It has other columns than the first, or one that is read holds something else.
        """
        kinds = {each.name: _kind_of(each.type) for each in schema} | dict.fromkeys(
            file.keys, "text"
        )
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
    if _is_text(kind) or types.is_string_view(kind):
        return "text"
    return str(kind)


class _Written:
    """How times that are text are written: all as dates, or all as numbers."""

    def __init__(self) -> None:
        self.as_dates: bool | None = None

    def check(self, column: Any, where: str) -> None:
        """Look at some more of them; errors as `_seconds`."""
        import pyarrow as pa

        column = None if column is None else _plain(column)
        if column is None or not _is_text(column.type):
            return
        texts = column.drop_null()
        if not len(texts):
            return
        as_dates = read_dates(np.array(texts.to_pylist(), object)) is not None
        if self.as_dates not in (None, as_dates):
            raise _wrong_type(pa.array([], column.type), "timestamp", where, "numbers")
        self.as_dates = as_dates


def _pieces(
    tables: Iterable[Any], plan: Plan, where: str, options: ImportOptions, bad: Counter[str]
) -> Iterator[Piece]:
    """Turn tables, which follow each other in one file, into rows."""
    before, written = 0, _Written()
    for table in tables:
        found = {role: table.column(plan.names[at]) for role, at in plan.places.items()}
        written.check(found.get("timestamp"), where)
        checked = _checked(found, where, options)
        context = [
            _context(table.column(plan.names[about.place]), about, where) for about in plan.context
        ]
        yield piece_of(checked, context, where, options, bad, before)
        before += len(table)


def read_number_table(
    file: RawFile, choose: ChooseColumns, numbers: Sequence[str], remedy: str
) -> NumberTable:
    """Read users, items, times and numbers about them, every row of which must be good.

    Parameters
    ----------
    choose
        From the names of the columns to the position of each role: ``user``, ``item``,
        ``timestamp``, and those of `numbers`.
    numbers
        Roles whose columns hold finite numbers.
    remedy
        What to do about a bad row.

    Raises
    ------
    DataError
        A bad row, or a column of a type that cannot be what it is said to be.
    """
    with _opened(file) as stored:
        places = choose(stored.schema_arrow.names)
        table = stored.read(columns=[stored.schema_arrow.names[at] for at in places.values()])
        table.validate(full=True)
        return number_table(table, choose, numbers, file.where, remedy)


def number_table(
    table: Any, choose: ChooseColumns, numbers: Sequence[str], where: str, remedy: str
) -> NumberTable:
    """Read columns of Arrow as `read_number_table` does."""
    names = table.column_names
    columns = {role: table.column(place) for role, place in choose(names).items()}
    found = {role: _numbers(columns.pop(role), role, where) for role in numbers if role in columns}
    return settle_numbers(_checked(columns, where, ImportOptions()), found, where, remedy)


def _context(column: Any, about: ContextColumn, where: str) -> Texts | Numeric:
    """Turn a further column of events into texts or numbers."""
    import pyarrow as pa

    column = _plain(column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and about.kind != "category":
        return numeric(_numbers(column, about.name, where))
    return _ids(column, about.name, where)


def read_columns(file: RawFile) -> dict[str, list[Any]]:
    """Read all columns of a table as plain values; lists stay lists."""
    with _opened(file) as stored:
        table = stored.read()
        table.validate(full=True)
        return plain_columns(table, file.where)


def plain_columns(table: Any, where: str) -> dict[str, list[Any]]:
    """Write the columns of a table as plain values; lists stay lists."""
    names = table.column_names
    for name in names:
        check_single(names, name, where)
    return {name: table.column(name).to_pylist() for name in names}


def read_vector_columns(
    file: RawFile, usual: Set[str], id_name: str | None, vector_name: str | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read a column of ids and one of lists of numbers; rows without a list are left out.

    Parameters
    ----------
    usual
        Names of a column of ids, as `plain_name` writes them.
    id_name, vector_name
        The columns; None: the one with a usual name, the only one of lists.

    Raises
    ------
    InputError
        There is no such column, or several could be it.
    DataError
        The lists are not of numbers, or not of one length.
    """
    from pyarrow import compute

    with _opened(file) as stored:
        schema, where = stored.schema_arrow, file.where
        lists = [each.name for each in schema if _is_list(each.type)]
        plain = [name for name in schema.names if name not in lists]
        vector = _only(vector_name, lists, schema.names, f"{where}: which column has the vectors?")
        usual_ones = [name for name in plain if plain_name(name) in usual]
        key = _only(
            id_name, usual_ones or plain, schema.names, f"{where}: which column has the ids?"
        )
        table = stored.read(columns=[key, vector])
        table.validate(full=True)
        table = table.filter(compute.is_valid(table.column(vector)))
        texts, column = table.column(key), table.column(vector).combine_chunks()
        if not _is_list(column.type) or not _is_number(column.type.value_type):
            raise _wrong_type(column, "vector", where, "lists of numbers", "vector=COLUMN")
        lengths = compute.unique(compute.list_value_length(column)).to_pylist()
        if len(lengths) > 1:
            found = f"{where}: the vectors have {min(lengths):,} to {max(lengths):,} numbers"
            raise DataError(found, "give vectors of the same length")
        if texts.null_count:
            raise DataError(f"{where}: an id is missing", "leave rows without an id out")
        numbers = column.flatten()
        if numbers.null_count:
            raise DataError(f"{where}: a number of a vector is missing", "leave such ids out")
        values = numbers.to_numpy(zero_copy_only=False).reshape(len(column), -1) if lengths else []
        ids = _texts(texts, "id", where).to_pylist()
    return np.array(ids, dtype=np.str_), np.asarray(values)


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _only(said: str | None, found: list[str], names: list[str], question: str) -> str:
    """Take the column that is said, else the only one found."""
    if said is not None and names.count(said) == 1:
        return said
    if said is not None:
        raise unknown_name(f"column of {question.partition(':')[0]}", said, names)
    if len(found) != 1 or names.count(found[0]) > 1:
        listed = ", ".join(shorten(name, 40) for name in names[:8])
        raise InputError(
            f"{question} It has {listed}",
            "say it: recsys-workbench data import PATH --vectors NAME=FILE,id=COLUMN,vector=COLUMN",
        )
    return found[0]


@contextmanager
def _opened(file: RawFile) -> Iterator[Any]:
    """Open a file; what Arrow has against it, then and later, is an error that names it."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f"{file.where}: reading parquet needs pyarrow",
            "pip install 'recsys-workbench[parquet]'",
        ) from None
    with (
        file.seekable() as content,
        arrow_errors(file.where, "not a readable parquet file", "write or copy it again"),
    ):
        yield parquet.ParquetFile(content)


@contextmanager
def arrow_errors(
    where: str, what: str = "Arrow cannot read it", remedy: str = "check how it was made"
) -> Iterator[None]:
    """Turn what Arrow has against a table into an error that names it."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        problem = shorten(str(error).partition("\n")[0])
        raise DataError(f"{where}: {what}: {problem}", remedy) from None


def _checked(columns: dict[str, Any], where: str, options: ImportOptions) -> Checked:
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
    rating = _numbers(columns["rating"], "rating", where) if "rating" in columns else None
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
    encoded = _texts(column, role, where).fill_null("").combine_chunks().dictionary_encode()
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


def _texts(column: Any, role: str, where: str) -> Any:
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
        raise _wrong_type(column, role, where, "whole numbers or text")
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        raise _wrong_type(column, role, where, "whole numbers or text in UTF-8") from None


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _numbers(column: Any, role: str, where: str) -> NDArray[np.float64]:
    """Turn a column into numbers, NaN where one is missing."""
    import pyarrow as pa

    try:
        numbers = _plain(column).cast(pa.float64(), safe=False)
    except pa.ArrowException:
        raise _wrong_type(column, role, where, "numbers") from None
    return np.asarray(numbers.to_numpy(), np.float64)


def _labels(column: Any, where: str) -> NDArray[np.float64]:
    """Turn 0/1 labels into numbers, NaN where one is missing."""
    column = _plain(column)
    if _is_text(column.type):
        texts = (str(text).strip().lower() for text in column.to_pylist())
        return np.array([LABELS.get(text, np.nan) for text in texts])
    return _numbers(column, "label", where)


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
    if _is_text(column.type):
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
    seconds = clock.seconds(_numbers(column, "timestamp", where))
    return np.asarray(np.floor(seconds), np.float64)


def _wrong_type(
    column: Any, role: str, where: str, wanted: str, option: str = "--columns"
) -> DataError:
    return DataError(
        f"{where}: the {role} column holds {shorten(column.type)}, not {wanted}",
        f"convert it before it is written, or name another column with {option}",
    )
