"""Session-based nearest neighbours: what followed where others had just done the same."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.powers import decays, power
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, TimeArray
from recsys_core.data.interactions import Histories, Interactions, narrow
from recsys_core.events import Event, OnEvent
from recsys_core.recall.base import RecallModel, Updates
from recsys_core.recall.shared.history import HistoryConfig, query_matrix
from recsys_core.registry import register_model
from recsys_core.retrieval.topk import lower_bounds
from recsys_core.saving.arrays import take_matrix

#: windows that are weighed at a time, so that memory is that of the outcome, twice
BLOCK = 1 << 17
#: the smallest similarity that is one
LEAST = np.finfo(np.float32).smallest_subnormal


class SessionKNNConfig(HistoryConfig):
    """Fields of session-based nearest neighbours."""

    history_half_life: float | None = Field(
        6.0,
        gt=0,
        le=1e6,
        description="Half-life of an event's weight within a window, in events; null: all events "
        "count equally.",
    )
    rating_exponent: float | None = Field(
        1.0,
        ge=0,
        le=10,
        description="null: only liked events of a window count, all equally; a number: every event "
        "counts, with its weight multiplied by (rating / the window's highest rating) to this "
        "power.",
    )
    window: int = Field(20, ge=1, le=1000, description="Number of latest events to compare.")
    stride: int = Field(
        3,
        ge=1,
        le=1000,
        description="Events of a timeline from one window to the next; windows in between would "
        "hold nearly the same events.",
    )
    neighbours: int = Field(
        3000, ge=1, le=10_000_000, description="Number of most similar windows to use per user."
    )
    amplification: float = Field(
        3.5,
        gt=0,
        le=20,
        description="Raise similarities to this power; a larger one gives the most similar windows "
        "more weight.",
    )
    popularity_damping: float = Field(
        0.25,
        ge=0,
        le=2,
        description="In a window, an item with n events has weight n^(-this).",
    )
    target_half_life: float = Field(
        8.0,
        gt=0,
        le=1000,
        description="Half-life of the weight of liked events after a window, in events.",
    )
    horizon: int = Field(
        30, ge=1, le=1000, description="Number of events after a window to look at."
    )


@register_model(
    "session-knn",
    stage="recall",
    title="Session-based nearest neighbours",
    paper="Jannach, Ludewig: When recurrent neural networks meet the neighborhood for "
    "session-based recommendation. RecSys 2017; decay in the session: Ludewig, Jannach: Evaluation "
    "of session-based recommendation algorithms. UMUAI 2018",
    deterministic=True,
)
class SessionKNN(RecallModel[SessionKNNConfig]):
    """Compare the latest events with those at moments of all timelines, and take what followed.

    With n_i the events of item i, w_s the rating weight of event s, ages in events:

        x_t = sum over the `window` events s <= t of 2^(-(t - s) / h) w_s n_i^-d e_i(s), i = i(s)
        y_t = sum over likes s in t + 1 .. t + horizon of 2^(-(s - t - 1) / g) e_i(s)
        score(q) = sum over the `neighbours` moments t nearest to q of cos(x_q, x_t)^a y_t

    where h and g are the half-lives, d the damping and a the amplification. cos leaves out |x_q|,
    which all of a user's scores share.
    """

    Config: ClassVar[type[Config]] = SessionKNNConfig
    updates: ClassVar[Updates | None] = "anew"

    moments: TimeArray
    """Shape (m,): places in the events of `histories` whose windows are compared, ascending."""
    windows: sp.csr_matrix
    """Shape (n_items, m): x_t / |x_t| in columns."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        self._prepare()
        blocks = []
        for start in range(0, max(1, len(self.moments)), BLOCK):
            on_event(Event("fit", start, len(self.moments)))
            windows = self._windows(self.histories, self.moments[start : start + BLOCK])
            events = windows.getnnz(axis=1)
            moment = np.repeat(np.arange(len(events)), events)
            squares = np.bincount(moment, windows.data.astype(np.float64) ** 2, len(events))
            length = np.sqrt(np.where(squares > 0, squares, 1)).astype(np.float32)
            windows.data /= length[moment]
            blocks.append(windows.tocsc())
        self.windows = _rows_of_items(blocks)

    def _prepare(self) -> None:
        """Look up what scoring needs of the events of fit."""
        events = self.histories
        before = np.arange(len(events.items)) - events.offsets[:-1][events.row]
        self.moments = np.flatnonzero(before % self.config.stride == self.config.stride - 1)
        counts = np.bincount(events.items, minlength=self.n_items)
        damping = power(np.maximum(counts, 1), -self.config.popularity_damping)
        self.item_weight = damping.astype(np.float32)
        # the item of each like, one beyond the last for other events; with so many of these behind
        # each user's events, whatever follows a moment stands side by side
        self._ahead = max(1, min(self.config.horizon, int(events.lengths.max(initial=0))))
        place = np.arange(len(events.items)) + self._ahead * events.row
        self._liked = np.full(len(place) + self._ahead * len(events), self.n_items, dtype=np.int32)
        likes = slice(None) if self.threshold is None else events.ratings >= self.threshold
        self._liked[place[likes]] = events.items[likes]
        self._next = place[self.moments] + 1

    def _windows(self, events: Histories, last: NDArray[np.integer]) -> sp.csr_matrix:
        """Weigh the events up to each place `last` in `events`, shape (len(last), n_items)."""
        start = events.offsets[:-1][events.row[last]]
        length = np.minimum(last + 1 - start, self.config.window)
        offsets = np.append(0, np.cumsum(length))
        place = np.arange(offsets[-1]) + np.repeat(last + 1 - length - offsets[:-1], length)
        arrays = (events.items, events.ratings, events.timestamps)
        window = Histories(offsets, *(array[place] for array in arrays))
        windows = query_matrix(self, window)
        windows.data *= self.item_weight[windows.indices]
        windows.eliminate_zeros()
        return windows

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up what followed the nearest moments, shape (n, n_items)."""
        some = np.flatnonzero(histories.lengths)
        queries = self._windows(histories, histories.offsets[1:][some] - 1)
        scores = np.zeros((len(histories), self.n_items), dtype=np.float32)
        first: dict[bytes, np.integer] = {}  # where a window was met; explanations repeat them
        for row, start, end in zip(some, queries.indptr, queries.indptr[1:], strict=False):
            items, weights = queries.indices[start:end], queries.data[start:end]
            same = first.setdefault(items.tobytes() + weights.tobytes(), row)
            if same == row:
                scores[row] = self._followed(*self._nearest(items, weights))
            else:
                scores[row] = scores[same]
        empty = np.ones(len(histories), dtype=np.bool_)
        empty[some] = queries.getnnz(axis=1) == 0
        return self.popular_where_empty(scores, empty)

    def _nearest(
        self, items: NDArray[np.integer], weights: FloatArray
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Find the moments nearest to a window: their numbers and amplified similarities."""
        # products of two float32 are exact in float64, fused with their sum or not
        similarity = (self._columns(items) @ weights.astype(np.float64)).astype(np.float32)
        most, least = self.config.neighbours, LEAST
        if len(similarity) > most:  # few moments are worth a look
            least = max(least, lower_bounds(similarity[None], most)[0])
        found = np.flatnonzero(similarity >= least)
        nearest = similarity[found]
        if len(found) > most:
            last = len(found) - most
            kept = nearest >= np.partition(nearest, last)[last]  # and all as near as the last
            found, nearest = found[kept], nearest[kept]
        return found, power(nearest, self.config.amplification)

    def _columns(self, items: NDArray[np.integer]) -> sp.csc_matrix:
        """Put the rows of `windows` of some items side by side, shape (m, items).

        What ``windows[items].T`` gives in a third of the time.
        """
        start, end = self.windows.indptr[items], self.windows.indptr[items + 1]
        rows = list(map(slice, start.tolist(), end.tolist()))
        data, indices = (
            np.concatenate([array[:0], *(array[row] for row in rows)])
            for array in (self.windows.data, self.windows.indices)
        )
        offsets = np.append(0, np.cumsum(end - start))
        shape = (len(self.moments), len(items))
        return sp.csc_matrix((data, indices, offsets.astype(indices.dtype)), shape)

    def _followed(self, found: NDArray[np.intp], weights: NDArray[np.float64]) -> FloatArray:
        """Add up the likes after some moments, shape (n_items,)."""
        items = sliding_window_view(self._liked, self._ahead)[self._next.take(found)]
        gain = weights[:, None] * decays(self.config.target_half_life, self._ahead)
        total = np.bincount(items.ravel(), gain.ravel(), minlength=self.n_items + 1)
        return total[: self.n_items].astype(np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the windows; what followed them stands in the histories."""
        return {
            "windows.indptr": self.windows.indptr,
            "windows.indices": self.windows.indices,
            "windows.data": self.windows.data,
        }

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the windows."""
        self._prepare()
        names = ("windows.data", "windows.indices", "windows.indptr")
        self.windows = take_matrix(arrays, names, (self.n_items, len(self.moments)))


def _rows_of_items(blocks: list[sp.csc_matrix]) -> sp.csr_matrix:
    """Put blocks of windows, shape (b, n_items) each, side by side, shape (n_items, m).

    The list is emptied: nothing is held twice for longer than it takes.
    """
    n_items = blocks[0].shape[1]
    counts = np.zeros(n_items, dtype=np.int64)
    for block in blocks:
        counts += np.diff(block.indptr)
    offsets = np.append(0, np.cumsum(counts))
    indices, data = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
    free, first = offsets[:-1].copy(), 0
    while blocks:
        block = blocks.pop(0)
        lengths = np.diff(block.indptr)
        place = np.repeat(free - block.indptr[:-1], lengths) + np.arange(block.nnz)
        indices[place] = block.indices + np.int32(first)
        data[place] = block.data
        free += lengths
        first += block.shape[0]
    return sp.csr_matrix((data, indices, narrow(offsets)), (n_items, first))
