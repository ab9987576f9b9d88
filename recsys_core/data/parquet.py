"""Parquet tables of events: columns by name, types as they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import RawFile
from recsys_core.data.arrow_columns import (
    Schemas,
    TimesAsText,
    checked_rows,
    context_of,
    numbers_of,
    texts_of,
    wrong_type,
)
from recsys_core.data.attributes import RawData
from recsys_core.data.dialect import plain_name
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.pieces import Piece, Store
from recsys_core.data.roles import check_keys
from recsys_core.data.typed_rows import (
    ChooseColumns,
    NumberTable,
    Plan,
    check_single,
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
    written = TimesAsText()

    def pieces() -> Iterator[Piece]:
        for file in files:
            with _opened(file) as stored:
                schemas.check(stored.schema_arrow, file, plan.used)
                tables = _tables(stored, plan.used, file)
                yield from _pieces(tables, plan, file.where, options, bad, written)

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
    pieces = _pieces([table], plan, where, options, bad, TimesAsText())
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


def _pieces(
    tables: Iterable[Any],
    plan: Plan,
    where: str,
    options: ImportOptions,
    bad: Counter[str],
    written: TimesAsText,
) -> Iterator[Piece]:
    """Turn tables, which follow each other in one file, into rows."""
    before = 0
    for table in tables:
        found = {role: table.column(plan.names[at]) for role, at in plan.places.items()}
        written.check(found.get("timestamp"), where)
        checked = checked_rows(found, where, options)
        context = [
            context_of(table.column(plan.names[about.place]), about, where)
            for about in plan.context
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
    found = {
        role: numbers_of(columns.pop(role), role, where) for role in numbers if role in columns
    }
    return settle_numbers(checked_rows(columns, where, ImportOptions()), found, where, remedy)


def count_rows(file: RawFile) -> int:
    """Tell how many rows a file says it has."""
    with _opened(file) as stored:
        return int(stored.metadata.num_rows)


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
            raise wrong_type(column, "vector", where, "lists of numbers", "vector=COLUMN")
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
        ids = texts_of(texts, "id", where).to_pylist()
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
        raise unknown_name(f"column in {question.partition(':')[0]}:", said, names)
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
