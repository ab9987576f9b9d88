"""Rating files to rows, piece by piece: a fast pass for lines in order, a slow one for others.

In the fast pass the C parser of pandas reads a piece, whose arrays are checked. Only when it finds
anything amiss does the slow pass (`linewise`) go through that piece again; it alone decides what
is a bad row.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.context import Texts
from recsys_core.data.file_layout import BLANKS, LATEST, MISSING, Layout, is_missing
from recsys_core.data.import_options import OnBadRows, Rule
from recsys_core.data.linewise import read_lines
from recsys_core.data.numbering import Ratings, Rows
from recsys_core.data.pieces import IN_MEMORY, Piece, Store, Wanted
from recsys_core.data.times import is_number, read_dates

BOM = b"\xef\xbb\xbf"
#: threads that parse; more gain nothing while one unpacks
PARSERS = 2
Chunks = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class TextFile:
    """A file of rows.

    Parameters
    ----------
    chunks
        Opens the file: its bytes in pieces that end with a line.
    where
        Its name, for messages.
    """

    chunks: Chunks
    where: str
    layout: Layout


def read_ratings(
    chunks: Chunks,
    where: str,
    layout: Layout,
    on_bad_rows: OnBadRows = "error",
    rule: Rule | None = None,
    store: Store = IN_MEMORY,
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
    store
        What the rows are gathered in.

    Raises
    ------
    DataError
        A bad row (file, line and column named), or no row at all.
    """
    return read_files([TextFile(chunks, where, layout)], where, on_bad_rows, rule, store)


def read_files(
    files: Sequence[TextFile],
    where: str,
    on_bad_rows: OnBadRows,
    rule: Rule | None,
    store: Store,
) -> Ratings:
    """Read files of one layout as one; `where` is what they are together."""
    layout = files[0].layout
    wanted = Wanted(
        where,
        rule or ("error" if on_bad_rows == "error" else "first row"),
        context=layout.context,
        keep=layout.keep,
        labelled=layout.label,
        no_dates=not (layout.clock.said or layout.clock.text),
    )
    bad: Counter[str] = Counter()
    pieces = (piece for file in files for piece in _pieces(file, on_bad_rows, bad))
    return store.gather(pieces, wanted, bad)


def _pieces(file: TextFile, on_bad_rows: OnBadRows, bad: Counter[str]) -> Iterator[Piece]:
    """Yield the rows of a file, those of a piece that is not plain by the slow pass.

    The slow pass also takes what follows a piece with quotes, which may end within a field.
    """
    layout, where, before = file.layout, file.where, 0
    chunks = _without_bom(file.chunks())

    def slowly(contents: Iterable[bytes]) -> Iterator[Piece]:
        read = read_lines(contents, where, layout, on_bad_rows, bad, before)
        return (Piece(rows, lines, where) for rows, lines in read)

    if layout.lists:
        yield from slowly(chunks)
        return
    with ThreadPoolExecutor(PARSERS) as pool:
        parsed = _parsed(pool, chunks, layout)
        for content, read in parsed:
            if read is not None and _acceptable(read[0], layout):
                rows, lines = read
                yield Piece(rows, _after(lines, before + 1), where)
            elif layout.quoted and b'"' in content:
                yield from slowly(itertools.chain([content], (chunk for chunk, _ in parsed)))
                return
            else:
                yield from slowly([content])
            counted = read[1] if read is not None else None
            before += counted.stop if isinstance(counted, range) else content.count(b"\n")
            layout = replace(layout, header_lines=0)


def _after(lines: Lines, before: int) -> Lines:
    if isinstance(lines, range):
        return range(lines.start + before, lines.stop + before)
    return lines + before


Lines = range | NDArray[np.int64]
Parsed = tuple[Rows, Lines] | None
"""Rows and their lines from 0; None where anything is not exactly as the layout says."""


def _parsed(
    pool: ThreadPoolExecutor, chunks: Iterator[bytes], layout: Layout
) -> Iterator[tuple[bytes, Parsed]]:
    """Parse pieces, a few ahead of the one that is asked for.

    Unpacking, reading and parsing run at the same time: none of them holds the interpreter lock.
    """
    ahead: deque[tuple[bytes, Future[Parsed]]] = deque()
    for content in chunks:
        ahead.append((content, pool.submit(_parse, content, layout)))
        layout = replace(layout, header_lines=0)
        if len(ahead) > PARSERS:
            content, found = ahead.popleft()
            yield content, found.result()
    for content, found in ahead:
        yield content, found.result()


def _without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield next(chunks, b"").removeprefix(BOM)
    yield from chunks


def _is_plain(content: bytes, layout: Layout) -> bool:
    """Whether there is nothing that the parser or NumPy reads otherwise than the slow pass."""
    if layout.quoted and b'"' in content:
        return False
    if b"\0" in content:
        return False  # NumPy's text does not keep a null character at its end
    # the parser takes a carriage return alone for the end of a line; that there is none is seen
    # sooner than counted
    return b"\r" not in content or content.count(b"\r") == content.count(b"\r\n")


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
    return {place: kind for place, kind in wanted.items() if place < len(layout.names) * step}


def _parse(content: bytes, layout: Layout) -> Parsed:
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
                skiprows=layout.header_lines,
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
    if not _fields_match(content, layout, len(frame) + layout.header_lines):
        return None
    lines = _lines(content, layout.header_lines, len(frame))
    if lines is None:
        return None

    def column(position: int | None) -> Any:
        if position is None:
            return None
        key = position - len(layout.names)
        if key >= 0:
            return Texts(np.zeros(len(frame), np.int32), np.array([layout.keys[key]], dtype=object))
        return _values(frame[position * step])

    places = (layout.user, layout.item, layout.rating, layout.timestamp, layout.kind)
    user, item, rating, times, kind = map(column, places)
    if times is not None:
        with np.errstate(all="ignore"):  # infinite times are out of range
            times = read_dates(times) if layout.clock.text else layout.clock.seconds(times)
        if times is None:
            return None
    context = tuple(column(about.place) for about in layout.context)
    return Rows(user, item, rating, times, kind, context), lines


def _lines(content: bytes, header_lines: int, rows: int) -> Lines | None:
    """Tell on which line each row stands; None: not every line that is not blank is a row."""
    breaks = np.count_nonzero(np.frombuffer(content, np.uint8) == ord("\n"))  # faster than count
    found = int(breaks) + (not content.endswith(b"\n"))
    if found == header_lines + rows:
        return range(header_lines, found)
    texts = content.split(b"\n")
    lines = [line for line in range(header_lines, len(texts)) if texts[line].strip()]
    return np.array(lines, np.int64) if len(lines) == rows else None


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
    return Texts(codes, np.asarray(column.cat.categories, dtype=object)).used()


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
    """Whether all values are what they should be; NaN fails every comparison."""
    for ids in (rows.user, rows.item, rows.kind):
        if isinstance(ids, Texts):
            if any(not text or text.lower() in MISSING for text in ids.values.tolist()):
                return False
        elif ids is not None and not np.all(ids >= 0):
            return False
    for texts, about in zip(rows.context, layout.context, strict=True):
        assert isinstance(texts, Texts)
        if about.kind == "number" and not all(
            is_missing(text) or is_number(text) for text in texts.values.tolist()
        ):
            return False
    rating, times = rows.rating, rows.timestamp
    low, high = layout.scale
    if rating is not None and not np.all((rating >= low) & (rating <= high)):
        return False
    if rating is not None and layout.label and not np.all((rating == 0) | (rating == 1)):
        return False
    return times is None or bool(np.all((times >= 0) & (times <= LATEST)))
