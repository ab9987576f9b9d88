from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.folders import START, write_suite
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
def suite(tmp_path: Path) -> Path:
    """A runs folder as `eval` leaves it, with a job that runs."""
    write_suite(tmp_path / "runs")
    return tmp_path / "runs"
