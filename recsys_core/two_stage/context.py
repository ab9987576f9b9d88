"""Features of user and candidate beside the channels' scores: counts, places, genres, years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Dataset,
    FloatArray,
    IntArray,
    MultiCategorical,
    Numeric,
    TimeArray,
)
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.history import age_weights
from recsys_core.recall.saved_arrays import Arrays, take
from recsys_core.two_stage.ratings import DIM, PredictedRatings

#: events of a user that are less than a day before their last belong to the same session
SESSION_SECONDS = 86_400
#: a mean over n rows is pulled to the overall mean as if it had so many rows of it beside
SHRINK = 20.0
#: what the latest few events say, beside what all of them say
RECENT = 5.0  # events of half-life
YEAR_SECONDS = 365.25 * SESSION_SECONDS

USER_FEATURES = (
    "history_length",  # log(1 + known events)
    "session_length",  # log(1 + events of the last session)
    "session_share",  # events of the last session / known events
    "mean_rating",  # of the known events
    "liked_share",  # of the known events
)
ITEM_FEATURES = (
    "popularity",  # log(1 + likes)
    "item_liked_share",  # of the item's rows, pulled to the overall share
    "item_mean_rating",  # likewise
    "usual_place",  # mean of place / length in users' timelines
    "usual_count",  # mean of log(1 + events before it) in users' timelines
)
PAIR_FEATURES = (
    "count_gap",  # usual_count - history_length
    "genres_liked",  # cosine of the item's genres and those of the liked events
    "genres_recent",  # likewise, of the last few liked events
    "year_gap",  # |year of the item - mean year of the last few liked events| / 10
    "time_gap",  # years between the item's mean row and the user's last event
    "predicted_rating",  # of the item by the user
)
CONTEXT_FEATURES = (*USER_FEATURES, *ITEM_FEATURES, *PAIR_FEATURES)
#: fields of a context that are one array each
ARRAYS = ("items", "genres", "year", "time")


@dataclass(frozen=True)
class Context:
    """What some rows say about every item; with a user's history it gives the features above.

    Parameters
    ----------
    threshold
        A rating of at least this is liked; None: every event is.
    items
        Shape (n_items, item features).
    genres
        Shape (n_items, genres): unit rows; zeros where an item has none.
    year
        Shape (n_items,): year of release; NaN where unknown.
    time
        Shape (n_items,), float64: mean timestamp of the item's rows.
    ratings
        Predicts ratings.
    """

    threshold: float | None
    items: FloatArray
    genres: FloatArray
    year: FloatArray
    time: NDArray[np.float64]
    ratings: PredictedRatings

    @classmethod
    def fit(cls, rows: Interactions) -> Self:
        """Count over `rows`, the rows that the channels learn from."""
        counts = rows.item_counts()
        place, before = _places(rows)
        table = [
            np.log1p(rows.positives().item_counts()),
            _means(rows.item, rows.relevant, counts),
            _means(rows.item, rows.rating, counts),
            _means(rows.item, place, counts),
            _means(rows.item, np.log1p(before), counts),
        ]
        return cls(
            threshold=rows.threshold,
            items=np.stack(table, axis=1).astype(np.float32),
            genres=_genres(rows.dataset),
            year=_years(rows.dataset),
            time=_means(rows.item, rows.timestamp, counts),
            ratings=PredictedRatings.fit(rows),
        )

    def features(self, histories: Histories, items: IntArray) -> FloatArray:
        """Describe candidates.

        Parameters
        ----------
        histories
            n rows: what is known of the users.
        items
            Shape (n, width); padding (-1) gets the features of some item.

        Returns
        -------
        Shape (n, width, len(CONTEXT_FEATURES)), float32.
        """
        user, liked = self._users(histories), histories
        if self.threshold is not None:
            liked = histories.where(histories.ratings >= self.threshold)
        shape = (*items.shape, user.shape[1])
        own = self.items[items]
        gaps = [
            own[:, :, -1] - user[:, None, 0],
            self._likeness(liked, None, items),
            self._likeness(liked, RECENT, items),
            self._year_gap(liked, items),
            self._time_gap(histories, items),
            self.ratings(histories, items),
        ]
        parts = [np.broadcast_to(user[:, None, :], shape), own, np.stack(gaps, axis=2)]
        return np.concatenate(parts, axis=2, dtype=np.float32)

    def _users(self, histories: Histories) -> FloatArray:
        """Shape (n, user features)."""
        length = histories.lengths
        row, n = histories.row, len(histories)
        recent = histories.timestamps > self._last(histories)[row] - SESSION_SECONDS
        session = np.bincount(row[recent], minlength=n)
        some = np.maximum(length, 1)
        liked = np.ones(len(row), dtype=np.bool_)
        if self.threshold is not None:
            liked = histories.ratings >= self.threshold
        table = [
            np.log1p(length),
            np.log1p(session),
            session / some,
            np.bincount(row, weights=histories.ratings, minlength=n) / some,
            np.bincount(row[liked], minlength=n) / some,
        ]
        return np.stack(table, axis=1).astype(np.float32)

    def _last(self, histories: Histories) -> NDArray[np.float64]:
        """Shape (n,): time of each user's last event; of nobody known, that of the mean row."""
        last = np.full(len(histories), self.time.mean())
        some = histories.lengths > 0
        last[some] = histories.timestamps[histories.offsets[1:][some] - 1]
        return last

    def _likeness(self, liked: Histories, half_life: float | None, items: IntArray) -> FloatArray:
        weights = liked.matrix(len(self.year), age_weights(liked, half_life))
        profile = np.asarray(weights @ self.genres)
        length = np.linalg.norm(profile, axis=1, keepdims=True)
        likeness = (profile / np.maximum(length, 1e-12)) @ self.genres.T
        own: FloatArray = np.take_along_axis(likeness, np.maximum(items, 0), axis=1)
        return own

    def _year_gap(self, liked: Histories, items: IntArray) -> FloatArray:
        known = ~np.isnan(self.year)
        dated = liked.where(known[liked.items])
        weights = age_weights(dated, RECENT)
        n = len(dated)
        total = np.bincount(dated.row, weights=weights, minlength=n)
        years = np.bincount(dated.row, weights=weights * self.year[dated.items], minlength=n)
        middle = np.nanmean(self.year) if known.any() else 0.0
        mean = np.where(total > 0, years / np.where(total > 0, total, 1), middle)
        own = np.where(known, self.year, middle)[items]
        gap: FloatArray = (np.abs(own - mean[:, None]) / 10).astype(np.float32)
        return gap

    def _time_gap(self, histories: Histories, items: IntArray) -> FloatArray:
        gap = (self.time[items] - self._last(histories)[:, None]) / YEAR_SECONDS
        return gap.astype(np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the arrays by name, for a file."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays |= {"rating_mean": self.ratings.mean, "rating_items": self.ratings.items}
        return {f"context.{name}": array for name, array in arrays.items()}

    @classmethod
    def from_state(cls, threshold: float | None, arrays: Arrays, n: int) -> Self:
        """Take back what `state` gave for `n` items; raises what `saved_arrays.take` does."""
        ratings = PredictedRatings(
            take(arrays, "context.rating_mean", np.float32, ()),
            take(arrays, "context.rating_items", np.float32, (n, 1 + DIM)),
        )
        return cls(
            threshold,
            items=take(arrays, "context.items", np.float32, (n, len(ITEM_FEATURES))),
            genres=take(arrays, "context.genres", np.float32, (n, None)),
            year=take(arrays, "context.year", np.float32, (n,), finite=False),
            time=take(arrays, "context.time", np.float64, (n,)),
            ratings=ratings,
        )


def _places(rows: Interactions) -> tuple[NDArray[np.float64], TimeArray]:
    """Place in 0..1, and number of events before, of each row in its user's timeline."""
    order = np.argsort(rows.user, kind="stable")
    length = np.bincount(rows.user, minlength=rows.n_users)
    start = np.cumsum(length) - length
    before = np.empty(len(rows), dtype=np.int64)
    before[order] = np.arange(len(rows)) - start[rows.user[order]]
    return before / np.maximum(length[rows.user] - 1, 1), before


def _means(item: IntArray, values: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of each item's values, pulled to the overall mean, shape (n_items,)."""
    overall = float(np.mean(values, dtype=np.float64))
    total = np.bincount(item, weights=values - overall, minlength=len(counts))
    return overall + total / (counts + SHRINK)


def _genres(dataset: Dataset) -> FloatArray:
    column = dataset.item_columns.get("genres")
    if not isinstance(column, MultiCategorical):
        return np.zeros((dataset.n_items, 1), dtype=np.float32)
    item = np.repeat(np.arange(dataset.n_items), np.diff(column.offsets))
    shape = (dataset.n_items, len(column.vocabulary))
    table = sp.csr_matrix((np.ones(len(item), np.float32), (item, column.codes)), shape).toarray()
    length = np.linalg.norm(table, axis=1, keepdims=True)
    unit: FloatArray = table / np.maximum(length, np.float32(1e-12))
    return unit


def _years(dataset: Dataset) -> FloatArray:
    column = dataset.item_columns.get("year")
    if not isinstance(column, Numeric):
        return np.full(dataset.n_items, np.nan, dtype=np.float32)
    return column.values.astype(np.float32)
