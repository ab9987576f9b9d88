"""Using a winner on ML-1M: lists of 100 for every user to a file, and the fit on all rows."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure, load_ml1m, prepared_data, seconds
from recsys_core.processes import python_command

#: short: how long lists take, and a fit beside another one, does not depend on what was learned
_SHORT = ["--set", "epochs=2", "--set", "negatives=200"]
_FIT = ["--model", "youtube-dnn", *_SHORT, "--dataset", "ml-1m", "--label", "tower"]


def measure() -> Iterator[Figure]:
    """Train in a folder of its own; goals are seconds, and twice the fit's time."""
    load_ml1m()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        _command(runs, "train", *_FIT)
        lists = Path(folder) / "lists.parquet"
        line = ["recommend", "tower", "--users", "all", "--k", "100", "--to", str(lists)]
        written = seconds(lambda: _command(runs, *line))
        yield Figure("lists of 100, all users of ML-1M", "s", written, 15.0, "goal", 1.0)
        _command(runs, "train", "--refit", "tower")
        yield Figure(
            "youtube-dnn fitted on all rows of ML-1M",
            "s",
            _fit_seconds(runs, "*-tower-refit-*"),
            _fit_seconds(runs, "*-tower-[!r]*"),
            "the judged fit",
            0.5,
        )


def _command(runs: Path, *line: str) -> None:
    """Run a command line in a process of its own, so that imports are part of what it takes."""
    folders = ["--runs-dir", str(runs), "--data-dir", str(prepared_data())]
    command = python_command("-m", "workbench", *folders, *line, "--quiet")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _fit_seconds(runs: Path, pattern: str) -> float:
    (folder,) = runs.glob(pattern)
    found: float = json.loads((folder / "metrics.json").read_text())["fit_seconds"]
    return found
