"""The screen Users with 100,000 users, in a pseudo-terminal: the list, and searching in it."""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure
from benchmarks.tui import Keys
from recsys_core.data.browse import write_browse
from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Text
from tests.tui.folders import write_run
from workbench.store.results import Tables, write_results
from workbench.store.runs import METRICS, RESULTS

_USERS, _ITEMS, _EVENTS = 100_000, 5_000, 3_000_000
_AGES = ("18-24", "25-34", "35-44", "45-49")
_GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Thriller")
#: what is typed; of each the last letter is measured
_QUESTIONS = {
    "id": "512",
    "attribute": "age=25",
    "genre": "genre=Horror",
    "metric": "worst=ndcg@10",
    "gain": "gain=ndcg@10",
    "gain and genre": "genre=Horror gain=ndcg@10",
}
_LISTED = f"^ {_USERS:,} users"
_REPEATS = 12
_CLEAR, _ESCAPE = b"\x15", b"\x1b"


def measure() -> Iterator[Figure]:
    """Open the list, then type the last letter of a question a few times; goals are in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        data = Path(folder) / "data" / "many"
        data.mkdir(parents=True)
        dataset = _many_users()
        write_browse(data / "browse.sqlite", dataset)
        write_user_runs(Path(folder) / "runs", dataset)
        runs = Path(folder) / "runs"
        opened = statistics.median(_first_opened(runs) for _ in range(5))
        yield Figure("100,000 users listed", "s", opened, 0.3, "goal", 1.0)
        with Keys(runs) as keys:
            keys.press(b"3", expected=_LISTED)
            times = {name: list(_last_letter(keys, text)) for name, text in _QUESTIONS.items()}
        for name, some in times.items():
            median = statistics.median(some)
            yield Figure(f"100,000 users searched by {name}", "s", median, 0.05, "goal", 1.0)
        together = sorted(itertools.chain.from_iterable(times.values()))
        for share in (50, 95):
            seconds = together[share * len(together) // 100]
            yield Figure(f"any of these searches, p{share}", "s", seconds, 0.05, "goal", 1.0)


def _first_opened(runs: Path) -> float:
    """Open the list in a new session."""
    with Keys(runs) as keys:
        return keys.press(b"3", expected=_LISTED)


def _last_letter(keys: Keys, question: str) -> Iterator[float]:
    """Type a question again and again, each time after another list.

    The line under the header names the question when the list is that of those found.
    """
    keys.press(b"/")
    for _ in range(_REPEATS):
        keys.press(_CLEAR + question[:-1].encode())
        yield keys.press(question[-1].encode(), expected=f"find: {re.escape(question)}( ·.*| *)$")
    keys.press(_ESCAPE)


def write_user_runs(runs: Path, dataset: Dataset, *, listed: int = 0) -> None:
    """Write two runs that have a metric of each user, drawn at random, and lists of some length."""
    rng = np.random.default_rng(1)
    users, items = dataset.n_users, dataset.n_items
    for number, label in enumerate(("one", "two")):
        values = {"ndcg@10": rng.integers(0, 100, users) / 100}
        run = write_run(runs, label, number=number, dataset=dataset.name, metrics={"ndcg@10": 0.5})
        content = json.loads((run / METRICS).read_text())
        content["dataset"]["fingerprint"] = dataset.fingerprint
        (run / METRICS).write_text(json.dumps(content))
        everybody = np.arange(users)
        lists = None
        if listed:
            places = rng.integers(0, items - listed, users)[:, None] + np.arange(listed)
            lists = (everybody, places, np.tile(np.linspace(1, 0, listed), (users, 1)))
        tables = Tables(
            dataset.user_ids, dataset.item_ids, everybody, values, recommendations=lists
        )
        write_results(run / RESULTS, tables)


def _many_users() -> Dataset:
    """Draw users, items and what was rated at random; some items are much better known."""
    rng = np.random.default_rng(0)
    user = rng.integers(0, _USERS, _EVENTS)
    item = np.minimum(rng.zipf(1.3, _EVENTS), _ITEMS) - 1
    user, item = np.unique(np.stack([user, item]), axis=1).astype(np.int32)
    rows = len(user)
    return Dataset(
        name="many",
        user=user,
        item=item,
        rating=rng.integers(1, 6, rows).astype(np.float32),
        timestamp=rng.integers(10**9, 10**9 + 10**8, rows),
        user_ids=np.arange(_USERS).astype(str),
        item_ids=np.arange(_ITEMS).astype(str),
        user_columns={
            "age": Categorical(
                rng.integers(0, len(_AGES), _USERS).astype(np.int32), np.array(_AGES)
            ),
        },
        item_columns={
            "title": Text(np.array([f"Film {number}" for number in range(_ITEMS)])),
            "genres": MultiCategorical(
                np.arange(_ITEMS + 1),
                rng.integers(0, len(_GENRES), _ITEMS).astype(np.int32),
                np.array(_GENRES),
            ),
        },
    )
