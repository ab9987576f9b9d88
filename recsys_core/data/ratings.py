"""Rating files to arrays: a fast pass for files in order, a slow one that names what is wrong.

The fast pass lets the C parser of pandas read all rows and checks the arrays. Only when it finds
anything amiss does the slow pass (`linewise`) go through the file again; it alone decides what is
a bad row.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from recsys_core.data.layout import LATEST, Layout, OnBadRows
from recsys_core.data.linewise import read_lines
from recsys_core.data.numbering import (
    Ratings,
    Rows,
    has_duplicates,
    number_rows,
    settle_duplicates,
)
from recsys_core.errors import DataError

#: threads that parse; more gain nothing while one unpacks
PARSERS = 2


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
        if not has_duplicates(ratings):
            return ratings
    rows, lines, bad = read_lines(chunks(), where, layout, on_bad_rows)
    if not len(rows.user):
        what = "every row is bad" if bad else "there are no rows"
        raise DataError(f"{where}: {what}", "check that this is the right file, and complete")
    return settle_duplicates(number_rows(rows), lines, where, on_bad_rows, bad)


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
    if (layout.quoted and b'"' in content) or b"\0" in content:
        return None  # NumPy's text does not keep a null character at its end
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
