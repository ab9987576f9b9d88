"""Rating files to arrays: a fast pass for files in order, a slow one that names what is wrong.

The fast pass lets the C parser of pandas read all rows and checks the arrays. Only when it finds
anything amiss does the slow pass (`linewise`) go through the file again; it alone decides what is
a bad row.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.file_layout import BLANKS, LATEST, MISSING, Layout
from recsys_core.data.import_options import OnBadRows, Rule
from recsys_core.data.linewise import read_lines
from recsys_core.data.numbering import (
    Ratings,
    Rows,
    check_rule,
    has_duplicates,
    number_rows,
    settle_repeats,
)
from recsys_core.data.times import DATES_HINT, are_dates, read_dates
from recsys_core.errors import DataError

BOM = b"\xef\xbb\xbf"
#: threads that parse; more gain nothing while one unpacks
PARSERS = 2


def read_ratings(
    chunks: Callable[[], Iterator[bytes]],
    where: str,
    layout: Layout,
    on_bad_rows: OnBadRows = "error",
    rule: Rule | None = None,
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
    rule
        What becomes of rows with the same user and item; None: as `on_bad_rows` says, of which
        ``"skip"`` keeps the first in the file.

    Raises
    ------
    DataError
        A bad row (file, line and column named), or no row at all.
    """
    rule = rule or ("error" if on_bad_rows == "error" else "first row")
    rows = None if layout.lists else _read_fast(chunks(), layout)
    if rows is not None and _acceptable(rows, layout):
        ratings = number_rows(rows)
        if not _has_missing(ratings, layout):
            _check_times(ratings, where, layout)
            check_rule(rule, ratings, where)
            if rule != "count" and not has_duplicates(ratings):
                return ratings
            if rule not in ("error", "first row"):
                lines = np.arange(1, len(ratings.user) + 1)
                return settle_repeats(ratings, lines, where, rule, Counter())
    rows, lines, bad = read_lines(_without_bom(chunks()), where, layout, on_bad_rows)
    if not len(rows.user):
        what = "every row is bad" if bad else "there are no rows"
        raise DataError(f"{where}: {what}", "check that this is the right file, and complete")
    ratings = number_rows(rows)
    _check_times(ratings, where, layout)
    return settle_repeats(ratings, lines, where, rule, bad)


def _without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield next(chunks, b"").removeprefix(BOM)
    yield from chunks


def _has_missing(ratings: Ratings, layout: Layout) -> bool:
    """Whether any id is a text that stands for no value."""
    if layout.whole:
        return False
    ids = [ratings.user_ids, ratings.item_ids]
    if ratings.kind is not None:
        ids.append(ratings.kind.vocabulary)
    missing = MISSING | {""}
    return any(not missing.isdisjoint(map(str.lower, texts.tolist())) for texts in ids)


def _check_times(ratings: Ratings, where: str, layout: Layout) -> None:
    """Refuse dates without dashes, which would be read as seconds of the year 1970."""
    times, clock = ratings.timestamp, layout.clock
    if times is not None and not (clock.said or clock.text) and are_dates(times):
        raise DataError(f"{where}: the times look like dates, e.g. {times[0]}", DATES_HINT)


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

    return Rows(*(column(name) for name in ("user", "item", "rating", "timestamp", "kind")))


def _is_plain(content: bytes, layout: Layout) -> bool:
    """Whether there is nothing that the parser or NumPy reads otherwise than the slow pass."""
    if layout.quoted and b'"' in content:
        return False
    if b"\0" in content:
        return False  # NumPy's text does not keep a null character at its end
    # the parser takes a carriage return alone for the end of a line
    returns = content.count(b"\r")
    return not returns or returns == content.count(b"\r\n")


def _parse(content: bytes, header_lines: int, layout: Layout) -> Rows | None:
    if not _is_plain(content, layout):
        return None
    import pandas as pd

    step = len(layout.separator)
    id_type: Any = np.int64 if layout.whole else str
    clock = layout.clock
    is_whole = clock.exact or (layout.whole and clock.unit == "s")
    time_type: Any = str if clock.text else np.int64 if is_whole else np.float64
    wanted: dict[int, Any] = {layout.user * step: id_type, layout.item * step: id_type}
    if layout.rating is not None:
        wanted[layout.rating * step] = np.float32
    if layout.timestamp is not None:
        wanted[layout.timestamp * step] = time_type
    if layout.kind is not None:
        wanted[layout.kind * step] = str
    try:
        with np.errstate(over="ignore"):  # what a float32 cannot hold is out of range
            frame = pd.read_csv(
                io.BytesIO(content),
                sep=r"\s+" if layout.separator == BLANKS else layout.separator[0],
                skipinitialspace=layout.padded,
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

    places = (layout.user, layout.item, layout.rating, layout.timestamp, layout.kind)
    user, item, rating, times, kind = map(column, places)
    if times is not None:
        with np.errstate(all="ignore"):  # infinite times are out of range
            times = read_dates(times) if clock.text else clock.seconds(times)
        if times is None:
            return None
    return Rows(user, item, rating, times, kind)


def _fields_match(content: bytes, layout: Layout, lines: int) -> bool:
    """Whether each of `lines` lines has as many separators as it should.

    The parser itself is silent about surplus fields when only some columns are read. With ``::``
    it reads every second field; four numbers with six colons, three pairs of them adjacent, can
    only be ``1::2::3::4``.
    """
    data = np.frombuffer(content, np.uint8)
    per_line = len(layout.names) - 1
    if layout.separator == BLANKS:
        return _one_per_line(data, _field_starts(data), per_line + 1, lines)
    is_separator = data == ord(layout.separator[0])
    if len(layout.separator) == 2:
        pairs = np.count_nonzero(is_separator[:-1] & is_separator[1:])
        return bool(pairs == per_line * lines and np.count_nonzero(is_separator) == 2 * pairs)
    if layout.whole and len(layout.names) == 4:  # a line with fewer fields did not parse
        return bool(np.count_nonzero(is_separator) == per_line * lines)
    return _one_per_line(data, np.flatnonzero(is_separator), per_line, lines)


def _field_starts(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find where fields begin that blanks and tabs stand between."""
    is_gap = np.isin(data, np.frombuffer(b" \t\r\n", np.uint8))
    before = np.concatenate([[True], is_gap[:-1]])
    return np.flatnonzero(before & ~is_gap)


def _one_per_line(
    data: NDArray[np.uint8], marks: NDArray[np.int64], per_line: int, lines: int
) -> bool:
    """Whether each line has exactly `per_line` of the marks."""
    ends = np.flatnonzero(data == ord("\n"))
    if len(data) and data[-1] != ord("\n"):
        ends = np.append(ends, len(data))
    if len(marks) != per_line * lines or len(ends) != lines:
        return False
    table = marks.reshape(lines, per_line)
    return bool(np.all(table[:, -1] < ends) and np.all(table[1:, 0] > ends[:-1]))


def _acceptable(rows: Rows, layout: Layout) -> bool:
    """Whether all values are in range; NaN fails every comparison."""
    for ids in (rows.user, rows.item):
        if not np.all(ids >= 0 if ids.dtype.kind == "i" else ids != ""):
            return False
    rating, times = rows.rating, rows.timestamp
    low, high = layout.scale
    if rating is not None and not np.all((rating >= low) & (rating <= high)):
        return False
    if rating is not None and layout.label and not np.all((rating == 0) | (rating == 1)):
        return False
    return times is None or bool(np.all((times >= 0) & (times <= LATEST)))
