"""A set of five users in two teams, small enough that every share can be counted by hand.

Item numbers, their genres and train rows: 0 X (4), 1 X and Y (1), 2 Y (2), 3 Y (0), 4 none (0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recsys_core.data.dataset import Categorical, Column, Dataset, MultiCategorical
from recsys_core.data.prepared import write_prepared
from workbench.store.files import write_json
from workbench.store.results import Tables, write_results
from workbench.store.runs import METRICS, RESULTS, Run, Status, create_run

#: user number -> events (item, rating, part): 0 train, 2 test; 4 is relevant
EVENTS: tuple[tuple[tuple[int, float, int], ...], ...] = (
    ((0, 5, 0), (1, 4, 0), (2, 5, 2), (3, 4, 2)),
    ((0, 5, 0), (1, 5, 2)),
    ((0, 3, 0), (2, 4, 0), (3, 5, 2), (1, 2, 2)),
    ((2, 5, 0), (0, 4, 2)),
    ((0, 4, 0), (2, 5, 2)),
)
TEAM = Categorical(np.array([0, 0, 1, 1, -1], dtype=np.int32), np.array(["a", "b"]))
GENRES = MultiCategorical(
    np.array([0, 1, 3, 4, 5, 5]), np.array([0, 0, 1, 1, 1], dtype=np.int32), np.array(["X", "Y"])
)
#: the first two items of each user's list; what is relevant in them: 2 | 1 (second) | - | 0 | -
LISTS = ((2, 4), (2, 1), (1, 4), (0, 1), (1, 3))
LOG3 = 1 / np.log2(3)
VALUES = {
    "recall@2": (1 / 2, 1, 0, 1, 0),
    "hit@2": (1, 1, 0, 1, 0),
    "ndcg@2": (1 / (1 + LOG3), LOG3, 0, 1, 0),
}
#: user, item, label, score
ROWS = (
    (0, 2, 1, 0.9),
    (0, 3, 0, 0.4),
    (1, 1, 1, 0.3),
    (2, 3, 0, 0.6),
    (2, 1, 0, 0.1),
    (3, 0, 1, 0.8),
    (4, 2, 0, 0.2),
)


def teams(
    users: Mapping[str, Column] | None = None, items: Mapping[str, Column] | None = None
) -> Dataset:
    """Build the set, with the columns given or its own."""
    user, item, rating, _ = zip(
        *((user, *event) for user, events in enumerate(EVENTS) for event in events), strict=True
    )
    return Dataset(
        name="teams",
        user=np.array(user, dtype=np.int32),
        item=np.array(item, dtype=np.int32),
        rating=np.array(rating, dtype=np.float32),
        timestamp=np.arange(len(user)),
        user_ids=np.array([f"u{number}" for number in range(5)]),
        item_ids=np.array([f"i{number}" for number in range(5)]),
        user_columns=dict({"team": TEAM} if users is None else users),
        item_columns=dict({"genres": GENRES} if items is None else items),
    )


def prepare_teams(data_dir: Path, dataset: Dataset) -> None:
    """Register the set."""
    write_prepared(data_dir, dataset, {"path": "by hand"}, {})


def write_teams_run(
    runs_dir: Path,
    label: str,
    dataset: Dataset,
    *,
    lists: Sequence[Sequence[int]] | None = LISTS,
    values: Mapping[str, Sequence[float]] = VALUES,
    parts: Sequence[bytes] | None = None,
    created: float = 1.8e9,
    **changes: Any,
) -> Run:
    """Make a run of lists, or of ROWS where there are none; `changes` are of its result."""
    run = create_run(runs_dir, {"model": "mf", "label": label, "dataset": "teams"}, label)
    run.write_status(Status("succeeded", created=created, ended=created + 1, exit_code=0))
    pieces = parts or [bytes(part for *_, part in events) for events in EVENTS]
    metrics = {name: float(np.mean(each)) for name, each in values.items()}
    if lists is None:
        metrics, values = {"auc": 5 / 6, "gauc": 1.0, "logloss": 0.5}, {}
    tables = Tables(
        user_ids=dataset.user_ids,
        item_ids=dataset.item_ids,
        users=np.arange(5),
        user_metrics={name: np.array(each, dtype=np.float64) for name, each in values.items()},
        recommendations=None
        if lists is None
        else (np.arange(5), np.array(lists), np.zeros((5, 2)) - [0, 1]),
        rows=None if lists is not None else _columns(),
        parts=(np.array([len(piece) for piece in pieces]), b"".join(pieces)),
    )
    write_results(run.path / RESULTS, tables)
    content = {
        "label": label,
        "model": "mf",
        "stage": "ranking" if lists is None else "recall",
        "seed": 0,
        "params": {},
        "dataset": {"name": "teams", "fingerprint": dataset.fingerprint, "synthetic": False},
        "protocol": {"name": "given", "fingerprint": "s", "parameters": {"relevance": 4.0}},
        "metrics": metrics,
        "ci95": {},
        "fit_seconds": 1.5,
        "reuse_key": f"key-{label}",
    }
    write_json(run.path / METRICS, content | changes)
    return run


def _columns() -> tuple[Any, Any, Any, Any]:
    user, item, label, score = (np.array(column) for column in zip(*ROWS, strict=True))
    return user, item, label.astype(np.float32), score
