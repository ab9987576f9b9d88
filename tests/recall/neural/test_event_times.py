"""Times of events: worked by hand, and planted in what is liked next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from recsys_core.compute.threads import limited_threads
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.features.feature import Feature
from recsys_core.features.schema import FeatureSchema, tower_schema
from recsys_core.recall.neural.event_times import Intervals, Recency
from recsys_core.recall.neural.sequences import RequestFields, Window, intervals_of
from tests.protocols.build import dataset
from tests.recall.build import fit, history

DAY = 86_400


def numbered(layer: Intervals | Recency) -> None:
    """Row r of the table is r, so that what is looked up is seen."""
    numbers = torch.arange(len(layer.table), dtype=torch.float32)
    nn.init.zeros_(layer.table).data += numbers[:, None]


def at(times: list[list[int]]) -> Window:
    """Events at times above 0; 0 is none."""
    seconds = torch.tensor(times)
    known = (seconds > 0).long()
    users, none = torch.zeros(len(times), dtype=torch.long), torch.zeros(len(times), 1, 0)
    fields, ages = RequestFields(none.long(), none, ()), torch.zeros(len(times), 1)
    return Window(known, known, users, ages, seconds, torch.zeros_like(seconds), seconds, fields)


def test_pauses_by_hand() -> None:
    rows = history([1, 2], [], [3, 4, 5])
    rows.timestamps[:] = [50, 50, 7, 8, 977_000_000]
    # the first event of a row is after none
    assert intervals_of(rows).tolist() == [0, 0, 0, 1, 977_000_000 - 8]
    assert intervals_of(history([])).tolist() == []
    intervals = Intervals(3)
    numbered(intervals)
    # powers of two of the seconds: 0 -> 0, 1 -> 1, 2 and 3 -> 2, 4 -> 3; 2^16 <= a day < 2^17
    window = replace(at([[9] * 6]), intervals=torch.tensor([[0, 1, 2, 3, 4, DAY]]))
    found = intervals.of(window)
    assert found[0, :, 0].tolist() == [0, 1, 2, 2, 3, 17]
    assert found.shape == (1, 6, 3)


def test_recency_by_hand() -> None:
    recency = Recency(2)
    numbered(recency)
    found = recency.of(at([[50, 51, 58]]), queries=2)
    assert found.shape == (1, 2, 3, 2)
    # the query after 51: the first 1 s ago, itself 0; after 58: 8, 7 and 0 s ago
    assert found[0, 0, :2, 1].tolist() == [1, 0]
    assert found[0, 1, :, 1].tolist() == [4, 3, 0]


def test_recency_of_what_is_asked_later() -> None:
    """Told that the next event is 64 s later, the latest one is 64 s ago, the first 72."""
    recency = Recency(1)
    numbered(recency)
    window = replace(at([[50, 51, 58]]), asked=torch.tensor([[51, 58, 122]]))
    # 2^6 <= 64, 71, 72 < 2^7
    assert recency.of(window, queries=1)[0, 0, :, 0].tolist() == [7, 7, 7]
    assert recency.of(window, queries=2)[0, 0, :2, 0].tolist() == [4, 3]


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


def reading(event_fields: tuple[str, ...], train: Interactions) -> FeatureSchema:
    """The default schema with other fields of events."""
    *features, history = tower_schema(train.dataset).features
    changed = {**history.model_dump(), "event_fields": event_fields}
    whole = (*features, Feature.model_validate(changed))
    return FeatureSchema(name="times", features=whole)


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

    def share(*event_fields: str) -> float:
        fields: dict[str, Any] = {"dim": 16, "max_len": 8, "batch_size": 16, "learning_rate": 0.01}
        with limited_threads(1):
            schema = reading(event_fields, train)
            model = fit("youtube-dnn", train, schema=schema, epochs=12, **fields)
            top = model.recommend(np.full(40, -1), 1, histories=asked).items[:, 0]
        return float(np.mean(top == wanted))

    assert share("interval") == 1
    assert share("rating") == pytest.approx(0.5, abs=0.2)
