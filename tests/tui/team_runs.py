"""Runs on 86 users of three teams, whose shares of hits in each team can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recsys_core.data.dataset import Categorical, Dataset
from tests.workbench.grouped import write_teams_run
from workbench.store.files import write_json
from workbench.store.results import Tables, write_results
from workbench.store.runs import METRICS, RESULTS

#: users of each team; the last one has no team
SIZES = {"red": 40, "blue": 40, "few": 5}
USERS = 86


def team_users() -> Dataset:
    """86 users of three teams and none, each with two events on two items."""
    teams = np.repeat([0, 1, 2, -1], [*SIZES.values(), 1]).astype(np.int32)
    return Dataset(
        name="teams",
        user=np.repeat(np.arange(USERS, dtype=np.int32), 2),
        item=np.tile(np.arange(2, dtype=np.int32), USERS),
        rating=np.full(2 * USERS, 5, dtype=np.float32),
        timestamp=np.arange(2 * USERS),
        user_ids=np.array([f"u{number}" for number in range(USERS)]),
        item_ids=np.array(["i0", "i1"]),
        user_columns={"team": Categorical(teams, np.array(list(SIZES)))},
        item_columns={},
    )


def write_hits(runs_dir: Path, label: str, hits: list[int], created: float) -> None:
    """Make a run that hits for so many users of each team: list of one item, i1 where it hits."""
    dataset = team_users()
    hit = np.concatenate(
        [np.arange(size) < n for size, n in zip((*SIZES.values(), 1), hits, strict=True)]
    ).astype(float)
    run = write_teams_run(runs_dir, label, dataset, created=created)
    values = dict.fromkeys(("ndcg@1", "recall@1", "hit@1"), hit)
    tables = Tables(
        user_ids=dataset.user_ids,
        item_ids=dataset.item_ids,
        users=np.arange(USERS),
        user_metrics=values,
        recommendations=(np.arange(USERS), hit[:, None].astype(int), np.zeros((USERS, 1))),
        parts=(np.full(USERS, 2), bytes([0, 2]) * USERS),
    )
    write_results(run.path / RESULTS, tables)
    metrics = {name: float(value.mean()) for name, value in values.items()}
    write_json(run.path / METRICS, run.metrics | {"metrics": metrics})
