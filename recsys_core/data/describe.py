"""A data set in figures: plain values for lists, reports and screens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Vectors,
)

#: up to so many distinct ratings are counted one by one, more are put into ten bins
MOST_LEVELS = 20
#: points and bins of the plots
RANKS, PERIODS = 200, 60
QUANTILES = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "max": 1.0}


def describe(dataset: Dataset) -> dict[str, Any]:
    """Describe a data set.

    Returns
    -------
    Plain values that JSON can hold: counts, density, time span, rating histogram, quantiles of
    the events a user and an item have, how unequal items are (gini, share of the most popular),
    missing shares of attributes, and points of the curves that `plots` draw.
    """
    users = np.bincount(dataset.user, minlength=dataset.n_users)
    items = np.bincount(dataset.item, minlength=dataset.n_items)
    pairs = dataset.n_interactions - dataset.n_repeats
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "synthetic": dataset.synthetic,
        "explicit": dataset.explicit,
        "labelled": dataset.labelled,
        "timed": dataset.timed,
        "interactions": dataset.n_interactions,
        "users": dataset.n_users,
        "items": dataset.n_items,
        "items_without_events": int(np.count_nonzero(items == 0)),
        "density": pairs / (dataset.n_users * dataset.n_items),
        "time": _time_span(dataset) if dataset.timed else None,
        "ratings": _histogram(dataset.rating) if dataset.explicit else None,
        "repeats": dataset.n_repeats,
        "events_per_user": _activity(users),
        "events_per_item": _activity(items),
        "popularity": _popularity(items),
        "attributes": {
            "user": {name: _attribute(column) for name, column in dataset.user_columns.items()},
            "item": {name: _attribute(column) for name, column in dataset.item_columns.items()},
            **_of_events(dataset),
        },
        "plots": {
            "history_length": _lengths(users),
            "item_popularity": _ranked(items),
            "ratings_over_time": _periods(dataset.timestamp) if dataset.timed else None,
        },
    }


def _time_span(dataset: Dataset) -> dict[str, Any]:
    first, last = int(dataset.timestamp.min()), int(dataset.timestamp.max())
    moments = np.stack([dataset.user.astype(np.int64), dataset.timestamp], axis=1)
    order = np.lexsort((moments[:, 1], moments[:, 0]))
    same = np.all(moments[order[1:]] == moments[order[:-1]], axis=1)
    shared = np.zeros(len(order), np.bool_)
    shared[1:] |= same
    shared[:-1] |= same
    return {
        "first": datetime.fromtimestamp(first, UTC).isoformat(),
        "last": datetime.fromtimestamp(last, UTC).isoformat(),
        "days": (last - first) / 86_400,
        "shared_moments": float(shared.mean()),
    }


def _histogram(rating: NDArray[np.float32]) -> list[dict[str, float]]:
    """Count each rating, or bins (`rating` is the lower bound) where there are many."""
    levels, counts = np.unique(rating, return_counts=True)
    if len(levels) > MOST_LEVELS:
        counts, edges = np.histogram(rating, bins=10)
        levels = edges[:-1].astype(np.float32)
    return [
        {"rating": level, "count": count, "share": count / len(rating)}
        for level, count in zip(levels.tolist(), counts.tolist(), strict=True)
    ]


def _activity(counts: NDArray[np.int64]) -> dict[str, float]:
    values = np.quantile(counts, list(QUANTILES.values())).tolist()
    return {**dict(zip(QUANTILES, values, strict=True)), "mean": float(counts.mean())}


def _popularity(counts: NDArray[np.int64]) -> dict[str, float]:
    ascending = np.sort(counts)
    n = len(ascending)
    weighted = float(np.sum((2 * np.arange(1, n + 1) - n - 1) * ascending))

    def top(share: float) -> float:
        most = ascending[-max(1, round(n * share)) :]
        return float(most.sum() / ascending.sum())

    return {
        "gini": weighted / (n * float(ascending.sum())),
        "top_1_percent": top(0.01),
        "top_10_percent": top(0.1),
    }


def _lengths(users: NDArray[np.int64]) -> list[dict[str, int]]:
    """Count the users with 1 event, 2 to 3, 4 to 7, …; without the empty ranges at either end."""
    powers = np.frexp(users[users > 0])[1] - 1  # floor(log2(n)), exact
    first, counts = int(powers.min()), np.bincount(powers - powers.min()).tolist()
    return [
        {"least": 2**power, "most": 2 ** (power + 1) - 1, "users": count}
        for power, count in enumerate(counts, first)
    ]


def _ranked(items: NDArray[np.int64]) -> list[dict[str, int]]:
    """Take the events of items from the best known (rank 1) to the least, at most `RANKS`."""
    descending = np.sort(items)[::-1]
    ranks = np.unique(np.linspace(0, len(items) - 1, min(RANKS, len(items))).round().astype(int))
    pairs = zip(ranks.tolist(), descending[ranks].tolist(), strict=True)
    return [{"rank": rank + 1, "events": events} for rank, events in pairs]


def _periods(timestamp: NDArray[np.int64]) -> dict[str, Any]:
    """Count the ratings of equal periods from the first to the last; one when all are at once."""
    span = int(timestamp.max() - timestamp.min())
    counts, _ = np.histogram(timestamp, bins=PERIODS if span else 1)
    return {"days": span / len(counts) / 86_400, "counts": counts.tolist()}


def _attribute(column: Column) -> dict[str, Any]:
    """Tell an attribute's kind, the share of rows without it, and how many values it has."""
    if isinstance(column, Categorical):
        return _summary("one of", column.codes < 0, len(column.vocabulary))
    if isinstance(column, MultiCategorical):
        return _summary("any of", np.diff(column.offsets) == 0, len(column.vocabulary))
    if isinstance(column, Numeric):
        missing = np.isnan(column.values)
        return _summary("number", missing, len(np.unique(column.values[~missing])))
    if isinstance(column, Vectors):
        absent = np.isnan(column.values[:, :1]).ravel()  # of a vector all numbers or none are
        return _summary("vector", absent, column.values.shape[1])
    missing = column.values == ""
    return _summary("text", missing, len(np.unique(column.values[~missing])))


def _of_events(dataset: Dataset) -> dict[str, Any]:
    columns = dataset.event_columns
    return {"event": {name: _attribute(x) for name, x in columns.items()}} if columns else {}


def _summary(kind: str, missing: NDArray[np.bool_], values: int) -> dict[str, Any]:
    return {"kind": kind, "missing": float(missing.mean()), "values": values}
