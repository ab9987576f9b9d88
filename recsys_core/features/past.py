"""What a row may see of the past, for all rows in one pass: slices of timelines, added up.

Scopes
------
earlier
    Events of the owner before the row's timestamp; rows of equal time see none of each other.
others
    Every event of the owner but the row itself, later ones included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recsys_core.data.dataset import BoolArray, FloatArray, IntArray, TimeArray
from recsys_core.features.known import (
    Asked,
    Attribute,
    Known,
    Owner,
    Part,
    group_of,
    other_side,
    values_of,
)
from recsys_core.features.queries import Queries
from recsys_core.features.timeline import Scope, Timeline, Values, Vector

__all__ = ["Attribute", "Owner", "Past", "Scope", "Values", "Vector", "Views"]


@dataclass(frozen=True)
class Slice:
    """Consecutive events of a timeline for each of m entries.

    Parameters
    ----------
    start, end
        Shape (m,): events [start, end).
    own
        Shape (m,): the place in between of the row's own event, which is left out; -1: none.
        Always -1 for the scope `earlier`, which does not reach it.
    sign
        1: these events count; -1: they are taken off, as another slice has them, too.
    """

    timeline: Timeline
    start: TimeArray
    end: TimeArray
    own: TimeArray
    sign: int = 1

    @property
    def count(self) -> Vector:
        """Shape (m,): number of events."""
        return (self.end - self.start - (self.own >= 0)).astype(np.float64)

    def sum(self, values: Values) -> Vector:
        """Add up `values` over the events, shape (m,)."""
        ordered, running = self.timeline.sums(values)
        totals: Vector = running[self.end] - running[self.start]
        present = self.own >= 0
        totals[present] -= ordered[self.own[present]]
        return totals

    def times(self, place: TimeArray, there: BoolArray) -> Vector:
        """Look up when the events at `place`, shape (m,), were; NaN where none is `there`."""
        times = np.full(len(place), np.nan)
        times[there] = self.timeline.known.timestamp[self.timeline.event[place[there]]]
        return times


@dataclass(frozen=True)
class Past:
    """What n rows see; the argument of a statistic.

    Parameters
    ----------
    queries
        The rows.
    slices
        The events, one slice an entry of each timeline; all have m entries.
    row
        Shape (m,): the row of each entry, where a row has one for each value that it shares; None:
        entry i is row i's.
    """

    queries: Queries
    slices: tuple[Slice, ...]
    row: TimeArray | None = None

    @property
    def count(self) -> Vector:
        """Shape (n,): number of events."""
        return self._per_row(_total([each.sign * each.count for each in self.slices]))

    def sum(self, values: Values) -> Vector:
        """Add up one number for each event over each row's events, shape (n,).

        Parameters
        ----------
        values
            From known events to one number for each, such as ``known.rating < 2.5``. A function of
            a module is evaluated once for everybody's events, however many requests there are.
        """
        return self._per_row(_total([each.sign * each.sum(values) for each in self.slices]))

    def mean(self, values: Values) -> Vector:
        """Average one number for each event over each row's events, shape (n,); NaN: no event."""
        return divide(self.sum(values), self.count)

    @cached_property
    def first_time(self) -> Vector:
        """Shape (n,): time of the first event, for the scope `earlier`; NaN: no event."""
        return self._extreme(np.fmin, first=True)

    @cached_property
    def last_time(self) -> Vector:
        """Shape (n,): time of the last event, for the scope `earlier`; NaN: no event."""
        return self._extreme(np.fmax, first=False)

    def _extreme(self, pick: np.ufunc, *, first: bool) -> Vector:
        entry = np.arange(len(self.queries)) if self.row is None else self.row
        result = np.full(len(self.queries), np.nan)
        for each in self.slices:
            if each.sign > 0:
                place, there = self._outermost(each, entry, first=first)
                pick.at(result, entry, each.times(place, there))
        return result

    def _outermost(
        self, each: Slice, entry: TimeArray, *, first: bool
    ) -> tuple[TimeArray, BoolArray]:
        """Find the first or last event of each entry that is not taken off again."""
        place, step = (each.start.copy(), 1) if first else (each.end - 1, -1)
        there = each.end > each.start
        if len(self.slices) == 1 or each.timeline.known.asker is not None:
            return place, there
        owner = each.timeline.known.user[each.timeline.event]
        asking = self.queries.user[entry]
        while True:
            taken = there & (np.append(owner, -1)[np.where(there, place, -1)] == asking)
            if not taken.any():
                return place, there
            place[taken] += step
            there &= (place >= each.start) & (place < each.end)

    def _per_row(self, values: Vector) -> Vector:
        if self.row is None:
            return values
        totals = np.bincount(self.row, weights=values, minlength=len(self.queries))
        return totals.astype(np.float64, copy=False)


def _total(parts: list[Vector]) -> Vector:
    first, *others = parts
    for other in others:
        first = first + other
    return first


def divide(numerator: Vector, denominator: Vector) -> Vector:
    """Divide; NaN where the denominator is 0."""
    result: Vector = np.divide(
        numerator,
        denominator,
        out=np.full(len(numerator), np.nan),
        where=denominator != 0,
    )
    return result


@dataclass(frozen=True)
class Events:
    """Events in order, and the slice of them that each row sees: what a sequence is made of.

    Parameters
    ----------
    member
        Shape (m,): the item of each of a user's events, the user of each of an item's.
    rating
        Shape (m,).
    start, end, own
        Shape (n,): as of a `Slice`.
    """

    member: IntArray
    rating: FloatArray
    start: TimeArray
    end: TimeArray
    own: TimeArray


class Views:
    """Pasts of the same rows; what several features need is found once.

    Parameters
    ----------
    queries
        The rows.
    known
        What may be seen; of it each row sees what its scope allows. Rows of askers need `Asked`.
    """

    def __init__(self, queries: Queries, known: Known | Asked) -> None:
        self.queries = queries
        self.known = known
        self._pasts: dict[tuple[Owner, str, Scope], Past] = {}

    @property
    def mean_rating(self) -> float:
        """Mean of everybody's known ratings, 0 without any."""
        known = self.known if isinstance(self.known, Known) else self.known.everybody
        return known.mean_rating

    def past(self, owner: Owner, scope: Scope) -> Past:
        """Show each row its user's or its item's events."""
        key = (owner, "", scope)
        if key not in self._pasts:
            self._pasts[key] = Past(self.queries, self._slices(owner, scope))
        return self._pasts[key]

    def sharing(self, owner: Owner, column: str, by: Attribute) -> Past:
        """Show each row the earlier events that share a value of `by` with it.

        For a user's events `by` is an attribute of the items, for an item's events one of the
        users: the user's events with movies of the row's genres; the movie's events by users of the
        row's age. An event that shares several values counts once for each.

        Parameters
        ----------
        column
            Name of the attribute.
        """
        key: tuple[Owner, str, Scope] = (owner, column, "earlier")
        if key not in self._pasts:
            row, value = values_of(by, getattr(self.queries, other_side(owner)))
            slices = self._slices(owner, "earlier", "all", (column, by, value), row)
            self._pasts[key] = Past(self.queries, slices, row)
        return self._pasts[key]

    def liked_counts(self, owner: Owner, column: str, by: Attribute) -> Iterator[Vector]:
        """Count, value by value of `by`, each row's earlier relevant events that have it, (n,)."""
        for code in range(len(by.vocabulary)):
            value = np.full(len(self.queries), code, dtype=np.int64)
            slices = self._slices(owner, "earlier", "liked", (column, by, value))
            yield Past(self.queries, slices).count

    def events(self, owner: Owner, scope: Scope, part: Part, length: int) -> Events:
        """List events in order, and which of them each row sees.

        Parameters
        ----------
        length
            The last so many are enough.
        """
        slices = self._slices(owner, scope, part)
        if len(slices) > 1:
            return self._merged(owner, slices, length)
        (only,) = slices
        known, event = only.timeline.known, only.timeline.event
        member = getattr(known, other_side(owner))[event]
        return Events(member, known.rating[event], only.start, only.end, only.own)

    def _slices(
        self,
        owner: Owner,
        scope: Scope,
        part: Part = "all",
        shared: tuple[str, Attribute, TimeArray] | None = None,
        row: TimeArray | None = None,
    ) -> tuple[Slice, ...]:
        """Find what each entry sees.

        Parameters
        ----------
        shared
            Name and values of an attribute, and the code that each entry asks for.
        row
            The row of each entry; None: entry i is row i's.
        """

        def cut(known: Known, sign: int = 1) -> Slice:
            timeline = known.timeline(owner, part, *(shared[:2] if shared else ()))
            group, time = self._group(owner, known), self.queries.timestamp
            if row is not None:
                group, time = group[row], time[row]
            if shared is not None:
                _, by, value = shared
                group = group * len(by.vocabulary) + value
            start, end = timeline.bounds(group, time, scope, after=self.queries.after)
            return Slice(timeline, start, end, self._own(timeline, scope, len(group)), sign)

        if isinstance(self.known, Known):
            return (cut(self.known),)
        if owner == "user":
            return (cut(self.known.brought),)
        asked = self.known
        return cut(asked.everybody), cut(asked.replaced, -1), cut(asked.brought)

    def _group(self, owner: Owner, known: Known) -> TimeArray:
        rows = self.queries
        asker = None if known.asker is None else rows.asker
        return group_of(owner, rows.dataset, rows.user, rows.item, asker)

    def _own(self, timeline: Timeline, scope: Scope, entries: int) -> TimeArray:
        """Shape (m,): place of each row's own event in the timeline, -1 where it is not in it."""
        if scope == "earlier" or self.queries.asker is not None:
            return np.full(entries, -1, dtype=np.int64)
        place = np.full(self.queries.dataset.n_interactions + 1, -1, dtype=np.int64)
        number = timeline.known.event[timeline.event]
        inside = number >= 0
        place[number[inside]] = np.flatnonzero(inside)
        return place[self.queries.event]  # event -1 reads the last entry, which stays -1

    def _merged(self, owner: Owner, slices: tuple[Slice, ...], length: int) -> Events:
        """Put the last events of each row together, less those that are taken off."""
        everybody, replaced, brought = slices
        more = length + int(replaced.count.max(initial=0))
        parts = [
            _last(everybody, owner, more, self.queries.user),
            _last(brought, owner, length, None),
        ]
        time, member, rating = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
        order = np.argsort(time, axis=1, kind="stable")[:, -length:]
        there = np.take_along_axis(time, order, axis=1) > NEVER
        end = np.cumsum(there.sum(axis=1))
        return Events(
            np.take_along_axis(member, order, axis=1)[there],
            np.take_along_axis(rating, order, axis=1)[there],
            end - there.sum(axis=1),
            end,
            np.full(len(end), -1, dtype=np.int64),
        )


#: stands for the time of no event
NEVER = np.iinfo(np.int64).min


def _last(
    each: Slice, owner: Owner, width: int, without: IntArray | None
) -> tuple[TimeArray, IntArray, FloatArray]:
    """Lay out the last events of each row: time, member and rating, shape (n, width) each.

    Parameters
    ----------
    without
        Shape (n,): the user whose events each row does not see; None: nobody.
    """
    known = each.timeline.known
    place = each.end[:, None] - np.arange(width, 0, -1)
    there = place >= each.start[:, None]
    number = np.full(place.shape, -1, dtype=np.int64)
    number[there] = each.timeline.event[place[there]]
    if without is not None:
        there &= np.append(known.user, -1)[number] != without[:, None]
    time, member, rating = (
        np.zeros(place.shape, kind) for kind in (np.int64, np.int32, np.float32)
    )
    time[:] = NEVER
    seen = number[there]
    time[there], rating[there] = known.timestamp[seen], known.rating[seen]
    member[there] = getattr(known, other_side(owner))[seen]
    return time, member, rating
