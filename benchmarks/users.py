"""The screen Users with 100,000 users, in a pseudo-terminal: the list, and searching in it."""

from __future__ import annotations

import json
import os
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
    "id": b"512",
    "attribute": b"age=25",
    "genre": b"genre=Horror",
    "metric": b"worst=ndcg@10",
    "gain": b"gain=ndcg@10",
    "gain and genre": b"genre=Horror gain=ndcg@10",
}
_BACKSPACE, _ESCAPE = b"\x7f", b"\x1b"
#: output may pause so long between the letter typed and the list of those found
_PAUSE = 0.15


def measure() -> Iterator[Figure]:
    """Open the list, then type the last letter of a question a few times; goals are in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        data = Path(folder) / "data" / "many"
        data.mkdir(parents=True)
        dataset = _many_users()
        write_browse(data / "browse.sqlite", dataset)
        _write_runs(Path(folder) / "runs", dataset)
        with Keys(Path(folder) / "runs") as keys:
            opened = keys.press(b"3", _PAUSE)
            yield Figure("100,000 users listed", "s", opened, 0.3, "goal", 1.0)
            for name, question in _QUESTIONS.items():
                seconds = statistics.median(_last_letter(keys, question))
                yield Figure(f"100,000 users searched by {name}", "s", seconds, 0.05, "goal", 1.0)


def _last_letter(keys: Keys, question: bytes) -> Iterator[float]:
    """Type a question, then its last letter again and again."""
    for letter in (b"/", *(bytes([letter]) for letter in question)):
        keys.press(letter, _PAUSE)
    for _ in range(9):
        keys.press(_BACKSPACE, _PAUSE)
        yield keys.press(question[-1:], _PAUSE)
    keys.press(_ESCAPE, _PAUSE)
    keys.press(_ESCAPE, _PAUSE)


def _write_runs(runs: Path, dataset: Dataset) -> None:
    """Write two runs that have a metric of each user, drawn at random."""
    rng = np.random.default_rng(1)
    for number, label in enumerate(("one", "two")):
        values = {"ndcg@10": rng.integers(0, 100, _USERS) / 100}
        run = write_run(runs, label, number=number, dataset=dataset.name, metrics={"ndcg@10": 0.5})
        content = json.loads((run / METRICS).read_text())
        content["dataset"]["fingerprint"] = dataset.fingerprint
        (run / METRICS).write_text(json.dumps(content))
        tables = Tables(dataset.user_ids, dataset.item_ids, np.arange(_USERS), values)
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
