"""The slow pass over a rating file: line by line, to say exactly what is wrong with which row."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from recsys_core.data.dataset import TimeArray
from recsys_core.data.layout import LATEST, SKIP_HINT, Layout, OnBadRows
from recsys_core.data.numbering import Rows
from recsys_core.errors import DataError

Fields = list[str] | csv.Error
"""What a line holds, or why it cannot be split."""


class BadRowError(Exception):
    """One row is not acceptable: which column (None: the line), why, and under which heading."""

    def __init__(self, heading: str, problem: str, column: int | None = None) -> None:
        super().__init__(problem)
        self.heading = heading
        self.problem = problem
        self.column = column


def read_lines(
    chunks: Iterator[bytes], where: str, layout: Layout, on_bad_rows: OnBadRows
) -> tuple[Rows, TimeArray, Counter[str]]:
    """Go through a file line by line.

    Returns
    -------
    The good rows, their line numbers (shape (n,)), and how many rows were bad, by heading.

    Raises
    ------
    DataError
        A bad row, unless bad rows are skipped; file, line and column are named.
    """
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


def _split(chunks: Iterator[bytes], layout: Layout) -> Iterator[tuple[int, Fields]]:
    """Yield line number and fields of each line that is not blank."""
    encoding = "latin-1" if layout.whole else "utf-8"
    # bytes that are not UTF-8 become lone surrogates, which `_convert` finds
    text = (
        raw.decode(encoding, "surrogateescape") for chunk in chunks for raw in io.BytesIO(chunk)
    )
    if layout.quoted:
        yield from _split_quoted(csv.reader(text, delimiter=layout.separator), layout)
        return
    for number, line in enumerate(text, 1):
        stripped = line.rstrip("\r\n")
        if stripped and number > layout.header_lines:
            yield number, stripped.split(layout.separator)


def _split_quoted(reader: Any, layout: Layout) -> Iterator[tuple[int, Fields]]:
    while True:
        try:
            fields: Fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fields = error
        if fields and reader.line_num > layout.header_lines:
            yield reader.line_num, fields


def _convert(fields: Fields, layout: Layout) -> tuple[Any, Any, float, int]:
    if isinstance(fields, csv.Error):
        raise BadRowError("fields", str(fields))
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
        hint = "; times are in seconds since 1970" if heading == "timestamp" else ""
        problem = f"{text!r} is not a number{hint}" if text else f"the {heading} is missing"
        raise BadRowError(heading, problem, column)
    return number


def _explain(error: BadRowError, where: str, line: int, layout: Layout) -> DataError:
    column = ""
    if error.column is not None:
        column = f", column {error.column + 1} ({layout.names[error.column]})"
    return DataError(f"{where}, line {line}{column}: {error.problem}", SKIP_HINT)
