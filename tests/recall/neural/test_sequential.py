"""The neural models that read histories: planted orders are learned, windows and fields work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.recall.base import RecallModel
from recsys_core.recall.sasrec import SASRecConfig
from recsys_core.recall.youtube_dnn import YouTubeDNNConfig
from recsys_core.registry import model_info
from tests.protocols.build import dataset
from tests.recall.build import fit, history

MODELS = ["youtube-dnn", "dssm", "sasrec"]
CYCLE = 24
SMALL: dict[str, Any] = {"dim": 32, "max_len": 8, "batch_size": 16, "learning_rate": 0.01}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with limited_threads(1):
        yield


def chain(
    users: int = 60, length: int = 9, *, step: int = 1, disliked: bool = False
) -> Interactions:
    """Everybody walks along a cycle of items, from anywhere; with `disliked`, every other event
    is an item of a second, unrelated cycle, rated low."""
    rng = np.random.default_rng(0)
    rows: list[tuple[int, int, float, int]] = []
    for user in range(users):
        start = int(rng.integers(CYCLE))
        for turn in range(length):
            rows.append((user, (start + step * turn) % CYCLE, 5.0, 2 * turn))
            if disliked:
                rows.append((user, CYCLE + int(rng.integers(CYCLE)), 1.0, 2 * turn + 1))
    data = dataset(rows, n_users=users, n_items=2 * CYCLE)
    return Interactions.in_time_order(data, np.arange(len(rows)), 4.0)


def after(model: RecallModel[Any], *items: int, k: int = 1) -> list[int]:
    """Ask for an unknown user with a history."""
    top = model.recommend(np.array([-1]), k, histories=history(list(items)))
    found: list[int] = top.items[0].tolist()
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_chain_is_learned(name: str) -> None:
    model = fit(name, chain(), epochs=12, **SMALL)
    hits = [
        after(model, start, (start + 1) % CYCLE, (start + 2) % CYCLE) == [(start + 3) % CYCLE]
        for start in range(CYCLE)
    ]
    assert np.mean(hits) > 0.95


@pytest.mark.parametrize("name", MODELS)
def test_a_window_asks_for_more_than_the_next_event(name: str) -> None:
    model = fit(name, chain(), epochs=16, target="window", window=3, **SMALL)
    shares = [
        len(
            {(start + ahead) % CYCLE for ahead in (2, 3, 4)}
            & set(after(model, start, start + 1, k=3))
        )
        for start in range(CYCLE - 1)
    ]
    assert np.mean(shares) > 0.85 * 3


def test_disliked_events_are_read_but_never_targets() -> None:
    train = chain(disliked=True)
    model = fit("youtube-dnn", train, epochs=12, **SMALL)
    top = model.recommend(np.arange(60), 10).items
    assert top.max() < CYCLE
    # rated low, an item of the second cycle says nothing: the walk goes on
    rows = history([3, 30, 4, 40, 5, 33])
    rows.ratings[1::2] = 1
    assert model.recommend(np.array([-1]), 2, histories=rows).items[0, 0] in (6, 7)


def test_an_example_age_of_zero_asks_for_what_holds_now() -> None:
    """Long ago everybody went one step on, lately everybody goes two."""
    rng = np.random.default_rng(0)
    rows: list[tuple[int, int, float, int]] = []
    for user in range(120):
        step, day = (1, 0) if user % 2 else (2, 800)
        start = int(rng.integers(CYCLE))
        rows += [
            (user, (start + step * turn) % CYCLE, 5.0, 86_400 * day + turn) for turn in range(6)
        ]
    data = dataset(rows, n_users=120, n_items=CYCLE)
    train = Interactions.in_time_order(data, np.arange(len(rows)), 4.0)
    aware = fit("youtube-dnn", train, epochs=12, example_age=True, **SMALL)
    # one event does not say which step comes next; the age does
    assert np.mean([after(aware, item) == [(item + 2) % CYCLE] for item in range(CYCLE)]) > 0.9
    blind = fit("youtube-dnn", train, epochs=12, **SMALL)
    assert np.mean([after(blind, item) == [(item + 2) % CYCLE] for item in range(CYCLE)]) < 0.9


@pytest.mark.parametrize(
    "fields",
    [
        {"hard_negatives": 16, "negatives": 32},
        {"sampler": "in-batch", "logq": True},
        {"sampler": "popularity", "negatives": 16, "logq": True},
        {"index": "hnsw"},
    ],
)
def test_negatives_of_every_kind_teach_the_chain(fields: dict[str, Any]) -> None:
    model = fit("youtube-dnn", chain(), epochs=12, **{**SMALL, **fields})
    hits = [after(model, item, item + 1) == [(item + 2) % CYCLE] for item in range(CYCLE - 1)]
    assert np.mean(hits) > 0.8


def test_a_model_without_events_to_learn_from_serves_the_most_popular() -> None:
    data = dataset([(0, 1, 5.0, 0), (1, 1, 5.0, 0), (2, 0, 5.0, 0)])
    train = Interactions.in_time_order(data, np.arange(3), 4.0)
    model = fit("sasrec", train, **SMALL)
    assert model.recommend(np.array([-1]), 2, histories=history([])).items.tolist() == [[1, 0]]


def test_weights_of_another_shape_are_refused() -> None:
    model = fit("dssm", chain(20), epochs=1, **SMALL)
    state = model.state()
    state["module.events.item"] = state["module.events.item"][:, :-1]
    wrong = r"'events\.item' are float32 \(48, 31\), the model has float32 \(48, 32\)"
    with pytest.raises(ValueError, match=wrong):
        model.set_state(state)


def test_a_model_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    fit("dssm", chain(20), epochs=1, **SMALL).save(tmp_path)
    (tmp_path / "features.json").unlink()
    with pytest.raises(InputError, match=r"features.json is missing \(it was made by an earlier"):
        model_info("dssm").cls.load(tmp_path)


def test_heads_must_divide_the_dimension() -> None:
    with pytest.raises(ValidationError, match="dim 64 is not a multiple of heads 3"):
        SASRecConfig(heads=3)


@pytest.mark.parametrize(
    ("field", "instead"), [("clock", "features: movielens-towers"), ("attributes", "item_id")]
)
def test_a_field_of_an_earlier_version_says_what_took_its_place(field: str, instead: str) -> None:
    wrong = rf"model youtube-dnn: '{field}' is no longer a field\n.*{instead}"
    with pytest.raises(InputError, match=wrong):
        parse_config(YouTubeDNNConfig, {field: True}, "model youtube-dnn")
