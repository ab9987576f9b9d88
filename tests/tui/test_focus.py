"""Where keys go can be seen: title and cursor row of that part are bright, those of others dim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.style import Style
from textual.widgets import Static

from tests.tui.folders import write_suite
from tests.tui.session import Session, session
from tests.workbench.films import prepare_films, write_list_run
from workbench.tui.widgets.grid import Grid


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_suite(folder)
    prepare_films(tmp_path / "data")
    write_list_run(folder, "item-cf", {0: ((3, 0.9), (2, 0.5))})
    write_list_run(folder, "other", {0: ((4, 3.0), (2, 1.0))})
    return folder


def drawn(s: Session, y: int, x: int) -> Style:
    """The style that a cell of the screen is drawn with."""
    strip = s.app.screen._compositor.render_strips()[y]
    segment = next(iter(strip.crop(x, x + 1)))
    return segment.style or Style.null()


def cursors(s: Session) -> Iterator[tuple[Grid, Style]]:
    """The tables in sight, and how their cursor's row is drawn."""
    for grid in s.app.screen.query(Grid):
        if grid.size and grid.cursor_key is not None:
            region = grid.content_region
            yield grid, drawn(s, region.y + 1 + grid.cursor_row, region.right - 2)


def titles(s: Session) -> Iterator[tuple[Static, Style]]:
    for title in s.app.screen.query(".title").results(Static):
        if title.size and title.display:
            yield title, drawn(s, title.region.y, title.region.x + 1)


def check(s: Session) -> None:
    """Bold tells it, which needs no colours."""
    focused = s.app.focused
    assert focused is not None
    for grid, style in cursors(s):
        assert bool(style.bold) is (grid is focused), (grid.id, focused)
    for title, style in titles(s):
        assert title.parent is not None
        assert bool(style.bold) is (focused in title.parent.children), (title.parent, focused)


async def test_the_part_that_keys_go_to_is_bright(runs: Path) -> None:
    async with session(runs, (120, 36)) as s:
        for key, tables, tabs in (("3", 2, 3), ("1", 1, 2)):
            await s.press(key, *["enter"] * (key == "3"))
            await s.until(lambda n=tables: len(list(cursors(s))) >= n)  # type: ignore[misc]
            seen = set()
            for _ in range(tabs):
                check(s)
                seen.add(s.app.focused)
                await s.press("tab")
            assert len(seen) > 1, "Tab goes somewhere"
        s.app.theme = "workbench-light"
        await s.pilot.pause()
        check(s)
