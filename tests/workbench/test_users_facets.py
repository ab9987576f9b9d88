"""What a search keeps in memory, against a slow search that reads every user."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data.browse import write_browse
from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Numeric
from recsys_core.errors import InputError
from tests.workbench.films import write_list_run
from tests.workbench.results import values_of
from workbench.store import users_facets
from workbench.store.packed import values_by_user
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_facets import Facets
from workbench.store.users_find import find_users
from workbench.store.users_question import Question

USERS, ITEMS = 40, 15
SIGNS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """Forty users of whom some have no age and one has no history, fifteen items."""
    rng = np.random.default_rng(3)
    pairs = np.unique(rng.integers(0, [USERS - 1, ITEMS], (300, 2)), axis=0)
    user, item = pairs.astype(np.int32).T
    ages, genres = ["0-17", "18-24", "25-34", "56+"], ["Action", "Horror", "sci-fi"]
    dataset = Dataset(
        name="random",
        user=user,
        item=item,
        rating=np.ones(len(user), np.float32),
        timestamp=np.arange(len(user)),
        user_ids=np.array([f"u{number}" for number in range(USERS)]),
        item_ids=np.array([f"i{number}" for number in range(ITEMS)]),
        user_columns={
            "age": Categorical(rng.integers(-1, 4, USERS).astype(np.int32), np.array(ages)),
            "score": Numeric((rng.integers(-4, 5, USERS) / 4).astype(np.float32)),
            "tags": MultiCategorical(
                np.arange(0, 2 * USERS + 1, 2),
                rng.integers(0, 4, 2 * USERS).astype(np.int32),
                np.array(["a", "B", "c", "d"]),
            ),
        },
        item_columns={
            "genres": MultiCategorical(
                np.arange(0, 2 * ITEMS + 1, 2),
                np.stack([rng.permutation(3)[:2] for _ in range(ITEMS)]).astype(np.int32).ravel(),
                np.array(genres),
            )
        },
    )
    folder = tmp_path_factory.mktemp("data")
    (folder / "random").mkdir()
    write_browse(folder / "random" / "browse.sqlite", dataset)
    return Browse(folder, "random")


def value_of(browse: Browse, user: int, name: str) -> Any:
    return browse.user(user).attributes.get(name)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_number_compares_with_what_a_value_begins_with(sign: str, browse: Browse) -> None:
    score = find_users(browse, Question(attributes=(("score", sign, "0.25"),)))
    assert list(score.users) == [
        user for user in range(USERS) if SIGNS[sign](value_of(browse, user, "score"), 0.25)
    ]
    if sign != "=":  # 25 and 25-34 are compared by their 25, and = takes ranges in
        age = find_users(browse, Question(attributes=(("age", sign, "25"),)))
        starts = {"0-17": 0, "18-24": 18, "25-34": 25, "56+": 56}
        assert list(age.users) == [
            user
            for user in range(USERS)
            if (age := value_of(browse, user, "age")) and SIGNS[sign](starts[age], 25)
        ]


@pytest.mark.parametrize(("asked", "meant"), [("20", "18-24"), ("18-24", "18-24"), ("56+", "56+")])
def test_a_number_is_in_its_range(asked: str, meant: str, browse: Browse) -> None:
    found = find_users(browse, Question(attributes=(("age", "=", asked),)))
    assert list(found.users) == [u for u in range(USERS) if value_of(browse, u, "age") == meant]
    assert found.users


def test_one_value_of_a_list_is_enough_whatever_its_case(browse: Browse) -> None:
    found = find_users(browse, Question(attributes=(("tags", "=", "b"), ("tags", "=", "C"))))
    both = [u for u in range(USERS) if {"B", "c"} <= set(value_of(browse, u, "tags"))]
    assert list(found.users) == both
    assert both


@pytest.mark.parametrize("sign", SIGNS)
def test_shares_of_genres_are_those_of_every_history(sign: str, browse: Browse) -> None:
    share: dict[int, float] = {}
    for user in range(USERS):
        items = [event.item for event in browse.history(user)]
        if items:  # who has no history likes nothing
            horror = sum("Horror" in browse.item(item).genres for item in items)
            share[user] = horror / len(items)
    assert len(share) == USERS - 1
    bound = sorted(share.values())[USERS // 2]
    found = find_users(browse, Question(genres=(("horror", sign, bound),)))
    wanted = sorted(
        (user for user in share if SIGNS[sign](share[user], bound)), key=lambda user: -share[user]
    )
    assert list(found.users) == wanted
    assert list(found.values) == pytest.approx([share[user] for user in wanted])
    assert wanted


def test_an_order_that_was_asked_for_stays(browse: Browse) -> None:
    genres = (("SCI-FI", ">=", 0.5),)
    found = find_users(browse, Question(genres=genres, order=("most", "events")))
    events = [browse.user(user).events for user in found.users]
    assert events == sorted(events, reverse=True)
    by_share = find_users(browse, Question(genres=genres))
    assert dict(zip(found.users, found.values, strict=True)) == dict(
        zip(by_share.users, by_share.values, strict=True)
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two runs; many users are equal, some have a value that is not defined, some have none."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("runs")
    return [
        write_list_run(
            folder,
            label,
            {},
            ndcg={
                int(user): float(rng.choice([0.0, 0.25, 0.5, np.nan]))
                for user in rng.permutation(USERS)[:30]
            },
        )
        for label in ("one", "two")
    ]


@pytest.mark.parametrize("kind", ["worst", "best", "gain", "loss"])
def test_users_are_in_the_order_of_their_values(kind: str, browse: Browse, runs: list[Run]) -> None:
    first, second = (values_of(run.path / RESULTS, "ndcg@10") for run in runs)
    values = {user: value for user, value in first.items() if not np.isnan(value)}
    if kind in ("gain", "loss"):
        values = {
            user: second[user] - value
            for user, value in values.items()
            if not np.isnan(second.get(user, np.nan))
        }
    sign = 1 if kind in ("worst", "loss") else -1
    wanted = sorted(values, key=lambda user: (sign * values[user], -browse.user(user).events, user))
    found = find_users(browse, Question(order=(kind, "ndcg@10")), runs)
    assert list(found.users) == wanted
    assert list(found.values) == [values[user] for user in wanted]
    assert len(wanted) > 10


def test_few_metrics_are_kept(
    browse: Browse, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def note(path: Path, metric: str, users: int) -> NDArray[np.float64]:
        read.append(metric)
        return values_by_user(path, metric, users)

    facets = Facets()
    facets.warm_up(browse, runs, "ndcg@10")
    monkeypatch.setattr(users_facets, "values_by_user", note)
    for _ in range(2):
        find_users(browse, Question(order=("gain", "ndcg@10")), runs, facets)
    assert read == []
    others = [f"recall@{k}" for k in range(6)]
    for metric in (*others, others[-1], "ndcg@10"):
        found = find_users(browse, Question(order=("worst", metric)), runs, facets)
        assert bool(found.users) == (metric == "ndcg@10")
    assert read == [*others, "ndcg@10"]


def test_what_is_in_memory_is_not_read_again(
    browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    facets = Facets()
    facets.warm_up(browse)

    def read(*_: object) -> None:
        raise AssertionError("read again")

    for name in ("_read_attributes", "_read_histories", "_read_genres"):
        monkeypatch.setattr(f"workbench.store.users_facets.{name}", read)
    question = Question(attributes=(("age", "=", "25"),), genres=(("Horror", ">=", 0.2),))
    found = find_users(browse, question, facets=facets)
    monkeypatch.undo()
    assert found == find_users(browse, question)
    with pytest.raises(InputError, match="did you mean 'Horror'"):
        find_users(browse, Question(genres=(("Horor", ">=", 0.2),)), facets=facets)
