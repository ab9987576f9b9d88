"""What a row may see of the past, for all rows in one pass: sort once, then search and subtract.

Events are sorted by owner and time; a row's past is the slice [start, end) of its owner. Sums over
slices are differences of running sums, so a statistic costs the same however long histories are.

Scopes
------
earlier
    Events of the owner before the row's timestamp; rows of equal time see none of each other.
others
    Every event of the owner but the row itself, later ones included.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Categorical,
    IntArray,
    MultiCategorical,
    TimeArray,
)
from recsys_core.features.queries import Known, Queries

Scope = Literal["earlier", "others"]
#: whose history: events of the row's user, or of the row's item
Owner = Literal["user", "item"]
Vector = NDArray[np.float64]
#: an attribute whose values several users or items share
Attribute = Categorical | MultiCategorical


class Timeline:
    """Known events sorted by owner, then by time.

    Parameters
    ----------
    owner
        Shape (n,), int64: the group of each event.
    time
        Shape (n,): seconds.
    event
        Shape (n,): number of the event in `Known`; one event may be in several groups.
    """

    def __init__(self, owner: TimeArray, time: TimeArray, event: TimeArray) -> None:
        self._first = int(time.min(initial=0))
        self._span = int(time.max(initial=0)) - self._first + 2
        keys = owner * self._span + (time - self._first)
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self.event: TimeArray = event[order]
        """Shape (n,): the events in order."""

    def bounds(
        self, owner: TimeArray, time: TimeArray, scope: Scope, *, after: bool
    ) -> tuple[TimeArray, TimeArray]:
        """Find the slice [start, end) that each row sees, shape (n,) each.

        Parameters
        ----------
        owner, time
            Shape (n,): whose events, and when.
        after
            Whether events at the very time are seen.
        """
        base = owner * self._span
        start = np.searchsorted(self._keys, base)
        if scope == "others":
            return start, np.searchsorted(self._keys, base + self._span)
        passed = np.clip(time + after - self._first, 0, self._span)
        return start, np.searchsorted(self._keys, base + passed)


@dataclass(frozen=True)
class Past:
    """What some rows see; the argument of a statistic.

    Parameters
    ----------
    queries
        The n rows.
    known
        The events, as they were given.
    timeline
        Their order.
    start, end
        Shape (m,): slices of the timeline, one a row, or one a row and shared value.
    own
        Shape (m,): place of the row's own event in the timeline, to be left out; -1: not there.
        Always -1 for the scope `earlier`, which does not reach it.
    row
        Shape (m,): the row of each slice; None: slice i is row i's.
    """

    queries: Queries
    known: Known
    timeline: Timeline
    start: TimeArray
    end: TimeArray
    own: TimeArray
    row: TimeArray | None = None

    @property
    def count(self) -> Vector:
        """Shape (n,): number of events."""
        return self._per_row((self.end - self.start - (self.own >= 0)).astype(np.float64))

    def sum(self, values: NDArray[np.generic]) -> Vector:
        """Add up `values`, shape (events,), over each row's events, shape (n,)."""
        ordered = values[self.timeline.event].astype(np.float64)
        running = np.zeros(len(ordered) + 1)
        np.cumsum(ordered, out=running[1:])
        totals = running[self.end] - running[self.start]
        present = self.own >= 0
        totals[present] -= ordered[self.own[present]]
        return self._per_row(totals)

    def mean(self, values: NDArray[np.generic]) -> Vector:
        """Average `values`, shape (events,), over each row's events, shape (n,); NaN: no event."""
        return divide(self.sum(values), self.count)

    @cached_property
    def first_time(self) -> Vector:
        """Shape (n,): time of the first event, for the scope `earlier`; NaN: no event."""
        return self._time(self.start, np.fmin)

    @cached_property
    def last_time(self) -> Vector:
        """Shape (n,): time of the last event, for the scope `earlier`; NaN: no event."""
        return self._time(self.end - 1, np.fmax)

    def _time(self, place: TimeArray, pick: np.ufunc) -> Vector:
        some = self.end > self.start
        times = np.full(len(place), np.nan)
        times[some] = self.known.timestamp[self.timeline.event[place[some]]]
        if self.row is None:
            return times
        result = np.full(len(self.queries), np.nan)
        pick.at(result, self.row, times)
        return result

    def _per_row(self, values: Vector) -> Vector:
        if self.row is None:
            return values
        totals = np.bincount(self.row, weights=values, minlength=len(self.queries))
        return totals.astype(np.float64, copy=False)


def divide(numerator: Vector, denominator: Vector) -> Vector:
    """Divide; NaN where the denominator is 0."""
    result: Vector = np.divide(
        numerator,
        denominator,
        out=np.full(len(numerator), np.nan),
        where=denominator != 0,
    )
    return result


class Views:
    """Pasts of the same rows, and the timelines that several features share.

    Parameters
    ----------
    queries
        The rows.
    known
        What may be seen; of it each row sees what its scope allows.
    """

    def __init__(self, queries: Queries, known: Known) -> None:
        self.queries = queries
        self.known = known
        self._pasts: dict[tuple[Owner, str, Scope], Past] = {}

    def past(self, owner: Owner, scope: Scope) -> Past:
        """Show each row its user's or its item's events."""
        key = (owner, "", scope)
        if key not in self._pasts:
            self._pasts[key] = self.of_events(owner, scope, np.arange(len(self.known)))
        return self._pasts[key]

    def of_events(self, owner: Owner, scope: Scope, events: TimeArray) -> Past:
        """Show each row those of its user's or item's events that are in `events`.

        Parameters
        ----------
        events
            Shape (m,): numbers of events in `known`, ascending.
        """
        groups = getattr(self.known, owner)[events].astype(np.int64)
        timeline = Timeline(groups, self.known.timestamp[events], events)
        asked = getattr(self.queries, owner).astype(np.int64)
        start, end = timeline.bounds(asked, self.queries.timestamp, scope, after=self.queries.after)
        own = self._own(timeline) if scope == "others" else np.full(len(asked), -1, np.int64)
        return Past(self.queries, self.known, timeline, start, end, own)

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
            self._pasts[key] = self._sharing(owner, by)
        return self._pasts[key]

    def _sharing(self, owner: Owner, by: Attribute) -> Past:
        other: Owner = "item" if owner == "user" else "user"
        event, value = values_of(by, getattr(self.known, other))
        n_values = len(by.vocabulary)
        groups = getattr(self.known, owner)[event].astype(np.int64) * n_values + value
        timeline = Timeline(groups, self.known.timestamp[event], event)
        row, wanted = values_of(by, getattr(self.queries, other))
        asked = getattr(self.queries, owner)[row].astype(np.int64) * n_values + wanted
        start, end = timeline.bounds(
            asked, self.queries.timestamp[row], "earlier", after=self.queries.after
        )
        own = np.full(len(row), -1, dtype=np.int64)
        return Past(self.queries, self.known, timeline, start, end, own, row)

    def _own(self, timeline: Timeline) -> TimeArray:
        """Shape (n,): place of each row's own event in the timeline, -1 where it is not in it."""
        place = np.full(self.queries.dataset.n_interactions + 1, -1, dtype=np.int64)
        number = self.known.event[timeline.event]
        inside = number >= 0
        place[number[inside]] = np.flatnonzero(inside)
        return place[self.queries.event]  # event -1 reads the last entry, which stays -1


def values_of(by: Attribute, entry: IntArray) -> tuple[TimeArray, TimeArray]:
    """List the values of each entry: its number and a code, shape (m,) each; missing: none.

    Parameters
    ----------
    entry
        Shape (n,): user or item numbers; one beyond the data set has no values.
    """
    if isinstance(by, Categorical):
        codes = np.append(by.codes, np.int32(-1))[np.minimum(entry, len(by.codes))]
        known = np.flatnonzero(codes >= 0)
        return known, codes[known].astype(np.int64)
    offsets = np.append(by.offsets, by.offsets[-1])
    entry = np.minimum(entry, len(by.offsets) - 1)
    lengths = np.diff(offsets)[entry]
    number = np.repeat(np.arange(len(entry)), lengths)
    first = np.cumsum(lengths) - lengths
    place = np.arange(len(number)) - first[number] + offsets[entry][number]
    return number, by.codes[place].astype(np.int64)
