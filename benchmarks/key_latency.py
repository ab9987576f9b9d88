"""From a key to the first output, while two training jobs run and while none does."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.first_paint import drain, opened
from benchmarks.harness import Figure

_PRESSES, _GAP_SECONDS = 240, 0.12
#: nobody sees whether a key takes less than this (seconds), whatever it takes without jobs
_UNSEEN = 0.012
_PROGRAM = str(Path(sys.executable).with_name("recsys-workbench"))
#: longer than the measurement
_JOB = ["queue", "add", "--model=mf", "--dataset=sample", "--threads=1", "--set", "epochs=10000"]
_JOB += ["--set", "patience=0"]


def measure() -> Iterator[Figure]:
    """Press keys in the screen Jobs, first idle, then beside two jobs with one thread each."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        places = [f"--runs-dir={folder}/runs", f"--data-dir={folder}/data"]
        _run("queue", "pause", *places)
        for _ in range(2):
            _run(*_JOB, *places)
        idle = _latencies(places)
        _run("queue", "work", "--jobs=2", *places)
        _run("queue", "resume", *places)
        try:
            time.sleep(15)  # until both train
            busy = _latencies(places)
        finally:
            _run("queue", "cancel", "--all", *places)
    for name, share, goal in (("p50", 0.5, 1 / 1.3), ("p95", 0.95, 1 / 1.5)):
        place = int(share * _PRESSES)
        title = f"key to paint beside two jobs, {name}"
        wanted = None if name == "p95" and busy[place] < _UNSEEN else goal
        yield Figure(title, "s", busy[place], idle[place], "no job runs", wanted)


def _run(*arguments: str) -> None:
    subprocess.run([_PROGRAM, *arguments], check=True, stdout=subprocess.DEVNULL)


def _latencies(places: list[str]) -> list[float]:
    """Return the seconds from each key to the first byte, sorted."""
    with opened([_PROGRAM, *places]) as (_, terminal):
        drain(terminal, 3.0)
        os.write(terminal, b"1")
        drain(terminal, 1.0)
        return sorted(_press(terminal, b"jk"[turn % 2 :][:1]) for turn in range(_PRESSES))


def _press(terminal: int, key: bytes) -> float:
    drain(terminal, 0.0)
    started = time.perf_counter()
    os.write(terminal, key)
    select.select([terminal], [], [], 3.0)
    spent = time.perf_counter() - started
    drain(terminal, _GAP_SECONDS)
    return spent
