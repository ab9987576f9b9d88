"""Rows of events whose columns have types, as those of parquet, Arrow and data frames.

Each has its own conversion of a column to arrays; which column is what, which rows are good and
what becomes of them is the same for all, and stands here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.attributes import RawData
from recsys_core.data.context import Texts
from recsys_core.data.dataset import BoolArray, Numeric, TimeArray
from recsys_core.data.file_layout import LATEST, MISSING, RANGE_HINT, SKIP_HINT, ContextColumn
from recsys_core.data.import_options import DEFAULT_RANGE, ImportOptions
from recsys_core.data.import_summary import summarise
from recsys_core.data.numbering import Ratings, Rows, number_rows
from recsys_core.data.pieces import IN_MEMORY, Piece, Store, Wanted
from recsys_core.data.roles import (
    check_roles,
    find_context,
    find_roles,
    is_by_number,
    is_list,
    split_columns,
)
from recsys_core.data.times import DATES_HINT, Clock, are_dates
from recsys_core.errors import DataError, InputError, shorten

Ids = Texts | NDArray[np.int64]
"""Ids as text, empty where one is missing, or whole numbers from 0 on, none of them missing."""
Floats = NDArray[np.float64]
Checked = tuple[Rows, BoolArray, Callable[[int], str]]
"""Rows, which of them are good, and what is wrong with the row of a given number."""
ChooseColumns = Callable[[Sequence[str]], Mapping[str, int]]
"""From the names of columns to the position of each role."""
NumberTable = tuple[Ratings, dict[str, Floats]]
"""Users, items and times, and finite numbers about each row, by role."""


@dataclass(frozen=True)
class Plan:
    """Which columns are read, and as what.

    Parameters
    ----------
    names
        Of all columns, in order.
    places
        Role -> position.
    context
        Further columns of events.
    """

    names: tuple[str, ...]
    places: Mapping[str, int]
    context: tuple[ContextColumn, ...]

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the columns that are read."""
        places = [*self.places.values(), *(column.place for column in self.context)]
        return tuple(dict.fromkeys(self.names[place] for place in places))


def plan_columns(names: Sequence[str], options: ImportOptions, where: str) -> Plan:
    """Find out which columns to read: those that are said, or those with usual names.

    Raises
    ------
    InputError
        The mapping names a role or column that does not exist, or none can be guessed.
    DataError
        There is no column, or one to be read is there twice.
    """
    if not names:
        raise DataError(f"{where}: there are no columns", "check that this is the right table")
    columns, more = split_columns(options.columns)
    check_roles(columns, where)
    if is_list(columns):
        found = f"{where}: it has columns, not lines to be read as lists"
        raise InputError(found, "name the columns")
    places = find_roles(names, columns, where)
    context = find_context(names, more, places, where, by_number=is_by_number(columns))
    for place in (*places.values(), *(column.place for column in context)):
        check_single(names, names[place], where)  # given by number, it was not looked up
    return Plan(tuple(names), places, context)


def check_single(names: Sequence[str], name: str, where: str) -> None:
    """Raise a DataError where several columns have that name."""
    if names.count(name) > 1:
        problem = f"{where}: there are {names.count(name)} columns '{shorten(name)}'"
        raise DataError(problem, "rename or leave out the others")


def check_rows(
    ids: Mapping[str, Ids],
    rating: Floats | None,
    seconds: Floats | None,
    options: ImportOptions,
    *,
    labelled: bool,
) -> Checked:
    """Find the rows that may not be used.

    Parameters
    ----------
    ids
        ``user``, ``item`` and perhaps ``type`` -> shape (n,).
    rating, seconds
        Shape (n,): ratings or labels, and times since 1970; NaN where one is missing.
    """
    clock = clock_of(options)
    problems: dict[str, BoolArray] = {}
    for role, values in ids.items():
        if isinstance(values, Texts):
            problems |= _id_problems(role, values)
    if rating is not None:
        problems |= _rating_problems(rating, options, labelled)
    if seconds is not None:
        late = seconds > LATEST
        latest = float(np.max(seconds, initial=0.0, where=late))
        problems[f"the timestamp {clock.problem(latest)}"] = late
        problems[f"the timestamp {clock.problem(0)}"] = ~((seconds >= 0) & ~late)
    good = np.ones(len(ids["user"]), np.bool_)
    for bad in problems.values():
        good &= ~bad

    def reason(row: int) -> str:
        return next(problem for problem, rows in problems.items() if rows[row])

    rows = Rows(
        ids["user"],
        ids["item"],
        None if rating is None else rating.astype(np.float32),
        None if seconds is None else np.where(good, seconds, 0).astype(np.int64),
        ids.get("type"),
    )
    return rows, good, reason


def clock_of(options: ImportOptions) -> Clock:
    """Tell how times that are numbers are counted."""
    return Clock(options.time_unit or "s", said=options.time_unit is not None)


def _id_problems(role: str, ids: Texts) -> dict[str, BoolArray]:
    texts = ids.values.tolist()
    tests: dict[str, Callable[[str], bool]] = {
        f"the {role} is missing": lambda text: not text,
        f"the {role} has a null character": lambda text: "\0" in text,
        f"the {role} has a line break": lambda text: "\n" in text or "\r" in text,
        f"the {role} is missing: its text stands for no value": lambda t: t.lower() in MISSING,
    }
    found = {problem: np.array([*map(test, texts)], np.bool_) for problem, test in tests.items()}
    return {problem: bad[ids.codes] for problem, bad in found.items() if bad.any()}


def _rating_problems(
    rating: Floats, options: ImportOptions, labelled: bool
) -> dict[str, BoolArray]:
    if labelled:
        other = "the label is not 0 or 1; other numbers are ratings: --columns rating=COLUMN"
        return {other: ~((rating == 0) | (rating == 1))}
    low, high = options.rating_range or DEFAULT_RANGE
    missing = np.isnan(rating)
    outside = ~(missing | ((rating >= low) & (rating <= high)))
    return {
        "the rating is missing": missing,
        f"the rating is not within {low:g} to {high:g}{RANGE_HINT}": outside,
    }


def piece_of(
    checked: Checked,
    context: Sequence[Texts | Numeric],
    where: str,
    options: ImportOptions,
    bad: Counter[str],
    before: int = 0,
) -> Piece:
    """Leave out or refuse bad rows.

    Parameters
    ----------
    context
        Further columns, one value for each row that was read.
    bad
        Where bad rows are counted.
    before
        Rows of the file before these.

    Raises
    ------
    DataError
        A bad row.
    """
    rows, good, reason = checked
    lines: range | TimeArray = range(before + 1, before + 1 + len(good))
    rows = replace(rows, context=tuple(context))
    if good.all():
        return Piece(rows, lines, where)
    first = int(np.flatnonzero(~good)[0])
    if options.on_bad_rows == "error":
        raise DataError(f"{where}, row {before + first + 1}: {reason(first)}", SKIP_HINT)
    bad["row"] += int(np.count_nonzero(~good))
    return Piece(rows, lines, where).take(good)


def settle_rows(
    plan: Plan,
    pieces: Iterable[Piece],
    where: str,
    options: ImportOptions,
    read_as: str,
    bad: Counter[str],
    store: Store = IN_MEMORY,
) -> RawData:
    """Gather rows: number users and items, settle repeats.

    Parameters
    ----------
    bad
        Where bad rows are counted while pieces are asked for.

    Raises
    ------
    InputError
        No event is of a type that is kept.
    DataError
        Repeats that are refused, no row at all, or text in a column that is said to hold numbers.
    """
    wanted = Wanted(
        where,
        options.rule,
        "row",
        plan.context,
        options.kept_types,
        labelled="label" in plan.places,
        no_dates=not clock_of(options).said,
    )
    ratings = store.gather(pieces, wanted, bad)
    used = {**plan.places, **{column.name: column.place for column in plan.context}}
    summary = summarise(read_as, plan.names, used).with_context(ratings.context)
    return RawData(ratings, summary=summary)


def settle_numbers(
    checked: Checked, numbers: Mapping[str, Floats], where: str, remedy: str
) -> NumberTable:
    """Give users and items of rows numbers, where all rows are good and all numbers finite.

    Raises
    ------
    DataError
        A bad row, the first is named and all are counted; or no row at all.
    """
    rows, good, reason = checked
    if rows.timestamp is not None and good.all() and are_dates(rows.timestamp):
        found = f"{where}: the times look like dates, e.g. {rows.timestamp[0]}"
        raise DataError(found, DATES_HINT)
    for role, values in numbers.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise DataError(
                f"{where}, row {bad[0] + 1}: the {role} is missing or not a finite number;"
                f" such rows in all: {len(bad):,}",
                remedy,
            )
    if not good.all():
        bad = np.flatnonzero(~good)
        problem = f"{where}, row {bad[0] + 1}: {reason(int(bad[0]))}; bad rows in all: {len(bad):,}"
        raise DataError(problem, remedy)
    if not len(rows.user):
        raise DataError(f"{where}: there are no rows", "check that this is the right file")
    return number_rows(rows), dict(numbers)
