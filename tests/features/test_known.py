"""Requests have histories of their own: each sees what a store made for it alone says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys_core.data.dataset import FloatArray, Numeric
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.features.columns import raw_values
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.feature import Feature
from recsys_core.features.known import COLUMNS, Known, Requests
from recsys_core.features.past import Views
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.statistics import STATISTICS
from tests.features.literal import DAY, EVENTS, N_ITEMS, N_USERS, dataset

#: requests: a user number (one more is a stranger), and events (item, rating, day)
REQUESTS = st.lists(
    st.tuples(
        st.integers(-1, N_USERS),
        st.lists(
            st.tuples(st.integers(0, N_ITEMS - 1), st.integers(1, 5), st.integers(0, 6)),
            max_size=4,
        ),
    ),
    min_size=1,
    max_size=4,
)
SOURCES = (
    ("user-history", ""),
    ("item-history", ""),
    ("user-history", "genres"),
    ("item-history", "gender"),
)
STATISTIC_FEATURES = [
    Feature(name="f", source=source, kind="numeric", column=name, by=by)
    for source, by in SOURCES
    for name, statistic in sorted(STATISTICS.items())
    if not statistic.looks_ahead
] + [
    Feature(name="f", source="user-history", kind="numeric", **fields)
    for half_life in (None, 2)
    for fields in (
        {"column": "similarity", "by": "genres", "half_life": half_life},
        {"column": "gap", "by": "year", "half_life": half_life},
    )
]
OTHERS = [
    {"name": "item_id", "source": "item", "kind": "categorical"},
    {"name": "user_id", "source": "user", "kind": "categorical"},
    {
        "name": "genres3",
        "source": "user-history",
        "kind": "multi",
        "column": "favourites",
        "by": "genres",
    },
    {
        "name": "gender3",
        "source": "item-history",
        "kind": "multi",
        "column": "favourites",
        "by": "gender",
    },
    {
        "name": "liked",
        "source": "user-history",
        "kind": "sequence",
        "share_embedding": "item_id",
        "max_len": 3,
    },
    {"name": "all", "source": "user-history", "kind": "sequence", "weight": "rating", "max_len": 3},
    {"name": "fans", "source": "item-history", "kind": "sequence", "column": "liked", "max_len": 3},
    {"name": "seen", "source": "item-history", "kind": "sequence", "column": "all", "max_len": 2},
]


def histories_of(made: list[tuple[int, list[tuple[int, int, int]]]]) -> Histories:
    rows = [sorted(events, key=lambda event: event[2]) for _, events in made]
    flat = [event for row in rows for event in row]
    return Histories(
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        items=np.array([event[0] for event in flat], np.int32),
        ratings=np.array([event[1] for event in flat], np.float32),
        timestamps=np.array([event[2] for event in flat], np.int64) * DAY,
    )


def alone(everybody: Known, user: int, history: Histories) -> Known:
    """A store in which one request's history stands in the place of what the user did."""
    kept = everybody.user != user
    n = len(history.items)
    relevant = np.ones(n, np.bool_)
    if everybody.threshold is not None:
        relevant = history.ratings >= everybody.threshold
    brought = (
        np.full(n, user, np.int32),
        history.items,
        history.ratings,
        history.timestamps,
        relevant,
        np.full(n, -1, np.int64),
    )
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(everybody, name)[kept], new])
        for name, new in zip(COLUMNS, brought, strict=True)
    }
    return Known(everybody.dataset, **columns, threshold=everybody.threshold)


@settings(max_examples=30)
@given(EVENTS, REQUESTS)
@example([(0, 0, 5, 0), (0, 0, 3, 1), (1, 0, 2, 1)], [(0, [(0, 1, 6)]), (0, []), (1, [(0, 5, 6)])])
def test_requests_see_what_each_would_see_alone(
    events: list[tuple[int, int, int, int]],
    made: list[tuple[int, list[tuple[int, int, int]]]],
) -> None:
    data = dataset(events)
    rows = Interactions.in_time_order(data, np.arange(len(events)), 4.0)
    everybody, histories = Known.of(rows), histories_of(made)
    users = np.array([user for user, _ in made])
    requests = everybody.requests(users, histories)
    every = np.repeat(np.arange(len(made)), N_ITEMS)
    items = np.tile(np.arange(N_ITEMS), len(made))
    queries = Queries.of_requests(requests, every, items)
    schema = FeatureSchema.model_validate({"name": "s", "features": OTHERS})
    encoder = FeatureEncoder.fit(schema, Queries.of_events(rows), everybody)
    together = [numbers(each, queries, requests) for each in STATISTIC_FEATURES]
    encoded = laid_out(encoder, queries, requests)
    for place, user in enumerate(np.where(users < 0, N_USERS, users).tolist()):
        mine = np.flatnonzero(every == place)
        own = alone(everybody, user, histories.take(np.array([place])))
        question = Queries(
            data,
            np.full(N_ITEMS, user, np.int32),
            items[mine].astype(np.int32),
            queries.timestamp[mine],
            np.full(N_ITEMS, -1, np.int64),
            after=True,
        )
        for each, values in zip(STATISTIC_FEATURES, together, strict=True):
            expected = numbers(each, question, own)
            np.testing.assert_allclose(values[mine], expected, atol=1e-6, err_msg=str(each.facts()))
        assert [encoded[row] for row in mine] == laid_out(encoder, question, own)


def numbers(each: Feature, queries: Queries, known: Known | Requests) -> FloatArray:
    values = raw_values(each, Views(queries, known))
    assert isinstance(values, Numeric)
    return values.values


def laid_out(encoder: FeatureEncoder, queries: Queries, known: Known | Requests) -> list[object]:
    """Per row, the table rows and weights of every field, oldest event first."""
    rows = encoder.encode(queries, known)
    tables = [
        [
            (
                table.single[owner].tolist(),
                table.weighted[owner][table.weights[owner] != 0].tolist(),
                table.weights[owner][table.weights[owner] != 0].tolist(),
            )
            for owner in owners
        ]
        for table, owners in zip(rows.tables, rows.owners, strict=True)
    ]
    sequences = [
        [
            [
                (each.index[place], each.weight[place])
                for place in range(max(start, end - each.length), end)
            ]
            for start, end in zip(each.start.tolist(), each.end.tolist(), strict=True)
        ]
        for each in rows.sequences
    ]
    return list(zip(*tables, *sequences, strict=True))


def test_the_time_of_a_request_can_be_given() -> None:
    data = dataset([(0, 0, 5, 0), (1, 0, 2, 3), (2, 0, 4, 5)])
    known = Known.of(Interactions.in_time_order(data, np.arange(3), 4.0))
    history = histories_of([(0, [(1, 5, 2)])])
    count = Feature(name="count", source="item-history", kind="numeric")
    for day, expected in ((None, 0), (4, 1), (6, 2)):
        asked = None if day is None else np.array([day * DAY])
        requests = known.requests(np.array([0]), replace(history, asked=asked))
        queries = Queries.of_requests(requests, np.array([0]), np.array([0]))
        assert numbers(count, queries, requests).tolist() == [expected]


def test_a_request_does_not_sort_or_add_up_the_events_of_the_data_set_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a first request the store is only searched: what is sorted is the requests' events."""
    rng = np.random.default_rng(0)
    n = 5_000
    columns = (rng.integers(0, most, n).tolist() for most in (N_USERS, N_ITEMS, 5))
    data = dataset([(u, i, 1 + r, day) for day, (u, i, r) in enumerate(zip(*columns, strict=True))])
    known = Known.of(Interactions.in_time_order(data, np.arange(n), 4.0))
    schema = FeatureSchema.model_validate(
        {
            "name": "s",
            "features": OTHERS
            + [
                {
                    "name": f"f{number}",
                    **each.model_dump(include={"source", "kind", "column", "by"}),
                }
                for number, each in enumerate(STATISTIC_FEATURES)
            ],
        }
    )
    some = Interactions.in_time_order(data, np.arange(100), 4.0)
    encoder = FeatureEncoder.fit(schema, Queries.of_events(some), known)

    def ask() -> None:
        requests = known.requests(np.array([-1]), histories_of([(-1, [(0, 5, n), (1, 2, n + 1)])]))
        encoder.encode(Queries.of_requests(requests, np.zeros(4, int), np.arange(4)), requests)

    ask()
    sizes: list[int] = []
    for name in ("lexsort", "cumsum"):
        real = getattr(np, name)

        def noted(array: Any, *rest: Any, real: Any = real, **named: Any) -> Any:
            sizes.append(np.shape(array)[-1])
            return real(array, *rest, **named)

        monkeypatch.setattr(np, name, noted)
    ask()
    assert sizes
    assert max(sizes) < 50
