"""The slow pass over a rating file: line by line, to say exactly what is wrong with which row."""

from __future__ import annotations

import csv
import io
import itertools
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from recsys_core.data.context import Texts
from recsys_core.data.dataset import TimeArray
from recsys_core.data.file_layout import (
    BLANKS,
    LABELS,
    LATEST,
    MISSING,
    SKIP_HINT,
    ContextColumn,
    Layout,
    is_missing,
)
from recsys_core.data.import_options import OnBadRows
from recsys_core.data.numbering import Rows
from recsys_core.data.times import is_number, read_date
from recsys_core.errors import DataError, shorten
from recsys_core.values import counted, parse_number

_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
Fields = list[str] | csv.Error
"""What a line holds, or why it cannot be split."""
Values = tuple[Any, Any, float, int, str, list[str]]
"""User, item, rating, time, type and further columns of a row."""
#: rows that are turned into arrays at a time
MOST_ROWS = 2**17


def csv_problem(error: csv.Error) -> str:
    """Say what is wrong with quotes or line ends."""
    problem = str(error).partition(" - ")[0]
    if problem == "unexpected end of data":
        return "a quote is not closed"
    return problem


class BadRowError(Exception):
    """One row is not acceptable: which column (None: the line), why, and under which heading."""

    def __init__(self, heading: str, problem: str, column: int | None = None) -> None:
        super().__init__(problem)
        self.heading = heading
        self.problem = problem
        self.column = column


def read_lines(
    chunks: Iterable[bytes],
    where: str,
    layout: Layout,
    on_bad_rows: OnBadRows,
    bad: Counter[str],
    before: int = 0,
) -> Iterator[tuple[Rows, TimeArray]]:
    """Go through a file line by line; yield good rows and their line numbers, shape (n,).

    Parameters
    ----------
    bad
        Bad rows are counted here, by heading.
    before
        Lines of the file before the first of `chunks`.

    Raises
    ------
    DataError
        A bad row, unless bad rows are skipped; file, line and column are named.
    """
    some = _Some(layout)
    for line, fields in _split(chunks, layout, before):
        if layout.lists and isinstance(fields, list) and len(fields) == 1:
            bad["no items"] += 1  # nothing is wrong with such a user
            continue
        try:
            values = _convert(fields, layout)
        except BadRowError as error:
            if on_bad_rows == "error":
                raise _explain(error, where, line, layout) from None
            bad[error.heading] += 1
            continue
        some.add(line, values)
        if len(some.lines) == MOST_ROWS:
            yield some.take()
            some = _Some(layout)
    if some.lines:
        yield some.take()


class _Some:
    """Some rows as they are read."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.users: list[Any] = []
        self.items: list[Any] = []
        self.ratings, self.times, self.lines = array("d"), array("q"), array("q")
        self.kinds: list[str] = []
        self.context: list[list[str]] = [[] for _ in layout.context]

    def add(self, line: int, values: Values) -> None:
        """Add a row."""
        user, item, rating, time, kind, further = values
        self.users.append(user)
        self.items.append(item)
        self.ratings.append(rating)
        self.times.append(time)
        self.kinds.append(kind)
        for column, text in zip(self.context, further, strict=True):
            column.append(text)
        self.lines.append(line)

    def take(self) -> tuple[Rows, TimeArray]:
        """Give the rows and their lines."""
        layout = self.layout

        def ids(values: list[Any]) -> Any:
            return np.array(values, dtype=np.int64) if layout.whole else Texts.of(values)

        rows = Rows(
            ids(self.users),
            ids(self.items),
            None if layout.rating is None else np.array(self.ratings, dtype=layout.number_type),
            None if layout.timestamp is None else np.array(self.times, dtype=np.int64),
            None if layout.kind is None else Texts.of(self.kinds),
            tuple(map(Texts.of, self.context)),
        )
        return rows, np.array(self.lines, dtype=np.int64)


def _split(chunks: Iterable[bytes], layout: Layout, before: int) -> Iterator[tuple[int, Fields]]:
    """Yield line number and fields of each row; one row per item where lines are lists."""
    encoding = "latin-1" if layout.whole else "utf-8"
    # bytes that are not UTF-8 become lone surrogates, which `_convert` finds
    text = (
        raw.decode(encoding, "surrogateescape") for chunk in chunks for raw in io.BytesIO(chunk)
    )
    body = itertools.islice(text, layout.header_lines, None)
    rows = split_lines(body, layout.separator, quoted=layout.quoted, padded=layout.padded)
    for number, fields in rows:
        line = before + layout.header_lines + number
        if not layout.lists or isinstance(fields, csv.Error) or len(fields) < 2:
            yield line, fields
        else:
            user, *items = fields
            # a separator at the end of a list begins no item
            yield from ((line, [user, item]) for item in items if item)


def split_lines(
    lines: Iterable[str], separator: str, *, quoted: bool, padded: bool = False
) -> Iterator[tuple[int, Fields]]:
    """Yield number of the first line (from 1) and fields of each row that is not blank."""
    if quoted:
        yield from _split_quoted(lines, separator, padded)
        return
    for number, line in enumerate(lines, 1):
        stripped = line.rstrip("\r\n")
        fields = split_blanks(stripped) if separator == BLANKS else stripped.split(separator)
        if stripped and fields:
            yield number, fields


def split_blanks(line: str) -> list[str]:
    """Split at blanks and tabs, as the C parser does, and at no other white space."""
    return re.findall(r"[^ \t\r\n]+", line)


def _split_quoted(
    lines: Iterable[str], separator: str, padded: bool
) -> Iterator[tuple[int, Fields]]:
    # strict: a quote that is not closed would take the rest of the file for one field
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=padded, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            fields: Fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fields = error
        if fields:
            yield number, fields


def _convert(fields: Fields, layout: Layout) -> Values:
    if isinstance(fields, csv.Error):
        raise BadRowError("fields", csv_problem(fields))
    if len(fields) != len(layout.names):
        raise BadRowError(
            "fields", f"{counted(len(fields), 'field')} where {len(layout.names)} are expected"
        )
    fields = [*fields, *layout.keys] if layout.keys else fields
    for position in layout.used:
        text = fields[position]
        if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
            problem = f"{text!a} is not UTF-8 text; save the file as UTF-8"
            raise BadRowError("encoding", problem, position)
    user = _read_id(fields[layout.user], layout.user, layout)
    item = _read_id(fields[layout.item], layout.item, layout)
    rating, time = 1.0, 0
    if layout.rating is not None:
        rating = _read_rating(fields[layout.rating], layout.rating, layout)
    if layout.timestamp is not None:
        time = _read_time(fields[layout.timestamp], layout.timestamp, layout)
    kind = "" if layout.kind is None else _read_kind(fields[layout.kind], layout.kind)
    for column in layout.context:
        _check_context(fields[column.place], column)
    further = [fields[column.place] for column in layout.context]
    return user, item, rating, time, kind, further


def _read_id(text: str, column: int, layout: Layout) -> int | str:
    if not text:
        raise BadRowError("id", "the id is missing", column)
    if "\0" in text:
        raise BadRowError("id", f"{text!r} has a null character", column)
    if layout.whole:
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            problem = f"{text!r} is not a whole number from 0{layout.id_hint}"
            raise BadRowError("id", problem, column)
        return int(text)
    if text.lower() in MISSING:
        raise BadRowError("id", f"the id is missing ({text!r} stands for no value)", column)
    if "\n" in text or "\r" in text:
        problem = f"{shorten(repr(text), 40)} has a line break; is a quote not closed?"
        raise BadRowError("id", problem, column)
    return text


def _read_kind(text: str, column: int) -> str:
    if not text or text.lower() in MISSING or "\0" in text:
        raise BadRowError("type", "the type is missing", column)
    return text


def _check_context(text: str, column: ContextColumn) -> None:
    if "\0" in text:
        raise BadRowError(column.name, f"{text!r} has a null character", column.place)
    if column.kind == "number" and not is_missing(text) and not is_number(text):
        hint = f"; if it holds names, say {column.name}:category"
        raise BadRowError(
            column.name, f"{shorten(repr(text), 40)} is not a number{hint}", column.place
        )


def _read_rating(text: str, column: int, layout: Layout) -> float:
    if layout.label:
        label = LABELS.get(text.strip().lower())
        if label is None:
            problem = (
                f"{text!r} is not a label, which is 0 or 1; other numbers are ratings:"
                " --columns rating=COLUMN"
                if text
                else "the label is missing"
            )
            raise BadRowError("label", problem, column)
        return label
    low, high = layout.scale
    rating = _read_number(layout.number, text, column)
    if not low <= rating <= high:
        problem = f"{text!r} is not within {low:g} to {high:g}{layout.scale_hint}"
        raise BadRowError(layout.number, problem, column)
    return rating


def _read_time(text: str, column: int, layout: Layout) -> int:
    clock = layout.clock
    if not text:
        raise BadRowError("timestamp", "the timestamp is missing", column)
    if clock.text:
        try:
            seconds: float = read_date(text)
        except (ValueError, OverflowError):
            problem = f"{text!r} is not a time like 2020-01-05T10:51:09Z"
            raise BadRowError("timestamp", problem, column) from None
    elif text.isdecimal() and len(text) < 20:
        seconds = clock.seconds(int(text))
    else:
        hint = f"; times are in {clock.name} since 1970"
        if not (layout.whole or clock.said):
            hint += ", or all of them like 2020-01-05T10:51:09Z"
        seconds = clock.seconds(_read_number("timestamp", text, column, hint))
    if not 0 <= seconds <= LATEST:
        raise BadRowError("timestamp", f"{text!r} {clock.problem(seconds)}", column)
    return int(seconds)


def _read_number(heading: str, text: str, column: int, hint: str = "") -> float:
    number = parse_number(text)
    if number is None:
        if _DECIMAL_COMMA.fullmatch(text):
            hint = f"; write {text.replace(',', '.')}"
        problem = f"{text!r} is not a number{hint}" if text else f"the {heading} is missing"
        raise BadRowError(heading, problem, column)
    return number


def _explain(error: BadRowError, where: str, line: int, layout: Layout) -> DataError:
    column = ""
    if error.column is not None:
        name = (*layout.names, *layout.keys)[error.column]
        column = f", column {error.column + 1} ({name})"
    return DataError(f"{where}, line {line}{column}: {error.problem}", SKIP_HINT)
