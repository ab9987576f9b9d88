"""Plain tables of ratings: CSV and its relatives, and parquet; columns are mapped by name.

A mapping gives ``user`` and ``item``, and ``rating`` and ``timestamp`` where there are such
columns, all as names or all as numbers from 1. Without a mapping the usual names are
recognised. Ids are kept as they stand, as text.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.advice import ROLES, import_advice
from recsys_core.data.archive import RawFiles
from recsys_core.data.attributes import RawData
from recsys_core.data.layout import LATEST, SKIP_HINT, Layout, OnBadRows, first_line
from recsys_core.data.numbering import Rows, number_rows, settle_duplicates
from recsys_core.data.ratings import read_ratings
from recsys_core.errors import DataError, InputError, shorten, unknown_name

USUAL_NAMES = {
    "user": ("user", "userid", "uid", "reviewerid", "customerid"),
    "item": ("item", "itemid", "iid", "movieid", "productid", "asin", "bookid", "isbn"),
    "rating": ("rating", "score", "stars", "overall"),
    "timestamp": ("timestamp", "time", "ts", "unixreviewtime", "unixtime"),
}
SEPARATORS = ("::", "\t", ";", "|", ",")
MAPPING_HINT = (
    "say which is which: --columns user=NAME,item=NAME,rating=NAME,timestamp=NAME"
    " (names, or numbers from 1; rating and timestamp may be left out)"
)
RANGE_HINT = " (recsys-workbench data import --rating-range changes that)"


def read_table(
    files: RawFiles,
    name: str,
    on_bad_rows: OnBadRows,
    columns: Mapping[str, str],
    scale: tuple[float, float],
) -> RawData:
    """Read one file of ratings.

    Parameters
    ----------
    columns
        Role -> column name, or number for all; empty: the usual names are looked for.
    scale
        Least and greatest rating allowed.

    Raises
    ------
    InputError
        The mapping names a role or column that does not exist, or none can be guessed.
    DataError
        A bad row.
    """
    for role in columns:
        if role not in ROLES:
            raise unknown_name("role in --columns", role, ROLES)
    if name.lower().endswith(".parquet"):
        return _read_parquet(files, name, on_bad_rows, columns, scale)
    where = files.label(name)
    line = first_line(files.chunks(name), where)
    separator = max(SEPARATORS, key=line.count)
    cells = [cell.strip().strip('"') for cell in line.split(separator)]
    places = _places(cells, columns, where)
    has_header = not _by_number(columns) or not _is_data(cells, places)
    numbered = tuple(f"column {number}" for number in range(1, len(cells) + 1))
    layout = Layout(
        separator,
        tuple(cells) if has_header else numbered,
        places["user"],
        places["item"],
        places.get("rating"),
        places.get("timestamp"),
        header_lines=int(has_header),
        quoted=len(separator) == 1,
        scale=scale,
        scale_hint=RANGE_HINT,
    )
    return RawData(read_ratings(lambda: files.chunks(name), where, layout, on_bad_rows))


def _by_number(columns: Mapping[str, str]) -> bool:
    return bool(columns) and all(value.isdecimal() for value in columns.values())


def _is_data(cells: list[str], places: Mapping[str, int]) -> bool:
    """Whether the first line is a row already: its rating and time are numbers."""
    numbers = [cells[places[role]] for role in ("rating", "timestamp") if role in places]
    return all(text.replace(".", "", 1).isdecimal() for text in numbers)


def _places(cells: Sequence[str], columns: Mapping[str, str], where: str) -> dict[str, int]:
    """Find the position of each role's column."""
    if not columns:
        return _guess(cells, where)
    for role in ("user", "item"):
        if role not in columns:
            problem = f"--columns does not say which column of {where} is the {role}"
            raise InputError(problem, MAPPING_HINT)
    numbers = [str(number) for number in range(1, len(cells) + 1)]
    names = numbers if _by_number(columns) else list(cells)
    for column in columns.values():
        if column not in names:
            raise unknown_name(f"column of {where}", column, names)
    places = {role: names.index(column) for role, column in columns.items()}
    if len(set(places.values())) < len(places):
        raise InputError(f"--columns gives one column of {where} two roles", MAPPING_HINT)
    return places


def _guess(cells: Sequence[str], where: str) -> dict[str, int]:
    known = [cell.lower().replace("_", "").replace(" ", "") for cell in cells]
    places = {
        role: known.index(next(name for name in names if name in known))
        for role, names in USUAL_NAMES.items()
        if any(name in known for name in names)
    }
    if "user" not in places or "item" not in places:
        raise InputError(
            f"{where}: no column is known to be the user or the item;"
            f" the first line is: {', '.join(cells)[:200]}",
            import_advice(where, cells, places),
        )
    return places


# -------------------------------------------------------------------------------------- parquet


def _read_parquet(
    files: RawFiles,
    name: str,
    on_bad_rows: OnBadRows,
    columns: Mapping[str, str],
    scale: tuple[float, float],
) -> RawData:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            f"{files.label(name)}: reading parquet needs pyarrow",
            "pip install 'recsys-workbench[parquet]'",
        ) from None
    where = files.label(name)
    try:
        file = parquet.ParquetFile(io.BytesIO(files.read(name)))
        names = file.schema_arrow.names
        places = _places(names, columns, where)
        wanted = {role: names[place] for role, place in places.items()}
        for column in wanted.values():
            if names.count(column) > 1:
                problem = f"{where}: there are {names.count(column)} columns '{shorten(column)}'"
                raise DataError(problem, "rename or leave out the others")
        table = file.read(columns=list(wanted.values()))
        table.validate(full=True)
        found = {role: table.column(column) for role, column in wanted.items()}
        rows, good, reason = _checked(found, where, scale)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        problem = shorten(str(error).partition("\n")[0])
        raise DataError(
            f"{where}: not a readable parquet file: {problem}", "write or copy it again"
        ) from None
    bad: Counter[str] = Counter()
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        if on_bad_rows == "error":
            raise DataError(f"{where}, row {first + 1}: {reason(first)}", SKIP_HINT)
        bad["row"] = int(np.count_nonzero(~good))
    kept = Rows(*(None if part is None else part[good] for part in vars(rows).values()))  # type: ignore[arg-type]
    if not len(kept.user):
        raise DataError(f"{where}: there are no rows", "check that this is the right file")
    lines = np.flatnonzero(good) + 1
    return RawData(settle_duplicates(number_rows(kept), lines, where, on_bad_rows, bad, "row"))


def _checked(columns: dict[str, Any], where: str, scale: tuple[float, float]) -> Any:
    """Turn Arrow's columns into arrays, and find the rows that may not be used.

    Returns
    -------
    The rows, which of them are good (shape (n,), bool), and a function that says what is wrong
    with the row of a given number.
    """
    low, high = scale
    from pyarrow import compute

    ids = {role: _texts(columns[role], role, where) for role in ("user", "item")}
    rating = _numbers(columns["rating"], "rating", where) if "rating" in columns else None
    times = _seconds(columns["timestamp"], where) if "timestamp" in columns else None
    problems: dict[str, NDArray[np.bool_]] = {}
    for role, texts in ids.items():
        length = compute.binary_length(texts).fill_null(0).to_numpy()
        problems[f"the {role} is missing"] = length == 0
        has_null = compute.match_substring(texts, "\0").fill_null(False).to_numpy()
        problems[f"the {role} has a null character"] = has_null
    if rating is not None:
        outside = ~((rating >= low) & (rating <= high))
        problems[f"the rating is not within {low:g} to {high:g}{RANGE_HINT}"] = outside
    if times is not None:
        late = times > LATEST
        seconds = "the timestamp is not in seconds since 1970"
        problems[f"{seconds}; divide milliseconds by 1000"] = late
        problems[seconds] = ~((times >= 0) & ~late)
    good = ~np.logical_or.reduce(list(problems.values()))

    def reason(row: int) -> str:
        return next(problem for problem, rows in problems.items() if rows[row])

    user, item = (np.asarray(texts.to_numpy(), object) for texts in ids.values())
    whole = None if times is None else np.where(good, times, 0).astype(np.int64)
    single = None if rating is None else rating.astype(np.float32)
    return Rows(user, item, single, whole), good, reason


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
        return pa.chunked_array([[None if x is None else str(x) for x in column.to_pylist()]])
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


def _seconds(column: Any, where: str) -> NDArray[np.float64]:
    """Turn times into seconds since 1970; a column of dates without a zone is taken as UTC."""
    import pyarrow as pa

    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if not pa.types.is_timestamp(column.type):
        return _numbers(column, "timestamp", where)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    # with a zone, too, what is stored counts from 1970 in UTC
    return np.floor(_numbers(column.cast(pa.int64()), "timestamp", where) / per_second)


def _wrong_type(column: Any, role: str, where: str, wanted: str) -> DataError:
    return DataError(
        f"{where}: the {role} column holds {shorten(column.type)}, not {wanted}",
        "convert it before it is written, or name another column with --columns",
    )
