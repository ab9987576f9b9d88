"""How a text table is written, found out from its first lines: comments, separator, quotes, header.

Nothing here decides silently: what was found is in the summary of the import.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from recsys_core.data.file_layout import BLANKS
from recsys_core.data.file_layout import is_missing as is_missing
from recsys_core.data.foreign import check_text
from recsys_core.data.linewise import Fields, csv_problem, split_blanks, split_lines
from recsys_core.data.times import Clock, is_date, is_number
from recsys_core.errors import DataError, unknown_name

#: in the order in which they are preferred
SEPARATORS = ("::", "\t", ";", "|", ",")
#: what --separator may be called, beside the character itself
NAMED = {
    "tab": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "blank": BLANKS,
    "\\t": "\t",
}
#: separators of files without quotes
UNQUOTED = ("::", BLANKS)
#: a line before the first row that is none; ids may begin with the same character
COMMENT = re.compile(rb"[%#]\s")
#: rows that are looked at
SAMPLE = 50
QUOTE_HINT = "close the quotes, or write a quote inside a field twice"
#: roles of which all values are numbers or dates
NUMERIC = ("rating", "label", "timestamp")
_WORD, _DIGIT = re.compile(r"[^\W\d]"), re.compile(r"\d")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Parameters
    ----------
    separator
        As in `Layout`.
    padded
        Whether a blank stands after every separator.
    comments
        Lines of comment before the first row or header.
    rows
        The first rows (or header and rows) as they were split, at least one.
    first_lines
        Lines that the first of `rows` takes; more than one where it has a line break in quotes.
    """

    separator: str
    padded: bool
    comments: int
    rows: Sequence[Sequence[str]]
    first_lines: int

    @property
    def is_ragged(self) -> bool:
        """Whether rows differ so much in length that a line can be no row of a table."""
        lengths = [len(row) for row in self.rows]
        usual = max(set(lengths), key=lengths.count)
        return 2 * lengths.count(usual) < len(lengths)


def find_separator(text: str) -> str:
    r"""Read the value of --separator.

    Examples
    --------
    >>> find_separator("tab"), find_separator("::"), find_separator("^")
    ('\t', '::', '^')
    """
    separator = NAMED.get(text.lower(), text)
    if separator and not separator.strip(BLANKS):
        return BLANKS
    if separator == "::" or (
        len(separator) == 1 and separator.isascii() and separator not in '"\n\r\0'
    ):
        return separator
    raise unknown_name("separator", text, [*list(NAMED)[:5], "::"])


def read_dialect(head: bytes, where: str, separator: str | None) -> Dialect:
    """Find out how a table is written from its first lines.

    Parameters
    ----------
    separator
        What stands between fields, where that is known.

    Raises
    ------
    DataError
        There is no first line, or it is no text.
    """
    check_text(head, where)
    # at line feeds only, as the other passes
    lines = list(io.BytesIO(head.removeprefix(b"\xef\xbb\xbf")))
    comments = next((n for n, line in enumerate(lines) if not COMMENT.match(line)), len(lines))
    _check_first(lines[comments] if comments < len(lines) else b"", where)
    text = list(_decode(lines[comments:], where, comments))
    chosen = separator or _choose(text)
    padded = len(chosen) == 1 and chosen != BLANKS and _is_padded(text, chosen)
    rows: list[list[str]] = []
    first_lines = 1
    for line, fields in _records(text, chosen, padded):
        if isinstance(fields, csv.Error):
            if not rows:
                raise DataError(
                    f"{where}, line {comments + line}: {csv_problem(fields)}", QUOTE_HINT
                )
            break
        rows.append(fields)
        if len(rows) == 2:
            first_lines = line - 1
        if len(rows) > SAMPLE:
            break
    return Dialect(chosen, padded, comments, rows, first_lines)


def _check_first(line: bytes, where: str) -> None:
    if not line.strip():
        raise DataError(
            f"{where}: the file is empty or its first line is blank",
            "check that this is the right file, and complete",
        )
    if b"\r" in line and not line.endswith(b"\n"):
        raise DataError(
            f"{where}: its lines end with a carriage return alone",
            "save the file with line feeds (\\n), the line ends of Linux",
        )


def _decode(lines: list[bytes], where: str, before: int) -> Iterator[str]:
    """Decode the first row, which has to be UTF-8, and with escapes what follows."""
    for number, line in enumerate(lines):
        try:
            yield line.decode("utf-8", "strict" if number == 0 else "surrogateescape")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{where}, line {before + 1}: byte {error.start + 1} is not UTF-8 text",
                "save the file as UTF-8, e.g. iconv -f latin1 -t utf-8 OLD > NEW",
            ) from None


def _records(
    lines: Sequence[str], separator: str, padded: bool = False
) -> Iterator[tuple[int, Fields]]:
    return split_lines(lines, separator, quoted=separator not in UNQUOTED, padded=padded)


def _choose(lines: Sequence[str]) -> str:
    """Take the separator that all lines have equally often, the most frequent of these."""
    counts: dict[str, list[int]] = {}
    for separator in SEPARATORS:
        found = []
        for _, fields in _records(lines, separator):
            found.append(0 if isinstance(fields, csv.Error) else len(fields) - 1)
            if len(found) == SAMPLE:
                break
        counts[separator] = found
    steady = [mark for mark, found in counts.items() if min(found) == max(found) > 0]
    best = max(steady or SEPARATORS, key=lambda mark: counts[mark][0])
    words = [split_blanks(line) for line in lines[:SAMPLE] if line.strip()]
    in_columns = len(words[0]) > 1 and all(len(row) == len(words[0]) for row in words)
    if counts[best][0] == 0:
        return BLANKS if len(words[0]) > 1 else best
    if not steady and in_columns:
        return BLANKS
    # numbers with blanks between some and tabs between others
    is_mixed = best == "\t" and len(words[0]) > counts[best][0] + 1
    if is_mixed and in_columns and all(is_number(word) for row in words for word in row):
        return BLANKS
    return best


def _is_padded(lines: Sequence[str], separator: str) -> bool:
    """Whether a blank follows every separator; such a blank is no part of a field."""
    marks = [line.count(separator) for line in lines[:SAMPLE]]
    followed = [line.count(f"{separator} ") for line in lines[:SAMPLE]]
    return sum(marks) > 0 and marks == followed


def find_clock(dialect: Dialect, place: int | None, header: bool, unit: str | None) -> Clock:
    """Tell from the first times whether they are numbers or dates."""
    clock = Clock(unit or "s", said=unit is not None)
    rows = dialect.rows[int(header) :]
    times = [row[place] for row in rows if place is not None and place < len(row)]
    first = next((time for time in times if not is_missing(time)), "")
    return replace(clock, text=True) if unit is None and is_date(first) else clock


def is_value(text: str) -> bool:
    """Whether a cell cannot be the name of a column: a number, a date, or nothing."""
    return is_number(text) or is_date(text) or is_missing(text)


def has_header(
    rows: Sequence[Sequence[str]],
    places: Mapping[str, int],
    usual: Mapping[str, Container[str]],
) -> bool:
    """Whether the first row names the columns, where nobody said so.

    It does when none of its cells is a value, and one of them is a usual name of its column, or
    a word that looks unlike all that stands below it.

    Parameters
    ----------
    places
        Role -> position, of the columns that are used.
    usual
        Role -> usual names, as `plain_name` writes them.

    Examples
    --------
    >>> has_header([["who", "what"], ["u1", "m1"], ["u2", "m2"]], {"user": 0, "item": 1}, {})
    True
    >>> has_header([["anna", "heat"], ["ben", "owl"]], {"user": 0, "item": 1}, {})
    False
    """
    cells = {role: rows[0][place] for role, place in places.items() if place < len(rows[0])}
    if any(is_value(cell) for cell in cells.values()):
        return False
    if any(plain_name(cell) in usual.get(role, ()) for role, cell in cells.items()):
        return True
    for role, cell in cells.items():
        below = [row[places[role]] for row in rows[1:] if places[role] < len(row)]
        shapes = {_shape(other) for other in below if not is_missing(other)}
        # an id of letters and digits among ids of digits, as ISBNs are, is no name
        is_word = _WORD.match(cell) and (role in NUMERIC or not _DIGIT.search(cell))
        if is_word and len(shapes) == 1 and _shape(cell) not in shapes:
            return True
    return False


def plain_name(cell: str) -> str:
    """Write the name of a column as it is compared.

    Examples
    --------
    >>> plain_name("User_ID"), plain_name("book-id")
    ('userid', 'bookid')
    """
    return re.sub(r"[\s_-]", "", cell.lower())


def _shape(cell: str) -> str:
    """Write runs of letters and of digits as one of each."""
    if is_number(cell):
        return "0"
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell))
