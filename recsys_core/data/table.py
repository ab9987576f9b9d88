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
from recsys_core.errors import DataError, InputError, unknown_name

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
        table = file.read(columns=[names[place] for place in places.values()])
    except pa.ArrowException as error:
        raise DataError(f"{where}: not a readable parquet file: {error}") from None
    frame = {role: table.column(names[place]).to_pandas() for role, place in places.items()}
    rows, good, reason = _checked(frame, where, scale)
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


def _checked(frame: dict[str, Any], where: str, scale: tuple[float, float]) -> Any:
    """Turn columns into arrays, and find the rows that may not be used.

    Returns
    -------
    The rows, which of them are good (shape (n,), bool), and a function that says what is wrong
    with the row of a given number.
    """
    low, high = scale
    rating = _numbers(frame["rating"], "rating", where) if "rating" in frame else None
    times = _seconds(frame["timestamp"], where) if "timestamp" in frame else None
    problems: dict[str, NDArray[np.bool_]] = {
        f"the {role} is missing": np.asarray(frame[role].isna() | (frame[role].astype(str) == ""))
        for role in ("user", "item")
    }
    if rating is not None:
        outside = ~((rating >= low) & (rating <= high))
        problems[f"the rating is not within {low:g} to {high:g}{RANGE_HINT}"] = outside
    if times is not None:
        problems["the timestamp is not in seconds since 1970"] = ~((times >= 0) & (times <= LATEST))
    good = ~np.logical_or.reduce(list(problems.values()))

    def reason(row: int) -> str:
        return next(problem for problem, rows in problems.items() if rows[row])

    user, item = (frame[role].astype(str).to_numpy(dtype=object) for role in ("user", "item"))
    whole = None if times is None else np.where(good, times, 0).astype(np.int64)
    single = None if rating is None else rating.astype(np.float32)
    return Rows(user, item, single, whole), good, reason


def _numbers(column: Any, role: str, where: str) -> NDArray[np.float64]:
    try:
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise DataError(f"{where}: the {role} column holds {column.dtype}, not numbers") from None


def _seconds(column: Any, where: str) -> NDArray[np.float64]:
    """Turn times into seconds since 1970; a column of dates is taken as UTC."""
    if column.dtype.kind == "M":
        numbers = column.astype("datetime64[s]").astype(np.int64).astype(np.float64)
        return np.where(column.isna(), np.nan, numbers)
    return _numbers(column, "timestamp", where)
