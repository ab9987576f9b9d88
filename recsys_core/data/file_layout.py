"""How a rating file is laid out, and what a row must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recsys_core.data.times import LATEST as LATEST
from recsys_core.data.times import SECONDS, Clock

SKIP_HINT = (
    "fix the file, or leave such rows out and count them:"
    " recsys-workbench data import PATH --on-bad-rows skip"
)
RANGE_HINT = " (recsys-workbench data import --rating-range changes that)"
#: separator of columns that any number of blanks and tabs stand between
BLANKS = " "
#: what stands for no value; as an id it would be one user or item that nobody is
MISSING = frozenset({"na", "n/a", "nan", "<na>", "nat", "null", "none", "\\n"})


def is_missing(text: str) -> bool:
    """Whether a cell stands for no value."""
    return not text.strip() or text.strip().lower() in MISSING


#: what a 0/1 label may be written as
LABELS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}


#: what a further column of events may be said to be
ContextKind = Literal["guess", "category", "number"]


@dataclass(frozen=True)
class ContextColumn:
    """A further column: its name in the data set, its position, and what it holds."""

    name: str
    place: int
    kind: ContextKind = "guess"


@dataclass(frozen=True)
class Layout:
    """How the lines of a rating file are laid out.

    Parameters
    ----------
    separator
        One character, one character twice (``"::"``), or `BLANKS`.
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
    scale_hint, id_hint
        What to add to the message about a rating outside, and about an id that is not whole.
    label
        Whether `rating` is the position of a 0/1 label.
    padded
        Whether a blank stands after every separator and is no part of the field.
    clock
        How times are written.
    lists
        Whether a line is a user and any number of items; `names` are those two.
    kind
        Position of the column with the type of the event; None where there is none.
    context
        Further columns that are read.
    keep
        Types of events that are kept; empty: all.
    number
        What `rating` is called in messages.
    exact
        Whether that number keeps all its digits (float64) or is a rating (float32).
    keys
        What the folders of the file say of all its rows: fields that follow those of a line.
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
    id_hint: str = ""
    label: bool = False
    padded: bool = False
    clock: Clock = SECONDS
    lists: bool = False
    kind: int | None = None
    context: tuple[ContextColumn, ...] = ()
    keep: tuple[str, ...] = ()
    number: str = "rating"
    exact: bool = False
    keys: tuple[str, ...] = ()

    @property
    def number_type(self) -> str:
        """NumPy's name of the type that `rating` is read as."""
        return "float64" if self.exact else "float32"

    @property
    def used(self) -> tuple[int, ...]:
        """Positions of the columns that are read."""
        places = (self.user, self.item, self.rating, self.timestamp, self.kind)
        more = (column.place for column in self.context)
        return (*(place for place in places if place is not None), *more)
