"""Groups of users, items and rows: shares counted by hand, and what cannot be said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Column, Numeric
from recsys_core.errors import InputError
from tests.workbench.grouped import EVENTS, TEAM, VALUES, prepare_teams, teams, write_teams_run
from workbench.store.groups import GroupMatrix, GroupReader
from workbench.store.runs import METRICS, RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_find import find_users
from workbench.store.users_question import parse_question

Made = tuple[Browse, Run]


def group_matrix(
    browse: Browse, runs: Sequence[Run], by: str, metrics: Sequence[str] = ()
) -> GroupMatrix:
    return GroupReader().matrix(browse, runs, by, metrics)


@pytest.fixture
def lists(tmp_path: Path) -> Made:
    """Return the set, and a run of lists."""
    dataset = teams()
    prepare_teams(tmp_path, dataset)
    return Browse(tmp_path, "teams"), write_teams_run(tmp_path / "runs", "mf", dataset)


@pytest.fixture
def rows(tmp_path: Path) -> Made:
    """Return the set, and a run of predicted rows."""
    dataset = teams()
    prepare_teams(tmp_path, dataset)
    return Browse(tmp_path, "teams"), write_teams_run(tmp_path / "runs", "lr", dataset, lists=None)


def values_of(matrix: GroupMatrix, metric: str) -> dict[str, tuple[int, Any]]:
    """Give n and value by group."""
    run = matrix.runs[0]
    return {
        row.group.name: (row.n, row.cells[run, metric].value if row.cells else None)
        for row in matrix.rows
    }


def about(expected: Mapping[str, tuple[int, float | None]]) -> dict[str, tuple[int, Any]]:
    """Allow for rounding."""
    return {name: (n, value and pytest.approx(value)) for name, (n, value) in expected.items()}


def test_users(lists: Made) -> None:
    browse, run = lists
    matrix = group_matrix(browse, [run], "team", ["recall@2"])
    expected = {"a": (2, (1 / 2 + 1) / 2), "b": (2, (0 + 1) / 2), "unknown": (1, 0.0)}
    assert values_of(matrix, "recall@2") == about(expected)
    whole = matrix.overall.cells[run.run_id, "recall@2"].value
    assert whole == pytest.approx((2 * 3 / 4 + 2 * 1 / 2 + 0) / 5) == pytest.approx(5 / 10)
    # 1/2 and 1 differ by 1/4 from their mean each: standard error 1/4, t of one degree 12.7062;
    # recall is never below 0 or above 1
    assert 3 / 4 - 12.7062 / 4 < 0
    assert matrix.rows[0].cells[run.run_id, "recall@2"].interval == (0, 1)
    assert [row.group.search for row in matrix.rows] == ["team=a", "team=b", "team="]
    assert all(row.small for row in matrix.rows)
    assert not matrix.gaps  # of two users each


def test_all_users_have_the_interval_that_the_run_reports(lists: Made) -> None:
    browse, run = lists
    path = run.path / METRICS
    result = json.loads(path.read_text())
    reported = {"recall@2": [0.1, 0.9], "hit@2": [0.2, 0.8]}
    metrics = {"recall@2": 0.5, "hit@2": 0.7}  # another one than the mean of users, which is 3/5
    path.write_text(json.dumps(result | {"metrics": metrics, "ci95": reported}))
    cells = group_matrix(browse, [Run(run.path)], "team", ["recall@2", "hit@2"]).overall.cells
    assert cells[run.run_id, "recall@2"].interval == (0.1, 0.9)
    # 1, 1, 0, 1, 0: standard error sqrt(.3 / 5), t of four degrees 2.7764
    low = 3 / 5 - 2.7764 * sqrt(0.3 / 5)
    assert cells[run.run_id, "hit@2"].interval == pytest.approx((max(0, low), 1), abs=1e-4)


def test_items(lists: Made) -> None:
    browse, run = lists
    matrix = group_matrix(browse, [run], "genre")
    assert matrix.metrics == ("ndcg@2", "recall@2", "hit@2")
    # Y: 2 and 3 of u0, 1 of u1, 3 of u2, 2 of u4; u3 wants none. X: 1 of u1, 0 of u3
    expected = {"Y": (4, (1 / 2 + 1 + 0 + 0) / 4), "X": (2, 1.0), "unknown": (0, None)}
    assert values_of(matrix, "recall@2") == about(expected)
    assert values_of(matrix, "hit@2")["Y"] == (4, pytest.approx(2 / 4))
    # u1 finds 1 at the second place: 1 / log2(3), u3 finds 0 at the first
    assert values_of(matrix, "ndcg@2")["X"] == (2, pytest.approx((1 / np.log2(3) + 1) / 2))
    assert "an item with several values counts in each of them" in matrix.notes


def test_items_by_popularity(lists: Made) -> None:
    browse, run = lists
    matrix = group_matrix(browse, [run], "popularity", ["recall@2"])
    # of 7 train rows: 0 has 4 (from 0), 2 has 2 (from 4/7), 1 has 1 (from 6/7), 3 and 4 none
    expected = {"head": (1, 1.0), "mid": (2, 1 / 2), "tail": (3, 1 / 3)}
    assert values_of(matrix, "recall@2") == about(expected)


def test_activity(lists: Made) -> None:
    browse, run = lists
    matrix = group_matrix(browse, [run], "activity", ["recall@2"])
    expected = {"2": (3, (1 + 1 + 0) / 3), "4": (2, (1 / 2 + 0) / 2)}
    assert values_of(matrix, "recall@2") == about(expected)
    assert matrix.rows[0].group.search == "min-history=2 max-history=2"


def test_rows(rows: Made) -> None:
    browse, run = rows
    matrix = group_matrix(browse, [run], "team")
    assert matrix.metrics == ("auc", "gauc", "logloss")
    # a: relevant .9 and .3, irrelevant .4; b: relevant .8, irrelevant .6 and .1
    expected = {"a": (2, 1 / 2), "b": (2, 1.0), "unknown": (1, None)}
    assert values_of(matrix, "auc") == about(expected)
    loss = -(log(0.9) + log(1 - 0.4) + log(0.3)) / 3
    assert values_of(matrix, "logloss")["a"] == (2, pytest.approx(loss))
    # .9 is above 4 of 4, .8 of 4, .3 of 2
    assert matrix.overall.cells[run.run_id, "auc"].value == pytest.approx(10 / 12)
    of_items = group_matrix(browse, [run], "genre", ["auc"])
    # Y: .9 and .3 against .4 .6 .1 .2
    assert values_of(of_items, "auc")["Y"] == (4, pytest.approx((4 + 2) / 8))


def test_popularity_bias(lists: Made) -> None:
    browse, run = lists
    every, a, *_ = GroupReader().popularity_bias(browse, [run], "team", 2)
    bias = every.bias[run.run_id]
    assert bias.lists == pytest.approx((2 / 2 + 3 / 2 + 1 / 2 + 5 / 2 + 1 / 2) / 5)
    assert bias.histories == pytest.approx((5 / 2 + 4 + 6 / 2 + 2 + 4) / 5)
    assert bias.lift.value == pytest.approx(12 / 31 - 1)
    assert bias.tail_lists.value == pytest.approx((1 / 2 + 1 / 2 + 1 + 1 / 2 + 1) / 5)
    assert bias.tail_histories == pytest.approx((1 / 2) / 5)
    assert a.n == 2
    assert a.bias[run.run_id].lift.value == pytest.approx(5 / 13 - 1)


@pytest.mark.parametrize(
    ("users", "items", "names"),
    [
        ({}, {}, ["activity", "popularity"]),
        ({"team": TEAM}, {}, ["team", "activity", "popularity"]),
        ({}, None, ["activity", "genre", "popularity"]),
        ({"size": TEAM}, {"size": TEAM}, ["size", "activity", "item:size", "popularity"]),
    ],
)
def test_attributes(
    tmp_path: Path,
    users: dict[str, Column],
    items: dict[str, Column] | None,
    names: list[str],
) -> None:
    dataset = teams(users, items)
    prepare_teams(tmp_path, dataset)
    run = write_teams_run(tmp_path / "runs", "mf", dataset)
    browse, reader = Browse(tmp_path, "teams"), GroupReader()
    assert [found.name for found in reader.attributes(browse)] == names
    for name in names:
        assert reader.matrix(browse, [run], name).rows


def test_numbers_are_cut_at_quartiles(tmp_path: Path) -> None:
    heights = Numeric(np.array([150, 160.5, np.nan, 180, 190], dtype=np.float32))
    dataset = teams({"height": heights})
    prepare_teams(tmp_path, dataset)
    run, browse = write_teams_run(tmp_path / "runs", "mf", dataset), Browse(tmp_path, "teams")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.store.groups_attributes.MOST_NUMBERS", 3)
        matrix = group_matrix(browse, [run], "height")
    # quartiles of 150, 160.5, 180, 190: 157.875, 170.25, 182.5
    names = [(row.group.name, row.group.search) for row in matrix.rows]
    assert names[1] == ("160.5", "'height>=160.5' 'height<=160.5'")
    assert [name for name, _ in names] == ["150", "160.5", "180", "190", "unknown"]
    assert matrix.notes == (
        "cut at the quartiles of the data set's users; equal numbers stay together",
    )


@pytest.mark.parametrize("seed", range(3))
def test_groups_average_to_the_whole(tmp_path: Path, seed: int) -> None:
    """Whatever divides the users: weighted by their size the groups' values are the run's."""
    rng = np.random.default_rng(seed)
    words = np.array(["p", "q", "r"])
    users = {f"c{n}": Categorical(rng.integers(-1, 3, 5).astype(np.int32), words) for n in range(6)}
    dataset = teams({name: each for name, each in users.items() if (each.codes >= 0).any()})
    prepare_teams(tmp_path, dataset)
    values = {"recall@2": rng.random(5).tolist()}
    run = write_teams_run(tmp_path / "runs", "mf", dataset, values=values)
    browse, reader = Browse(tmp_path, "teams"), GroupReader()
    for name in ("activity", *dataset.user_columns):
        found = values_of(reader.matrix(browse, [run], name, ["recall@2"]), "recall@2")
        assert sum(n for n, _ in found.values()) == 5
        total = sum(n * (value or 0) for n, value in found.values())
        assert total / 5 == pytest.approx(run.metrics["metrics"]["recall@2"])


def _other_set(browse: Browse, run: Run) -> None:
    run.metrics["dataset"]["fingerprint"] = "0" * 32


def _other_events(browse: Browse, run: Run) -> None:
    dataset, where = teams(), run.path.parent
    pieces = [bytes(len(events) + 1) for events in EVENTS]
    other = write_teams_run(where, "other", dataset, parts=pieces)
    (other.path / RESULTS).replace(run.path / RESULTS)


def _earlier_version(browse: Browse, run: Run) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(run.path / RESULTS)) as database:
        database.execute("DROP TABLE parts")


def _other_lists(browse: Browse, run: Run) -> None:
    other = write_teams_run(run.path.parent, "other", teams(), values=_swapped())
    (other.path / RESULTS).replace(run.path / RESULTS)


def _swapped() -> dict[str, tuple[float, ...]]:
    return {name: values[::-1] for name, values in VALUES.items()}


def _damaged(browse: Browse, run: Run) -> None:
    (run.path / RESULTS).write_bytes(b"no database")


def _refit(browse: Browse, run: Run) -> None:
    run.metrics["refit_of"] = "mf-1"


@pytest.mark.parametrize(
    ("change", "by", "metric", "message"),
    [
        (_other_set, "team", "", "data set 'teams' is not the one that run"),
        (_other_events, "genre", "", "is about other events than the data set has by now"),
        (_earlier_version, "genre", "", "does not say which events were held out"),
        (_other_lists, "genre", "recall@2", "the lists do not give the run's recall@2"),
        (_damaged, "team", "", "damaged: file is not a database"),
        (_refit, "team", "", "was fitted on all rows and not judged"),
        (None, "teem", "", "unknown attribute 'teem'\ndid you mean 'team'?"),
        (None, "team", "ndcg@9", "unknown metric of groups of users 'ndcg@9'"),
    ],
)
def test_what_cannot_be_said(
    lists: Made,
    change: Callable[[Browse, Run], None] | None,
    by: str,
    metric: str,
    message: str,
) -> None:
    browse, run = lists
    if change is not None:
        change(browse, run)
    with pytest.raises(InputError) as caught:
        group_matrix(browse, [run], by, [metric] if metric else [])
    assert message in str(caught.value)


def test_runs_that_cannot_be_compared(lists: Made, tmp_path: Path) -> None:
    browse, run = lists
    dataset = teams()
    protocol = {"name": "given", "fingerprint": "other", "parameters": {}}
    other = write_teams_run(tmp_path / "runs", "split", dataset, protocol=protocol)
    with pytest.raises(InputError, match="were judged on different splits"):
        group_matrix(browse, [run, other], "team")
    ranking = write_teams_run(tmp_path / "runs", "lr", dataset, lists=None)
    with pytest.raises(InputError, match="one makes lists, the other predicts rows"):
        group_matrix(browse, [run, ranking], "team")
    with pytest.raises(InputError, match="has no lists"):
        GroupReader().popularity_bias(browse, [ranking])


def test_a_matrix_is_kept_until_the_results_change(lists: Made) -> None:
    browse, run = lists
    reader = GroupReader()
    first = reader.matrix(browse, [run], "team")
    assert reader.matrix(browse, [run], "team") is first
    other = write_teams_run(run.path.parent, "other", teams(), values=_swapped())
    (other.path / RESULTS).replace(run.path / RESULTS)
    assert values_of(reader.matrix(browse, [run], "team"), "recall@2")["a"] == (2, 0.5)


def test_a_search_finds_each_group(tmp_path: Path) -> None:
    """What stands beside a group finds its users, those without a value included."""
    heights = Numeric(np.array([150, 160.5, np.nan, 180, 150], dtype=np.float32))
    towns = Categorical(np.array([0, 1, 1, 0, -1], dtype=np.int32), np.array(["New York", "'s"]))
    dataset = teams({"height": heights, "town": towns})
    prepare_teams(tmp_path, dataset)
    browse, reader = Browse(tmp_path, "teams"), GroupReader()
    run = write_teams_run(tmp_path / "runs", "mf", dataset)
    found = {}
    for name in ("height", "town", "activity"):
        for row in reader.matrix(browse, [run], name).rows:
            question = parse_question(row.group.search, ["height", "town"], [])
            found[name, row.group.name] = list(find_users(browse, question).users)
            assert len(found[name, row.group.name]) == row.group.size
    assert found["height", "unknown"] == [2]
    assert found["town", "'s"] == [1, 2]
    assert found["height", "150"] == [0, 4]
