"""User-based collaborative filtering against literal cosines."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.recall.user_cf import UserCF
from tests.protocols.build import dataset, random_dataset
from tests.recall.build import fit, history


def test_by_hand() -> None:
    # user 0 likes items 0, 1; user 1 likes 0, 2; user 2 likes 0, 1, 3; user 3 dislikes 1, likes 3
    likes = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 1), (2, 3), (3, 3)]
    rows = [(user, item, 5.0, time) for time, (user, item) in enumerate(likes)]
    train = Interactions.in_time_order(dataset([*rows, (3, 1, 1.0, 9)]), np.arange(9), 4.0)
    model = fit("user-cf", train, popularity_damping=0, amplification=2)
    scores = model.score(np.array([0]), model.histories_of(np.array([0])))[0]
    first, second = 1 / (2**0.5 * 2**0.5), 2 / (2**0.5 * 3**0.5)  # cosines with users 1 and 2
    expected = [first**2 + second**2, second**2, first**2, second**2]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_popular_items_and_small_overlaps_count_less() -> None:
    # item 0 is liked by 3 users, item 1 by 2
    likes = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 2)]
    rows = [(user, item, 5.0, time) for time, (user, item) in enumerate(likes)]
    train = Interactions.in_time_order(dataset(rows), np.arange(6), 4.0)
    model = fit(
        "user-cf", train, popularity_damping=1, activity_damping=1, shrinkage=2, amplification=1
    )
    scores = model.score(np.array([-1]), history([0, 1]))[0]
    shared = 1 / 3 + 1 / 2  # with users 0 and 1; user 2 shares item 0 alone and likes 2
    length = shared**0.5
    near, far = shared / (length * shared + 2), 1 / 3 / (length * (1 / 3 + 1) + 2)
    np.testing.assert_allclose(scores, [2 * near + far, 2 * near, far], rtol=1e-6)


@pytest.mark.parametrize("half_life", [None, 2.0])
def test_scores_are_those_of_literal_code(half_life: float | None) -> None:
    data = random_dataset(4)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    model = fit("user-cf", train, neighbours=3, history_half_life=half_life, amplification=1)
    assert isinstance(model, UserCF)
    likes = train.positives().matrix().toarray().astype(np.float64)
    damped = np.maximum(likes.sum(axis=0), 1) ** -0.5
    users = np.arange(data.n_users)
    found = model.score(users, model.histories)
    for user in users:
        liked = train.positives().item[train.positives().user == user].tolist()
        query = np.zeros(data.n_items)
        for age, item in enumerate(reversed(liked)):
            query[item] += 1 if half_life is None else 2 ** (-age / half_life)
        if not liked:
            continue
        similarity = {
            other: (damped * query * likes[other]).sum()
            / np.sqrt((damped * query**2).sum() * (damped * likes[other]).sum())
            for other in users
            if other != user and likes[other].any()
        }
        nearest = sorted(similarity, key=lambda other: -similarity[other])[:3]
        expected = sum(similarity[other] * likes[other] for other in nearest)
        np.testing.assert_allclose(found[user], expected, rtol=1e-4, atol=1e-6)


def test_the_nearest_users_alone_are_asked() -> None:
    data = random_dataset(4)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    model = fit("user-cf", train, neighbours=1)
    assert isinstance(model, UserCF)
    likes = model.positives.toarray()
    for scores in model.score(np.arange(5), model.histories_of(np.arange(5))):
        assert any(np.array_equal(scores > 0, row > 0) for row in likes)


def test_blocks_are_short_where_users_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every user of a block is compared with all users, however few the items are."""
    rows = [(user, user % 3, 5.0, 0) for user in range(500)]
    train = Interactions.in_time_order(dataset(rows), np.arange(500), 4.0)
    monkeypatch.setattr("recsys_core.recall.lists.BLOCK_SCORES", 40 * 500)
    model = fit("user-cf", train)
    score, blocks = model.score, []

    def noting(users: NDArray[np.integer], histories: Histories) -> FloatArray:
        blocks.append(len(users))
        return score(users, histories)

    monkeypatch.setattr(model, "score", noting)
    model.recommend(np.arange(500), 2)
    assert blocks == [40] * 12 + [20]
