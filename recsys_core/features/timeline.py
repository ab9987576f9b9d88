"""Events sorted once by owner and time: a row's past is a slice, a sum a difference of two sums.

A timeline groups the events of a store (by user, by item, by item and age group of the user …)
and orders each group by time. A question costs a binary search, however many events there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, Protocol, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import TimeArray

Scope = Literal["earlier", "others", "known"]
Vector = NDArray[np.float64]
#: events that count less than this are as good as forgotten
FORGOTTEN = 1e-12


class Events(Protocol):
    """A store of events, numbered."""

    @property
    def timestamp(self) -> TimeArray:
        """Shape (events,): when each was."""

    def __len__(self) -> int: ...


EventsT = TypeVar("EventsT", bound=Events)
_Values = Callable[[EventsT], NDArray[np.generic]]


class Timeline(Generic[EventsT]):
    """Some events of `known` sorted by group, then by time; equal times keep their order.

    Parameters
    ----------
    known
        The events.
    group
        Shape (n,), int64: the group of each event.
    event
        Shape (n,): number of the event in `known`; one event may be in several groups.
    """

    def __init__(self, known: EventsT, group: TimeArray, event: TimeArray) -> None:
        time = known.timestamp[event]
        order = np.lexsort((time, group))
        group, time = group[order], time[order]
        self.known = known
        self.event: TimeArray = event[order]
        """Shape (n,): the events in order."""
        self._first = int(time.min(initial=0))
        self._span = int(time.max(initial=0)) - self._first + 2
        begins = np.ones(len(group), dtype=np.bool_)
        begins[1:] = group[1:] != group[:-1]
        self._groups = np.append(group[begins], -1)
        self._starts = np.append(np.flatnonzero(begins), len(group))
        # groups are numbered through, so that group and time fit one integer
        self._keys = (begins.cumsum() - 1) * self._span + (time - self._first)
        self._sums: WeakKeyDictionary[_Values[EventsT], tuple[Vector, Vector]] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        """Travel to another process without the sums, which hang on functions of this one."""
        return {**vars(self), "_sums": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _sums=WeakKeyDictionary())

    def bounds(
        self,
        group: TimeArray,
        time: TimeArray,
        scope: Scope,
        *,
        after: bool,
        last: TimeArray | None = None,
    ) -> tuple[TimeArray, TimeArray]:
        """Find the slice [start, end) that each row sees, shape (n,) each.

        Parameters
        ----------
        group, time
            Shape (n,): whose events, and when.
        after
            Whether events at the very time are seen.
        last
            Shape (n,): number of the last event that each row sees, for the scope `earlier` in
            place of the time. For events that are numbered in the order of time.
        """
        place = self._groups[:-1].searchsorted(group)
        there = self._groups[place] == group
        start = self._starts[place]
        if scope != "earlier":
            end = self._starts[np.minimum(place + 1, len(self._starts) - 1)]
        elif last is not None:
            many = len(self.known) + 1
            numbers = self._keys // self._span * many + self.event
            end = np.searchsorted(numbers, place * many + last, side="right")
        else:
            end = self._keys.searchsorted(place * self._span + self._passed(time + after))
        return start, np.where(there, end, start)

    def first_after(self, start: TimeArray, end: TimeArray, time: TimeArray) -> TimeArray:
        """Find the first event later than `time` in each slice [start, end), else `end`; (n,)."""
        there = end > start
        group = self._keys[np.where(there, start, 0)] // self._span if len(self._keys) else start
        first = self._keys.searchsorted(group * self._span + self._passed(time + 1))
        return np.where(there, first, end)

    def _passed(self, time: TimeArray) -> TimeArray:
        """Count the seconds since the first event, those within the span of all events."""
        # as np.clip, which takes three times as long
        return np.minimum(np.maximum(time - self._first, 0), self._span)

    def places(self) -> tuple[TimeArray, TimeArray]:
        """Give each event's place in its group, from 0, and the group's length, shape (n,) each."""
        length = np.diff(self._starts)
        place = np.arange(len(self.event)) - np.repeat(self._starts[:-1], length)
        return place, np.repeat(length, length)

    def sums(self, values: _Values[EventsT]) -> tuple[Vector, Vector]:
        """Evaluate `values` of the events in order, shape (n, …), and add up, shape (n + 1, …).

        Kept as long as the function lives: one of a module is evaluated once.
        """
        found = self._sums.get(values)
        if found is None:
            ordered = values(self.known).take(self.event, axis=0).astype(np.float64)
            running = np.zeros((len(ordered) + 1, *ordered.shape[1:]))
            np.cumsum(ordered, axis=0, out=running[1:])
            found = self._sums[values] = ordered, running
        return found

    def fading_sums(self, values: _Values[EventsT], half_life: float) -> Vector:
        """Add up `values` of each group up to each event, shape (n, …): sum of 2^(-age / h) v.

        The age of an event is the number of later ones. With f = 2^(-1 / h), twice as many terms
        after each step: s_2w(i) = s_w(i) + f^w s_w(i - w).
        """
        total = values(self.known).take(self.event, axis=0).astype(np.float64)
        several = len(self._starts) > 2
        if several:
            place = self.places()[0].reshape(-1, *[1] * (total.ndim - 1))
        width, most = 1, int(place.max()) if several else len(total) - 1
        while width <= most and (weight := 2 ** (-width / half_life)) > FORGOTTEN:
            weights = np.where(place[width:] >= width, weight, 0) if several else weight
            total[width:] += weights * total[:-width]  # the right side is computed first
            width *= 2
        return total
