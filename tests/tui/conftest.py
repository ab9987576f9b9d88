from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual._compositor import Compositor

from tests.tui.folders import START, write_suite
from tests.tui.session import draw
from workbench.jobs.service import supervisor_pid
from workbench.tui.app import WorkbenchApp


async def wait_until_quiet(_: float = 0.0, max_sleep: float = 1.0) -> None:
    """Do what Textual's `wait_for_idle` does, a few milliseconds at a time instead of twenty.

    Twice in a row: a process that had to wait for a core looks quiet once.
    """
    end, quiet = time.monotonic() + max_sleep, 0
    while quiet < 2 and time.monotonic() < end:
        before = time.process_time()
        await asyncio.sleep(0.003)
        quiet = quiet + 1 if time.process_time() - before < 0.0005 else 0


@pytest.fixture(autouse=True, scope="session")
def keys_wait_no_longer_than_needed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (textual.app, textual.pilot):
            patch.setattr(module, "wait_for_idle", wait_until_quiet)
        yield


@pytest.fixture(autouse=True, scope="session")
def what_nobody_looks_at_is_not_drawn() -> Iterator[None]:
    """Put off what is drawn between two keys: there is no terminal. `Session` draws all of it."""

    def render_update(compositor: Compositor, full: bool = False, **how: Any) -> object:
        return draw(compositor, full, **how) if full else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compositor, "render_update", render_update)
        yield


@pytest.fixture(autouse=True)
def fixed_surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The same colours, time zone and time on the clock everywhere; nobody's settings and state."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(WorkbenchApp, "now", staticmethod(lambda: START + 1000))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in; its settings and its queue's processes go with it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path
    pid = supervisor_pid(tmp_path / "runs")
    if pid:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A runs folder as `eval` leaves it, with a job that runs."""
    write_suite(tmp_path / "runs")
    return tmp_path / "runs"
