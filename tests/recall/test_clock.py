"""Times that youtube-dnn reads: worked by hand, and planted in what is liked next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.clock import MOMENTS, Clock, moment_edges
from recsys_core.recall.sequences import Window
from recsys_core.threads import limited_threads
from tests.protocols.build import dataset
from tests.recall.build import fit, history

DAY = 86_400


def clock(dim: int = 3, heads: int = 2) -> Clock:
    """Its edges are 100, 200, …; row r of each table is r, so that what is looked up is seen."""
    made = Clock(100 * np.arange(1, MOMENTS), dim, heads)
    for table in made.parameters():
        numbers = torch.arange(len(table), dtype=torch.float32)
        nn.init.zeros_(table).data += numbers[:, None]
    return made


def at(times: list[list[int]], counts: list[list[int]]) -> Window:
    """Events at times above 0; 0 is none."""
    seconds = torch.tensor(times)
    known = (seconds > 0).long()
    users = torch.zeros(len(times), dtype=torch.long)
    return Window(known, known, users, torch.zeros(len(times), 1), seconds, torch.tensor(counts))


def test_moments_hold_as_many_events_each() -> None:
    edges = moment_edges(np.arange(10 * MOMENTS))
    assert edges.tolist() == [int(n * (10 * MOMENTS - 1) / MOMENTS) for n in range(1, MOMENTS)]
    held = np.bincount(np.searchsorted(edges, np.arange(10 * MOMENTS), side="right"))
    assert len(held) == MOMENTS
    assert set(held[1:-1].tolist()) <= {9, 10, 11}
    assert moment_edges(np.zeros(0, dtype=np.int64)).tolist() == [0] * (MOMENTS - 1)


def test_pauses_by_hand() -> None:
    # seconds since the event before, and their powers of two: 0 -> 0, 1 -> 1, 2 and 3 -> 2, 4 -> 3
    found = clock().pauses(at([[50, 50, 51, 53, 56, 60]], [[6]]))
    assert found[0, :, 0].tolist() == [0, 0, 1, 2, 2, 3]
    assert found.shape == (1, 6, 3)
    # after no event, a first one is as if right after another
    found = clock().pauses(at([[0, 0, 977_000_000, 977_000_000 + DAY]], [[2]]))
    assert found[0, :, 0].tolist() == [0, 0, 0, 17]  # 2^16 = 65,536 <= a day < 2^17


def test_recency_by_hand() -> None:
    found = clock().recency(at([[50, 51, 58]], [[2, 3]]), queries=2)
    assert found.shape == (1, 2, 3, 2)
    # the query after 51: the first 1 s ago, itself 0; after 58: 8, 7 and 0 s ago
    assert found[0, 0, :2, 1].tolist() == [1, 0]
    assert found[0, 1, :, 1].tolist() == [4, 3, 0]


def test_requests_by_hand() -> None:
    # moments begin at their edges: 99 is before 100, 200 is in the one from 200 on, and whatever
    # comes after all edges is in the last
    found = clock().requests(at([[99, 200, 10**9]], [[0, 7, 5000]]), queries=3)
    assert found[0, :, 0].tolist() == [0, 2, MOMENTS - 1]
    # 4 log2(1 + n): of 0 events 0, of 7 events 12, of 5,000 49.1, above the 47 there are
    assert found[0, :, 3].tolist() == [0, 12, 47]
    assert found.shape == (1, 3, 6)


def walks(users: int, seed: int) -> tuple[Histories, list[int]]:
    """Six items of 0 to 5 and what is liked then: 6 after a pause of a day, 7 without."""
    rng = np.random.default_rng(seed)
    rows, liked, times = [], [], []
    for user in range(users):
        rows.append(rng.permutation(6).tolist())
        paused = user % 2
        liked.append(7 - paused)
        times.append(np.arange(6) + paused * DAY * (np.arange(6) == 5))
    histories = history(*rows)
    histories.timestamps[:] = np.concatenate(times)
    return histories, liked


def test_a_pause_is_read() -> None:
    """What comes next depends on the pause before the last event alone."""
    known, liked = walks(200, seed=0)
    rows: list[tuple[int, int, float, int]] = []
    for user in range(len(known)):
        events = range(known.offsets[user], known.offsets[user + 1])
        # rated low, so that nothing but what comes in the end is a target
        rows += [(user, int(known.items[e]), 1.0, int(known.timestamps[e])) for e in events]
        rows.append((user, liked[user], 5.0, 10 * DAY))
    data = dataset(rows, n_users=len(known), n_items=8)
    train = Interactions.in_time_order(data, np.arange(len(rows)), 4.0)
    asked, wanted = walks(40, seed=1)

    def share(*, clock: bool) -> float:
        fields: dict[str, Any] = {"dim": 16, "history": 8, "batch_size": 16, "learning_rate": 0.01}
        with limited_threads(1):
            model = fit("youtube-dnn", train, epochs=12, clock=clock, **fields)
            top = model.recommend(np.full(40, -1), 1, histories=asked).items[:, 0]
        return float(np.mean(top == wanted))

    assert share(clock=True) == 1
    assert share(clock=False) == pytest.approx(0.5, abs=0.2)
