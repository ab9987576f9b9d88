"""Parquet tables of events: columns by name, types as they are stored."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import RawFile
from recsys_core.data.attributes import RawData
from recsys_core.data.context import LARGEST, Texts, context_column, take_rows
from recsys_core.data.dataset import Column, Numeric
from recsys_core.data.dialect import plain_name
from recsys_core.data.file_layout import (
    LABELS,
    LATEST,
    MISSING,
    RANGE_HINT,
    SKIP_HINT,
    ContextColumn,
)
from recsys_core.data.import_options import DEFAULT_RANGE, ImportOptions
from recsys_core.data.import_summary import summarise
from recsys_core.data.numbering import Rows, keep_types, number_rows, settle_repeats
from recsys_core.data.roles import (
    check_roles,
    find_context,
    find_roles,
    is_by_number,
    is_list,
    split_columns,
)
from recsys_core.data.times import DATES_HINT, Clock, are_dates, read_dates
from recsys_core.errors import DataError, InputError, shorten, unknown_name


def read_parquet(file: RawFile, options: ImportOptions) -> RawData:
    """Read one file of events.

    Raises
    ------
    InputError
        The mapping names a role or column that does not exist, or none can be guessed.
    DataError
        A bad row, or a column of a type that cannot be what it is said to be.
    """
    where = file.where
    columns, more = split_columns(options.columns)
    check_roles(columns, where)
    if is_list(columns):
        raise InputError(f"{where}: parquet has no lines to read as lists", "name the columns")
    with _opened(file) as stored:
        names = stored.schema_arrow.names
        places = find_roles(names, columns, where)
        context = find_context(names, more, places, where, by_number=is_by_number(columns))
        wanted = {role: names[place] for role, place in places.items()}
        further = [names[column.place] for column in context]
        for column in (*wanted.values(), *further):  # by number, too: Arrow reads columns by name
            if names.count(column) > 1:
                problem = f"{where}: there are {names.count(column)} columns '{shorten(column)}'"
                raise DataError(problem, "rename or leave out the others")
        table = stored.read(columns=[*wanted.values(), *further])
        table.validate(full=True)
        found = {role: table.column(column) for role, column in wanted.items()}
        rows, good, reason = _checked(found, where, options)
        built = {
            about.name: _context(table.column(column), about, where)
            for about, column in zip(context, further, strict=True)
        }
    bad: Counter[str] = Counter()
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        if options.on_bad_rows == "error":
            raise DataError(f"{where}, row {first + 1}: {reason(first)}", SKIP_HINT)
        bad["row"] = int(np.count_nonzero(~good))
    kept = rows.take(good)
    if not len(kept.user):
        raise DataError(f"{where}: there are no rows", "check that this is the right file")
    lines = np.flatnonzero(good) + 1
    kept, lines = keep_types(kept, lines, options.kept_types, where, bad)
    left = {name: take_rows(column, lines - 1) for name, column in built.items()}
    numbered = replace(number_rows(kept), context=left, labelled="label" in places)
    ratings = settle_repeats(numbered, lines, where, options.rule, bad, "row")
    used = places | {column.name: column.place for column in context}
    summary = summarise("parquet table", tuple(names), used).with_context(ratings.context)
    return RawData(ratings, summary=summary)


def _context(column: Any, about: ContextColumn, where: str) -> Column:
    """Turn a further column of events into categories or numbers."""
    import pyarrow as pa

    column = _plain(column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and about.kind != "category":
        numbers = _numbers(column, about.name, where)
        return Numeric(np.where(np.abs(numbers) <= LARGEST, numbers, np.nan).astype(np.float32))
    texts = _texts(column, about.name, where).fill_null("").to_numpy()
    found = context_column(Texts.of(texts), about.kind)
    if found is None:
        raise DataError(
            f"{where}: column {about.name} holds text that is no number",
            f"say {about.name}:category in --columns",
        )
    return found


def read_columns(file: RawFile) -> dict[str, list[Any]]:
    """Read all columns of a table as plain values; lists stay lists."""
    with _opened(file) as stored:
        names = stored.schema_arrow.names
        for name in names:
            if names.count(name) > 1:
                problem = f"{file.where}: there are {names.count(name)} columns '{shorten(name)}'"
                raise DataError(problem, "rename or leave out the others")
        table = stored.read()
        table.validate(full=True)
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
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f"{file.where}: reading parquet needs pyarrow",
            "pip install 'recsys-workbench[parquet]'",
        ) from None
    content = file.read()
    try:
        yield parquet.ParquetFile(io.BytesIO(content))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        problem = shorten(str(error).partition("\n")[0])
        raise DataError(
            f"{file.where}: not a readable parquet file: {problem}", "write or copy it again"
        ) from None


def _checked(columns: dict[str, Any], where: str, options: ImportOptions) -> Any:
    """Turn Arrow's columns into arrays, and find the rows that may not be used.

    Returns
    -------
    The rows, which of them are good (shape (n,), bool), and a function that says what is wrong
    with the row of a given number.
    """
    from pyarrow import compute

    is_label = "label" in columns
    low, high = (0.0, 1.0) if is_label else options.rating_range or DEFAULT_RANGE
    texts = (role for role in ("user", "item", "type") if role in columns)
    ids = {role: _texts(columns[role], role, where) for role in texts}
    rating = _numbers(columns["rating"], "rating", where) if "rating" in columns else None
    if is_label:
        rating = _labels(columns["label"], where)
    clock = Clock(options.time_unit or "s", said=options.time_unit is not None)
    times = _seconds(columns["timestamp"], where, clock) if "timestamp" in columns else None
    problems: dict[str, NDArray[np.bool_]] = {}
    for role, texts in ids.items():
        length = compute.binary_length(texts).fill_null(0).to_numpy()
        problems[f"the {role} is missing"] = length == 0
        has_null = compute.match_substring(texts, "\0").fill_null(False).to_numpy()
        problems[f"the {role} has a null character"] = has_null
        missing = compute.is_in(compute.utf8_lower(texts), value_set=_missing(texts.type))
        problems[f"the {role} is missing: its text stands for no value"] = missing.to_numpy()
    if rating is not None:
        outside = ~((rating >= low) & (rating <= high))
        if is_label:
            problems[
                "the label is not 0 or 1; other numbers are ratings: --columns rating=COLUMN"
            ] = ~((rating == 0) | (rating == 1))
        else:
            problems[f"the rating is not within {low:g} to {high:g}{RANGE_HINT}"] = outside
    if times is not None:
        late = times > LATEST
        latest = float(np.max(times, initial=0.0, where=late))
        problems[f"the timestamp {clock.problem(latest)}"] = late
        problems[f"the timestamp {clock.problem(0)}"] = ~((times >= 0) & ~late)
        if not clock.said and are_dates(times):
            found = f"{where}: the times look like dates, e.g. {times[0]:.0f}"
            raise DataError(found, DATES_HINT)
    good = ~np.logical_or.reduce(list(problems.values()))

    def reason(row: int) -> str:
        return next(problem for problem, rows in problems.items() if rows[row])

    user, item, *kinds = (np.asarray(texts.to_numpy(), object) for texts in ids.values())
    whole = None if times is None else np.where(good, times, 0).astype(np.int64)
    single = None if rating is None else rating.astype(np.float32)
    return Rows(user, item, single, whole, kinds[0] if kinds else None), good, reason


def _plain(column: Any) -> Any:
    """Write out a column of categories."""
    import pyarrow as pa

    is_coded = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if is_coded else column


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
    import pyarrow as pa

    column = _plain(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = (str(text).strip().lower() for text in column.to_pylist())
        return np.array([LABELS.get(text, np.nan) for text in texts])
    return _numbers(column, "label", where)


def _missing(kind: Any) -> Any:
    import pyarrow as pa

    return pa.array(sorted(MISSING), kind)


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
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
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
