"""Novelty, popularity, diversity, coverage and gini: by hand and against literal code."""

from __future__ import annotations

from itertools import combinations
from math import log2, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data.dataset import Categorical
from recsys_core.evaluation.beyond import catalogue_metrics, genre_masks, gini, list_metrics
from recsys_core.protocols.split import Split
from tests.protocols.build import dataset, split

GENRES = [["drama"], ["drama", "war"], ["comedy"], [], ["war", "drama"]]


@pytest.fixture
def cut() -> Split:
    """Train: item 0 known to users 0, 1, 2, item 1 to 0, item 2 to 1, item 4 to 2; item 3 is new.

    User 3 has no train row. Six train rows, a catalogue of four items, three train users.
    """
    pairs = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 2), (2, 4), (3, 3), (3, 0)]
    data = dataset([(u, i, 5.0, t) for t, (u, i) in enumerate(pairs)], genres=GENRES)
    return split(data, range(6), [6], [7])


def test_novelty_and_popularity_by_hand(cut: Split) -> None:
    """p of item 0 is (3 + 1) / (6 + 4), of items 1, 2, 4 (1 + 1) / (6 + 4)."""
    values = list_metrics(np.array([[0, 1, 2], [4, -1, -1]]), cut, [1, 3])
    common, rare = -log2(4 / 10), -log2(2 / 10)
    assert values["novelty@1"].tolist() == pytest.approx([common, rare])
    assert values["novelty@3"].tolist() == pytest.approx([(common + 2 * rare) / 3, rare])
    assert values["popularity@1"].tolist() == pytest.approx([3 / 3, 1 / 3])
    assert values["popularity@3"].tolist() == pytest.approx([(3 + 1 + 1) / 3 / 3, 1 / 3])


def test_the_probabilities_of_novelty_sum_to_one(cut: Split) -> None:
    items = np.flatnonzero(cut.catalogue)[:, None].astype(np.int32)
    assert np.exp2(-list_metrics(items, cut, [1])["novelty@1"]).sum() == pytest.approx(1)


def test_a_user_who_rates_an_item_twice_knows_it_once() -> None:
    data = dataset([(0, 0, 5.0, 0), (0, 0, 4.0, 1), (1, 1, 5.0, 2), (0, 1, 5.0, 3)])
    twice = split(data, [0, 1, 2], [], [3])
    values = list_metrics(np.array([[0]]), twice, [1])
    assert values["popularity@1"].tolist() == [1 / 2]
    assert values["novelty@1"].tolist() == pytest.approx([-log2((2 + 1) / (3 + 2))])


def test_diversity_by_hand(cut: Split) -> None:
    """Items 0 and 1 share drama of drama, war: distance 1/2; item 2 shares nothing; 1 equals 4.

    Nothing is known of item 3: its pairs are left out.
    """
    lists = np.array([[0, 1, 2, 4], [3, 0, 1, -1], [0, 3, -1, -1], [1, 4, -1, -1]])
    values = list_metrics(lists, cut, [1, 2, 3, 4])
    assert np.isnan(values["diversity@1"]).all()
    assert values["diversity@2"].tolist() == pytest.approx([1 / 2, nan, nan, 0], nan_ok=True)
    assert values["diversity@3"].tolist() == pytest.approx(
        [(1 / 2 + 1 + 1) / 3, 1 / 2, nan, 0], nan_ok=True
    )
    assert values["diversity@4"][0] == pytest.approx((1 / 2 + 1 + 1 + 1 / 2 + 0 + 1) / 6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000), n_genres=st.sampled_from([1, 18, 64, 65, 150]))
def test_diversity_agrees_with_literal_code(seed: int, n_genres: int) -> None:
    """Vocabularies around and beyond the 64 bits of a word."""
    rng = np.random.default_rng(seed)
    names = [f"g{number}" for number in range(n_genres)]
    genres = [
        list(rng.choice(names, rng.integers(0, min(n_genres, 6) + 1), False)) for _ in range(30)
    ]
    genres[0] = names
    data = dataset([(i % 3, i, 5.0, i) for i in range(30)], genres=genres)
    lists = np.array([rng.choice(30, 12, replace=False) for _ in range(5)])
    ours = list_metrics(lists, split(data, range(28), [28], [29]), [5, 12])
    for k in (5, 12):
        for user in range(5):
            known = [set(genres[item]) for item in lists[user, :k] if genres[item]]
            distances = [1 - len(a & b) / len(a | b) for a, b in combinations(known, 2)]
            expected = np.mean(distances) if distances else nan
            assert ours[f"diversity@{k}"][user] == pytest.approx(expected, nan_ok=True, abs=1e-6)


def test_without_genres_there_is_no_diversity() -> None:
    data = dataset([(u, i, 5.0, 0) for u in range(2) for i in range(3)])
    assert genre_masks(data) is None
    data.item_columns["genres"] = Categorical(np.zeros(3, np.int32), np.array(["one each"]))
    assert genre_masks(data) is None


def test_coverage_and_gini_by_hand(cut: Split) -> None:
    """Catalogue 0, 1, 2, 4; item 0 listed twice, item 1 once: counts 0, 0, 1, 2.

    Gini = 2 * (3 * 1 + 4 * 2) / (4 * 3) - 5/4 = 7/12.
    """
    values = catalogue_metrics(np.array([[0, 1], [0, -1]]), cut, [1, 2])
    assert values["coverage@1"] == 1 / 4
    assert values["gini@1"] == pytest.approx(3 / 4)
    assert values["coverage@2"] == 2 / 4
    assert values["gini@2"] == pytest.approx(7 / 12)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
def test_gini_is_the_mean_difference(counts: list[int]) -> None:
    """The definition: mean absolute difference of all pairs / (2 * mean)."""
    values = np.array(counts)
    if values.sum() == 0:
        assert np.isnan(gini(values))
    else:
        differences = np.abs(values[:, None] - values[None, :]).mean()
        assert gini(values) == pytest.approx(differences / (2 * values.mean()), abs=1e-9)
