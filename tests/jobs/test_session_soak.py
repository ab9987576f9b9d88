"""The interactive session for a long time, while jobs come and go."""

from __future__ import annotations

import os
import time
from itertools import cycle
from pathlib import Path

import psutil
import pytest

from tests.jobs.tools import AddJob
from tests.tui.terminal import Terminal, terminal
from workbench.jobs.service import ensure_supervisor
from workbench.store.listing import list_runs
from workbench.tui.modes import SCREENS

MINUTES = float(os.environ.get("SOAK_MINUTES", "20"))
JOBS = 20
#: of the time between two jobs one runs so long
BUSY = 0.6
#: the screen changes once in so many seconds
BEAT = 1.0
#: seconds that a visit lasts after its last key
PAUSE = 0.3
#: Esc as terminals send it that tell it from the start of a sequence; the bare byte and a key that
#: follows are one key with Alt where they arrive together
ESCAPE = "\x1b[27u"
#: this share of the time the session may still load screens, fonts of words and models' names
WARM = 0.1
LARGEST_GROWTH = 10.0
#: what is done on a screen, a line a visit
DONE = {
    "Jobs": ("jjk", "v", " j ", "om", "G\r", "\x1b", "g"),
    "Results": ("jb", "d", "s", "u", "\r", "\x1b", "f", "/mf\r", "\x1b", "f"),
    "Users": ("\r", "n", "v", "m", "\x1b", "/worst=ndcg@10\r", "\x1b", "\x1b"),
    "Items": ("j", "jj", "\r", "\x1b", "/film\r", "\x1b", "\x1b"),
}


def megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def done(runs_dir: Path) -> bool:
    return all(run.state not in ("queued", "running") for run in list_runs(runs_dir))


class Visitor:
    """Somebody who goes from screen to screen and presses keys there."""

    def __init__(self, session: Terminal) -> None:
        self._session = session
        self._screens = cycle(SCREENS)
        self._steps = {title: cycle(steps) for title, steps in DONE.items()}
        self.visits = 0
        self.memory: list[tuple[float, float]] = []

    def visit(self) -> None:
        """Go to the next screen, do something there, and stay for the rest of the time."""
        session, mode = self._session, next(self._screens)
        leave = time.monotonic() + BEAT
        session.press(mode.key)
        session.until(lambda: session.screen() == mode.title, f"{mode.title} does not come")
        for key in next(self._steps.get(mode.title, cycle([""]))):
            session.press(ESCAPE if key == "\x1b" else key)
        leave = max(leave, time.monotonic() + PAUSE)
        while time.monotonic() < leave:
            session.read(0.05)
        assert "what went wrong" not in session.text()
        session.output.clear()
        self.visits += 1
        self.memory.append((time.monotonic(), megabytes(session.pid)))

    def growth(self, since: float) -> float:
        """Return how much the least of the last minute's figures is above the first minute's."""
        known = [(moment, size) for moment, size in self.memory if moment >= since]
        minute = min(60.0, (known[-1][0] - known[0][0]) / 3)
        first = [size for moment, size in known if moment < known[0][0] + minute]
        last = [size for moment, size in known if moment > known[-1][0] - minute]
        return min(last) - min(first)


@pytest.mark.soak
def test_the_session_does_not_grow(
    add: AddJob, runs_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    """Twenty jobs, another screen every second."""
    between = MINUTES * 60 / JOBS
    places = {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    add("first", model="popularity")
    add("mf", model="mf", epochs=3)
    ensure_supervisor(runs_dir)
    words = ["-m", "workbench", "--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
    with terminal(words, places) as session:
        session.until(lambda: bool(session.screen()), "the session does not open")
        visitor = Visitor(session)
        started = time.monotonic()
        for number in range(JOBS):
            add(f"job-{number}", seconds=BUSY * between)
            ensure_supervisor(runs_dir)
            while time.monotonic() < started + (number + 1) * between:
                visitor.visit()
            print(f"{number + 1} jobs, {megabytes(session.pid):.1f} MB")  # noqa: T201
        session.until(lambda: done(runs_dir), "the jobs are not done")
        visitor.visit()
        session.press("q")
        assert session.end() == 0
    growth = visitor.growth(started + WARM * MINUTES * 60)
    print(f"{visitor.visits} visits, growth {growth:.1f} MB")  # noqa: T201
    assert growth < LARGEST_GROWTH
    assert not list(tmp_path.rglob("errors.log"))
    assert {run.state for run in list_runs(runs_dir)} == {"succeeded"}
    assert len(list_runs(runs_dir)) == JOBS + 2
