"""A sweep of 500 trials in the session: its row among the jobs, and its page."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure
from benchmarks.tui import Keys
from tests.tui.sweep_folders import write_sweep
from workbench.store.listing import list_runs

_SIZE = (160, 45)
_TRIALS, _OPENED, _MOVES = 500, 11, 60


def measure() -> Iterator[Figure]:
    """Open the page again and again, then move in its table; goals are for an idle machine."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        runs = Path(folder) / "runs"
        write_sweep(runs, _TRIALS, name="mf")
        time.sleep(1.1)  # a list looks again and again at files younger than a second
        list_runs(runs)
        opened = []
        for _ in range(_OPENED):
            with Keys(runs, _SIZE) as keys:
                keys.press(b"1", expected="mf 500/500")
                opened.append(keys.first_change(b"\r", expected="ndcg@10 by dim"))
        name = "sweep of 500 trials: page drawn"
        yield Figure(name, "s", statistics.median(opened), 0.3, "goal", 1.0)
        with Keys(runs, _SIZE) as keys:
            keys.press(b"1", expected="mf 500/500")
            unfolded = keys.first_change(b"t", expected="mf-499")
            yield Figure("its trials unfolded in Jobs", "s", unfolded, 0.3, "goal", 1.0)
            moves = sorted(keys.first_change(b"j") for _ in range(_MOVES))
            yield Figure("a key among them, p95", "s", moves[95 * _MOVES // 100], 0.1, "goal", 1.0)
