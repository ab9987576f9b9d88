"""A tiny data set with films of awkward titles, and runs whose lists are written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Text
from recsys_core.data.prepared import write_prepared
from workbench.store.files import write_json
from workbench.store.results import Tables, write_results
from workbench.store.runs import METRICS, RESULTS, Run, Status, create_run

#: item number -> title, genres; ids are 100 + number
FILMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Alien (1979)", ("Horror", "Sci-Fi")),
    ("千と千尋の神隠し (2001)", ("Animation",)),
    ("שומר [red]לילה[/red] (2002)", ("Drama",)),
    ("Evil\x1b[2J Dead (1981)", ("Horror",)),
    ("Amelie (2001)", ("Comedy", "Romance")),
    ("Aliens (1986)", ("Action", "Sci-Fi")),
    ("", ("Drama",)),
    ("Popular (1990)", ("Comedy",)),
)
AGES = ("18-24", "25-34", "56+")
#: user number -> events (item, rating), oldest first; ids are "u" and the number
HISTORIES: tuple[tuple[tuple[int, float], ...], ...] = (
    ((0, 5), (1, 4), (7, 3), (5, 4), (3, 2)),
    ((0, 4), (5, 5), (7, 4)),
    ((0, 5), (5, 4), (7, 5), (4, 1)),
    ((1, 5), (2, 4), (7, 4)),
    ((1, 4), (2, 5), (7, 2), (6, 3)),
    ((7, 5),),
)
N_USERS = len(HISTORIES)


def films() -> Dataset:
    """Build the set: user u's n-th event is at n days after 2000-01-01."""
    events = [
        (user, item, rating, 946_684_800 + 86_400 * place)
        for user, history in enumerate(HISTORIES)
        for place, (item, rating) in enumerate(history)
    ]
    user, item, rating, time = zip(*events, strict=True)
    genres = sorted({genre for _, names in FILMS for genre in names})
    return Dataset(
        name="films",
        user=np.array(user, dtype=np.int32),
        item=np.array(item, dtype=np.int32),
        rating=np.array(rating, dtype=np.float32),
        timestamp=np.array(time, dtype=np.int64),
        user_ids=np.array([f"u{number}" for number in range(N_USERS)]),
        item_ids=np.array([str(100 + number) for number in range(len(FILMS))]),
        user_columns={
            "age": Categorical(np.arange(N_USERS, dtype=np.int32) % 3, np.array(AGES)),
            "gender": Categorical(np.arange(N_USERS, dtype=np.int32) % 2, np.array(["F", "M"])),
        },
        item_columns={
            "title": Text(np.array([title for title, _ in FILMS])),
            "genres": MultiCategorical(
                np.cumsum([0, *(len(names) for _, names in FILMS)]).astype(np.int64),
                np.array([genres.index(g) for _, names in FILMS for g in names], dtype=np.int32),
                np.array(genres),
            ),
        },
    )


def prepare_films(data_dir: Path) -> str:
    """Register the set and return its fingerprint."""
    dataset = films()
    write_prepared(data_dir, dataset, {"path": "by hand"}, {})
    return dataset.fingerprint


def leave_last_out() -> list[bytes]:
    """Give the parts of each user's events: the last is test, the one before validation."""
    return [
        bytes([0] * (len(history) - 2) + [1, 2]) if len(history) > 2 else bytes(len(history))
        for history in HISTORIES
    ]


def write_list_run(
    runs_dir: Path,
    label: str,
    lists: Mapping[int, Sequence[tuple[int, float]]],
    *,
    fingerprint: str | None = None,
    ndcg: Mapping[int, float] | None = None,
    split: str = "last-out",
    parts: bool = True,
    created: float = 1.8e9,
) -> Run:
    """Make a recall run: user -> (item, score), best first; user -> ndcg@10."""
    values = ndcg if ndcg is not None else dict.fromkeys(lists, 0.5)
    users = sorted(lists)
    width = max((len(row) for row in lists.values()), default=1)
    items = np.full((len(users), width), -1)
    scores = np.full((len(users), width), -np.inf)
    for row, user in enumerate(users):
        for place, (item, score) in enumerate(lists[user]):
            items[row, place], scores[row, place] = item, score
    tables = _tables(values, parts)
    run = _run(runs_dir, label, "item-cf", "recall", fingerprint, split, created)
    recommendations = (np.array(users), items, scores)
    write_results(run.path / RESULTS, Tables(**tables, recommendations=recommendations))
    return run


def write_rows_run(
    runs_dir: Path,
    label: str,
    rows: Sequence[tuple[int, int, float, float]],
    *,
    fingerprint: str | None = None,
    created: float = 1.8e9,
) -> Run:
    """Make a ranking run: (user, item, label, score)."""
    users = sorted({row[0] for row in rows})
    tables = _tables(dict.fromkeys(users, 0.5), True)
    run = _run(runs_dir, label, "lr", "ranking", fingerprint, "last-out", created)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    user, item, relevant, score = columns
    write_results(run.path / RESULTS, Tables(**tables, rows=(user, item, relevant, score)))
    return run


def _tables(values: Mapping[int, float], parts: bool) -> dict[str, Any]:
    dataset = films()
    pieces = leave_last_out()
    return {
        "user_ids": dataset.user_ids,
        "item_ids": dataset.item_ids,
        "users": np.array(sorted(values)),
        "user_metrics": {"ndcg@10": np.array([values[user] for user in sorted(values)])},
        "parts": (np.array([len(piece) for piece in pieces]), b"".join(pieces)) if parts else None,
    }


def _run(
    runs_dir: Path,
    label: str,
    model: str,
    stage: str,
    fingerprint: str | None,
    split: str,
    created: float,
) -> Run:
    run = create_run(runs_dir, {"model": model, "label": label, "dataset": "films"}, label)
    run.write_status(Status("succeeded", created=created, ended=created + 1, exit_code=0))
    content = {
        "label": label,
        "model": model,
        "stage": stage,
        "seed": 0,
        "params": {},
        "dataset": {
            "name": "films",
            "fingerprint": fingerprint or films().fingerprint,
            "synthetic": False,
        },
        "protocol": {
            "name": "leave-last-out",
            "fingerprint": split,
            "parameters": {"relevance": 4.0},
        },
        "metrics": {"ndcg@10": 0.5},
        "ci95": {},
        "fit_seconds": 1.5,
        "reuse_key": f"key-{label}",
    }
    write_json(run.path / METRICS, content)
    return run
