"""Scores from elsewhere: lists of a run written and read back, and a million made rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Figure, load_ml1m, seconds

#: users with a list of a hundred items in the made set
USERS, WIDTH = 10_000, 100


def measure() -> Iterator[Figure]:
    """Time reading, judging and keeping lists (guidance 3 s each); the split is there already."""
    from recsys_core.data.sample import make_sample
    from recsys_core.protocols.registry import make_protocol
    from recsys_core.recall.item_cf import ItemCF, ItemCFConfig

    protocol = make_protocol({"name": "user-timeline"})
    split = protocol.split(load_ml1m())
    model = ItemCF(ItemCFConfig()).fit(split.train)
    users = np.unique(split.test.user)
    top = model.recommend(users, WIDTH, histories=split.known.histories().take(users))
    file = Path(tempfile.mkdtemp()) / "lists.csv"

    def there_and_back() -> None:
        _write(file, users, top.items, top.scores, split)
        _score(file, split)

    _score(_write(file, users, top.items, top.scores, split), split)  # imports
    name = f"{len(users):,} lists of {WIDTH}: written, scored, kept"
    yield Figure(name, "s", min(seconds(there_and_back) for _ in range(3)), None, "")

    made = protocol.split(make_sample(n_users=USERS, n_items=2_000, mean_events=30))
    asked = np.unique(made.test.user)
    rng = np.random.default_rng(0)
    items = np.argsort(rng.random((len(asked), 400)), axis=1)[:, :WIDTH].astype(np.int32)
    scores = -np.sort(-rng.random(items.shape), axis=1)
    _write(file, asked, items, scores, made)
    name = f"{items.size:,} made rows: scored, kept"
    yield Figure(name, "s", min(seconds(lambda: _score(file, made)) for _ in range(3)), None, "")


def _write(file: Path, users: Any, items: Any, scores: Any, split: Any) -> Path:
    listed = items >= 0
    columns = (
        split.dataset.user_ids[np.repeat(users, listed.sum(axis=1))],
        split.dataset.item_ids[items[listed]],
        scores[listed],
    )
    lines = zip(*(column.tolist() for column in columns), strict=True)
    with file.open("w") as text:
        text.write("user,item,score\n")
        text.writelines(f"{user},{item},{score!r}\n" for user, item, score in lines)
    return file


def _score(file: Path, split: Any) -> None:
    from recsys_core.pipeline.external import ScoreJob
    from workbench.jobs.scores import score_into

    job = ScoreJob.read(file, {"dataset": split.dataset.name}, "recall")
    score_into(job, split, runs_dir=Path(tempfile.mkdtemp()), fresh=True)
