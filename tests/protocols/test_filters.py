"""Filters, relevance, and what all protocols promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.protocols.base import k_core
from recsys_core.protocols.registry import make_protocol, protocol_class, protocol_names
from tests.protocols.build import dataset, random_dataset, split

NAMES = ["user-timeline", "global-timeline", "leave-last-out", "random-rows", "random-per-user"]
#: protocols that need more than ratings and times
OTHERS = ["held-out-users", "cold-items", "given"]


def kept_rows(data: Dataset, **parameters: Any) -> list[int]:
    cut = make_protocol({"name": "random-rows", "relevance": None, **parameters}).split(data)
    return sorted(np.concatenate([cut.train.rows, cut.valid.rows, cut.test.rows]).tolist())


def test_names_are_the_fixed_ones() -> None:
    assert protocol_names() == [*NAMES, *OTHERS]


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_every_field_is_described_and_every_protocol_says_what_it_leaks(name: str) -> None:
    protocol = protocol_class(name)
    assert protocol.leaks.startswith(("Leaks ", "As given: "))
    assert protocol.leaks.endswith(".")
    for field in protocol.model_fields.values():
        assert field.description


def test_rating_filters() -> None:
    data = dataset([(i % 3, i, float(1 + i % 5), i) for i in range(50)])
    ratings = data.rating
    assert set(ratings[kept_rows(data, drop_ratings=[3])]) == {1, 2, 4, 5}
    assert set(ratings[kept_rows(data, min_rating=3)]) == {3, 4, 5}
    assert set(ratings[kept_rows(data, min_rating=2, drop_ratings=[3, 5])]) == {2, 4}


def test_k_core_goes_on_until_nothing_falls() -> None:
    """Users 0-2 rate items 0-2 and stay; 3 falls with item 3, then 4 with 3's fall, and so on."""
    block = [(u, i) for u in range(3) for i in range(3)]
    chain = [(3, 0), (3, 3), (4, 3), (4, 4), (5, 4)]  # user 5 has one row, so all unravels
    user, item = (np.array(side, dtype=np.int32) for side in zip(*block, *chain, strict=True))
    every = np.ones(len(user), dtype=np.bool_)
    assert k_core(user, item, every, every, 2).tolist() == [True] * 9 + [False] * 5


def test_k_core_may_count_relevant_rows_alone() -> None:
    """User 2 has three rows but no liked one: out, with k_core_of relevant; all else stays."""
    liked = [(u, i, 5.0, 0) for u in (0, 1) for i in range(10)]
    data = dataset([*liked, *((2, i, 1.0, 0) for i in range(3))])
    counted = {"k_core": 2, "relevance": 4}
    assert len(kept_rows(data, **counted, k_core_of="rows")) == 23
    assert kept_rows(data, **counted, k_core_of="relevant") == list(range(20))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(2, 6))
def test_k_core_is_the_largest_such_subset(seed: int, k: int) -> None:
    """Every user and item left has k rows, and removing one at a time ends at the same rows."""
    rng = np.random.default_rng(seed)
    user, item = (rng.integers(0, 12, 60).astype(np.int32) for _ in range(2))
    every = np.ones(60, dtype=np.bool_)
    kept = k_core(user, item, every, every, k)
    one_by_one = every.copy()
    while True:
        for ids in (user, item):
            counts = np.bincount(ids[one_by_one], minlength=12)
            weak = np.flatnonzero((counts > 0) & (counts < k))
            if len(weak):
                one_by_one &= ids != weak[0]
                break
        else:
            break
    assert kept.tolist() == one_by_one.tolist()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    name=st.sampled_from(NAMES),
    k=st.integers(1, 4),
    dropped=st.sampled_from([[], [3], [1, 2]]),
)
def test_no_row_is_in_two_parts(seed: int, name: str, k: int, dropped: list[float]) -> None:
    data = random_dataset(seed)
    protocol = make_protocol({"name": name, "k_core": k, "drop_ratings": dropped})
    cut = protocol.split(data)
    parts = (cut.train, cut.valid, cut.test)
    rows = np.concatenate([part.rows for part in parts])
    assert len(np.unique(rows)) == len(rows)
    left_out = cut.counts["filtered_rows"] + cut.counts.get("dropped_cold_rows", 0)
    assert len(rows) + left_out == data.n_interactions
    for part in parts:
        assert not np.isin(part.rating, dropped).any()
        order = np.lexsort((part.rows, part.timestamp))
        assert order.tolist() == list(range(len(part)))
    again = protocol.split(replace(data, name="the same under another name"))
    assert again.fingerprint == cut.fingerprint


def test_the_fingerprint_knows_the_rows_of_each_part_and_not_their_order() -> None:
    data = random_dataset(1)
    one = split(data, range(300), range(300, 400), range(400, 600))
    train = Interactions(data, one.train.rows[::-1].copy(), one.threshold)
    assert replace(one, train=train).fingerprint == one.fingerprint
    moved = split(data, range(301), range(301, 400), range(400, 600))
    swapped = replace(one, valid=one.test, test=one.valid)
    looser = split(data, range(300), range(300, 400), range(400, 600), threshold=3.0)
    others = {moved.fingerprint, swapped.fingerprint, looser.fingerprint}
    assert len(others | {one.fingerprint}) == 4


def test_relevance() -> None:
    data = random_dataset(2)
    for relevance, expected in ((4, data.rating >= 4), (5, data.rating >= 5), (None, True)):
        cut = make_protocol({"name": "random-rows", "relevance": relevance}).split(data)
        assert (cut.train.relevant == np.broadcast_to(expected, 600)[cut.train.rows]).all()


def test_without_ratings_every_event_is_relevant() -> None:
    rows = [(u, i, 1.0, i) for u in range(4) for i in range(25)]
    cut = make_protocol({"name": "user-timeline"}).split(dataset(rows, explicit=False))
    assert cut.threshold is None
    assert cut.train.relevant.all()


def block(users: int, items: int, rating: float = 5.0) -> Dataset:
    return dataset([(u, i, rating, i) for u in range(users) for i in range(items)])


@pytest.mark.parametrize(
    ("data", "values", "message"),
    [
        (block(1, 40), {}, "1 user after filtering, at least 2 are needed"),
        (block(40, 1), {}, "1 item after filtering, at least 2 are needed"),
        (dataset([]), {}, "0 users after filtering"),
        (block(5, 5), {"k_core": 6}, "0 users after filtering"),
        (block(9, 9, 3.5), {}, "relevance = 4, but no rating is above 3.5"),
        (block(2, 2), {}, "the validation part is empty"),
        (
            dataset([(u, i, 5.0 if i < 20 else 1.0, i) for u in (0, 1) for i in range(25)]),
            {"name": "user-timeline"},
            "the test part has no row rated 4 or above",
        ),
        (
            dataset([(u, i, 1.0 if i < 21 else 5.0, i) for u in (0, 1) for i in range(25)]),
            {"name": "user-timeline"},
            "the train part has no row rated 4 or above",
        ),
        (
            dataset([(u, i, 1.0, i) for u in (0, 1) for i in range(25)], explicit=False),
            {"min_rating": 3},
            "filters by rating, but data set 'tiny' has none",
        ),
    ],
)
def test_too_little_data_is_refused_with_a_remedy(
    data: Dataset, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_protocol({"name": "random-rows", **values}).split(data)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "user-timline"}, "unknown protocol 'user-timline'\ndid you mean 'user-timeline'"),
        ({}, "protocol: 'name' is missing"),
        ({"name": 3}, "protocol: 'name' is 3"),
        ({"name": "random-rows", "kcore": 5}, "did you mean 'k_core'"),
        ({"name": "random-rows", "k_core": 0}, "k_core = 0: input should be greater"),
        ({"name": "random-rows", "test_share": 0.5}, "test_share = 0.5"),
        ({"name": "user-timeline", "relevance": float("nan")}, "relevance = nan"),
        ({"name": "user-timeline", "unit": "days"}, "unknown field of protocol user-timeline"),
    ],
)
def test_bad_parameters_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_protocol(values)
