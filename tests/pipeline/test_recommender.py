"""Serving from Python: original ids in and out, the same lists as the run's, from many threads."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.recommender import Recommender
from recsys_core.protocols.registry import make_protocol
from workbench.cli.main import run_command_line
from workbench.store import results
from workbench.store.files import write_json
from workbench.store.listing import list_runs

MODELS = {"popularity": {}, "item-cf": {}, "mf": {"epochs": 2}, "lr": {"epochs": 1}}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Path]:
    """Return run folders by label, and the data folder."""
    runs, data = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("data")
    fields = [
        f"{name}.{field}={value}"
        for name, values in MODELS.items()
        for field, value in values.items()
    ]
    line = ["--runs-dir", str(runs), "--data-dir", str(data), "eval", "--dataset", "sample"]
    models = ["--models", ",".join(MODELS), "--quiet", "--threads", "1"]
    sets = [word for field in fields for word in ("--set", field)]
    assert run_command_line([*line, *models, *sets], lambda *_: 1) == 0
    return {run.label: run.folder for run in list_runs(runs)}, data


@pytest.fixture(scope="module")
def load(folders: tuple[dict[str, Path], Path]) -> Callable[..., Recommender]:
    return lambda label, **options: Recommender.load(folders[0][label], folders[1], **options)


@pytest.mark.parametrize("label", ["popularity", "item-cf", "mf"])
def test_a_run_recommends_again_what_it_saved(
    label: str, folders: tuple[dict[str, Path], Path], load: Callable[..., Recommender]
) -> None:
    recommender = load(label)
    path = folders[0][label] / "results.sqlite"
    for user_id in recommender.dataset.user_ids[:5].tolist():
        saved = results.recommendations(path, recommender.user_number(user_id))[:20]
        found = recommender.recommend(user_id, k=20)
        ids = recommender.dataset.item_ids
        assert [one.item_id for one in found] == [str(ids[item]) for item, _, _ in saved]
        np.testing.assert_allclose(
            [one.score for one in found], [score for _, score, _ in saved], rtol=1e-5
        )
        assert [one.rank for one in found] == list(range(1, 21))


def test_many_threads_get_what_one_gets(load: Callable[..., Recommender]) -> None:
    recommender = load("mf")
    users = recommender.dataset.user_ids[:60].tolist()
    expected = [recommender.recommend(user, k=5) for user in users]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda user: recommender.recommend(user, k=5), users)) == expected


def test_a_history_takes_the_place_of_what_is_known(load: Callable[..., Recommender]) -> None:
    recommender = load("item-cf")
    ids = recommender.dataset.item_ids[:3].tolist()
    alone = recommender.recommend(history=ids, k=10)
    assert not {one.item_id for one in alone} & set(ids)
    assert recommender.recommend("1", history=ids, k=10) == alone
    assert recommender.recommend("1", k=10) != alone
    seen = recommender.recommend(history=ids, k=800, exclude_seen=False)
    assert set(ids) <= {one.item_id for one in seen}
    assert alone[0].title.startswith("Made-up Film")


def test_events_are_taken_with_rating_and_time(load: Callable[..., Recommender]) -> None:
    recommender = load("item-cf")
    data = recommender.dataset
    one, two, three = data.item_ids[:3].tolist()
    history = recommender.as_history([(one, 2.0), two, (three, 4.0, 5)])
    assert data.item_ids[history.items].tolist() == [three, one, two]  # by time
    assert history.ratings.tolist() == [4.0, 2.0, float(data.rating.max())]
    latest = int(data.timestamp.max())
    assert history.timestamps.tolist() == [5, latest, latest]
    # an event that is not liked does not speak for anything
    assert recommender.recommend(history=[(one, 1.0)], k=5) == recommender.recommend(
        history=[(two, 1.0)], k=5
    )


def test_known_events_are_those_of_the_run_or_all(load: Callable[..., Recommender]) -> None:
    split, everything = load("popularity"), load("popularity", known="all")
    user = split.user_number("1")
    test = make_protocol({"name": "user-timeline"}).split(split.dataset).test
    held_out = set(test.item[test.user == user].tolist())
    assert held_out
    assert not held_out & set(split.known_of(user).items.tolist())
    assert held_out <= set(everything.known_of(user).items.tolist())


@pytest.mark.parametrize("label", ["item-cf", "mf"])
def test_lists_of_allowed_items_are_full(label: str, load: Callable[..., Recommender]) -> None:
    recommender = load(label)
    whole = [one.item_id for one in recommender.recommend("1", k=1000)]
    last = whole[-15:]
    some = recommender.recommend("1", k=10, candidates=last)
    assert [one.item_id for one in some] == last[:10]
    rest = recommender.recommend("1", k=10, candidates=last, without=last[:3])
    assert [one.item_id for one in rest] == last[3:13]
    others = recommender.recommend("1", k=10, without=whole[:10])
    assert [one.item_id for one in others] == whole[10:20]


def test_lists_of_many_users_are_those_of_each(
    load: Callable[..., Recommender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys_core.pipeline.recommender.BLOCK_USERS", 100)
    recommender = load("item-cf")
    blocks = list(recommender.lists(k=5, without=["1", "2"]))
    assert [len(np.unique(block.user_ids)) for block in blocks[:-1]] == [100] * (len(blocks) - 1)
    rows = [
        row
        for block in blocks
        for row in zip(
            *(column.tolist() for column in (block.user_ids, block.item_ids, block.ranks)),
            strict=True,
        )
    ]
    assert list(dict.fromkeys(user for user, _, _ in rows)) == recommender.dataset.user_ids.tolist()
    for user in ("3", "250"):
        alone = recommender.recommend(user, k=5, without=["1", "2"])
        expected = [(user, one.item_id, one.rank) for one in alone]
        assert [row for row in rows if row[0] == user] == expected
    (two,) = recommender.lists(["250", "3", "250"], k=2)
    assert two.user_ids.tolist() == ["250", "250", "3", "3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"user_id": "nobody"}, "no user 'nobody' in data set 'sample'\nids near it: "),
        ({"history": ["nothing"]}, "no item 'nothing' in data set 'sample'\nids near it: "),
        ({"history": [("1", 2.0, 3, 4)]}, "is not an event\ngive an item id"),
        ({"history": [("1", float("nan"))]}, "('1', nan) is not an event\ngive an item id"),
        ({"history": [("1", "good")]}, "('1', 'good') is not an event\ngive an item id"),
        ({"history": [("1", 2.0, 10**30)]}, f"('1', 2.0, {10**30}) is not an event\ngive an item"),
        ({"history": [("1", 2.0, "now")]}, "('1', 2.0, 'now') is not an event\ngive an item id"),
        ({"history": "12"}, "'12' is a text, not a list\ngive history=['12']"),
        ({}, "no user and no history"),
        ({"user_id": "1", "k": 0}, "k must be at least 1"),
        (
            {"user_id": "1", "candidates": ["1", "no"]},
            "no item 'no' in data set 'sample'\nids near",
        ),
        (
            {"user_id": "1", "without": ["x1", "x2", "x3", "x4", "1"]},
            "no item 'x1', 'x2', 'x3' and 1 more in data set 'sample'\nids near 'x1': ",
        ),
        ({"user_id": "1", "candidates": []}, "no item is allowed\nname candidates"),
        ({"user_id": "1", "candidates": ["1"], "without": ["1"]}, "no item is allowed"),
        ({"user_id": "1", "candidates": "1"}, "candidates: '1' is a text, not a list"),
    ],
)
def test_wrong_questions(
    arguments: dict[str, Any], message: str, load: Callable[..., Recommender]
) -> None:
    with pytest.raises(InputError) as error:
        load("popularity").recommend(**arguments)
    assert message in str(error.value)


def test_folders_that_cannot_be_served(
    folders: tuple[dict[str, Path], Path], tmp_path: Path
) -> None:
    runs, data = folders
    with pytest.raises(InputError, match="no result here"):
        Recommender.load(tmp_path, data)
    with pytest.raises(InputError, match="lr is a ranking model"):
        Recommender.load(runs["lr"], data)
    content = json.loads((runs["popularity"] / "metrics.json").read_text())
    write_json(tmp_path / "metrics.json", content)
    with pytest.raises(InputError, match="no saved model here"):
        Recommender.load(tmp_path, data)
    (tmp_path / "model").symlink_to(runs["popularity"] / "model")
    content["dataset"]["fingerprint"] = "another"
    write_json(tmp_path / "metrics.json", content)
    with pytest.raises(InputError, match=r"is not the one run .* was trained on"):
        Recommender.load(tmp_path, data)
