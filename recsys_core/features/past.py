"""What a row may see of the past, for all rows in one pass: slices of timelines, added up.

Scopes
------
earlier
    Events of the owner before the row's timestamp; rows of equal time see none of each other.
others
    Every event of the owner but the row itself, later ones included.
known
    Every event that was known before anybody asked, whoever asks and whenever. Requests alone have
    it: an event that is itself known would see its own label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from recsys_core.data.dataset import BoolArray, Categorical, FloatArray, IntArray, TimeArray
from recsys_core.features.known import (
    NO_TIME,
    Attribute,
    Known,
    Owner,
    Part,
    Requests,
    Values,
    group_of,
    other_side,
    values_of,
)
from recsys_core.features.queries import Queries
from recsys_core.features.slices import Slice, last_of
from recsys_core.features.timeline import Scope, Timeline, Vector

SECONDS_A_DAY = 86_400

__all__ = ["Attribute", "Owner", "Past", "Scope", "Values", "Vector", "Views"]


@dataclass(frozen=True)
class Past:
    """What n rows see; the argument of a statistic.

    Parameters
    ----------
    queries
        The rows.
    slices
        The events, one slice per entry of each timeline; all have m entries.
    row
        Shape (m,): the row of each entry, where a row has one for each value that it shares; None:
        entry i is row i's.
    shrink
        `mean` pulls to the mean of all events as if a row saw so many of that mean beside its own.
    of_items
        Gives the means of all items by their name, where a row sees all that is known of its item;
        None: it sees something else.
    """

    queries: Queries
    slices: tuple[Slice, ...]
    row: TimeArray | None = None
    shrink: float = 0.0
    of_items: Callable[[str, Values], Vector] | None = None

    @cached_property
    def count(self) -> Vector:
        """Shape (n,): number of events."""
        return self._per_row(_total([each.sign * each.count for each in self.slices]))

    @cached_property
    def session_count(self) -> Vector:
        """Shape (n,): events less than a day before the last, for the scope `earlier`."""
        time = self.last_time - SECONDS_A_DAY
        entry = time if self.row is None else time[self.row]
        return self._per_row(_total([each.sign * each.count_since(entry) for each in self.slices]))

    def sum(self, values: Values, half_life: float | None = None) -> Vector:
        """Add up one number for each event over each row's events, shape (n,).

        Parameters
        ----------
        values
            From known events to one number for each, such as ``known.rating < 2.5``. A function of
            a module is evaluated once for everybody's events, however many requests there are. With
            k numbers for each event, shape (events, k), the result has shape (n, k).
        half_life
            Events of a user after which one counts half as much; None: all count the same.
        """
        parts = [each.sign * each.sum(values, half_life) for each in self.slices]
        return self._per_row(_total(parts))

    def mean(self, values: Values, keep: str = "") -> Vector:
        """Average one number for each event over each row's events, shape (n,); NaN: no event.

        Parameters
        ----------
        keep
            The name of `values`, if what is the same for all who ask is to be worked out once.
        """
        if keep and self.of_items is not None:
            return self.of_items(keep, values)[self.queries.item]
        if not self.shrink:
            return divide(self.sum(values), self.count)
        _, running = self.slices[0].timeline.sums(values)
        overall = running[-1] / max(1, len(running) - 1)
        distance = self.sum(values) - overall * self.count
        pulled: Vector = overall + distance / (self.count + self.shrink)
        return pulled

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
        if len(self.slices) == 1 or each.timeline.known.request is not None:
            return place, there
        user, event = each.timeline.known.user, each.timeline.event
        asking = self.queries.user[entry]
        left = np.flatnonzero(there)
        while len(left):
            left = left[user[event[place[left]]] == asking[left]]
            place[left] += step
            there[left] = (place[left] >= each.start[left]) & (place[left] < each.end[left])
            left = left[there[left]]
        return place, there

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
class EventSlices:
    """Events in order, and the slice of them that each row sees: what a sequence is made of.

    Parameters
    ----------
    member
        Shape (m,): the item of each of a user's events, the user of each of an item's.
    rating
        Shape (m,).
    start, end
        Shape (n,): as of a `Slice`.
    own
        Shape (n,): as of a `Slice`, -1: none.
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
        What may be seen; of it each row sees what its scope allows. Rows of requests need
        `Requests`.
    """

    def __init__(self, queries: Queries, known: Known | Requests) -> None:
        self.queries = queries
        self.known = known
        self._pasts: dict[tuple[str, str, Scope], Past] = {}

    @property
    def everybody(self) -> Known:
        """The events that are there whoever asks."""
        return self.known if isinstance(self.known, Known) else self.known.everybody

    @property
    def mean_rating(self) -> float:
        """Mean of everybody's known ratings, 0 without any."""
        return self.everybody.mean_rating

    @cached_property
    def per_request(self) -> tuple[Views, IntArray]:
        """View one row of each request, and tell which of them every row is; else the rows."""
        rows = self.queries
        if rows.request is None:
            return self, np.arange(len(rows), dtype=np.int32)
        if (rows.request[1:] > rows.request[:-1]).all():
            return self, np.arange(len(rows), dtype=np.int32)
        first = np.full(int(rows.request.max(initial=-1)) + 1, -1)
        first[rows.request[::-1]] = np.arange(len(rows))[::-1]
        asked = first >= 0
        row = (np.cumsum(asked, dtype=np.int32) - np.int32(1))[rows.request]
        return Views(rows.take(first[asked]), self.known), row

    @property
    def per_item(self) -> Views:
        """View one row of each item, for what is the same whoever asks."""
        every = Queries.of_items(self.queries.dataset)
        return Views(replace(every, request=np.zeros(len(every), dtype=np.int32)), self.known)

    def liked(self, column: str = "", by: Categorical | None = None) -> Past:
        """Show each row the earlier relevant events of its user.

        Parameters
        ----------
        column, by
            Only those with items of the first value of an attribute: its name, and its values.
        """
        key: tuple[str, str, Scope] = ("liked", column if by else "", "earlier")
        if key not in self._pasts:
            shared = (column, by, np.zeros(len(self.queries), dtype=np.int64)) if by else None
            slices = self._slices("user", "earlier", "liked", shared)
            self._pasts[key] = Past(self.queries, slices)
        return self._pasts[key]

    def past(self, owner: Owner, scope: Scope, shrink: float = 0.0) -> Past:
        """Show each row its user's or its item's events; `shrink` is that of the `Past`."""
        key = (owner, f"{shrink}", scope)
        if key not in self._pasts:
            slices = self.past(owner, scope).slices if shrink else self._slices(owner, scope)
            known = owner == "item" and scope == "known"
            kept = partial(_item_means, self.everybody, shrink) if known else None
            self._pasts[key] = Past(self.queries, slices, shrink=shrink, of_items=kept)
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
        key: tuple[str, str, Scope] = (owner, column, "earlier")
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

    def events(self, owner: Owner, scope: Scope, part: Part, length: int) -> EventSlices:
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
        own = np.full(len(only.end), -1, dtype=np.int64) if only.own is None else only.own
        return EventSlices(member, known.rating[event], only.start, only.end, own)

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
            last = self.queries.last
            assert last is None or owner == "user"  # the number of an event of that user
            if row is not None:
                group, time = group[row], time[row]
                last = None if last is None else last[row]
            if shared is not None:
                _, by, value = shared
                group = group * len(by.vocabulary) + value
            start, end = timeline.bounds(group, time, scope, after=self.queries.after, last=last)
            return Slice(timeline, start, end, self._own(timeline, scope), sign)

        if scope == "known":
            assert self.queries.request is not None  # else a row would see its own label
            return (cut(self.everybody),)
        if isinstance(self.known, Known):
            return (cut(self.known),)
        if owner == "user":
            return (cut(self.known.brought),)
        requests = self.known
        return cut(requests.everybody), cut(requests.replaced, -1), cut(requests.brought)

    def _group(self, owner: Owner, known: Known) -> TimeArray:
        rows = self.queries
        request = None if known.request is None else rows.request
        return group_of(owner, rows.dataset, rows.user, rows.item, request)

    def _own(self, timeline: Timeline[Known], scope: Scope) -> TimeArray | None:
        """Shape (m,): place of each row's own event in the timeline, -1 where it is not in it."""
        if scope == "earlier" or self.queries.request is not None:
            return None
        place = np.full(self.queries.dataset.n_interactions + 1, -1, dtype=np.int64)
        number = timeline.known.event[timeline.event]
        inside = number >= 0
        place[number[inside]] = np.flatnonzero(inside)
        return place[self.queries.event]  # event -1 reads the last entry, which stays -1

    def _merged(self, owner: Owner, slices: tuple[Slice, ...], length: int) -> EventSlices:
        """Put the last events of each row together, less those that are taken off."""
        everybody, replaced, brought = slices
        more = length + int(replaced.count.max(initial=0))
        parts = [
            last_of(everybody, owner, more, self.queries.user),
            last_of(brought, owner, length, None),
        ]
        time, member, rating = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
        order = np.argsort(time, axis=1, kind="stable")[:, -length:]
        there = np.take_along_axis(time, order, axis=1) > NO_TIME
        end = np.cumsum(there.sum(axis=1))
        return EventSlices(
            np.take_along_axis(member, order, axis=1)[there],
            np.take_along_axis(rating, order, axis=1)[there],
            end - there.sum(axis=1),
            end,
            np.full(len(end), -1, dtype=np.int64),
        )


def _item_means(everybody: Known, shrink: float, name: str, values: Values) -> Vector:
    """Average over all that is known of each item, once."""

    def compute() -> Vector:
        items = Views(Queries.of_items(everybody.dataset), everybody).per_item
        return items.past("item", "known", shrink).mean(values)

    return everybody.kept(("mean", name, f"{shrink}"), compute)
