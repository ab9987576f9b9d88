"""What an import found and did, for people and for meta.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from recsys_core.data.context import kinds_of
from recsys_core.data.dataset import PART, Column


@dataclass(frozen=True)
class Summary:
    """How the events were read.

    Parameters
    ----------
    read_as
        The format, and what was found out about it.
    columns
        Role -> name or number of its column.
    unused
        Columns that were not read.
    context
        Further columns of events -> what they hold.
    """

    read_as: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)

    def with_context(self, columns: Mapping[str, Column]) -> Summary:
        """Add what further columns of events were found to hold; the part is none of them."""
        return replace(self, context=kinds_of({k: v for k, v in columns.items() if k != PART}))

    def plain(self, notes: Iterable[str] = ()) -> dict[str, Any]:
        """Give it, and notes on the rows, as values that JSON can hold."""
        context = {as_text(name): kind for name, kind in self.context.items()}
        return {
            "read_as": self.read_as,
            "columns": {role: as_text(name) for role, name in self.columns.items()},
            "unused": [as_text(name) for name in self.unused],
            **({"context": context} if context else {}),
            "notes": [as_text(note) for note in notes],
        }


def summarise(read_as: str, names: tuple[str, ...], places: Mapping[str, int]) -> Summary:
    """Say which of the columns were read as what.

    Examples
    --------
    >>> summarise("a table", ("u", "i", "mood"), {"user": 0, "item": 1}).unused
    ('mood',)
    """
    columns = {role: names[place] for role, place in places.items()}
    left = (place for place in range(len(names)) if place not in places.values())
    unused = tuple(names[place] or f"column {place + 1}" for place in left)
    return Summary(read_as, columns, unused)


def as_text(text: object) -> str:
    """Write a path or name as UTF-8 can hold it; bytes of it that are none become escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
