"""Rating files to arrays: a fast pass for files in order, a slow one that names what is wrong.

The fast pass lets the C parser of pandas read all rows and checks the arrays. Only when it finds
anything amiss does the slow pass go through the file line by line; it alone decides what is a bad
row, and says where.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray, TextArray, TimeArray
from recsys_core.errors import DataError

OnBadRows = Literal["error", "skip"]

#: the last second of the year 9999; larger numbers are milliseconds or not times at all
LATEST = 253_402_300_799
#: threads that parse; more gain nothing while one unpacks
PARSERS = 2
SKIP_HINT = "mend the file, or leave such rows out and count them with --on-bad-rows skip"


@dataclass(frozen=True)
class Layout:
    """How the lines of a rating file are laid out.

    Parameters
    ----------
    separator
        One character, or one character twice (``"::"``).
    names
        The columns, in order, for messages; every line has exactly as many fields.
    user, item, rating, timestamp
        Position of each column from 0; None where the file has no such column.
    header_lines
        Lines before the first row.
    whole
        Whether ids and times are whole numbers, as in MovieLens, and text is Latin-1;
        otherwise ids are any text and the file is UTF-8.
    quoted
        Whether fields may stand in double quotes.
    scale
        Least and greatest rating allowed.
    scale_hint
        What to add to the message about a rating outside.
    """

    separator: str
    names: tuple[str, ...]
    user: int
    item: int
    rating: int | None
    timestamp: int | None
    header_lines: int = 0
    whole: bool = False
    quoted: bool = False
    scale: tuple[float, float] = (0.5, 5.0)
    scale_hint: str = ""


@dataclass(frozen=True)
class Ratings:
    """Rows with users and items numbered; what `Dataset` holds, before attributes.

    Parameters
    ----------
    user, item
        Shape (n,), int32: positions in `user_ids` and `item_ids`.
    rating
        Shape (n,), float32; None where the file has no ratings.
    timestamp
        Shape (n,), int64 seconds since 1970; None where the file has no times.
    user_ids, item_ids
        The distinct ids, in numeric order where all are numbers, else in text order.
    bad_rows
        Rows left out, by reason.
    """

    user: IntArray
    item: IntArray
    rating: FloatArray | None
    timestamp: TimeArray | None
    user_ids: TextArray
    item_ids: TextArray
    bad_rows: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Rows:
    """Rows as read, before users and items are numbered, each column of shape (n,)."""

    user: NDArray[Any]
    item: NDArray[Any]
    rating: FloatArray | None
    timestamp: TimeArray | None


class BadRowError(Exception):
    """One row is not acceptable: which column (None: the line), why, and under which heading."""

    def __init__(self, heading: str, problem: str, column: int | None = None) -> None:
        super().__init__(problem)
        self.heading = heading
        self.problem = problem
        self.column = column


def read_ratings(
    chunks: Callable[[], Iterator[bytes]],
    where: str,
    layout: Layout,
    on_bad_rows: OnBadRows = "error",
) -> Ratings:
    """Read a rating file.

    Parameters
    ----------
    chunks
        Opens the file: its bytes in pieces that end with a line.
    where
        Its name, for messages.
    on_bad_rows
        ``"error"`` stops at the first bad row, ``"skip"`` leaves bad rows out and counts them.
        Of rows with the same user and item the first in the file is kept.

    Raises
    ------
    DataError
        A bad row (file, line and column named), or no row at all.
    """
    rows = _read_fast(chunks(), layout)
    if rows is not None and _acceptable(rows, layout.scale):
        ratings = number_rows(rows)
        if not _has_duplicates(ratings):
            return ratings
    rows, lines, bad = _read_slowly(chunks(), where, layout, on_bad_rows)
    if not len(rows.user):
        what = "every row is bad" if bad else "there are no rows"
        raise DataError(f"{where}: {what}", "check that this is the right file, and complete")
    return settle_duplicates(number_rows(rows), lines, where, on_bad_rows, bad)


def first_line(chunks: Iterator[bytes], where: str) -> str:
    """Read the first line of a text file, without its end and a byte-order mark.

    Raises
    ------
    DataError
        The file is empty, or the line is not UTF-8.
    """
    line = next(chunks, b"").partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise DataError(f"{where}: the file is empty or its first line is blank")
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}, line 1: byte {error.start + 1} is not UTF-8 text",
            "save the file as UTF-8",
        ) from None


# ------------------------------------------------------------------------------------ fast pass


def _read_fast(chunks: Iterator[bytes], layout: Layout) -> Rows | None:
    """Parse with the C engine; None when anything is not exactly as `layout` says.

    Unpacking, reading and parsing run at the same time: none of them holds the interpreter lock.
    """
    with ThreadPoolExecutor(PARSERS) as pool:
        skip = itertools.chain([layout.header_lines], itertools.repeat(0))
        parts = list(pool.map(_parse, chunks, skip, itertools.repeat(layout)))
    good = [part for part in parts if part is not None]
    if len(good) < len(parts) or not sum(len(part.user) for part in good):
        return None

    def column(name: str) -> Any:
        arrays = [getattr(part, name) for part in good]
        return None if arrays[0] is None else np.concatenate(arrays)

    return Rows(*(column(name) for name in ("user", "item", "rating", "timestamp")))


def _parse(content: bytes, header_lines: int, layout: Layout) -> Rows | None:
    if layout.quoted and b'"' in content:
        return None
    import pandas as pd

    step = len(layout.separator)
    id_type, time_type = (np.int64, np.int64) if layout.whole else (str, np.float64)
    wanted: dict[int, Any] = {layout.user * step: id_type, layout.item * step: id_type}
    if layout.rating is not None:
        wanted[layout.rating * step] = np.float32
    if layout.timestamp is not None:
        wanted[layout.timestamp * step] = time_type
    try:
        frame = pd.read_csv(
            io.BytesIO(content),
            sep=layout.separator[0],
            header=None,
            skiprows=header_lines,
            usecols=sorted(wanted),
            dtype=wanted,
            engine="c",
            quoting=csv.QUOTE_NONE,
            na_filter=False,
            low_memory=False,
        )
    except (ValueError, OverflowError, pd.errors.ParserError):
        return None
    if not _fields_match(content, layout, len(frame) + header_lines):
        return None

    def column(position: int | None) -> Any:
        return None if position is None else frame[position * step].to_numpy()

    positions = (layout.user, layout.item, layout.rating, layout.timestamp)
    return Rows(*(column(position) for position in positions))


def _fields_match(content: bytes, layout: Layout, lines: int) -> bool:
    """Whether each of `lines` lines has as many separators as it should.

    The parser itself is silent about surplus fields when only some columns are read. With ``::``
    it reads every second field; four numbers with six colons, three pairs of them adjacent, can
    only be ``1::2::3::4``.
    """
    data = np.frombuffer(content, np.uint8)
    is_separator = data == ord(layout.separator[0])
    per_line = len(layout.names) - 1
    if len(layout.separator) == 2:
        pairs = np.count_nonzero(is_separator[:-1] & is_separator[1:])
        return bool(pairs == per_line * lines and np.count_nonzero(is_separator) == 2 * pairs)
    if layout.whole and len(layout.names) == 4:  # a line with fewer fields did not parse
        return bool(np.count_nonzero(is_separator) == per_line * lines)
    separators = np.flatnonzero(is_separator)
    ends = np.flatnonzero(data == ord("\n"))
    if len(data) and data[-1] != ord("\n"):
        ends = np.append(ends, len(data))
    if len(separators) != per_line * lines or len(ends) != lines:
        return False
    if per_line == 0:
        return True
    table = separators.reshape(lines, per_line)
    return bool(np.all(table[:, -1] < ends) and np.all(table[1:, 0] > ends[:-1]))


def _acceptable(rows: Rows, scale: tuple[float, float]) -> bool:
    """Whether all values are in range; NaN fails every comparison."""
    for ids in (rows.user, rows.item):
        if not np.all(ids >= 0 if ids.dtype.kind == "i" else ids != ""):
            return False
    low, high = scale
    if rows.rating is not None and not np.all((rows.rating >= low) & (rows.rating <= high)):
        return False
    times = rows.timestamp
    return times is None or bool(np.all((times >= 0) & (times <= LATEST)))


# --------------------------------------------------------------------------------- numbering ids


def number_rows(rows: Rows) -> Ratings:
    """Give users and items the numbers 0..n-1, in the order of their ids."""
    user, user_ids = _number(rows.user)
    item, item_ids = _number(rows.item)
    times = None if rows.timestamp is None else rows.timestamp.astype(np.int64)
    return Ratings(user, item, rows.rating, times, user_ids, item_ids)


def _number(values: NDArray[Any]) -> tuple[IntArray, TextArray]:
    if values.dtype.kind == "i":
        distinct, codes = _number_integers(values)
        ids: TextArray = distinct.astype(np.str_)
        return codes, ids
    import pandas as pd

    places, found = pd.factorize(values)
    texts: TextArray = np.array(found, dtype=np.str_)
    order = np.argsort(_as_numbers(texts), kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[places], texts[order]


def _number_integers(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], IntArray]:
    """Find distinct values and each value's place among them; a table beats sorting."""
    top = int(values.max(initial=0))
    if top > 4 * len(values) + 1_000_000:
        distinct, codes = np.unique(values, return_inverse=True)
        return distinct, codes.astype(np.int32)
    present = np.zeros(top + 1, np.bool_)
    present[values] = True
    distinct = np.flatnonzero(present)
    place = np.empty(top + 1, np.int32)
    place[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct, place[values]


def _as_numbers(ids: TextArray) -> NDArray[Any]:
    """Turn ids into integers where every one is a plain number, so that 10 comes after 9."""
    if all(text.isascii() and text.isdigit() and str(int(text)) == text for text in ids.tolist()):
        return np.array([int(text) for text in ids.tolist()], dtype=object)
    return ids


# ------------------------------------------------------------------------------------ duplicates


def _pairs(ratings: Ratings) -> TimeArray:
    return ratings.user.astype(np.int64) * len(ratings.item_ids) + ratings.item


def _has_duplicates(ratings: Ratings) -> bool:
    pairs = np.sort(_pairs(ratings))
    return bool(np.any(pairs[1:] == pairs[:-1]))


def settle_duplicates(
    ratings: Ratings,
    lines: TimeArray,
    where: str,
    on_bad_rows: OnBadRows,
    bad: Counter[str],
    unit: str = "line",
) -> Ratings:
    """Refuse rows that repeat a user and item, or keep the first of each and count the others.

    Parameters
    ----------
    lines
        Shape (n,): line number of each row, for the message.
    unit
        What the numbers count.
    """
    pairs = _pairs(ratings)
    order = np.argsort(pairs, kind="stable")
    repeats = order[1:][pairs[order[1:]] == pairs[order[:-1]]]
    if not len(repeats):
        return Ratings(**{**vars(ratings), "bad_rows": bad})
    if on_bad_rows == "error":
        second = int(repeats.min())
        first = int(np.flatnonzero(pairs == pairs[second])[0])
        user = ratings.user_ids[ratings.user[second]]
        item = ratings.item_ids[ratings.item[second]]
        raise DataError(
            f"{where}, {unit} {lines[second]}: user {user!s} and item {item!s} were already"
            f" on {unit} {lines[first]}",
            f"{SKIP_HINT} (the first one is kept)",
        )
    keep = np.ones(len(pairs), np.bool_)
    keep[repeats] = False
    bad["duplicate"] += len(repeats)
    # every id is still used: the first row of each pair stays
    return Ratings(
        ratings.user[keep],
        ratings.item[keep],
        None if ratings.rating is None else ratings.rating[keep],
        None if ratings.timestamp is None else ratings.timestamp[keep],
        ratings.user_ids,
        ratings.item_ids,
        bad,
    )


# ------------------------------------------------------------------------------------- slow pass


def _read_slowly(
    chunks: Iterator[bytes], where: str, layout: Layout, on_bad_rows: OnBadRows
) -> tuple[Rows, TimeArray, Counter[str]]:
    """Go through the file line by line; return good rows, their line numbers, and what was bad."""
    users: list[Any] = []
    items: list[Any] = []
    ratings, times, lines = array("d"), array("q"), array("q")
    bad: Counter[str] = Counter()
    for line, fields in _split(chunks, layout):
        try:
            user, item, rating, time = _convert(fields, layout)
        except BadRowError as error:
            if on_bad_rows == "error":
                raise _explain(error, where, line, layout) from None
            bad[error.heading] += 1
            continue
        users.append(user)
        items.append(item)
        ratings.append(rating)
        times.append(time)
        lines.append(line)
    id_type = np.int64 if layout.whole else object
    rows = Rows(
        np.array(users, dtype=id_type),
        np.array(items, dtype=id_type),
        None if layout.rating is None else np.array(ratings, dtype=np.float32),
        None if layout.timestamp is None else np.array(times, dtype=np.int64),
    )
    return rows, np.array(lines, dtype=np.int64), bad


def _split(chunks: Iterator[bytes], layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of each line that is not blank."""
    encoding = "latin-1" if layout.whole else "utf-8"
    # bytes that are not UTF-8 become lone surrogates, which `_convert` finds
    text = (
        raw.decode(encoding, "surrogateescape") for chunk in chunks for raw in io.BytesIO(chunk)
    )
    if layout.quoted:
        reader = csv.reader(text, delimiter=layout.separator)
        for fields in reader:
            if fields and reader.line_num > layout.header_lines:
                yield reader.line_num, fields
        return
    for number, line in enumerate(text, 1):
        stripped = line.rstrip("\r\n")
        if stripped and number > layout.header_lines:
            yield number, stripped.split(layout.separator)


def _convert(fields: list[str], layout: Layout) -> tuple[Any, Any, float, int]:
    if len(fields) != len(layout.names):
        raise BadRowError("fields", f"{len(fields)} fields where {len(layout.names)} are expected")
    for position, text in enumerate(fields):
        if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
            raise BadRowError("encoding", f"{text!a} is not UTF-8 text", position)
    user = _read_id(fields[layout.user], layout.user, layout.whole)
    item = _read_id(fields[layout.item], layout.item, layout.whole)
    rating, time = 1.0, 0
    if layout.rating is not None:
        rating = _read_rating(fields[layout.rating], layout.rating, layout)
    if layout.timestamp is not None:
        time = _read_time(fields[layout.timestamp], layout.timestamp)
    return user, item, rating, time


def _read_id(text: str, column: int, whole: bool) -> int | str:
    if not text:
        raise BadRowError("id", "the id is missing", column)
    if "\0" in text:
        raise BadRowError("id", f"{text!r} has a null character", column)
    if not whole:
        return text
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadRowError("id", f"{text!r} is not a whole number from 0", column)
    return int(text)


def _read_rating(text: str, column: int, layout: Layout) -> float:
    low, high = layout.scale
    rating = _read_number("rating", text, column)
    if not low <= rating <= high:
        problem = f"{text!r} is not within {low:g} to {high:g}{layout.scale_hint}"
        raise BadRowError("rating", problem, column)
    return rating


def _read_time(text: str, column: int) -> int:
    time = _read_number("timestamp", text, column)
    if not 0 <= time <= LATEST:
        hint = "; divide milliseconds by 1000" if time > LATEST else ""
        raise BadRowError("timestamp", f"{text!r} is not in seconds since 1970{hint}", column)
    return int(time)


def _read_number(heading: str, text: str, column: int) -> float:
    try:
        number = math.nan if "_" in text else float(text)  # Python alone reads 1_000
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        problem = f"{text!r} is not a number" if text else f"the {heading} is missing"
        raise BadRowError(heading, problem, column)
    return number


def _explain(error: BadRowError, where: str, line: int, layout: Layout) -> DataError:
    column = ""
    if error.column is not None:
        column = f", column {error.column + 1} ({layout.names[error.column]})"
    return DataError(f"{where}, line {line}{column}: {error.problem}", SKIP_HINT)
