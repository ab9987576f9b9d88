"""The page of four compared runs on the users of ML-1M: opened, and CPU time."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure, load_ml1m, prepared_data
from benchmarks.tui import Keys
from recsys_core.data.dataset import Dataset
from tests.tui.folders import falling_curve, write_run
from workbench.store.results import Tables, write_results
from workbench.store.runs import METRICS, RESULTS

#: two columns of sections
_SIZE = (200, 50)
_OPENED = 3
_NAMES = ("ndcg", "recall", "hit", "mrr", "map", "precision", "novelty", "diversity", "popularity")
_CUTOFFS = (10, 20, 50)
_LABELS = ("one", "two", "three", "four")


def measure() -> Iterator[Figure]:
    """Mark four runs and open their page, again and again; goals in seconds of two cores."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        runs = Path(folder) / "runs"
        (Path(folder) / "data").symlink_to(prepared_data())
        _write(runs, load_ml1m())
        opened = [_open(runs) for _ in range(_OPENED)]
        first, whole, cpu = (statistics.median(times) for times in zip(*opened, strict=True))
        yield Figure("ML-1M, 4 runs compared: first drawn", "s", first, 0.5, "goal", 1.0)
        yield Figure("all of it: tests, users, curves", "s", whole, 0.5, "goal", 1.0)
        yield Figure("CPU time of that", "s", cpu, 1.0, "goal", 1.0)


def _open(runs: Path) -> Sequence[float]:
    """Open the page in a new session: seconds until it is there, until all is; CPU seconds."""
    with Keys(runs, _SIZE) as keys:
        keys.press(b"a")
        first = keys.first_change(b"=", expected="4 runs compared")
    with Keys(runs, _SIZE) as keys:
        keys.press(b"a")
        before = keys.cpu_seconds()
        whole = keys.press(b"=", expected="Holm over 3 compared")
        return first, whole, keys.cpu_seconds() - before


def _write(runs: Path, dataset: Dataset) -> None:
    """Write runs with all metrics of each user, drawn at random."""
    rng = np.random.default_rng(1)
    users = np.arange(dataset.n_users)
    for number, label in enumerate(_LABELS):
        names = [f"{name}@{k}" for k in _CUTOFFS for name in _NAMES]
        values = {name: rng.integers(0, 100, len(users)) / 100 for name in names}
        metrics = {name: float(found.mean()) for name, found in values.items()}
        metrics |= {f"{name}@{k}": 0.5 for k in _CUTOFFS for name in ("coverage", "gini")}
        run = write_run(
            runs,
            label,
            number=number,
            dataset=dataset.name,
            metrics=metrics,
            curve=falling_curve(30),
            params={"dim": 2**number, "loss": "softmax"},
        )
        content = json.loads((run / METRICS).read_text())
        content["dataset"]["fingerprint"] = dataset.fingerprint
        (run / METRICS).write_text(json.dumps(content))
        tables = Tables(dataset.user_ids, dataset.item_ids, users, values)
        write_results(run / RESULTS, tables)
