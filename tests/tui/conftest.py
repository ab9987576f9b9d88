from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.folders import START, write_suite
from workbench.jobs.service import supervisor_pid
from workbench.tui.app import WorkbenchApp


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
