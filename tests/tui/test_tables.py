"""Every command of tables does what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import write_run
from tests.tui.session import Session, session
from tests.tui.suite import NEWEST_FIRST, on_metric

SCOPES_HERE = ("table",)


@checks("table.sort-ascending", "table.sort-descending")
async def _(s: Session) -> None:
    await on_metric(s, "auc")
    await s.press("s")
    assert s.labels[:2] == ["lr", "deepfm"]
    assert s.labels[2:] == [label for label in NEWEST_FIRST if label not in ("lr", "deepfm")]
    assert "auc↑" in s.runs.grid.render_line(0).text
    await on_metric(s, "ndcg@10")
    await s.press("S")
    assert s.labels[:5] == ["mf", "pop-sample", "mf-bpr", "item-cf", "ease"]
    assert "ndcg@10↓" in s.runs.grid.render_line(0).text


@checks(
    *("table.down", "table.up", "table.first", "table.last", "table.page-up", "table.page-down"),
)
async def _(s: Session) -> None:
    await s.press("j", "down")
    assert s.current == "ease-large"
    await s.press("k", "up", "k")
    assert s.current == "pop-sample"
    await s.press("j", "j", "g")
    assert s.current == "pop-sample"
    await s.press("j", "home")
    assert s.current == "pop-sample"
    await s.press("G")
    assert s.current == "popularity"
    await s.press("pageup")
    assert s.current == "pop-sample"
    await s.press("end")
    assert s.current == "popularity"
    for number in range(10, 60):
        write_run(s.app.runs_dir, f"more-{number}", number=number, state="queued")
    await s.until(lambda: len(s.labels) == 60)
    await s.press("g", "pagedown")
    height = s.runs.grid.size.height
    assert s.runs.grid.cursor_row == height - 2
    await s.press("pagedown")
    assert s.runs.grid.cursor_row == 2 * (height - 2)
    assert s.current in s.text()


@checks("table.right", "table.left", "table.first-column", "table.last-column")
async def _(s: Session) -> None:
    first, grid = s.titles, s.runs.grid
    await s.press(*["right"] * 9)
    assert s.titles[:3] == first[:3], "the label stays in sight"
    assert grid.table.heads[grid.cursor_column].title in s.titles
    assert s.titles != first
    assert grid.render_line(0).text.startswith("«"), "there are columns to the left"
    await s.press(*["left"] * 12)
    assert s.titles == first
    assert grid.cursor_column == 2, "the label can be sorted by, the glyphs not"
    await s.press("dollar_sign")
    assert grid.column_key == "made"
    assert "made" in s.titles
    await s.press("0")
    assert grid.cursor_column == grid.table.fixed - 1
    assert grid.column_key == "label"


async def test_columns_come_back_where_there_is_room_again(suite: Path) -> None:
    async with session(suite) as s:
        await s.press("dollar_sign")
        assert s.runs.grid.render_line(0).text.startswith("«")
        await s.pilot.resize_terminal(400, 30)
        await s.until(lambda: "ndcg@10" in s.titles)
        assert "made" in s.titles
        assert not s.runs.grid.render_line(0).text.startswith("«")


async def test_a_filter_leaves_cursor_columns_and_what_it_says_in_sight(suite: Path) -> None:
    async with session(suite, (70, 17)) as s:
        await s.go_to("pop-sample")
        first = s.titles
        await s.press("slash")
        await s.type("model:none -state:failed seed>7")
        assert s.labels == []
        assert " 0 of 10 runs" in s.text()
        assert "  filter: model:none -" in s.text(), "cut, but there"
        assert s.text().splitlines()[1].endswith("… ")
        await s.press("escape")
        assert s.titles == first, "the table was away, and had no room for a column"
        grid, table = s.runs.grid, s.runs.grid.table
        more, rows = [f"new-{number}" for number in range(30)], list(table.rows)
        grid.show(replace(table, keys=[*more, *table.keys], rows=rows * 4))
        assert grid.cursor_row == 30
        assert grid.scroll_offset.y > 10, "the cursor was in sight, and is"


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, suite: Path) -> None:
    async with session(suite) as running:
        await check(running)
