"""Pictures of the screens; after a wanted change run this file with --snapshot-update and look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.folders import recall_metrics, write_jobs, write_run
from workbench.tui.app import WorkbenchApp
from workbench.tui.widgets.lines import TitleLine

SMALL, LARGE = (80, 24), (200, 50)
TO_MF = ["j"] * 7


@pytest.fixture
def here(suite: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runs folder that has the same name wherever the tests run."""
    monkeypatch.chdir(suite.parent)
    return Path("runs")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_first_steps(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    nowhere = Path("/home/you/project/runs")
    assert snap_compare(WorkbenchApp(nowhere, Path("data")), terminal_size=size)


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys and wait until the differences are tested."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(*names)
        await pilot.pause()
        while any("testing" in line.remark for line in pilot.app.query(TitleLine)):
            await pilot.pause(0.02)

    return press


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_runs_against_a_baseline(
    snap_compare: Callable[..., bool], here: Path, size: tuple[int, int]
) -> None:
    press = keys(*TO_MF, "b", "k", "space")
    assert snap_compare(WorkbenchApp(here, Path("data")), run_before=press, terminal_size=size)


def test_folded_seeds_below_headings(snap_compare: Callable[..., bool], here: Path) -> None:
    for seed, quality in enumerate((0.2, 0.3, 0.25)):
        metrics = recall_metrics(quality)
        write_run(here, "als [b] 推荐", number=20 + seed, seed=seed, metrics=metrics)
    press = keys("f", "v")
    assert snap_compare(WorkbenchApp(here, Path("data")), run_before=press, terminal_size=SMALL)


def test_runs_as_values(snap_compare: Callable[..., bool], here: Path) -> None:
    assert snap_compare(WorkbenchApp(here, Path("data")), press=["j"], terminal_size=SMALL)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_one_run(snap_compare: Callable[..., bool], here: Path, size: tuple[int, int]) -> None:
    press = keys(*TO_MF, "b", "k", "enter")
    assert snap_compare(WorkbenchApp(here, Path("data")), run_before=press, terminal_size=size)


def test_help(snap_compare: Callable[..., bool], here: Path) -> None:
    press = ["question_mark"]
    assert snap_compare(WorkbenchApp(here, Path("data")), press=press, terminal_size=(100, 40))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_jobs(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    write_jobs(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)

    async def wait_for_curves(pilot: Pilot[None]) -> None:
        await pilot.press("1")
        for _ in range(100):
            await pilot.pause(0.05)
            legend = pilot.app.screen.query("#legend")
            if legend and "mf-live   y" in str(legend.first(Static).content):
                break
        await pilot.pause(0.3)

    app = WorkbenchApp(Path("runs"), Path("data"))
    assert snap_compare(app, run_before=wait_for_curves, terminal_size=size)
