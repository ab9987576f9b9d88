"""Four curves of 400 points: bring the chart up to date and draw it again."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Iterator

from textual.app import App, ComposeResult

from benchmarks.harness import Figure
from workbench.tui.view.chart import Series
from workbench.tui.widgets.chart import LineChart

COLUMNS, ROWS = 120, 34
LINES, POINTS = 4, 400
_GOAL_SECONDS = 0.025


class _ChartApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LineChart()


def measure() -> Iterator[Figure]:
    """Time updates of a chart that fills a screen; the peer is the goal of 25 ms."""
    yield Figure(
        f"chart, {LINES} x {POINTS} points, update and redraw",
        "s",
        asyncio.run(_median_seconds()),
        _GOAL_SECONDS,
        "goal",
        1.0,
    )


async def _median_seconds() -> float:
    app, times = _ChartApp(), []
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        await pilot.pause()
        chart = app.query_one(LineChart)
        for step in range(20):
            series = [Series(_curve(look, step), look) for look in range(LINES)]
            started = time.perf_counter()
            chart.show("loss", series)
            app.screen._compositor.render_full_update()
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def _curve(look: int, step: int) -> list[tuple[float, float]]:
    """Make a curve that falls and waves, another one every step."""
    return [
        (x, math.exp(-x / (60 + 40 * look)) + 0.02 * math.sin(x / 9 + step)) for x in range(POINTS)
    ]
