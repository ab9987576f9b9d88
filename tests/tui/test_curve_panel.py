"""The charts of the screen Jobs as keys and the mouse use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui.checks import ids_of
from tests.tui.folders import START, this_process, write_run
from tests.tui.session import Session, session
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.widgets.chart import LineChart
from workbench.tui.widgets.curves import CurvePanel

SCOPES_HERE = ("curves",)
#: what all of them are, so that test_commands finds each of them tried
KEYS = {"right", "left", "last", "first", "next", "previous", "enlarge"}


def events_of(seed: int) -> list[dict[str, Any]]:
    """Four epochs with six values, and what the job used."""
    names = ("loss", "ndcg@10", "recall@10", "hit@10", "mrr@10")
    return [
        {
            "time": START + 4 * epoch,
            "stage": "fit",
            "step": 10 * epoch,
            "total": 200,
            "epoch": epoch,
            "metrics": dict.fromkeys(names, epoch / 100 + seed / 10),
            "usage": {"cpu_percent": 120.0 + epoch},
        }
        for epoch in range(1, 5)
    ]


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """Three seeds of a job that run."""
    for seed in range(3):
        write_run(
            tmp_path / "runs",
            "mf",
            number=seed,
            seed=seed,
            state="running",
            status=this_process(),
            events=events_of(seed),
        )
    return tmp_path / "runs"


async def opened(s: Session) -> CurvePanel:
    await s.press("1")
    screen = s.app.screen
    assert isinstance(screen, JobsScreen)
    panel = screen.query_one(CurvePanel)
    await s.until(lambda: len(panel.names) == 6)
    s.draw()
    return panel


async def test_as_many_as_fit_and_the_next_ones(live: Path) -> None:
    async with session(live, (80, 24)) as s:
        panel = await opened(s)
        assert "3 more »" in s.text()
        assert [chart.what for chart in panel.query(LineChart)] == panel.names[:3]
        await s.press("v")
        assert [chart.what for chart in panel.query(LineChart)] == panel.names[3:]
        assert "CPU %" in s.text()
        await s.press("tab", "z")  # with the whole screen there is room for all of them
        await s.until(lambda: len(panel.query(LineChart)) == 6)
        await s.press("v")
        await s.see("all values are in sight")


async def test_a_cursor_reads_values_off_all_charts(live: Path) -> None:
    assert {f"curves.{name}" for name in KEYS} == set(ids_of("curves"))
    async with session(live, (120, 40)) as s:
        panel = await opened(s)
        await s.press("tab", "left")
        text = s.text()
        assert "│ epoch 4" in text
        assert "loss  0.0400" in text  # of seed 0, which has run longest
        assert "hit@10  0.0400" in text
        assert "CPU %  124" in text
        await s.press("left", "home", "right")
        assert "│ epoch 2" in s.text()
        assert "CPU %  122" in s.text()
        await s.press("end", "right")
        assert "│ epoch 4" in s.text()
        await s.press("down", "enter")
        assert [chart.what for chart in panel.query(LineChart)] == ["ndcg@10"]
        await s.press("v", "up", "up")
        assert [chart.what for chart in panel.query(LineChart)] == ["loss"]
        await s.press("escape")
        assert "epoch 4  " not in s.text().split("best so far")[1].splitlines()[0][9:]
        assert panel.is_large
        await s.press("enter")
        await s.until(lambda: len(panel.query(LineChart)) == 6)
        assert not panel.is_read


async def test_a_click_into_a_chart_reads_there(live: Path) -> None:
    async with session(live, (120, 40)) as s:
        panel = await opened(s)
        chart = next(iter(panel.query(LineChart)))
        await s.pilot.click(chart, offset=(chart.size.width - 1, 3))
        await s.until(lambda: panel.is_read)
        s.draw()
        assert "loss  0.0400" in s.text()
        assert s.app.focused is panel


async def test_seeds_are_one_line_in_a_band(live: Path) -> None:
    async with session(live, (120, 40)) as s:
        await opened(s)
        await s.press("f")
        await s.until(lambda: "(mean of 3 seeds)" in s.text())
        await s.press("tab", "home")
        assert "loss  0.1100 [0.0100, 0.2100]" in s.text()
        await s.press("escape", "f")
        assert "seeds)" not in s.text()
