"""Data sets: made of data frames, or loaded by name or path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar, get_args

from recsys_core.data import dataset as core
from recsys_core.data.import_options import ImportOptions, OnBadRows, Repeats
from recsys_core.data.times import UNITS
from recsys_core.errors import InputError, unknown_name
from recsys_core.front.wording import python_words


@dataclass(frozen=True, repr=False, eq=False)
class Dataset(core.Dataset):
    """Events with attributes of users and items.

    It is what models, protocols and commands work on, see `recsys_core.data.dataset.Dataset` for
    its arrays. `from_frame` makes one of data frames, `load` takes a registered, published or
    built-in one.

    Parameters
    ----------
    summary
        How frames were read, as ``data import --json`` says it: ``columns``, ``unused``, ``notes``,
        ``attributes``, ``vectors``, and ``bad_rows``, the rows left out by reason; empty for a set
        that was loaded.

    Examples
    --------
    >>> from recsys_core import Dataset
    >>> Dataset.load("sample").synthetic
    True
    """

    summary: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_frame(
        cls,
        events: Any,
        *,
        items: Any = None,
        users: Any = None,
        vectors: Mapping[str, Any] | None = None,
        name: str = "frame",
        columns: Mapping[str, str] | str | None = None,
        on_bad_rows: OnBadRows = "error",
        rating_range: tuple[float, float] | None = None,
        repeats: Repeats | None = None,
        time_unit: str | None = None,
        keep: Sequence[str] | str | None = None,
        type_weights: Mapping[str, float] | str | None = None,
    ) -> Self:
        """Make a data set of data frames, as `data import` makes one of files.

        Arguments are called like the options of `data import`; columns are recognised by the same
        names, checked by the same rules, and the same rows give the same fingerprint.

        Parameters
        ----------
        events
            A pandas DataFrame, or anything with `__arrow_c_stream__` (polars, pyarrow, a relation
            of duckdb; needs the extra ``parquet``): a row per event, with a user, an item, and
            perhaps a rating or label, and a time. An index with a name is a column, too.
        items, users
            Tables, one row per item or user: a frame, a frame with what is said of its columns,
            ``(frame, "id=isbn,title=name,price:number")``, or a file as in ``--items``.
        vectors
            ``NAME`` or ``user:NAME`` -> ids, shape (n,), and their vectors, shape (n, length), or
            a file as in ``--vectors``.
        name
            What it is called in results and messages.
        columns
            Role (``user``, ``item``, ``rating`` or ``label``, ``timestamp``, ``type``) -> column;
            any other name is that of a further column of events, of which ``COLUMN:number`` or
            ``COLUMN:category`` may say what it holds. Or all of it as one text, as in
            ``--columns``. None: the usual names are recognised.
        on_bad_rows
            ``"error"``, or ``"skip"``: leave bad rows out and count them.
        rating_range
            Least and greatest rating; None: 0 to 10.
        repeats
            Which row of one user and item stays: ``"first"``, ``"last"``, ``"greatest"``,
            ``"count"``, ``"keep"`` for all; None: repeats are an error.
        time_unit
            Of times that are numbers: ``"s"``, ``"ms"``, ``"us"``, ``"ns"``, ``"min"``, ``"h"`` or
            ``"d"`` since 1970; None: seconds. Times of a type of their own have a unit; without a
            time zone they are UTC.
        keep
            Types of events that are kept; None: all.
        type_weights
            What an event of each type weighs, e.g. ``{"view": 1, "buy": 4}``.

        Raises
        ------
        InputError
            A column is missing, or is there twice; an argument fits nothing; it is no table.
        DataError
            A bad row, a column of a type that it cannot have, or no rows at all.

        Examples
        --------
        >>> import pandas as pd
        >>> from recsys_core import Dataset
        >>> frame = pd.DataFrame({"user": ["ann", "ben"], "item": ["x", "y"], "rating": [4, 5]})
        >>> Dataset.from_frame(frame, name="tiny")
        Dataset 'tiny': 2 ratings of 2 users and 2 items
        columns: user: user, item: item, rating: rating
        """
        from recsys_core.data.frames import read_frames

        tables = {"items": items, "users": users}
        named: dict[str, Any] = {
            key: str(each) for key, each in tables.items() if isinstance(each, str | Path)
        }
        files = {k: str(v) for k, v in (vectors or {}).items() if isinstance(v, str | Path)}
        with python_words():
            options = ImportOptions(
                on_bad_rows=_one_of("on_bad_rows", on_bad_rows, get_args(OnBadRows)),
                columns=_pairs(columns),
                rating_range=_range(rating_range),
                time_unit=_one_of("time_unit", time_unit, UNITS),
                repeats=_one_of("repeats", repeats, get_args(Repeats)),
                keep=_joined(keep),
                type_weights=_weights(type_weights),
                vectors=tuple(f"{key}={file}" for key, file in files.items()),
                **named,
            )
            made = read_frames(
                events,
                name,
                options,
                **{key: None if key in named else each for key, each in tables.items()},
                vectors={k: v for k, v in (vectors or {}).items() if k not in files},
            )
        summary = {**made.summary, "bad_rows": made.bad_rows, "options": options.plain()}
        return cls._of(made.dataset, summary)

    @classmethod
    def load(
        cls, name_or_path: str | Path, data_dir: str | Path = "data", *, offline: bool = False
    ) -> Self:
        """Load a registered set, a published one (fetched if need be), ``sample``, or raw files.

        Parameters
        ----------
        data_dir
            Where prepared sets lie.
        offline
            Never download anything.

        Raises
        ------
        InputError
            There is no such set, or it cannot be fetched or read.
        """
        from recsys_core.data.load import load_dataset

        found = load_dataset(str(name_or_path), Path(data_dir), offline=offline)
        return cls._of(found, {})

    @classmethod
    def _of(cls, found: core.Dataset, summary: Mapping[str, Any]) -> Self:
        values = {each.name: getattr(found, each.name) for each in fields(core.Dataset)}
        made = cls(**values, summary=summary)
        known = vars(found)
        vars(made).update({k: known[k] for k in ("fingerprint", "timeline") if k in known})
        return made

    def save(self, data_dir: str | Path = "data") -> None:
        """Register it under its name, for commands and the session, replacing one of that name.

        Raises
        ------
        InputError
            The name is not possible or that of a published set, or the folder cannot be written.
        """
        from recsys_core.data.importer import check_reserved
        from recsys_core.data.prepared import write_prepared

        check_reserved(self.name, None, (self.n_interactions, self.n_users, self.n_items), "this")
        rest = {k: v for k, v in self.summary.items() if k not in ("bad_rows", "options")}
        source = {
            "path": "data frames, from Python",
            "digest": self.fingerprint,
            "published_as": None,
            "checksum_official": None,
            "options": self.summary.get("options", {}),
        }
        bad_rows = dict(self.summary.get("bad_rows", {}))
        write_prepared(Path(data_dir), self, source, bad_rows, rest or None)

    def __repr__(self) -> str:
        events = "labels" if self.labelled else "ratings" if self.explicit else "events"
        made_up = " (synthetic)" if self.synthetic else ""
        first = (
            f"Dataset '{self.name}'{made_up}: {self.n_interactions:,} {events} of"
            f" {self.n_users:,} users and {self.n_items:,} items"
        )
        lines = [first]
        for what in ("columns", "context", "bad_rows"):
            found = self.summary.get(what, {})
            if found:
                said = ", ".join(f"{key}: {value}" for key, value in found.items())
                lines.append(f"{what.replace('bad_rows', 'rows left out')}: {said}")
        if self.summary.get("unused"):
            lines.append(f"not used: {', '.join(self.summary['unused'])}")
        lines += [f"note: {note}" for note in self.summary.get("notes", ())]
        return "\n".join(lines)


ChoiceT = TypeVar("ChoiceT", bound=str | None)


def _one_of(argument: str, value: ChoiceT, valid: Iterable[str]) -> ChoiceT:
    if value is not None and value not in valid:
        raise unknown_name(argument, str(value), valid)
    return value


def _pairs(columns: Mapping[str, str] | str | None) -> dict[str, str]:
    """Read roles and columns, of a mapping or of the text of --columns."""
    if isinstance(columns, Mapping):
        return {str(role): str(column) for role, column in columns.items()}
    found: dict[str, str] = {}
    for pair in columns.split(",") if columns else ():
        role, equals, column = (part.strip() for part in pair.partition("="))
        if not (role and equals and column):
            raise InputError(f"columns: '{pair}' is not ROLE=COLUMN", 'e.g. {"user": "uid"}')
        found[role] = column
    return found


def _range(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    if bounds is None:
        return None
    with suppress(TypeError, ValueError):
        low, high = map(float, bounds)
        if low < high:
            return low, high
    raise InputError(f"rating_range = {bounds!r} is not a range", "e.g. rating_range=(0, 100)")


def _joined(types: Sequence[str] | str | None) -> str | None:
    return types if types is None or isinstance(types, str) else ",".join(types)


def _weights(weights: Mapping[str, float] | str | None) -> str | None:
    if not isinstance(weights, Mapping):
        return weights
    return ",".join(f"{name}={float(weight):g}" for name, weight in weights.items())
