"""Rows of one set that are read piece by piece, and what they are gathered in.

A reader yields pieces, the same ones wherever they go. `InMemory` puts them together here; a store
with the same method keeps them on disk (`on_disk`) and comes to the same result.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from recsys_core.data.context import Texts, context_column
from recsys_core.data.dataset import Column, IntArray, Numeric, TimeArray
from recsys_core.data.file_layout import ContextColumn
from recsys_core.data.import_options import Rule
from recsys_core.data.numbering import (
    Ratings,
    Rows,
    number_columns,
    settle_repeats,
)
from recsys_core.data.times import DATES_HINT, are_dates
from recsys_core.errors import DataError, unknown_name

#: rows that a column in memory grows by at most
GROWTH = 2**22


@dataclass(frozen=True)
class Piece:
    """Rows of a file that follow each other, none of them bad.

    Parameters
    ----------
    lines
        The line, or number, of each row in its file.
    where
        The name of the file.
    """

    rows: Rows
    lines: range | TimeArray
    where: str

    def take(self, kept: NDArray[np.bool_]) -> Piece:
        """Pick rows, and of texts those that they have."""
        return Piece(self.rows.take(kept), np.asarray(self.lines, np.int64)[kept], self.where)


@dataclass(frozen=True)
class Wanted:
    """What becomes of the rows.

    Parameters
    ----------
    where
        What they were read from, for messages.
    rule
        What becomes of rows with the same user and item.
    unit
        What `Piece.lines` counts.
    context
        Further columns, in the order of those of the rows.
    keep
        Types of events that are kept; empty: all.
    labelled
        Whether ratings are labels.
    no_dates
        Whether times that look like dates without dashes are refused.
    """

    where: str
    rule: Rule
    unit: str = "line"
    context: tuple[ContextColumn, ...] = ()
    keep: tuple[str, ...] = ()
    labelled: bool = False
    no_dates: bool = False


class Store(Protocol):
    """Gathers pieces."""

    @property
    def limited(self) -> bool:
        """Whether what cannot be read piece by piece has to be refused."""

    @property
    def timeline(self) -> TimeArray | None:
        """The rows by user and time, where gathering has found them on the way."""

    def full(self, rows: int, value: float, dtype: DTypeLike) -> NDArray[Any]:
        """Make a column of one value."""

    def look_up(self, table: NDArray[Any], codes: NDArray[np.integer]) -> NDArray[Any]:
        """Make a column of what `table` has for each of the codes."""

    def gather(self, pieces: Iterable[Piece], wanted: Wanted, bad: Counter[str]) -> Ratings:
        """Put pieces together, number users and items, settle repeats.

        Parameters
        ----------
        bad
            Rows left out by reason; the reader goes on counting while it is asked for pieces.

        Raises
        ------
        DataError
            There are no rows, repeats that are refused, or text in a column that is said to hold
            numbers.
        InputError
            No event is of a type that is kept.
        """


class Places:
    """In which file, and on which line of it, each of the rows stands."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[tuple[str, range | TimeArray]] = []
        self.rows = 0

    def add(self, where: str, lines: range | TimeArray) -> None:
        """Add the rows of the next piece."""
        self._starts.append(self.rows)
        self._pieces.append((where, lines))
        self.rows += len(lines)

    def of(self, row: int) -> tuple[str, int]:
        """Give file and line of a row."""
        at = bisect_right(self._starts, row) - 1
        where, lines = self._pieces[at]
        return where, int(lines[row - self._starts[at]])


def sift(pieces: Iterable[Piece], wanted: Wanted, bad: Counter[str]) -> Iterator[Piece]:
    """Leave out events of other types than those to keep; check what only all rows together show.

    Raises
    ------
    InputError
        No event is of a type that is kept.
    DataError
        There are no rows, or all times look like dates.
    """
    types: dict[str, None] = {}
    rows = left_out = 0
    dates: list[Any] = []
    all_dates = wanted.no_dates
    for piece in pieces:
        rows += len(piece.lines)
        if wanted.keep and piece.rows.kind is not None:
            kinds = piece.rows.kind
            assert isinstance(kinds, Texts)
            values = [str(value) for value in kinds.used().values.tolist()]
            types |= dict.fromkeys(values)
            wanted_ones = np.array([str(v) in wanted.keep for v in kinds.values.tolist()])
            kept = wanted_ones[kinds.codes]
            left_out += int(np.count_nonzero(~kept))
            piece = piece.take(kept)
        times = piece.rows.timestamp
        if all_dates and times is not None and len(times):
            all_dates = are_dates(times)
            dates += [times[0]] if not dates else []
        if len(piece.lines):
            yield piece
    if not rows:
        what = "every row is bad" if bad else "there are no rows"
        raise DataError(
            f"{wanted.where}: {what}", "check that this is the right file, and complete"
        )
    for name in wanted.keep if types else ():
        if name not in types:
            raise unknown_name(f"type of events in {wanted.where} (--keep)", name, types)
    if left_out or types:
        bad["type"] += left_out
    if all_dates and dates:
        raise DataError(
            f"{wanted.where}: the times look like dates, e.g. {int(dates[0])}", DATES_HINT
        )


def finished_context(texts: Texts, about: ContextColumn, where: str) -> Column:
    """Make a further column of what was read of all rows."""
    found = context_column(texts, about.kind)
    if found is None:
        raise no_numbers(about, where)
    return found


def no_numbers(about: ContextColumn, where: str) -> DataError:
    """Say that a column holds text where numbers are expected."""
    return DataError(
        f"{where}: column {about.name} holds text that is no number",
        f"say {about.name}:category in --columns",
    )


class InMemory:
    """Gathers pieces in memory."""

    limited = False
    timeline: TimeArray | None = None

    def full(self, rows: int, value: float, dtype: DTypeLike) -> NDArray[Any]:
        """Make a column of one value."""
        return np.full(rows, value, dtype)

    def look_up(self, table: NDArray[Any], codes: NDArray[np.integer]) -> NDArray[Any]:
        """Make a column of what `table` has for each of the codes."""
        found: NDArray[Any] = table[codes]
        return found

    def gather(self, pieces: Iterable[Piece], wanted: Wanted, bad: Counter[str]) -> Ratings:
        """Put pieces together; see `Store`."""
        columns = [_Growing() for _ in range(5 + len(wanted.context))]
        places = Places()
        for piece in sift(pieces, wanted, bad):
            places.add(piece.where, piece.lines)
            for column, values in zip(columns, columns_of(piece.rows), strict=True):
                column.append(values)
        user, item, rating, times, kind, *context = (column.take() for column in columns)
        further: dict[str, Column] = {}
        for about, read in zip(wanted.context, context, strict=True):
            if isinstance(read, Texts):
                further[about.name] = finished_context(read, about, wanted.where)
            else:
                further[about.name] = Numeric(read)
        numbered = replace(
            number_columns(user, item, rating, times, kind),
            context=further,
            labelled=wanted.labelled,
        )
        return settle_repeats(numbered, places.of, wanted.where, wanted.rule, bad, wanted.unit)


IN_MEMORY = InMemory()


def columns_of(rows: Rows) -> tuple[Any, ...]:
    """Give the columns of rows, ids of whole numbers as narrow as they may be."""
    user, item = narrow(rows.user), narrow(rows.item)
    return (user, item, rows.rating, rows.timestamp, rows.kind, *rows.context)


def narrow(ids: NDArray[Any] | Texts) -> NDArray[Any] | Texts:
    """Write whole numbers with 32 bits where they fit."""
    if isinstance(ids, Texts) or ids.dtype != np.int64:
        return ids
    fits = int(ids.max(initial=0)) <= np.iinfo(np.int32).max
    return ids.astype(np.int32) if fits else ids


class _Growing:
    """A column in memory that grows where it is: putting pieces together would take it twice."""

    def __init__(self) -> None:
        self._values: NDArray[Any] | None = None
        self._rows = 0
        #: of texts: those of each piece, and its rows; numbers are codes of them
        self._texts: list[NDArray[Any]] = []
        self._ends: list[int] = []

    def append(self, values: Any) -> None:
        """Add the values of the next piece; None for a column that there is not."""
        if values is None:
            return
        if isinstance(values, Numeric):
            values = values.values
        if isinstance(values, Texts) or self._texts:
            values = self._as_codes(as_texts(values))
        if self._values is None:
            self._values = np.empty(0, values.dtype)
        elif self._values.dtype != values.dtype:
            wider = np.result_type(self._values, values)
            self._values = self._values.astype(wider, copy=False)
        end = self._rows + len(values)
        if end > len(self._values):
            self._values.resize(end + min(end, GROWTH), refcheck=False)
        self._values[self._rows : end] = values
        self._rows = end

    def _as_codes(self, values: Texts) -> IntArray:
        if not self._texts and self._values is not None:  # ids so far were whole numbers
            before = as_texts(self._values[: self._rows])
            self._values = before.codes
            self._texts, self._ends = [before.values], [self._rows]
        self._texts.append(values.values)
        self._ends.append(self._rows + len(values))
        return values.codes

    def take(self) -> Any:
        """Give the column, which is let go of; texts are numbered once for all."""
        values, self._values = self._values, None
        if values is None:
            return None
        values.resize(self._rows, refcheck=False)
        if not self._texts:
            return values
        every = Texts.of(np.concatenate(self._texts))
        start = first = 0
        for end, texts in zip(self._ends, self._texts, strict=True):
            values[start:end] = every.codes[first + values[start:end]]
            start, first = end, first + len(texts)
        self._texts.clear()
        return Texts(values, every.values).used()


def as_texts(values: Any) -> Texts:
    """Write ids as text, whole numbers too."""
    if isinstance(values, Texts):
        return values
    if values.dtype.kind != "i":
        return Texts.of(values)
    distinct, codes = np.unique(values, return_inverse=True)
    texts = np.array([str(number) for number in distinct.tolist()], dtype=object)
    return Texts(codes.astype(np.int32), texts)
