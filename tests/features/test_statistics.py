"""What happened before a row, against loops over lists, with many events at the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys_core.data.dataset import IntArray, MultiCategorical, Numeric
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.errors import InputError
from recsys_core.features.columns import raw_values
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known
from recsys_core.features.past import Past, Vector, Views
from recsys_core.features.queries import Queries
from recsys_core.features.statistics import STATISTICS, register_statistic
from tests.features.literal import (
    DAY,
    EVENTS,
    LITERAL,
    World,
    dataset,
    favourite_genres,
    history,
    sharing,
    world,
)
from tests.protocols.build import dataset as rated

#: the last third of a small world, of which nothing is asked
UNASKED = [(1, 0, 1, 0), (1, 1, 1, 1)]
#: what a statistic is taken of: source, side, attribute
SOURCES = [
    ("user-history", "user", ""),
    ("item-history", "item", ""),
    ("user-history", "user", "genres"),
    ("user-history", "user", "year"),
    ("item-history", "item", "gender"),
]


def feature(name: str, source: str, **fields: Any) -> Feature:
    values = {"name": name, "source": source, "kind": "numeric", "column": name, **fields}
    return Feature.model_validate(values)


def numbers(some: World, wanted: Feature) -> list[float]:
    values = raw_values(wanted, Views(some.queries, some.known))
    assert isinstance(values, Numeric)
    found: list[float] = values.values.tolist()
    return found


def at_request(known: Known, users: IntArray, items: IntArray) -> Views:
    """Ask about one candidate of each of some users, with what is known of them."""
    requests = known.requests(users, known.histories().take(users))
    return Views(Queries.of_requests(requests, np.arange(len(users)), items), requests)


def same(found: Sequence[float], expected: Sequence[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True)


def test_every_statistic_has_a_literal_twin() -> None:
    # those of timelines are in test_requests
    assert set(STATISTICS) == {*LITERAL, "usual_count", "usual_place"}


@settings(max_examples=60)
@given(EVENTS, st.booleans())
def test_statistics(events: list[tuple[int, int, int, int]], train: bool) -> None:
    some = world(events, train=train)
    views = Views(some.queries, some.known)
    for source, side, by in SOURCES:
        for name, literal in LITERAL.items():
            values = raw_values(feature(name, source, by=by), views)
            assert isinstance(values, Numeric)
            expected = []
            for row in some.asked:
                past = history(row, some, side, "earlier")
                expected.append(literal(row, sharing(row, past, by) if by else past))
            same(values.values.tolist(), expected)


@settings(max_examples=40)
@given(EVENTS, st.booleans())
def test_counts_of_all_others(events: list[tuple[int, int, int, int]], train: bool) -> None:
    some = world(events, train=train)
    expected = [float(len(history(row, some, "user", "others"))) for row in some.asked]
    same(numbers(some, feature("count", "user-history", scope="others")), expected)


@settings(max_examples=40)
@example([(1, 1, 4, 0), (1, 1, 4, 0), (1, 3, 4, 0), (0, 0, 1, 0), (1, 0, 1, 1)], False)
@given(EVENTS, st.booleans())
def test_favourite_genres(events: list[tuple[int, int, int, int]], train: bool) -> None:
    some = world(events, train=train)
    wanted = feature("favourites", "user-history", kind="multi", by="genres")
    values = raw_values(wanted, Views(some.queries, some.known))
    assert isinstance(values, MultiCategorical)
    parts = np.split(values.vocabulary[values.codes], values.offsets[1:-1])
    expected = [favourite_genres(history(row, some, "user", "earlier")) for row in some.asked]
    assert [part.tolist() for part in parts] == expected


def test_by_hand() -> None:
    """One user: 5 stars on day 0; 2 and 3 stars on day 2; 4 stars on day 3."""
    some = world([(0, 0, 5, 0), (0, 1, 2, 2), (0, 2, 3, 2), (0, 3, 4, 3), *UNASKED], train=True)
    assert [row.time // DAY for row in some.asked] == [0, 2, 2, 3]
    same(numbers(some, feature("count", "user-history")), [0, 1, 1, 3])
    same(
        numbers(some, feature("rating_mean", "user-history")),
        [float("nan"), 5, 5, (5 + 2 + 3) / 3],
    )
    # the mean of 5, 2, 3 is 10/3: (5/3)^2 + (4/3)^2 + (1/3)^2 = 42/9, divided by 3
    variance = numbers(some, feature("rating_variance", "user-history"))
    same(variance, [float("nan"), 0, 0, 42 / 27])
    same(numbers(some, feature("days_since_last", "user-history")), [float("nan"), 2, 2, 1])


@settings(max_examples=40)
@given(EVENTS)
def test_a_row_never_sees_itself(events: list[tuple[int, int, int, int]]) -> None:
    """Turning a row's own rating around changes no feature of it, whatever the scope."""
    some = world(events, train=True)
    wanted = [feature(name, source, by=by) for source, _, by in SOURCES for name in LITERAL]
    wanted.append(feature("count", "user-history", scope="others"))
    for place, row in enumerate(some.asked):
        turned = list(events)
        turned[row.number] = (row.user, row.item, 6 - int(row.rating), row.time // DAY)
        other = world(turned, train=True)
        for each in wanted[:: max(1, len(wanted) // 4)]:
            same([numbers(some, each)[place]], [numbers(other, each)[place]])


def test_variance_loses_no_digits() -> None:
    """Ratings far from zero: 1000.0, 1000.1, 999.9 over 100,000 events."""
    n = 100_000
    data = dataset([(0, 0, 5, 0), (1, 1, 5, 1)])
    rating = (1000 + np.tile([0, 0.125, -0.125], n // 3 + 1)[:n]).astype(np.float32)
    zeros = np.zeros(n, np.int32)
    known = Known(
        data, zeros, zeros, rating, np.arange(n), rating > 0, np.full(n, -1, dtype=np.int64)
    )
    views = at_request(known, np.array([0]), np.array([0]))
    values = raw_values(feature("rating_variance", "user-history"), views)
    assert isinstance(values, Numeric)
    assert values.values[0] == pytest.approx(2 / 3 * 0.125**2, rel=1e-4)


def test_equal_ratings_have_no_variance_whatever_was_summed_before() -> None:
    """What other users rated leaves rounding errors in sums, and no edge may lie among them."""
    rows = [(user, 0, 0.1 * (1 + user), time) for user in range(40) for time in range(3)]
    known = Known.of(Interactions.in_time_order(rated(rows), np.arange(120), 4.0))
    views = at_request(known, np.arange(40, dtype=np.int32), np.zeros(40, dtype=np.int32))
    values = raw_values(feature("rating_variance", "user-history"), views)
    assert isinstance(values, Numeric)
    assert not values.values.any()


def test_a_new_statistic_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recsys_core.features.statistics.STATISTICS", dict(STATISTICS))
    monkeypatch.setattr("recsys_core.features.feature.STATISTICS", known := dict(STATISTICS))
    monkeypatch.setattr("recsys_core.features.statistics.STATISTICS", known)

    @register_statistic("fives", title="number of five-star ratings")
    def fives(past: Past) -> Vector:
        return past.sum(lambda known: known.rating == 5)

    some = world([(0, 0, 5, 0), (0, 1, 2, 1), (0, 2, 5, 2), (0, 3, 1, 3), *UNASKED], train=True)
    same(numbers(some, feature("fives", "user-history")), [0, 1, 1, 2])
    with pytest.raises(InputError, match="statistic 'count' is registered twice"):
        register_statistic("count", title="mine")(fives)


@pytest.mark.parametrize(
    "name", ["rating_mean", "positive_count", "positive_share", "days_since_last"]
)
def test_totals_of_labels_have_no_scope_others(name: str) -> None:
    with pytest.raises(ValueError, match=r"'others' is only for sequences and counts.*row's label"):
        feature(name, "user-history", scope="others")


def test_a_request_sees_what_its_user_did_up_to_its_last_event() -> None:
    data = dataset([(0, 0, 5, 0), (0, 1, 2, 2), (1, 0, 3, 4), (1, 2, 5, 1)])
    known = Known.of(Interactions.in_time_order(data, np.arange(4), 4.0))
    users, items = np.array([0, 0, 1, 2]), np.array([2, 3, 0, 0])
    views = at_request(known, users, items)
    days = views.queries.timestamp // DAY
    assert days.tolist() == [2, 2, 4, 4]  # user 2: the last of all
    for name, source, expected in (
        ("count", "user-history", [2, 2, 2, 0]),
        ("days_since_last", "user-history", [0, 0, 0, float("nan")]),
        ("count", "item-history", [1, 0, 2, 2]),  # item 2 was rated on day 1, before day 2
    ):
        values = raw_values(feature(name, source), views)
        assert isinstance(values, Numeric)
        same(values.values.tolist(), expected)


@settings(max_examples=25)
@given(EVENTS)
def test_a_request_has_the_features_of_an_event_right_after(
    events: list[tuple[int, int, int, int]],
) -> None:
    """Served after everything known, a pair has the features of an event a second later."""
    data = dataset([*events, (0, 1, 5, 6), (1, 2, 5, 6), (2, 3, 5, 6)])
    n = len(events)
    before = Interactions.in_time_order(data, np.arange(n), 4.0)
    known = Known.of(before)
    rows = Interactions.in_time_order(data, np.arange(n, n + 3), 4.0)
    trained = Queries.of_events(rows)
    served = at_request(known, rows.user, rows.item)
    moment = known.timestamp.max()
    trained.timestamp[:] = moment + 1
    served.queries.timestamp[:] = moment
    for source, _, by in SOURCES:
        for name in ("count", "rating_mean", "rating_variance", "positive_share"):
            wanted = feature(name, source, by=by)
            one, other = raw_values(wanted, Views(trained, known)), raw_values(wanted, served)
            assert isinstance(one, Numeric)
            assert isinstance(other, Numeric)
            np.testing.assert_array_equal(one.values, other.values)


def test_users_outside_the_data_set_are_served_from_their_history() -> None:
    data = dataset([(0, 0, 5, 0), (1, 1, 2, 2)])
    known = Known.of(Interactions.in_time_order(data, np.arange(2), 4.0))
    newcomers = Histories(
        offsets=np.array([0, 2, 2]),
        items=np.array([0, 1], np.int32),
        ratings=np.array([4, 1], np.float32),
        timestamps=np.array([DAY, 3 * DAY]),
    )
    users = np.array([data.n_users, data.n_users + 1])
    requests = known.requests(users, newcomers)
    queries = Queries.of_requests(requests, np.array([0, 1]), np.array([1, 1]))
    assert (queries.timestamp // DAY).tolist() == [3, 2]  # nothing known: the last event of all
    views = Views(queries, requests)
    for name, expected in (("count", [2, 0]), ("rating_mean", [2.5, float("nan")])):
        values = raw_values(feature(name, "user-history"), views)
        assert isinstance(values, Numeric)
        same(values.values.tolist(), expected)


def test_given_columns_have_a_number_a_row() -> None:
    data = dataset([(0, 0, 5, 0), (1, 1, 2, 2)])
    rows = Interactions.in_time_order(data, np.arange(2), 4.0)
    with pytest.raises(
        InputError, match=r"given column 'score' has shape \(1,\), there are 2 rows"
    ):
        Queries.of_events(rows, {"score": np.zeros(1, np.float32)})
    wanted = Feature.model_validate({"name": "score", "source": "given", "kind": "numeric"})
    queries = Queries.of_events(rows, {"score": np.array([0.5, 2], np.float32)})
    values = raw_values(wanted, Views(queries, Known.of(rows)))
    assert isinstance(values, Numeric)
    assert values.values.tolist() == [0.5, 2]
    with pytest.raises(InputError, match=r"without the column 'score'\n.*given: none"):
        raw_values(wanted, Views(Queries.of_events(rows), Known.of(rows)))
