"""Items drawn beside events: what ranking models learn from where nobody said what is disliked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Dataset
from recsys_core.errors import InputError
from recsys_core.features.columns import row_values
from recsys_core.pipeline.needs import lack
from recsys_core.pipeline.run import run
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.rows import ranking_rows
from tests.protocols.build import Row, dataset

USERS, ITEMS = 40, 24


def planted() -> Dataset:
    """Users of even numbers meet items of even numbers alone, the others those of odd ones."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for user in range(USERS):
        own = 2 * rng.permutation(ITEMS // 2)[:9] + user % 2
        rows += [(user, int(item), 1.0, 100 * time) for time, item in enumerate(own)]
    devices = Categorical(np.arange(len(rows), dtype=np.int32) % 3, np.array(["a", "b", "c"]))
    data = dataset(rows, n_items=ITEMS, explicit=False)
    return replace(data, event_columns={"device": devices})


def cut(**parameters: Any) -> Split:
    return make_protocol({"name": "leave-last-out", **parameters}).split(planted())


def test_each_event_has_as_many_beside_it_and_none_that_its_user_knows() -> None:
    split = cut(negatives=3)
    known: set[tuple[int, int]] = set()
    for part in ("train", "valid", "test"):
        rows = ranking_rows(split, part)
        events = getattr(split, part)
        known |= set(zip(events.user.tolist(), events.item.tolist(), strict=True))
        assert (len(rows), rows.drawn) == (4 * len(events), 3 * len(events))
        asked = rows.queries
        drawn = slice(len(events), None)
        assert np.array_equal(asked.user[drawn], np.repeat(events.user, 3))
        assert np.array_equal(asked.timestamp[drawn], np.repeat(events.timestamp, 3))
        pairs = zip(asked.user[drawn].tolist(), asked.item[drawn].tolist(), strict=True)
        assert known.isdisjoint(pairs)
        assert split.catalogue[asked.item].all()
        labels = rows.labels(np.ones((len(events), 1), dtype=np.float32))[:, 0]
        assert labels.tolist() == [1] * len(events) + [0] * rows.drawn
        # a drawn row has the context of the event beside it
        device = row_values("device", asked)
        assert isinstance(device, Categorical)
        assert np.array_equal(device.codes[drawn], np.repeat(device.codes[: len(events)], 3))


def test_they_are_drawn_once_and_are_part_of_the_fingerprint() -> None:
    one, other = (ranking_rows(cut(negatives=2), "test").queries.item for _ in range(2))
    assert np.array_equal(one, other)
    drawn = cut(negatives=2, negative_sampler="popularity")
    prints = [cut(), cut(negatives=2), cut(negatives=3), drawn]
    assert len({split.fingerprint for split in prints}) == 4
    assert cut(negatives=0).fingerprint == cut().fingerprint


def test_popular_items_are_drawn_more_often_by_popularity() -> None:
    rows: list[Row] = [(user, item, 1.0, 0) for user in range(60) for item in (0, 1 + user % 9)]
    rows += [(60 + user, 1 + (user + step) % 9, 1.0, 0) for user in range(60) for step in range(3)]
    data = dataset(rows, explicit=False)
    shares = []
    for sampler in ("uniform", "popularity"):
        parameters = {"name": "random-rows", "negatives": 5, "negative_sampler": sampler}
        split = make_protocol(parameters).split(data)
        items = ranking_rows(split, "train").queries.item[len(split.train) :]
        shares.append(float((items == 0).mean()))
    assert shares[1] > 1.3 * shares[0]


def test_a_user_who_knows_everything_has_none_drawn() -> None:
    rows: list[Row] = [(0, item, 1.0, item) for item in range(5)]
    rows += [(1, item, 1.0, item) for item in (0, 1, 2)]
    split = make_protocol({"name": "leave-last-out", "negatives": 2}).split(
        dataset(rows, explicit=False)
    )
    rows_of = ranking_rows(split, "train")
    assert rows_of.drawn == 2  # user 1's event beside what is left of items 0 to 2
    assert (rows_of.queries.user[len(split.train) :] == 1).all()


def test_a_ranking_model_learns_from_them_and_is_judged_on_them() -> None:
    spec = JobSpec(
        dataset="planted",
        model="fm",
        protocol={"name": "leave-last-out", "negatives": 4},
        params={"epochs": 40, "batch_size": 64},
        threads=1,
    )
    split = cut(negatives=4)
    assert lack(spec, split) is None
    result = run(spec, data_dir=None, split=split)  # type: ignore[arg-type]
    assert result.metrics["auc"] > 0.7  # half of what is drawn is of the other kind
    assert result.judged.rows is not None
    assert len(result.judged.rows.labels) == 5 * len(split.test)


def test_without_them_the_error_names_them() -> None:
    spec = JobSpec(dataset="planted", model="fm")
    problem = lack(spec, cut())
    assert problem is not None
    assert "protocol.negatives=4" in str(problem)
    with pytest.raises(InputError, match="has no ratings, which the task love is about"):
        raise lack(JobSpec(dataset="planted", model="mmoe"), cut(negatives=1)) or AssertionError


def test_sets_that_say_what_is_irrelevant_have_none_drawn() -> None:
    data = dataset([(u, i, 1.0 + (u + i) % 5, i) for u in range(5) for i in range(5)])
    with pytest.raises(InputError, match=r"draws negatives, but .* has ratings or labels"):
        make_protocol({"name": "leave-last-out", "negatives": 1}).split(data)
