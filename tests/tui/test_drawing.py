"""Lines that are drawn: those that changed, and after all of it the screen is as if drawn anew."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from tests.tui.session import Session, session
from workbench.store.listing import list_runs
from workbench.tui.view import runs_table
from workbench.tui.view.chart import Series
from workbench.tui.view.choices import Options
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.view.runs_table import LayoutMaker, lay_out
from workbench.tui.view.table import Cell, Row, Table
from workbench.tui.widgets.chart import LineChart
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import put


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the lines of tables and charts that are asked to be drawn anew."""
    lines: list[int] = []
    for widget in (Grid, LineChart):

        def refresh(self: Grid, *regions: Region, **how: bool) -> Grid:
            whole = [Region(0, 0, *self.size)]
            lines.extend(y for region in regions or whole for y in region.line_range)
            return super(type(self), self).refresh(*regions, **how)

        monkeypatch.setattr(widget, "refresh", refresh)
    return lines


async def test_a_move_draws_two_rows_and_the_same_table_none(suite: Path, drawn: list[int]) -> None:
    async with session(suite, (120, 30)) as s:
        grid = s.runs.grid
        row = 1 + grid.cursor_row
        drawn.clear()
        await s.press("j")
        assert sorted(drawn) == [row, row + 1]
        drawn.clear()
        grid.show(grid.table)
        assert drawn == []
        grid.show(_with_cell(grid, 4, "other"))
        assert drawn == [5]
        await s.pilot.pause()
        assert "other" in s.text().splitlines()[2 + 5]
        drawn.clear()
        grid.action_column(1)
        assert drawn == [0], "the column cursor is in the header"


def _with_cell(grid: Grid, row: int, text: str) -> Table:
    rows = list(grid.table.rows)
    first = rows[row].cells
    rows[row] = Row(rows[row].key, (*first[:2], Cell(text), *first[3:]), rows[row].note)
    return replace(grid.table, rows=rows)


async def test_the_screen_is_as_if_drawn_anew(suite: Path) -> None:
    rng = random.Random(1)
    steps = [*"jkgGsSux", "pagedown", "pageup", "left", "right", "b", "d", "f", "space"]
    async with session(suite, (90, 20)) as s:
        for _ in range(8):
            await s.press(*(rng.choice([*steps, "escape"]) for _ in range(2)), "escape")
            if rng.random() < 0.3:
                await s.pilot.resize_terminal(rng.randint(70, 130), rng.randint(17, 40))
            before = s.text()
            for line in _drawn_anew(s.runs.grid):
                assert line.rstrip() in before


def _drawn_anew(grid: Grid) -> list[str]:
    return [grid.render_line(y).text for y in range(grid.size.height)]


async def test_a_chart_draws_the_lines_that_change(suite: Path, drawn: list[int]) -> None:
    async with session(suite, (100, 30)) as s:
        chart = await _chart(s)
        points = tuple((step, float(step % 5)) for step in range(1, 30))
        chart.show("loss", [Series(points)])
        await s.pilot.pause()
        drawn.clear()
        chart.show("loss", [Series((*points[:-1], (29, 3.5)))])
        assert 0 < len(drawn) < chart.size.height
        await s.pilot.pause()
        after = [strip.text for strip in chart.render_lines(chart.size.region)]
        assert after == [chart.render_line(y).text for y in range(chart.size.height)]
        drawn.clear()
        chart.show("other", [Series((*points[:-1], (29, 3.5)))])
        assert drawn == [0], "the title alone"


async def _chart(s: Session) -> LineChart:
    chart = LineChart()
    await s.app.screen.mount(chart)
    chart.styles.height = 12
    await s.pilot.pause()
    return chart


async def test_text_that_stands_there_is_not_drawn_again(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(suite) as s:
        place = Static(markup=False)
        await s.app.screen.mount(place)
        updates: list[object] = []
        update = Static.update

        def count(self: Static, *arguments: object, **how: bool) -> None:
            updates.append(arguments)
            update(self, *arguments, **how)  # type: ignore[arg-type]

        monkeypatch.setattr(Static, "update", count)
        for text in ("[b]", "[b]", Content("[b]"), Content.styled("[b]", "bold"), "other"):
            put(place, text)
        assert len(updates) == 3, "the style counts too"
        assert str(place.content) == "other"


def test_another_order_does_not_plan_anew(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, maker, planned = tuple(list_runs(suite)), LayoutMaker(), []
    plan = runs_table._plan

    def count(*arguments: object) -> object:
        planned.append(arguments)
        return plan(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runs_table, "_plan", count)
    options = Options()
    changes: list[tuple[dict[str, object], bool]] = [
        ({}, True),
        ({"sort": ("ndcg@10", True)}, False),
        ({"by_stage": True}, False),
        ({"sort": None, "marked": frozenset({runs[0].run_id})}, False),
        ({"only_marked": True}, True),
        ({"marked": frozenset({runs[1].run_id})}, True),
        ({"only_marked": False, "baseline": runs[2].run_id, "mode": "delta"}, True),
        ({"fold_seeds": True}, True),
        ({"hidden": frozenset({"seed"})}, True),
    ]
    for change, anew in changes:
        options = replace(options, **change)  # type: ignore[arg-type]
        planned.clear()
        made = maker.lay_out(runs, options, Filter(), 120)
        assert bool(planned) == anew, change
        fresh = lay_out(runs, options, Filter(), 120)
        assert made.table.heads == fresh.table.heads
        assert list(made.table.rows) == list(fresh.table.rows)
        assert (made.folds, made.comparisons) == (fresh.folds, fresh.comparisons)
    for other in ((runs[1:], Filter(), 120), (runs, parse_filter("mf"), 120), (runs, Filter(), 90)):
        planned.clear()
        maker.lay_out(other[0], options, other[1], other[2])
        assert planned, "other runs, another filter, another width"
