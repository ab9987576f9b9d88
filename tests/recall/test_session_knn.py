"""Session-based nearest neighbours: by hand, and against literal code."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.data.interactions import Interactions
from recsys_core.recall import session_knn
from tests.protocols.build import dataset, random_dataset
from tests.recall.build import fit, history


def test_by_hand() -> None:
    # two timelines: 0, 1, 2 (liked), 3 (disliked) and 1, 4 (liked)
    rows = [(0, 0, 5.0, 0), (0, 1, 5.0, 1), (0, 2, 5.0, 2), (0, 3, 1.0, 3)]
    rows += [(1, 1, 5.0, 4), (1, 4, 5.0, 5)]
    train = Interactions.in_time_order(dataset(rows), np.arange(6), 4.0)
    model = fit(
        "session-knn",
        train,
        window=2,
        stride=1,
        history_half_life=1,
        target_half_life=1,
        amplification=1,
        popularity_damping=0,
    )
    # the query 0, 1 is (1/2, 1); the moments 0 | 0, 1 | 1, 2 of the first timeline are
    # (1, 0) | (1/2, 1) / sqrt(5/4) | (0, 1/2, 1) / sqrt(5/4), the moment 1 of the other one (0, 1)
    scores = model.score(np.array([-1]), history([0, 1]))[0]
    after_0, after_1, other = 1 / 2, 5 / 4 / (5 / 4) ** 0.5, 1.0
    # after 0 come 1 at once and 2 later; after 0, 1 comes 2; after 1, 2 comes 3, which is disliked
    np.testing.assert_allclose(scores, [0, after_0, after_0 / 2 + after_1, 0, other], rtol=1e-6)


def test_order_matters() -> None:
    """What follows 0 after 1 differs from what follows 1 after 0."""
    rows = [
        (user, item, 5.0, time)
        for user in range(20)
        for time, item in enumerate([0, 1, 2] if user % 2 else [1, 0, 3])
    ]
    train = Interactions.in_time_order(dataset(rows), np.arange(len(rows)), 4.0)
    model = fit("session-knn", train, stride=1, history_half_life=1, horizon=1)
    top = model.recommend(np.array([-1, -1]), 1, histories=history([0, 1], [1, 0]))
    assert top.items.tolist() == [[2], [3]]


@pytest.mark.parametrize(("stride", "neighbours"), [(1, 7), (2, 1000)])
def test_scores_are_those_of_literal_code(stride: int, neighbours: int) -> None:
    data = random_dataset(4)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    model = fit("session-knn", train, window=3, stride=stride, neighbours=neighbours, horizon=2)
    events, config = model.histories, model.config
    weight = np.maximum(train.item_counts(), 1.0) ** -config.popularity_damping

    def window(user: int, last: int) -> np.ndarray:
        vector = np.zeros(data.n_items)
        own = slice(max(0, last - 2), last + 1)
        items, ratings = (
            getattr(events.take(np.array([user])), n)[own] for n in ("items", "ratings")
        )
        for age, (item, rating) in enumerate(zip(items[::-1], ratings[::-1], strict=True)):
            vector[item] += 2 ** (-age / 6) * rating / ratings.max() * weight[item]
        return vector

    moments = []
    for user in range(data.n_users):
        own = events.take(np.array([user]))
        for last in range(stride - 1, len(own.items), stride):
            followed = np.zeros(data.n_items)
            for lag in (1, 2):
                if last + lag < len(own.items) and own.ratings[last + lag] >= 4:
                    followed[own.items[last + lag]] += 2 ** (-(lag - 1) / 8)
            vector = window(user, last)
            moments.append((vector / np.linalg.norm(vector), followed))
    users = np.flatnonzero(events.lengths)
    found = model.score(users, events.take(users))
    for row, user in enumerate(users.tolist()):
        query = window(user, int(events.lengths[user]) - 1)
        near = sorted(((float(query @ v), f) for v, f in moments), key=lambda m: -m[0])
        bound = near[min(neighbours, len(near)) - 1][0] * (1 - 1e-6)  # equals count as well
        expected = sum(max(s, 0) ** 3.5 * f for s, f in near if s >= bound)
        np.testing.assert_allclose(found[row], expected, rtol=1e-4, atol=1e-6)


def test_equal_windows_get_equal_scores() -> None:
    """Asked together, as explanations ask, histories are scored as if each were asked alone."""
    data = random_dataset(5)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    model = fit("session-knn", train, window=2, stride=1)
    histories = history([1, 2, 3], [2, 3], [], [0, 2, 3], [3, 2], [], [0, 3, 2])
    users = np.full(7, -1)
    together = model.score(users, histories)
    alone = [model.score(users[:1], histories.take(np.array([row]))) for row in range(7)]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    np.testing.assert_array_equal(together[[1, 3, 6]], together[[0, 0, 4]])
    assert not np.array_equal(together[0], together[4])


def test_windows_in_blocks_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_dataset(4)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    whole = fit("session-knn", train, window=3, stride=1).state()
    monkeypatch.setattr(session_knn, "BLOCK", 7)
    for name, array in fit("session-knn", train, window=3, stride=1).state().items():
        assert array.dtype == whole[name].dtype
        assert array.tolist() == whole[name].tolist()
