"""What every registered recall model must do; a model joins by being registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.recall.base import RecallModel
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import model_info, model_names
from recsys_core.training.trainer import TrainingConfig
from recsys_core.two_stage.model import TwoStage
from tests.recall.build import (
    COLD_ITEM,
    ITEMS,
    N_ITEMS,
    N_USERS,
    block_of,
    fit,
    history,
    planted,
    repeated,
)

RECALL = [name for name in model_names() if model_info(name).stage in ("recall", "two-stage")]
#: fields without which defaults for real data learn too little from 600 planted likes
FIELDS: dict[str, dict[str, Any]] = {
    "word2vec": {"epochs": 60},
    "dssm": {"batch_size": 16},
    "youtube-dnn": {"batch_size": 16, "dropout": 0.5},
    "sasrec": {"batch_size": 8},
    "two-stage": {
        "channels": [{"model": "popularity", "quota": 50}, {"model": "item-cf", "quota": 50}],
        "merge": {"method": "round-robin", "size": 50},  # all there is, so that lists are whole
        "ranker": {"params": {"hidden": [16], "epochs": 40, "batch_size": 16, "dropout": 0}},
    },
}
#: models that give everybody the same list
IMPERSONAL = {"popularity"}
PERSONAL = [name for name in RECALL if name not in IMPERSONAL]
BY_EPOCHS = [name for name in RECALL if issubclass(model_info(name).cls.Config, TrainingConfig)]
#: where it does not matter how well a model has learned
SHORT: dict[str, Any] = {"epochs": 4, "batch_size": 32}
FEW_WALKS: dict[str, Any] = {"walks_per_node": 2}
BRIEF: dict[str, dict[str, Any]] = {
    **dict.fromkeys(BY_EPOCHS, SHORT),
    **dict.fromkeys(("deepwalk-item", "deepwalk-user"), FEW_WALKS),
    "two-stage": FIELDS["two-stage"],
}
USERS = np.arange(N_USERS)

every_model = pytest.mark.parametrize("name", RECALL)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny products are slower on several threads, by far where tests run side by side."""
    with limited_threads(1):
        yield


@cache
def parts() -> tuple[Interactions, Interactions]:
    return planted()


@cache
def fitted(name: str) -> RecallModel[Any]:
    """Fit each model once, with its defaults but for FIELDS."""
    return fit(name, parts()[0], **FIELDS.get(name, {}))


@every_model
def test_configuration_round_trip(name: str) -> None:
    config_class = model_info(name).cls.Config
    config = config_class()
    written = json.loads(json.dumps(config.model_dump(mode="json")))
    assert parse_config(config_class, written, "test") == config
    with pytest.raises(InputError, match=f"unknown field of model {name} 'nonsense'"):
        parse_config(config_class, {"nonsense": 1}, f"model {name}")
    undescribed = [key for key, field in config_class.model_fields.items() if not field.description]
    assert undescribed == []


@every_model
def test_saved_and_loaded_it_recommends_the_same(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    model.save(tmp_path / "model")
    loaded = type(model).load(tmp_path / "model")
    assert loaded.config == model.config
    assert loaded.fingerprint == model.fingerprint
    known, again = model.recommend(USERS, 10), loaded.recommend(USERS, 10)
    np.testing.assert_array_equal(known.items, again.items)
    np.testing.assert_array_equal(known.scores, again.scores)
    stranger = history([1, 2, 3], [])
    new, again = (
        m.recommend(np.array([-1, 10**6]), 5, histories=stranger) for m in (model, loaded)
    )
    np.testing.assert_array_equal(new.items, again.items)


@pytest.mark.parametrize("name", PERSONAL)
def test_planted_structure_is_found(name: str) -> None:
    _, valid = parts()
    model = fitted(name)
    top = model.recommend(USERS, 5)
    own = block_of(top.items) == (USERS // (N_USERS // 4))[:, None]
    assert own.mean() > 0.97
    # 12 - 6 = 6 items of the block are left, one of them liked: by chance it is among 5 in 5 of 6
    hits = (top.items == valid.item[np.argsort(valid.user)][:, None]).any(axis=1)
    assert hits.mean() > 0.7


@pytest.mark.parametrize("name", PERSONAL)
def test_unknown_users_are_served_from_their_history(name: str) -> None:
    strangers = np.array([-1, N_USERS, 10**6, -1])
    histories = history(*([block * ITEMS + item for item in range(4)] for block in range(4)))
    top = fitted(name).recommend(strangers, 5, histories=histories)
    assert (block_of(top.items) == np.arange(4)[:, None]).mean() > 0.9


@every_model
def test_an_empty_history_gets_the_most_popular(name: str) -> None:
    model = fitted(name)
    top = model.recommend(np.array([-1]), 8, histories=history([]))
    counts = parts()[0].positives().item_counts()
    np.testing.assert_array_equal(counts[top.items[0]], np.sort(counts)[::-1][:8])
    np.testing.assert_array_equal(top.items, model.recommend(np.array([10**6]), 8).items)


@every_model
@pytest.mark.parametrize(
    ("rating_exponent", "items", "rating"),
    [(None, [0, 14, 30], 1.0), (1.0, [0, 14, 30], 0.0), (None, [COLD_ITEM], 5.0)],
    ids=["disliked", "rated 0", "unknown to the model"],
)
def test_a_history_that_says_nothing_gets_the_most_popular(
    name: str, rating_exponent: float | None, items: list[int], rating: float
) -> None:
    model = copy(fitted(name))
    # ratings, attributes and times, too: a disliked event says something to these
    reads_events = isinstance(model, SequentialModel | TwoStage)
    if reads_events or (rating == 0 and "rating_exponent" not in type(model.config).model_fields):
        return
    if "rating_exponent" in type(model.config).model_fields:
        model.config = model.config.model_copy(update={"rating_exponent": rating_exponent})
    top = model.recommend(np.array([-1]), N_ITEMS, histories=history(items, rating=rating))
    counts = parts()[0].positives().item_counts()
    seen = np.delete(counts, [*items, COLD_ITEM])
    np.testing.assert_array_equal(counts[top.items[0, : len(seen)]], np.sort(seen)[::-1])


@every_model
def test_lists_longer_than_the_catalogue_are_padded(name: str) -> None:
    model = fitted(name)
    top = model.recommend(np.array([0, -1]), 100, histories=history([0, 1, 2], []))
    for row, unseen in enumerate((set(range(3, N_ITEMS)), set(range(N_ITEMS)))):
        assert set(top.items[row, : len(unseen)]) == unseen
        assert (top.items[row, len(unseen) :] == -1).all()
        assert np.isneginf(top.scores[row, len(unseen) :]).all()
        assert (np.diff(top.scores[row, : len(unseen)]) <= 0).all()


@every_model
def test_seen_and_cold_items_are_never_recommended(name: str) -> None:
    train, _ = parts()
    top = fitted(name).recommend(USERS, N_ITEMS)
    recommended = set(zip(*np.nonzero(top.items >= 0), strict=True))
    pairs = {(int(user), int(top.items[user, rank])) for user, rank in recommended}
    assert not pairs & set(zip(train.user.tolist(), train.item.tolist(), strict=True))
    assert COLD_ITEM not in top.items
    every = fitted(name).recommend(USERS, N_ITEMS, exclude_seen=False)
    assert set(every.items[0]) == set(range(N_ITEMS))


@every_model
def test_scores_do_not_depend_on_the_size_of_the_block(name: str) -> None:
    model = fitted(name)
    users = np.array([5, -1, 0, 77, -1])
    histories = history([1, 2], [30, 31, 4], [0, 5, 9], [20], [])
    together = model.score(users, histories)
    for row in range(len(users)):
        alone = model.score(users[row : row + 1], histories.take(np.array([row])))
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5, atol=1e-5)


@every_model
def test_a_known_user_asked_twice_with_two_histories_is_two_askers(name: str) -> None:
    model, users = fitted(name), np.array([3, 3])
    histories = history([0, 1, 2], [40, 41])
    together = model.recommend(users, 10, histories=histories)
    for row in range(2):
        alone = model.recommend(users[:1], 10, histories=histories.take(np.array([row])))
        np.testing.assert_array_equal(together.items[row], alone.items[0])
        np.testing.assert_allclose(together.scores[row], alone.scores[0], rtol=1e-6, atol=1e-6)


@every_model
def test_same_seed_same_result_and_nothing_is_printed(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    train, valid = parts()
    brief = BRIEF.get(name, {})
    first, second = (
        fit(name, train, valid=valid, runtime=Runtime(seed=4), **brief).state() for _ in range(2)
    )
    assert first.keys() == second.keys()
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key])
    fitted(name).recommend(USERS, 5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", BY_EPOCHS)
def test_a_resumed_fit_takes_the_steps_of_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    train, valid = parts()

    def interrupt(event: Event) -> None:
        if len(list(tmp_path.iterdir())) and "loss" in event.metrics:
            epochs.append(event)
        if len(epochs) == 2:
            raise KeyboardInterrupt

    epochs: list[Event] = []
    runtime = Runtime(seed=1, checkpoint=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit(name, train, valid=valid, runtime=runtime, on_event=interrupt, **SHORT)
    resumed = fit(name, train, valid=valid, runtime=runtime, **SHORT)
    undisturbed = fit(name, train, valid=valid, runtime=Runtime(seed=1), **SHORT)
    for key, array in undisturbed.state().items():
        np.testing.assert_array_equal(array, resumed.state()[key])


@every_model
def test_wrong_queries_are_refused(name: str) -> None:
    model = fitted(name)
    with pytest.raises(InputError, match="k = 0"):
        model.recommend(USERS, 0)
    with pytest.raises(InputError, match="1 histories for 2 users"):
        model.recommend(np.array([0, 1]), 5, histories=history([1]))
    with pytest.raises(InputError, match="item number 999, the model knows 0 to 48"):
        model.recommend(np.array([0]), 5, histories=history([1, 999]))


def truncate(folder: Path) -> None:
    content = (folder / "model.npz").read_bytes()
    (folder / "model.npz").write_bytes(content[: len(content) // 2])


def empty(folder: Path) -> None:
    (folder / "model.npz").write_bytes(b"")


def flip(folder: Path) -> None:
    with np.load(folder / "model.npz") as file:
        inside = file["popularity"].tobytes()
    content = bytearray((folder / "model.npz").read_bytes())
    content[content.index(inside) + 1] ^= 0xFF
    (folder / "model.npz").write_bytes(content)


def swap_for_one_array(folder: Path) -> None:
    with (folder / "model.npz").open("wb") as file:
        np.save(file, np.arange(3))


def drop_array(folder: Path) -> None:
    with np.load(folder / "model.npz") as file:
        arrays = {key: file[key] for key in file if key != "catalogue"}
    np.savez(folder / "model.npz", allow_pickle=False, **arrays)


def garble_header(folder: Path) -> None:
    (folder / "model.json").write_text("{not json")


def empty_header(folder: Path) -> None:
    (folder / "model.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [truncate, empty, flip, swap_for_one_array, drop_array, garble_header, empty_header],
)
@every_model
def test_a_damaged_model_is_refused(name: str, damage: Any, tmp_path: Path) -> None:
    model = fitted(name)
    model.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match="damaged") as error:
        type(model).load(tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "--fresh" in str(error.value)


@every_model
def test_a_foreign_model_is_refused(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    with pytest.raises(InputError, match=r"no saved model here \(model.json is missing\)"):
        type(model).load(tmp_path)
    model.save(tmp_path)
    header = json.loads((tmp_path / "model.json").read_text())
    for key, value, message in (
        ("class", "Stranger", f"this is a Stranger, not a {type(model).__name__}"),
        ("format", 99, "saved in format 99"),
        ("config", {"nonsense": 1}, "nonsense"),
    ):
        (tmp_path / "model.json").write_text(json.dumps({**header, key: value}))
        with pytest.raises(InputError, match=message):
            type(model).load(tmp_path)


#: where it matters least what was learned
REPEATED: dict[str, dict[str, Any]] = {
    **{key: {"epochs": 1, "batch_size": 64, "dim": 8} for key in BY_EPOCHS},
    **{key: {"walks_per_node": 1, "dim": 8} for key in ("deepwalk-item", "deepwalk-user")},
    **{key: {"epochs": 1, "dim": 8} for key in ("word2vec", "ials")},
    "session-knn": {"neighbours": 5, "stride": 9},
    "two-stage": {
        "channels": [{"model": "item-cf", "quota": 20}],
        "ranker": {"params": {"hidden": [4], "epochs": 1, "batch_size": 16}},
    },
}


@every_model
def test_events_that_repeat(name: str, tmp_path: Path) -> None:
    """Every event of the planted set thrice: as lists of `allow` and of `exclude`."""
    train, valid = parts()
    rows = np.tile(np.arange(train.dataset.n_interactions), 3)
    data = repeated(train.dataset, rows)
    cuts = [np.flatnonzero(np.isin(rows, part.rows)) for part in (train, valid)]
    for known_items in ("allow", "exclude"):
        learned, judged = (
            Interactions.in_time_order(data, part, 4.0, known_items) for part in cuts
        )
        model = fit(name, learned, valid=judged, **REPEATED.get(name, {}))
        top = model.recommend(USERS, N_ITEMS)
        listed = top.items >= 0
        assert np.isfinite(top.scores[listed]).all()
        keys = USERS[:, None] * (N_ITEMS + 1) + top.items
        known = np.isin(keys[listed], learned.pairs())
        assert known.any() == (known_items == "allow")
        assert len(np.unique(keys[listed])) == listed.sum()  # no item twice in a list
    model.save(tmp_path / "model")
    loaded = type(model).load(tmp_path / "model")
    assert loaded.known_items == "exclude"
    np.testing.assert_array_equal(loaded.recommend(USERS, 5).items, model.recommend(USERS, 5).items)
