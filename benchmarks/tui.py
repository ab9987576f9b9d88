"""The interactive session with many runs, in a pseudo-terminal: first paint, memory, keys."""

from __future__ import annotations

import asyncio
import os
import re
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyte

from benchmarks.first_paint import COLUMNS, MINIMAL, ROWS, first_paint, opened
from benchmarks.harness import Figure
from tests.tui.folders import write_run
from workbench.store.listing import list_runs
from workbench.tui.app import WorkbenchApp

#: a table of twelve columns: eight metrics beside data, protocol, seed and label
_METRICS = (
    *("ndcg@10", "recall@10", "hit@10", "mrr@10"),
    *("map@10", "precision@10", "coverage@10", "novelty@10"),
)

#: seconds that a key may take
_PATIENCE = 10.0


def measure() -> Iterator[Figure]:
    """Measure 500, 1,000 and 10,000 runs; goals in seconds and MB are for an idle machine."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        write_runs(runs, 0, 500)
        peer = [sys.executable, MINIMAL]
        rounds = [(first_paint(_command(runs)), first_paint(peer)) for _ in range(21)][1:]
        ours, theirs = (statistics.median(times) for times in zip(*rounds, strict=True))
        yield Figure("first paint, 500 runs", "s", ours, theirs, "minimal Textual", 1 / 1.7)
        with Keys(runs) as keys:
            yield Figure("memory, 500 runs", "MB", keys.memory(), 80.0, "goal", 1.0)
        write_runs(runs, 500, 1000)
        usable = asyncio.run(_in_process(runs))
        yield Figure("1,000 runs usable, in process", "s", usable, 0.3, "goal", 1.0)
        with Keys(runs) as keys:
            in_order = statistics.median(keys.press(key) for key in [b"S", b"s"] * 8)
            yield Figure("1,000 runs sorted", "s", in_order, 0.1, "goal", 1.0)
        write_runs(runs, 1000, 10_000)
        with Keys(runs) as keys:
            times = sorted(keys.press(b"\x1b[6~") for _ in range(60))
            yield Figure("PageDown in 10,000 runs, p95", "s", times[57], 0.12, "goal", 1.0)


async def _in_process(runs: Path) -> float:
    """Seconds until the table of a read runs folder is drawn."""
    app = WorkbenchApp(runs, runs.parent / "data")
    app.action_go("results")
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        await pilot.pause()
        read = app.runs
        assert len(read) == 1000
        app.runs = read[:1]
        await pilot.pause()
        started = time.perf_counter()
        app.runs = read
        await pilot.pause()
        return time.perf_counter() - started


def write_runs(runs: Path, start: int, stop: int) -> None:
    """Write runs with so many numbers."""
    for number in range(start, stop):
        metrics = dict.fromkeys(_METRICS, number * 37 % 1000 / 1000)
        seed = number % 3
        label = f"mf-{number}"
        write_run(runs, label, model="mf", number=number, metrics=metrics, seed=seed)
    time.sleep(1.1)  # a list looks again and again at files younger than a second
    list_runs(runs)


def _command(runs: Path) -> list[str]:
    program = str(Path(sys.executable).with_name("recsys-workbench"))
    return [program, "--runs-dir", str(runs), "--data-dir", str(runs.parent / "data")]


class Keys:
    """A session that keys are sent to.

    Times are those at which output was read. What it shows is found out afterwards, so that the
    terminal emulator, which takes longer than the session draws, does not count.
    """

    def __init__(self, runs: Path, size: tuple[int, int] = (COLUMNS, ROWS)) -> None:
        self._size = size
        self._context = opened(_command(runs), size)

    def __enter__(self) -> Keys:
        self._pid, self._terminal = self._context.__enter__()
        self._screen = pyte.Screen(*self._size)
        self._stream = pyte.ByteStream(self._screen)
        self._last_change(wait=5.0, pause=0.4)
        return self

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(None, None, None)

    def memory(self) -> float:
        """Resident memory in MB."""
        return psutil.Process(self._pid).memory_info().rss / 2**20

    def cpu_seconds(self) -> float:
        """CPU time that the session has taken so far."""
        used = psutil.Process(self._pid).cpu_times()
        return used.user + used.system

    def press(self, key: bytes, *, expected: str = "", pause: float = 0.15) -> float:
        """Seconds from a key to the last output that changed what is on the screen.

        Parameters
        ----------
        expected
            What a line of the screen must have then, as a regular expression.
        pause
            When what is expected is there, output is waited for so many seconds more.

        Raises
        ------
        RuntimeError
            The screen stayed as it was, or does not show what is expected.
        """
        started = time.perf_counter()
        os.write(self._terminal, key)
        last = None
        while time.perf_counter() - started < _PATIENCE:
            last = self._last_change(wait=1.0, pause=pause) or last
            if last is not None and self._shows(expected):
                return last - started
        shown = "\n".join(self._screen.display)
        raise RuntimeError(f"after {key!r} no {expected!r} on the screen:\n{shown}")

    def first_change(self, key: bytes, *, expected: str = "") -> float:
        """Seconds from a key to the first output that changed anything on the screen.

        Colours count: they are all that changes with the focus. What follows, such as reasons of
        another item, does not count.

        Parameters
        ----------
        expected
            What a line of the screen must have by then, as a regular expression.

        Raises
        ------
        RuntimeError
            The screen stayed as it was, or does not show what is expected.
        """
        started = time.perf_counter()
        os.write(self._terminal, key)
        while time.perf_counter() - started < _PATIENCE:
            found = None
            for moment, output in self._output(wait=1.0, pause=0.5):  # to the end of it
                before = self._looks()
                self._stream.feed(output)
                if found is None and self._looks() != before and self._shows(expected):
                    found = moment - started
            if found is not None:
                return found
        shown = "\n".join(self._screen.display)
        raise RuntimeError(f"after {key!r} no {expected!r} on the screen:\n{shown}")

    def _looks(self) -> list[list[object]]:
        """Characters with their colours."""
        columns, rows = self._size
        return [[self._screen.buffer[y][x] for x in range(columns)] for y in range(rows)]

    def _shows(self, expected: str) -> bool:
        return any(re.search(expected, line) for line in self._screen.display)

    def _last_change(self, wait: float, pause: float) -> float | None:
        """Read until nothing comes for `pause`; tell when what changed the screen last came."""
        last = None
        for moment, output in self._output(wait, pause):
            before = self._screen.display
            self._stream.feed(output)
            if self._screen.display != before:
                last = moment
        return last

    def _output(self, wait: float, pause: float) -> list[tuple[float, bytes]]:
        """Read until nothing comes for `pause`; tell when each part came."""
        came: list[tuple[float, bytes]] = []
        while select.select([self._terminal], [], [], wait)[0]:
            output = os.read(self._terminal, 1 << 16)
            came.append((time.perf_counter(), output))
            wait = pause
        return came
