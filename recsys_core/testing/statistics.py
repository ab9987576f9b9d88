"""What every statistic of an extension must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import Dataset, Numeric, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.features.columns import raw_values
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known
from recsys_core.features.past import Views
from recsys_core.features.queries import Queries
from recsys_core.features.statistics import Statistic, find_statistic
from recsys_core.testing.checks import hold, same
from recsys_core.testing.made import made_events


def check_statistic(name: str) -> None:
    """Check a registered statistic on made-up events, of users' and of items' histories.

    It gives a number per row, the same one each time, and, unless it looks ahead, one that nothing
    depends on which happens at the row's moment or later: neither the row's own rating.

    Raises
    ------
    AssertionError
        It does not; the message says what it does instead.
    """
    statistic = find_statistic(name)
    if statistic is None:
        raise AssertionError(f"no extension has registered a statistic '{name}'")
    hold(statistic.title.strip(), f"statistic '{name}' has no title")
    for source in ("user-history", "item-history"):
        if statistic.looks_ahead:
            _check_ahead(name, source)
        else:
            _check_past(name, source, statistic)


def _check_past(name: str, source: str, statistic: Statistic) -> None:
    data = made_events()
    feature = _feature(name, source)
    every = np.arange(data.n_interactions)
    values, times = _values(feature, data, every)
    hold(not np.isnan(values).all(), f"statistic '{name}' of {source} is missing in every row")
    same(values, _values(feature, data, every)[0], "asked twice, it says something else")
    for moment in np.quantile(times, [0.3, 0.7], method="lower"):
        later = data.timestamp >= moment
        rating = np.where(later, 6 - data.rating, data.rating).astype(np.float32)
        found, _ = _values(feature, replace(data, rating=rating), every)
        message = "it depends on the row's own rating, or on later ones"
        same(found[times <= moment], values[times <= moment], message)
        found, _ = _values(feature, data, np.flatnonzero(data.timestamp <= moment))
        same(found, values[times <= moment], "it depends on events after the row")
    if statistic.only_counts:
        found, _ = _values(feature, replace(data, rating=6 - data.rating), every)
        same(found, values, "only_counts=True, but it depends on ratings")


def _check_ahead(name: str, source: str) -> None:
    """Ask as a ranker of candidates does."""
    data = made_events()
    rows = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    known = Known.of(rows)
    users = np.arange(5, dtype=np.int32)
    requests = known.requests(users, known.histories().take(users))
    queries = Queries.of_requests(requests, np.arange(5), users)
    if source == "item-history":  # of users' histories there is no such scope
        feature = Feature.model_validate({**_feature(name, source).model_dump(), "scope": "known"})
        raw_values(feature, Views(queries, requests))


def _feature(name: str, source: str) -> Feature:
    statistic = find_statistic(name)
    scope = {"scope": "known"} if statistic is not None and statistic.looks_ahead else {}
    values = {"name": "checked", "source": source, "kind": "numeric", "column": name, **scope}
    return Feature.model_validate(values)


def _values(
    feature: Feature, data: Dataset, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], TimeArray]:
    """Compute a feature of rows in time order; and their times."""
    events = Interactions.in_time_order(data, rows, 4.0)
    try:
        found = raw_values(feature, Views(Queries.of_events(events), Known.of(events)))
    except InputError as error:
        raise AssertionError(error.problem) from error
    assert isinstance(found, Numeric)
    return found.values, events.timestamp
