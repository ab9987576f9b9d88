"""What every model that can be updated must do: go on from what was learned, by original ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.earlier import Earlier
from recsys_core.compute.runtime import Runtime
from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Interactions
from recsys_core.data.row_keys import numbers_there, row_keys
from recsys_core.features.schema import default_schema
from recsys_core.protocols.split import Split
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info
from recsys_core.testing.checks import hold
from recsys_core.testing.planted import fit, planted
from recsys_core.testing.rated import dataset as rated
from recsys_core.testing.rated import split as rated_split
from recsys_core.training.config import TrainingConfig

#: a rate at which a pass changes nothing: what is left is what was carried over
STANDSTILL = 1e-12
#: events are enough to tell whether the right rows were taken
EVENTS = 600
#: what running means of normalised layers may change a probability by
NEARLY = 0.02


def check_update(name: str, fields: Mapping[str, Any], folder: Path) -> None:
    """Check that an update of a model starts where the earlier one ended, whatever the numbers are.

    Users and items are numbered otherwise in the new data, which have a new user and a new item.
    Models that are fitted anew, that cannot be updated, or that have no learning rate pass.

    Raises
    ------
    AssertionError
        Known users and items are scored otherwise than before.
    """
    info = model_info(name)
    if not issubclass(info.cls.Config, TrainingConfig):
        return
    if info.stage == "ranking":
        _of_ranking(name, fields, folder)
    elif getattr(info.cls, "updates", None) == "learned":
        _of_recall(name, fields, folder)


def _of_recall(name: str, fields: Mapping[str, Any], folder: Path) -> None:
    train = planted()[0]
    before = fit(name, train, **fields)
    before.save(folder)
    data = grown(train.dataset)
    rows = Interactions.in_time_order(data, _with_new(train.rows, train.dataset), 4.0)
    runtime = Runtime(earlier=earlier_of(train, data, folder))
    after = fit(name, rows, runtime=runtime, **{**fields, "learning_rate": STANDSTILL})
    users = np.arange(train.n_users)
    there = numbers_there(train.dataset.user_ids, data.user_ids)
    items = numbers_there(train.dataset.item_ids, data.item_ids)[before.popularity > 0]
    found = after.score(there, after.histories_of(there))[:, items]
    expected = before.score(users, before.histories_of(users))[:, before.popularity > 0]
    hold(
        np.allclose(found, expected, rtol=1e-3, atol=1e-3),
        f"an update scores known users and items otherwise, by up to"
        f" {np.abs(found - expected).max():.3g}, before it has learned anything",
    )


def _of_ranking(name: str, fields: Mapping[str, Any], folder: Path) -> None:
    old = _some(rated(interaction=False))
    cls, parts = model_info(name).cls, rated_split(old)

    def ranker(data: Dataset, runtime: Runtime, **more: Any) -> Ranker:
        schema = default_schema(data, histories=cls.needs_histories)
        config = cls.Config.model_validate({**fields, "ema_decay": 0, **more})
        return Ranker(name, config, schema, runtime)

    before = ranker(old, Runtime()).fit(parts)
    before.save(folder)
    data = grown(old)
    valid, test = (
        Interactions(data, part.rows, part.threshold) for part in (parts.valid, parts.test)
    )
    train = Interactions(data, _with_new(parts.train.rows, old), parts.train.threshold)
    split = Split("planted", {}, "", train, valid, test)
    runtime = Runtime(earlier=earlier_of(parts.train, data, folder))
    after = ranker(data, runtime, learning_rate=STANDSTILL).fit(split)
    found = after.predict(split.test, split.known)
    expected = before.predict(parts.test, parts.known)
    hold(
        np.allclose(found, expected, atol=NEARLY),
        f"an update predicts known rows otherwise, by up to {np.abs(found - expected).max():.3g},"
        " before it has learned anything",
    )


def earlier_of(train: Interactions, data: Dataset, folder: Path) -> Earlier:
    """Say what a model that learned from `train` and lies in `folder` is to `data`."""
    old = train.dataset
    return Earlier(
        folder,
        "an earlier run",
        numbers_there(data.user_ids, old.user_ids),
        numbers_there(data.item_ids, old.item_ids),
        np.sort(row_keys(old, train.user, train.item, train.timestamp)),
    )


def grown(data: Dataset) -> Dataset:
    """Turn the numbers of users and items round, and add one of each.

    The new events come last: the new user likes the new item and two others.
    """
    user, item = data.n_users - data.user, data.n_items - data.item
    last = int(data.timestamp.max())
    return replace(
        data,
        user=np.append(user, [0, 0, 0]).astype(np.int32),
        item=np.append(item, [0, 2, 3]).astype(np.int32),
        rating=np.append(data.rating, [5, 5, 5]).astype(np.float32),
        timestamp=np.append(data.timestamp, [last + 1, last + 2, last + 3]),
        user_ids=np.array(["a new one", *data.user_ids[::-1]]),
        item_ids=np.array(["a new one", *data.item_ids[::-1]]),
    )


def _some(data: Dataset) -> Dataset:
    """Keep the first events, and no attributes: ids are what is renumbered."""
    names = ("user", "item", "rating", "timestamp")
    events = {name: getattr(data, name)[:EVENTS] for name in names}
    return replace(data, user_columns={}, item_columns={}, **events)


def _with_new(rows: NDArray[np.int64], old: Dataset) -> NDArray[np.int64]:
    return np.append(rows, old.n_interactions + np.arange(3))
