"""What readers hand their rows to when these are not to be held in memory."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from recsys_core.data.context import Texts
from recsys_core.data.dataset import Categorical, Column, Numeric, TimeArray
from recsys_core.data.import_options import Rule
from recsys_core.data.numbering import (
    Ratings,
    check_rule,
    counted_note,
    kept_note,
    other_note,
    repeated,
)
from recsys_core.data.on_disk.coded import CodedColumn
from recsys_core.data.on_disk.columns import ColumnFile, blocks, forget
from recsys_core.data.on_disk.engine import Engine
from recsys_core.data.on_disk.repeats import (
    Changes,
    Settled,
    settle,
    sort_events,
    sorted_lines,
    whole_users,
)
from recsys_core.data.pieces import Piece, Places, Wanted, columns_of, sift
from recsys_core.errors import InputError

MIB = 2**20
#: what the program itself needs, with some pieces and blocks, beside the database
OWN = 300 * MIB
#: places of columns in `columns_of`
IDS, TIMES = (0, 1), 3
#: what the database has to have at least
LEAST = 100 * MIB


class OnDisk:
    """Keeps rows in files and sorts them with DuckDB; see `pieces.Store`.

    Parameters
    ----------
    folder
        Where it writes; whoever made the folder deletes it.
    memory
        Bytes of memory to stay below.

    Raises
    ------
    InputError
        That is too little, or DuckDB is not installed.
    """

    limited = True

    def __init__(self, folder: Path, memory: int) -> None:
        if memory < OWN + LEAST:
            raise InputError(
                f"{memory // MIB} MiB of memory is too little for an import",
                "give at least: recsys-workbench data import PATH"
                f" --memory-limit {(OWN + LEAST) // MIB}M",
            )
        self._folder = folder
        self._engine = Engine(folder, memory - OWN)
        self._numbers = itertools.count()
        #: the rows by user and time, once they are gathered
        self.timeline: TimeArray | None = None

    def close(self) -> None:
        """Let go of its files."""
        self._engine.close()

    def full(self, rows: int, value: float, dtype: DTypeLike) -> NDArray[Any]:
        """Make a column of one value."""
        file = self._new(dtype)
        for block in blocks(rows):
            file.append(np.full(block.stop - block.start, value, dtype))
        return file.map()

    def look_up(self, table: NDArray[Any], codes: NDArray[np.integer]) -> NDArray[Any]:
        """Make a column of what `table` has for each of the codes."""
        file = self._new(table.dtype)
        for block in blocks(len(codes)):
            file.append(table[codes[block]])
        return file.map()

    def gather(self, pieces: Iterable[Piece], wanted: Wanted, bad: Counter[str]) -> Ratings:
        """Put pieces together; see `Store`."""
        staged = _Staged(self._folder, self._engine)
        for piece in sift(pieces, wanted, bad):
            staged.add(piece)
        ratings = staged.number(wanted)
        check_rule(wanted.rule, ratings, wanted.where)
        return self._settled(ratings, staged.places(), wanted, bad)

    def _settled(
        self, ratings: Ratings, places: Places, wanted: Wanted, bad: Counter[str]
    ) -> Ratings:
        """Make one row of those that repeat a user and item, or refuse them."""
        engine, rule, found = self._engine, wanted.rule, Settled()
        sort_events(engine, ratings)
        engine.run("CREATE TABLE changes (line BIGINT, size BIGINT)")
        timeline = self._new(np.int64)
        for events in whole_users(engine, len(ratings.item_ids)):
            timeline.append(events["line"])
            settle(engine, events, rule, found)
        if found.second is not None:
            second, first = found.second
            raise repeated(ratings, first, second, places.of, wanted.unit)
        self.timeline = timeline.map()
        if rule != "keep" and (found.repeats or rule == "count"):
            ratings = self._changed(ratings, rule)
            forget(self.timeline)
            timeline = self._new(np.int64)
            sort_events(engine, ratings)
            for lines in sorted_lines(engine):
                timeline.append(lines)
            self.timeline = timeline.map()
        engine.close()  # what it holds makes room for writing
        return replace(ratings, bad_rows=bad, notes=_notes(ratings, rule, found, bad))

    def _changed(self, ratings: Ratings, rule: Rule) -> Ratings:
        """Leave out the rows that go, and write down how many those that stay stand for."""
        changes = Changes(self._engine)
        columns = _arrays(ratings)
        files = {name: self._new(column.dtype) for name, column in columns.items()}
        if rule == "count":
            files["rating"] = self._new(np.float32)
        for rows in blocks(len(ratings.user)):
            sizes = changes.of(rows)
            stays = sizes > 0
            for name, column in columns.items():
                files[name].append(column[rows][stays])
            if rule == "count":
                files["rating"].append(sizes[stays])
        forget(*columns.values())
        return _with_arrays(ratings, {name: file.map() for name, file in files.items()})

    def _new(self, dtype: DTypeLike) -> ColumnFile:
        return ColumnFile(self._folder / f"{next(self._numbers)}.column", dtype)


def _notes(ratings: Ratings, rule: Rule, found: Settled, bad: Counter[str]) -> tuple[str, ...]:
    """Say what became of repeats, and count those that are left out."""
    if rule == "keep":
        return (*ratings.notes, kept_note(found.repeats))
    if rule == "count":
        return (*ratings.notes, counted_note(found.repeats))
    if not found.repeats:
        return ratings.notes
    bad["duplicate"] += found.repeats
    if ratings.rating is None:
        return ratings.notes
    return (*ratings.notes, other_note(found.other, found.repeats, ratings.labelled))


def _arrays(ratings: Ratings) -> dict[str, NDArray[Any]]:
    """Give the columns that there are."""
    found: dict[str, NDArray[Any] | None] = {
        "user": ratings.user,
        "item": ratings.item,
        "rating": ratings.rating,
        "timestamp": ratings.timestamp,
        "kind": None if ratings.kind is None else ratings.kind.codes,
    }
    for name, column in ratings.context.items():
        found[f"context.{name}"] = next(iter(vars(column).values()))
    return {name: column for name, column in found.items() if column is not None}


def _with_arrays(ratings: Ratings, arrays: dict[str, NDArray[Any]]) -> Ratings:
    """Put columns back."""
    context: dict[str, Column] = {}
    for name, column in ratings.context.items():
        values = arrays[f"context.{name}"]
        if isinstance(column, Categorical):
            context[name] = Categorical(values, column.vocabulary)
        else:
            context[name] = Numeric(values)
    kind = ratings.kind
    return replace(
        ratings,
        user=arrays["user"],
        item=arrays["item"],
        rating=arrays.get("rating"),
        timestamp=arrays.get("timestamp"),
        kind=None if kind is None else Categorical(arrays["kind"], kind.vocabulary),
        context=context,
    )


class _Staged:
    """Rows as they were read, in files."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder, self._engine = folder, engine
        self._columns: list[CodedColumn | ColumnFile | None] = []
        self._lines = ColumnFile(folder / "lines", np.int64)
        self._pieces: list[tuple[str, int]] = []

    def add(self, piece: Piece) -> None:
        """Add the rows of the next piece."""
        values = columns_of(piece.rows)
        if not self._columns:
            self._columns = [self._new(n, column) for n, column in enumerate(values)]
        for file, column in zip(self._columns, values, strict=True):
            if isinstance(file, CodedColumn):
                file.add(column)
            elif file is not None:
                file.append(column.values if isinstance(column, Numeric) else column)
        self._lines.append(np.asarray(piece.lines))
        self._pieces.append((piece.where, len(piece.lines)))

    def _new(self, number: int, values: Any) -> CodedColumn | ColumnFile | None:
        """Make the file of a column."""
        if values is None:
            return None
        if number in IDS or isinstance(values, Texts):
            return CodedColumn(f"column_{number}", self._folder, self._engine)
        dtype = np.int64 if number == TIMES else np.float32
        return ColumnFile(self._folder / f"column_{number}", dtype)

    def number(self, wanted: Wanted) -> Ratings:
        """Give users, items and types numbers, and make further columns of what was read."""
        user, item, rating, times, kind, *context = self._columns
        assert isinstance(user, CodedColumn)
        assert isinstance(item, CodedColumn)
        users, user_ids, user_note = user.number("user")
        items, item_ids, item_note = item.number("item")
        types = None
        if isinstance(kind, CodedColumn):
            codes, vocabulary, _ = kind.number()
            types = Categorical(codes, np.array(vocabulary))
        further: dict[str, Column] = {}
        for about, column in zip(wanted.context, context, strict=True):
            if isinstance(column, CodedColumn):
                further[about.name] = column.as_context(about, wanted.where)
            elif column is not None:
                further[about.name] = Numeric(column.map())
        return Ratings(
            users,
            items,
            rating.map() if isinstance(rating, ColumnFile) else None,
            times.map() if isinstance(times, ColumnFile) else None,
            user_ids,
            item_ids,
            notes=tuple(note for note in (user_note, item_note) if note),
            kind=types,
            context=further,
            labelled=wanted.labelled,
        )

    def places(self) -> Places:
        """Tell where the rows stand."""
        places, lines = Places(), self._lines.map()
        for where, rows in self._pieces:
            places.add(where, lines[places.rows : places.rows + rows])
        return places
