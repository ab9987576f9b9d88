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
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.context import Texts, context_column
from recsys_core.data.file_layout import BLANKS, LATEST, MISSING, Layout
from recsys_core.data.import_options import OnBadRows, Rule
from recsys_core.data.linewise import read_lines
from recsys_core.data.numbering import (
    Ratings,
    Rows,
    check_rule,
    has_duplicates,
    keep_types,
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
        bad: Counter[str] = Counter()
        rows, lines = keep_types(rows, np.arange(1, len(rows.user) + 1), layout.keep, where, bad)
        ratings = _numbered(rows, layout)
        if ratings is not None and not _has_missing(ratings, layout):
            _check_times(ratings, where, layout)
            check_rule(rule, ratings, where)
            if rule not in ("count", "keep") and not has_duplicates(ratings):
                return replace(ratings, bad_rows=bad)
            if rule not in ("error", "first row"):
                return settle_repeats(ratings, lines, where, rule, bad)
    rows, lines, bad = read_lines(_without_bom(chunks()), where, layout, on_bad_rows)
    if not len(rows.user):
        what = "every row is bad" if bad else "there are no rows"
        raise DataError(f"{where}: {what}", "check that this is the right file, and complete")
    rows, lines = keep_types(rows, lines, layout.keep, where, bad)
    found = _numbered(rows, layout)
    assert found is not None  # every row was looked at
    _check_times(found, where, layout)
    return settle_repeats(found, lines, where, rule, bad)


def _numbered(rows: Rows, layout: Layout) -> Ratings | None:
    """Give users and items numbers and build the rest; None: a column is not what is said."""
    built = [
        context_column(texts, column.kind)
        for texts, column in zip(rows.context, layout.context, strict=True)
    ]
    context = {
        column.name: found
        for column, found in zip(layout.context, built, strict=True)
        if found is not None
    }
    if len(context) < len(layout.context):
        return None
    return replace(number_rows(rows), context=context, labelled=layout.label)


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

    columns = zip(*map(_columns, good), strict=True)
    user, item, rating, times, kind, *context = map(_joined, columns)
    return Rows(user, item, rating, times, kind, tuple(context))


def _columns(part: Rows) -> tuple[Any, ...]:
    return (part.user, part.item, part.rating, part.timestamp, part.kind, *part.context)


def _joined(parts: tuple[Any, ...]) -> Any:
    """Put the pieces of a column together; texts are numbered once for all."""
    if parts[0] is None or isinstance(parts[0], np.ndarray):
        return None if parts[0] is None else np.concatenate(parts)
    every = Texts.of(np.concatenate([part.values for part in parts]))
    starts = np.cumsum([0, *(len(part.values) for part in parts)])
    pieces = (every.codes[start + part.codes] for start, part in zip(starts, parts, strict=False))
    return Texts(np.concatenate(list(pieces)), every.values).used()


def _is_plain(content: bytes, layout: Layout) -> bool:
    """Whether there is nothing that the parser or NumPy reads otherwise than the slow pass."""
    if layout.quoted and b'"' in content:
        return False
    if b"\0" in content:
        return False  # NumPy's text does not keep a null character at its end
    # the parser takes a carriage return alone for the end of a line
    returns = content.count(b"\r")
    return not returns or returns == content.count(b"\r\n")


def _wanted(layout: Layout) -> dict[int, Any]:
    """Give the type of each column that is read, by its position for the parser."""
    step, clock = len(layout.separator), layout.clock
    # texts are numbered while they are parsed, which takes a fraction of the time
    id_type: Any = np.int64 if layout.whole else "category"
    is_whole = clock.exact or (layout.whole and clock.unit == "s")
    time_type: Any = str if clock.text else np.int64 if is_whole else np.float64
    wanted: dict[int, Any] = {layout.user * step: id_type, layout.item * step: id_type}
    if layout.rating is not None:
        wanted[layout.rating * step] = np.dtype(layout.number_type)
    if layout.timestamp is not None:
        wanted[layout.timestamp * step] = time_type
    if layout.kind is not None:
        wanted[layout.kind * step] = "category"
    wanted |= {column.place * step: "category" for column in layout.context}
    return wanted


def _parse(content: bytes, header_lines: int, layout: Layout) -> Rows | None:
    if not _is_plain(content, layout):
        return None
    import pandas as pd

    step, wanted = len(layout.separator), _wanted(layout)
    end = _end(content, wanted, layout)
    try:
        with np.errstate(over="ignore"):  # what a float32 cannot hold is out of range
            frame = pd.read_csv(
                io.BytesIO(content + end),
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
    frame = frame.iloc[: len(frame) - bool(end)]
    if not _fields_match(content, layout, len(frame) + header_lines):
        return None

    def column(position: int | None) -> Any:
        return None if position is None else _values(frame[position * step])

    places = (layout.user, layout.item, layout.rating, layout.timestamp, layout.kind)
    user, item, rating, times, kind = map(column, places)
    if times is not None:
        with np.errstate(all="ignore"):  # infinite times are out of range
            times = read_dates(times) if layout.clock.text else layout.clock.seconds(times)
        if times is None:
            return None
    return Rows(user, item, rating, times, kind, tuple(column(c.place) for c in layout.context))


def _end(content: bytes, wanted: Mapping[int, Any], layout: Layout) -> bytes:
    """Make a last line that keeps the parser from reading texts as numbers: 01 is not 1.

    It does so where all texts of a column look like numbers; here one does not. Nothing where no
    column is text.
    """
    if "category" not in wanted.values():
        return b""
    step = len(layout.separator)
    kinds = [wanted.get(place * step) for place in range(len(layout.names))]
    fields = ["-" if kind == "category" else "0" for kind in kinds]
    broken = b"" if content.endswith(b"\n") else b"\n"
    return broken + layout.separator.join(fields).encode() + b"\n"


def _values(column: Any) -> NDArray[Any] | Texts:
    if column.dtype != "category":
        return column.to_numpy()  # type: ignore[no-any-return]
    codes = column.cat.codes.to_numpy().astype(np.int32)
    return Texts(codes, np.asarray(column.cat.categories, dtype=object))


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
        if isinstance(ids, Texts):
            if "" in ids.values:
                return False
        elif not np.all(ids >= 0):
            return False
    rating, times = rows.rating, rows.timestamp
    low, high = layout.scale
    if rating is not None and not np.all((rating >= low) & (rating <= high)):
        return False
    if rating is not None and layout.label and not np.all((rating == 0) | (rating == 1)):
        return False
    return times is None or bool(np.all((times >= 0) & (times <= LATEST)))
