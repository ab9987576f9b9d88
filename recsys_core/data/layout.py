"""How a rating file is laid out, and what is done about rows that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from recsys_core.errors import DataError

OnBadRows = Literal["error", "skip"]
SKIP_HINT = (
    "mend the file, or leave such rows out and count them:"
    " recsys-workbench data import PATH --on-bad-rows skip"
)

#: the last second of the year 9999; larger numbers are milliseconds or not times at all
LATEST = 253_402_300_799


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


def first_line(chunks: Iterator[bytes], where: str) -> str:
    """Read the first line of a text file, without its end and a byte-order mark.

    Raises
    ------
    DataError
        The file is empty, or the line is not UTF-8.
    """
    start = next(chunks, b"")
    line = start.partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise DataError(
            f"{where}: the file is empty or its first line is blank",
            "check that this is the right file, and complete",
        )
    if b"\r" in line and b"\n" not in start:
        raise DataError(
            f"{where}: its lines end with a carriage return alone",
            "save the file with line feeds (\\n), the line ends of Linux",
        )
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}, line 1: byte {error.start + 1} is not UTF-8 text",
            "save the file as UTF-8",
        ) from None
