"""Windows over histories: what each query sees, and what it learns to find."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data.dataset import BoolArray
from recsys_core.data.interactions import Histories
from recsys_core.features.layout import Table
from recsys_core.recall.neural.sequences import Runs, last_events, rating_edges
from tests.recall.build import history

STARS = np.arange(1, 6, dtype=np.float32)


def counted(requests: int) -> Table:
    """One field of requests: their numbers."""
    numbers = np.arange(requests, dtype=np.int32)[:, None]
    none = numbers[:, :0]
    return Table(numbers, none, none.astype(np.float32), ())


def make_runs(histories: Histories, liked: list[bool] | None = None, **fields: float) -> Runs:
    every = np.ones(len(histories.items), dtype=np.bool_)
    settings: dict[str, float] = {
        "length": 2,
        "before": 3,
        "ahead": 1,
        "user_weighting": 0,
        "tell_known": True,
    }
    return Runs(
        histories,
        every if liked is None else np.array(liked, dtype=np.bool_),
        STARS,
        counted(len(histories.items)),
        **{**settings, **fields},  # type: ignore[arg-type]
    )


def test_levels_of_ratings() -> None:
    assert rating_edges(np.array([4, 1, 5, 4], np.float32)).tolist() == [1, 4, 5]
    # 0 to 99: the values at tenths of the way, rounded down to one that occurs: .1 * 99 = 9.9, …
    many = np.random.default_rng(0).permutation(100).astype(np.float32)
    assert rating_edges(many).tolist() == [0, 9, 19, 29, 39, 49, 59, 69, 79, 89]


def test_the_last_events_by_hand() -> None:
    rows = history([7], [], [1, 2, 3, 4], [5, 6])
    rows.ratings[:] = [5, 1, 2, 3, 4, 0.5, 9]
    window = last_events(rows, np.array([0, -1, 2, 99]), 3, 3, STARS, counted(4))
    assert window.items.tolist() == [[0, 0, 8], [0, 0, 0], [3, 4, 5], [0, 6, 7]]
    # 1 + level: 1 star is level 1; what is below the lowest edge is level 0, above the highest 5
    assert window.ratings.tolist() == [[0, 0, 6], [0, 0, 0], [3, 4, 5], [0, 1, 6]]
    assert window.users.tolist() == [0, 3, 2, 3]  # 3 users are known; number 3 is the unknown one
    assert window.ages.tolist() == [[0], [0], [0], [0]]
    # the rows of `history` are a second apart; the third has an event that the window leaves out
    assert window.times.tolist() == [[0, 0, 0], [0, 0, 0], [2, 3, 4], [0, 5, 6]]
    # the oldest event that is shown has the pause that it had, the first of a history none
    assert window.intervals.tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 1]]
    assert window.requests.index.tolist() == [[[0]], [[1]], [[2]], [[3]]]
    assert window.requests.weights.tolist() == [[[1]]] * 4


def test_short_histories_make_narrow_windows() -> None:
    assert last_events(
        history([1], [2, 3]), np.arange(2), 50, 2, STARS, counted(2)
    ).items.shape == (2, 2)
    assert last_events(history([], []), np.arange(2), 50, 2, STARS, counted(2)).items.shape == (
        2,
        1,
    )


def test_runs_by_hand() -> None:
    # user 0 likes 10 to 14, user 1 has one event and asks nothing, user 2 has two
    runs = make_runs(history([10, 11, 12, 13, 14], [15], [16, 17]))
    assert len(runs) == 2 + 0 + 1  # runs of 2: events 13, 14 and 11, 12; event 17
    batch = runs.take(torch.tensor([0, 1, 2]))
    assert batch.window.items.tolist() == [
        [11, 12, 13, 14],  # 1 + item; queries after 12 and 13 see three events each
        [0, 0, 11, 12],  # queries after 10 and 11
        [0, 0, 0, 17],  # no event before the first query of the run
    ]
    assert batch.queries == 2
    assert batch.asked.tolist() == [0, 1, 2, 3, 5]
    assert batch.liked.tolist() == [13, 14, 11, 12, 17]
    assert batch.row.tolist() == [0, 1, 2, 3, 4]
    assert batch.window.users.tolist() == [0, 0, 2]
    assert batch.window.times.tolist() == [[0, 1, 2, 3], [0, 0, 0, 1], [0, 0, 0, 6]]
    assert batch.window.intervals.tolist() == [[0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    # fields of a request right after the last known event; of no matter before the first
    assert batch.window.requests.index[..., 0].tolist() == [[2, 3], [0, 1], [5, 6]]
    # before 13: 10, 11 and 12, …; all that was, whatever a window shows of it
    assert batch.known is not None
    assert batch.known.ends.tolist() == [3, 7, 8, 10, 11]
    assert batch.known.items.tolist() == [10, 11, 12, 10, 11, 12, 13, 10, 10, 11, 16]


def literal_examples(
    histories: Histories, liked: BoolArray, before: int, ahead: int, weighting: float
) -> list[tuple[int, tuple[int, ...], tuple[int, ...], float]]:
    """User, visible items, liked items to come and their weight, of every query with a target."""
    found = []
    for user in range(len(histories)):
        span = range(histories.offsets[user], histories.offsets[user + 1])
        for at in span[1:]:
            seen = histories.items[max(span.start, at - before) : at]
            ahead_of = range(at, min(at + ahead, span.stop))
            to_come = [int(histories.items[event]) for event in ahead_of if liked[event]]
            if to_come:
                weight = (len(span) - 1) ** -weighting / len(to_come)
                found.append((user, tuple(seen.tolist()), tuple(to_come), weight))
    return sorted(found)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_every_event_is_a_target_once_and_sees_what_was_before(
    seed: int, length: int, before: int, ahead: int, weighting: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, 50, rng.integers(0, 12)).tolist() for _ in range(rng.integers(1, 6))]
    histories = history(*rows)
    liked = rng.random(len(histories.items)) < 0.7
    runs = make_runs(
        histories,
        liked.tolist(),
        length=length,
        before=before,
        ahead=ahead,
        user_weighting=weighting,
    )
    found = []
    for batch in runs.batches(torch.randperm(len(runs)), 3):
        width = batch.window.items.shape[1]
        for place, query in enumerate(batch.asked.tolist()):
            window, column = divmod(query, batch.queries)
            column += width - batch.queries
            # a run of queries sees `before` events before its first query, and its own
            seen = batch.window.items[window, max(0, column + 1 - before) : column + 1]
            mine = batch.row == place
            (weight,) = set(batch.weight[mine].tolist())
            found.append(
                (
                    int(batch.window.users[window]),
                    tuple(item - 1 for item in seen.tolist() if item),
                    tuple(batch.liked[mine].tolist()),
                    weight,
                )
            )
    expected = literal_examples(histories, liked, before, ahead, weighting)
    found.sort()
    assert [example[:3] for example in found] == [example[:3] for example in expected]
    weights = [[example[3] for example in side] for side in (found, expected)]
    assert weights[0] == pytest.approx(weights[1])


def test_ages_count_days_back_from_the_last_train_row() -> None:
    histories = history([1, 2, 3])
    histories.timestamps[:] = np.array([0, 1, 5]) * 86_400
    batch = make_runs(histories).take(torch.tensor([0]))
    assert batch.window.ages.tolist() == [[4, 0]]  # of the events 2 and 3
