"""How raw files are to be read: what `data import` may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from recsys_core.data.times import is_number
from recsys_core.errors import InputError, shorten

OnBadRows = Literal["error", "skip"]
Repeats = Literal["error", "first", "last", "greatest", "count", "keep"]
Rule = Literal["error", "first row", "first", "last", "greatest", "count", "keep"]
"""What becomes of repeats in the end; ``first row``: the first in the file stays."""

#: ratings allowed in tables and atomic files unless --rating-range says otherwise
DEFAULT_RANGE = (0.0, 10.0)
#: an event of a type weighs at most so much
MOST_WEIGHT = 1e6
#: an option that changes how a set is read, not what comes of it
MEMORY_LIMIT = "memory_limit"
#: options that sets of earlier versions do not have; they are kept where they were given
_LATER = (
    *("separator", "time_unit", "repeats", "users", "items", "keep", "type_weights"),
    "parts",
)


@dataclass(frozen=True)
class ImportOptions:
    """How to read raw files.

    Parameters
    ----------
    on_bad_rows
        Stop at the first bad row, or leave bad rows out and count them.
    columns
        For plain tables: ``user``, ``item``, ``rating`` or ``label``, ``timestamp``, ``type`` ->
        column name or number; any other name is that of a further column of events, of which
        ``:number`` or ``:category`` may say what it holds.
    rating_range
        Least and greatest rating; None: those of the format, 0 to 10 for tables and atomic files.
    separator
        For plain tables: what stands between fields; None: it is found out.
    repeats
        Which row of one user and item stays, or that all do; None: as `on_bad_rows` says, which
        keeps the first.
    users, items
        Tables of users and items beside the events: ``FILE`` or ``FILE,id=COLUMN,NAME=COLUMN``.
    vectors
        Vectors beside the events: ``[user:]NAME=FILE`` and what else `vectors.read_option` reads.
    time_unit
        Unit of times that are numbers, a key of `UNITS`; None: seconds.
    keep
        Types of events that are kept: ``buy,cart``; None: all.
    type_weights
        What an event of each type weighs: ``view=1,buy=4``.
    parts
        Files that are the parts of a split: ``train=FILE,test=FILE``; None: there is one file, or
        their names tell.
    files
        Files that are one table: paths in the folder that is read, or patterns such as
        ``*.parquet``; empty: they are found.
    memory_limit
        Bytes of memory to stay below; rows are then kept on disk. None: they are kept in memory.
    """

    on_bad_rows: OnBadRows = "error"
    columns: Mapping[str, str] = field(default_factory=dict)
    rating_range: tuple[float, float] | None = None
    separator: str | None = None
    time_unit: str | None = None
    repeats: Repeats | None = None
    users: str | None = None
    items: str | None = None
    vectors: tuple[str, ...] = ()
    keep: str | None = None
    type_weights: str | None = None
    parts: str | None = None
    files: tuple[str, ...] = ()
    memory_limit: int | None = None

    @property
    def kept_types(self) -> tuple[str, ...]:
        """The types of events that are kept; empty: all."""
        return tuple(name.strip() for name in (self.keep or "").split(",") if name.strip())

    def weights(self) -> dict[str, float]:
        """Read what an event of each type weighs; empty: nothing is said of it.

        Raises
        ------
        InputError
            It is not written as ``view=1,buy=4``.
        """
        found: dict[str, float] = {}
        for pair in self.type_weights.split(",") if self.type_weights else ():
            name, equals, text = pair.rpartition("=")
            weight = float(text) if is_number(text) else -1.0
            if not (equals and name.strip() and 0 < weight <= MOST_WEIGHT):
                raise InputError(
                    f"--type-weights {shorten(self.type_weights)}: '{shorten(pair)}' is not"
                    " TYPE=NUMBER with a number above 0",
                    "e.g. --type-weights view=1,cart=3; to leave types out, use --keep",
                )
            found[name.strip()] = weight
        return found

    @property
    def rule(self) -> Rule:
        """What becomes of rows that repeat a user and item."""
        return self.repeats or ("error" if self.on_bad_rows == "error" else "first row")

    def plain(self) -> dict[str, Any]:
        """Give the options as values that JSON can hold; what is None may be left out."""
        values: dict[str, Any] = {
            "on_bad_rows": self.on_bad_rows,
            "columns": dict(self.columns),
            "rating_range": list(self.rating_range) if self.rating_range else None,
        }
        given = {name: getattr(self, name) for name in _LATER}
        given["vectors"] = list(self.vectors) or None
        given |= {"files": list(self.files) or None, MEMORY_LIMIT: self.memory_limit}
        return values | {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> ImportOptions:
        """Take back what `plain` gave; a KeyError, TypeError or ValueError for anything else."""
        low_high, on_bad_rows = values["rating_range"], values["on_bad_rows"]
        if on_bad_rows not in get_args(OnBadRows):
            raise ValueError(f"on_bad_rows is '{on_bad_rows}'")
        columns = {str(role): str(column) for role, column in dict(values["columns"]).items()}
        bounds = None
        if low_high is not None:
            low, high = map(float, low_high)
            bounds = (low, high)
        later: dict[str, Any] = {name: values.get(name) for name in _LATER}
        for name, value in later.items():
            if not isinstance(value, str | None):
                raise TypeError(f"{name} is not text")
        if later["repeats"] not in (None, *get_args(Repeats)):
            raise ValueError(f"repeats is '{later['repeats']}'")
        memory = values.get(MEMORY_LIMIT)
        return cls(
            on_bad_rows,
            columns,
            bounds,
            vectors=tuple(map(str, values.get("vectors", ()))),
            files=tuple(map(str, values.get("files", ()))),
            memory_limit=None if memory is None else int(memory),
            **later,
        )
