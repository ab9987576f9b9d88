"""Histories as windows: what a model sees before each event it learns to predict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from recsys_core.compute.transfer import to_device
from recsys_core.data.dataset import FloatArray, TimeArray
from recsys_core.data.interactions import Histories, RequestTime
from recsys_core.features.layout import Table
from recsys_core.sampling.softmax import Excluded

#: ratings are told apart at most this finely
MOST_LEVELS = 10


@dataclass(frozen=True)
class RequestFields:
    """Encoded fields of requests.

    Parameters
    ----------
    index
        Shape (…, slots), int64: rows of the embedding table.
    weights
        Shape (…, slots), float32.
    widths
        Slots of each field.
    """

    index: Tensor
    weights: Tensor
    widths: tuple[int, ...]

    @classmethod
    def of(cls, table: Table) -> RequestFields:
        """Take the fields of n requests: shapes (n, slots)."""
        index, weights = torch.from_numpy(table.index).long(), torch.from_numpy(table.all_weights)
        return cls(index, weights, table.slots)

    def take(self, rows: Tensor) -> RequestFields:
        """Pick requests by number, any shape."""
        return RequestFields(self.index[rows], self.weights[rows], self.widths)

    def to(self, device: torch.device) -> RequestFields:
        """Move to a device."""
        index, weights = to_device(self.index, device), to_device(self.weights, device)
        return RequestFields(index, weights, self.widths)


@dataclass(frozen=True)
class Window:
    """Some consecutive events of some users; queries stand after each of the last columns.

    Parameters
    ----------
    items
        Shape (b, width), int64: 1 + item number; 0 where there is no event.
    ratings
        Shape (b, width), int64: 1 + level of the rating; 0 where there is no event.
    users
        Shape (b,), int64: user number; the number of users for an unknown one.
    ages
        Shape (b, queries), float32: days from what is asked for to the end of the train rows.
    times
        Shape (b, width), int64: timestamps of the events; 0 where there is none.
    intervals
        Shape (b, width), int64: seconds since the user's event before each; 0 before the first.
    asked
        Shape (b, width), int64: when is asked after each event; 0 where there is none.
    requests
        Fields of the requests, shapes (b, queries, slots).
    """

    items: Tensor
    ratings: Tensor
    users: Tensor
    ages: Tensor
    times: Tensor
    intervals: Tensor
    asked: Tensor
    requests: RequestFields

    def to(self, device: torch.device) -> Window:
        """Move to a device."""
        if self.items.device == device:
            return self
        tensors = {name: part for name, part in vars(self).items() if name != "requests"}
        moved = {name: to_device(part, device) for name, part in tensors.items()}
        return Window(**moved, requests=self.requests.to(device))


@dataclass(frozen=True)
class Examples:
    """A batch, on the host: windows, and what is liked after them.

    Parameters
    ----------
    window
        b windows.
    queries
        Queries of each window.
    asked
        Shape (q,), int64: the queries with a target, as places in the b x queries.
    row
        Shape (rows,), int64: place in `asked` of the query of each target.
    liked
        Shape (rows,), int64: item numbers.
    weight
        Shape (rows,): what each counts.
    known
        Items of all events before each of the queries in `asked`; None: they are no matter.
    """

    window: Window
    queries: int
    asked: Tensor
    row: Tensor
    liked: Tensor
    weight: Tensor
    known: Excluded | None


def rating_edges(ratings: FloatArray) -> FloatArray:
    """Choose the lower edges of the levels of ratings: the distinct ones, or their quantiles."""
    distinct = np.unique(ratings)
    if len(distinct) > MOST_LEVELS:
        shares = np.arange(MOST_LEVELS) / MOST_LEVELS
        distinct = np.unique(np.quantile(ratings, shares, method="lower"))
    return distinct.astype(np.float32)


def intervals_of(histories: Histories) -> TimeArray:
    """Shape (events,): seconds since the event before in the same row; 0 for the first."""
    intervals = np.zeros_like(histories.timestamps)
    intervals[1:] = histories.timestamps[1:] - histories.timestamps[:-1]
    intervals[histories.offsets[:-1][histories.lengths > 0]] = 0
    return intervals


def asked_after(histories: Histories, request_time: RequestTime) -> TimeArray:
    """Shape (events,): when is asked after each event: at that event, or at the next of the row.

    After the last event of a row it is when the row is asked.
    """
    times = histories.timestamps.copy()
    if request_time == "target":
        times[:-1] = histories.timestamps[1:]
    some = histories.lengths > 0
    times[histories.offsets[1:][some] - 1] = histories.request_times(0)[some]
    return times


def last_events(
    histories: Histories,
    users: NDArray[np.integer],
    width: int,
    n_users: int,
    edges: FloatArray,
    requests: Table,
    request_time: RequestTime = "last",
) -> Window:
    """Take the last `width` events of each row: one query, after the last of them.

    Parameters
    ----------
    requests
        One row each.
    request_time
        When is asked after the events before the last one.
    """
    width = max(1, min(width, int(histories.lengths.max(initial=0))))
    column = histories.offsets[1:, None] - width + np.arange(width)
    known = column >= histories.offsets[:-1, None]
    column = column[known]
    items, ratings, times, intervals, asked = (
        np.zeros(known.shape, dtype=np.int64) for _ in range(5)
    )
    items[known] = histories.items[column] + 1
    ratings[known] = 1 + np.searchsorted(edges, histories.ratings[column], side="right")
    times[known] = histories.timestamps[column]
    intervals[known] = intervals_of(histories)[column]
    asked[known] = asked_after(histories, request_time)[column]
    inside = (users >= 0) & (users < n_users)
    who = np.where(inside, users, n_users).astype(np.int64)
    fields = RequestFields.of(requests)
    return Window(
        torch.from_numpy(items),
        torch.from_numpy(ratings),
        torch.from_numpy(who),
        torch.zeros(len(users), 1),
        torch.from_numpy(times),
        torch.from_numpy(intervals),
        torch.from_numpy(asked),
        RequestFields(fields.index[:, None], fields.weights[:, None], fields.widths),
    )


class Runs:
    """All events as runs of consecutive ones; a batch is some runs with the events before them.

    Each user's events are cut, from the last backwards, into runs of `length` events to predict.
    In a window the events before a run come first, so that every query of the run sees `before`
    events or all there are. Nothing of size events x window is ever stored. All of it stays on the
    host, which knows how many targets a batch has without waiting for a GPU.

    Parameters
    ----------
    histories
        One row a user: all events.
    liked
        Shape (events,), bool: which of them are targets.
    edges
        Of the levels of ratings.
    requests
        Fields of a request after each of the events.
    before
        Events that the first query of a run sees, at least 1.
    ahead
        Events after a query among which the liked ones are its targets; 1: the next event.
    user_weighting
        A user with n queries counts n^(1 - user_weighting).
    tell_known
        Whether batches say which items were known before each query.
    request_time
        When is asked after an event.
    """

    def __init__(
        self,
        histories: Histories,
        liked: NDArray[np.bool_],
        edges: FloatArray,
        requests: Table,
        *,
        length: int,
        before: int,
        ahead: int,
        user_weighting: float,
        tell_known: bool,
        request_time: RequestTime = "last",
    ) -> None:
        self.length, self.before, self.ahead = length, before, ahead
        self.tell_known = tell_known
        self.items = torch.from_numpy(histories.items.astype(np.int64) + 1)
        self.ratings = torch.from_numpy(1 + np.searchsorted(edges, histories.ratings, side="right"))
        seconds = histories.timestamps.max(initial=0) - histories.timestamps
        self.ages = torch.from_numpy((seconds / 86_400).astype(np.float32))
        self.times = torch.from_numpy(histories.timestamps.astype(np.int64))
        self.intervals = torch.from_numpy(intervals_of(histories))
        self.asked = torch.from_numpy(asked_after(histories, request_time))
        self.requests = RequestFields.of(requests)
        self.liked = torch.from_numpy(liked)
        self.offsets = torch.from_numpy(histories.offsets)
        queries = np.maximum(histories.lengths - 1, 0)  # nothing is known before the first event
        runs = -(-queries // length)
        user = np.repeat(np.arange(len(histories)), runs)
        turn = np.arange(len(user)) - np.repeat(np.cumsum(runs) - runs, runs)
        self.user = torch.from_numpy(user)
        self.start = torch.from_numpy(histories.offsets[1:][user] - length * (turn + 1))
        weights = np.maximum(queries, 1).astype(np.float32) ** -user_weighting
        self.user_weight = torch.from_numpy(weights)

    def __len__(self) -> int:
        return len(self.user)

    def with_events(self, events: Tensor) -> Tensor:
        """Tell which runs, shape (runs,), predict one of the `events` flagged, shape (events,)."""
        count = torch.cumsum(F.pad(events.long(), (1, 0)), 0)
        first = torch.maximum(self.start, self.offsets[self.user])
        return count[self.start + self.length] > count[first]

    def batches(self, order: Tensor, batch_size: int | list[int]) -> Iterator[Examples]:
        """Cut the runs, taken in `order`, into batches of one size or of each."""
        for some in torch.split(order, batch_size):
            yield self.take(some)

    def take(self, runs: Tensor) -> Examples:
        """Put some runs together."""
        user, start = self.user[runs], self.start[runs, None]
        first, end = self.offsets[user, None], self.offsets[user + 1, None]
        # the events that queries stand before: short histories leave the first of them empty
        at = start + torch.arange(self.length)
        at = at[:, int((at > first).any(dim=0).int().argmax()) :]
        column = start + torch.arange(-self.before, self.length - 1)
        column = column[:, int((column >= first).any(dim=0).int().argmax()) :]
        known = (column >= first).long()
        column = column.clamp(min=0)
        at_all = at[:, :, None] + torch.arange(self.ahead)
        inside = (at > first)[:, :, None] & (at_all < end[:, :, None])
        at_all = torch.where(inside, at_all, 0)
        target = inside & self.liked[at_all]  # (b, queries, ahead)
        per_query = target.sum(dim=2).flatten()
        asked = per_query.nonzero().squeeze(1)
        row = torch.arange(len(asked)).repeat_interleave(per_query[asked])
        weight = self.user_weight[user].repeat_interleave(at.shape[1]) / per_query
        window = Window(
            self.items[column] * known,
            self.ratings[column] * known,
            user,
            self.ages[at_all[:, :, 0]],
            self.times[column] * known,
            self.intervals[column] * known,
            self.asked[column] * known,
            self.requests.take((at - 1).clamp(min=0)),
        )
        liked = self.items[at_all[target]] - 1
        before = self._before(first.expand_as(at).flatten()[asked], at.flatten()[asked])
        return Examples(window, at.shape[1], asked, row, liked, weight[asked][row], before)

    def _before(self, first: Tensor, at: Tensor) -> Excluded | None:
        """Take the items of the events from `first` up to `at`, shape (q,) each."""
        if not self.tell_known:
            return None
        count = at - first
        ends = torch.cumsum(count, 0)
        event = torch.arange(int(count.sum()))
        event = event + (at - ends).repeat_interleave(count)
        return Excluded(self.items[event] - 1, ends)
