"""Events sorted once by owner and time: a row's past is a slice, a sum a difference of two sums.

A timeline groups the events of a `Known` (by user, by item, by item and age group of the user …)
and orders each group by time. A question costs a binary search, however many events there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import TimeArray

if TYPE_CHECKING:
    from recsys_core.features.known import Known

Scope = Literal["earlier", "others"]
Vector = NDArray[np.float64]
#: one number for each event, shape (events,)
Values = Callable[["Known"], NDArray[np.generic]]


class Timeline:
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

    def __init__(self, known: Known, group: TimeArray, event: TimeArray) -> None:
        time = known.timestamp[event]
        order = np.lexsort((time, group))
        group, time = group[order], time[order]
        self.known = known
        self.event: TimeArray = event[order]
        """Shape (n,): the events in order."""
        self._first = int(time.min(initial=0))
        self._span = int(time.max(initial=0)) - self._first + 2
        begins = np.diff(group, prepend=group[:1] - 1) != 0
        self._groups = group[begins]
        self._starts = np.append(np.flatnonzero(begins), len(group))
        # groups are numbered through, so that group and time fit one integer
        self._keys = (np.cumsum(begins) - 1) * self._span + (time - self._first)
        self._sums: WeakKeyDictionary[Values, tuple[Vector, Vector]] = WeakKeyDictionary()

    def bounds(
        self, group: TimeArray, time: TimeArray, scope: Scope, *, after: bool
    ) -> tuple[TimeArray, TimeArray]:
        """Find the slice [start, end) that each row sees, shape (n,) each.

        Parameters
        ----------
        group, time
            Shape (n,): whose events, and when.
        after
            Whether events at the very time are seen.
        """
        place = np.searchsorted(self._groups, group)
        there = np.append(self._groups, -1)[place] == group
        start = self._starts[place]
        if scope == "others":
            end = np.append(self._starts[1:], len(self.event))[place]
        else:
            passed = np.clip(time + after - self._first, 0, self._span)
            end = np.searchsorted(self._keys, place * self._span + passed)
        return start, np.where(there, end, start)

    def sums(self, values: Values) -> tuple[Vector, Vector]:
        """Evaluate `values` of the events in order, shape (n,), and add up, shape (n + 1,).

        Kept as long as the function lives: one of a module is evaluated once.
        """
        found = self._sums.get(values)
        if found is None:
            ordered = values(self.known)[self.event].astype(np.float64)
            running = np.zeros(len(ordered) + 1)
            np.cumsum(ordered, out=running[1:])
            found = self._sums[values] = ordered, running
        return found
