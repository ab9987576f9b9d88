"""Consecutive events of a timeline: what one entry sees, counted and added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys_core.data.dataset import BoolArray, FloatArray, IntArray, TimeArray
from recsys_core.features.known import NO_TIME, Known, Owner, Values, other_side
from recsys_core.features.timeline import Timeline, Vector


@dataclass(frozen=True)
class Slice:
    """Consecutive events of a timeline for each of m entries.

    Parameters
    ----------
    start, end
        Shape (m,): events [start, end).
    own
        Shape (m,): the place in between of the row's own event, which is left out; -1: none. None:
        no row has one, as with requests and the scope `earlier`, which does not reach it.
    sign
        1: these events count; -1: they are taken off, as another slice has them, too.
    """

    timeline: Timeline[Known]
    start: TimeArray
    end: TimeArray
    own: TimeArray | None
    sign: int = 1

    @property
    def count(self) -> Vector:
        """Shape (m,): number of events."""
        count = self.end - self.start
        return (count if self.own is None else count - (self.own >= 0)).astype(np.float64)

    def sum(self, values: Values, half_life: float | None) -> Vector:
        """Add up `values` over the events, shape (m, …)."""
        if half_life is not None:
            fading = self.timeline.fading_sums(values, half_life)
            faded = np.zeros((len(self.end), *fading.shape[1:]))
            there = self.end > self.start
            faded[there] = fading[self.end[there] - 1]
            return faded
        ordered, running = self.timeline.sums(values)
        totals: Vector = running[self.end] - running[self.start]
        if self.own is not None:
            present = self.own >= 0
            totals[present] -= ordered[self.own[present]]
        return totals

    def count_since(self, time: Vector) -> Vector:
        """Count the events later than `time`, shape (m,), which is not NaN where there are any."""
        time = np.where(np.isnan(time), 0, time)
        first = self.timeline.first_after(self.start, self.end, time.astype(np.int64))
        return (self.end - first).astype(np.float64)

    def times(self, place: TimeArray, there: BoolArray) -> Vector:
        """Look up when the events at `place`, shape (m,), were; NaN where none is `there`."""
        times = np.full(len(place), np.nan)
        times[there] = self.timeline.known.timestamp[self.timeline.event[place[there]]]
        return times


def last_of(
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
    time[:] = NO_TIME
    seen = number[there]
    time[there], rating[there] = known.timestamp[seen], known.rating[seen]
    member[there] = getattr(known, other_side(owner))[seen]
    return time, member, rating
