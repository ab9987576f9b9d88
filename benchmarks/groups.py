"""Runs on ML-1M by groups of users and items, in processes that have read nothing yet."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure, load_ml1m, prepared_data

_REPEATS = 7
#: groups of users, the same with groups of items (which need the lists), and users of two runs
_USERS = "age,gender,occupation,activity"
_ITEMS = f"{_USERS},year,popularity"
_READ = """
import sys, time
from pathlib import Path
from workbench.store.groups import GroupReader
from workbench.store.runs import Run
from workbench.store.users import Browse
data, names, *folders = sys.argv[1:]
runs = [Run(Path(folder)) for folder in folders]
started, cpu = time.perf_counter(), time.process_time()
import numpy
at = time.perf_counter() - started
reader, browse, groups = GroupReader(), Browse(Path(data), "ml-1m"), 0
for name in names.split(","):
    groups += len(reader.matrix(browse, runs, name).rows)
print(groups, time.perf_counter() - started, time.process_time() - cpu, at)
"""


def measure() -> Iterator[Figure]:
    """Judge a popularity run by groups, then item-cf beside it; goals in seconds."""
    load_ml1m()
    with tempfile.TemporaryDirectory() as folder:
        where = ["--runs-dir", folder, "--data-dir", str(prepared_data())]
        words = ["eval", "--dataset", "ml-1m", "--models", "popularity,item-cf", "--suite", "seed"]
        line = [sys.executable, "-m", "workbench", *where, *words, "--quiet"]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
        one, two = sorted(str(path.parent) for path in Path(folder).glob("*/results.sqlite"))
        yield from _figures("of users, one run", _USERS, 0.3, one)
        yield from _figures("of users and items, one run", _ITEMS, None, one)
        yield from _figures("of users, two runs", "age", 0.3, one, two)


def _figures(what: str, names: str, goal: float | None, *runs: str) -> Iterator[Figure]:
    found = [_read(names, *runs) for _ in range(_REPEATS)]
    groups = int(found[0][0])
    median = [statistics.median(column) for column in zip(*found, strict=True)]
    about = f"ML-1M: {groups} groups {what}"
    yield Figure(about, "s", median[1], goal, "goal" if goal else "", 1.0 if goal else None)
    yield Figure(f"{about}, processor", "s", median[2], None, "")
    yield Figure(f"{about}, of it NumPy's import", "s", median[3], None, "")


def _read(names: str, *runs: str) -> list[float]:
    line = [sys.executable, "-c", _READ, str(prepared_data()), names, *runs]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]
