"""Where keys go can be seen: title and cursor row of that part are bright, those of others dim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.color import Color
from rich.style import Style
from textual.dom import DOMNode
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input, Static

from tests.tui.folders import write_suite
from tests.tui.session import Session, session
from tests.workbench.films import prepare_films, write_list_run
from workbench.tui.compositor import SparingCompositor
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import KeyLine
from workbench.tui.widgets.person import Person


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_suite(folder)
    prepare_films(tmp_path / "data")
    write_list_run(folder, "item-cf", {0: ((3, 0.9), (2, 0.5))})
    write_list_run(folder, "other", {0: ((4, 3.0), (2, 1.0))})
    return folder


def drawn(strips: list[Strip], y: int, x: int) -> Style:
    """The style that a cell of the screen is drawn with."""
    segment = next(iter(strips[y].crop(x, x + 1)))
    return segment.style or Style.null()


def tables(s: Session) -> list[Grid]:
    """The tables in sight with a cursor."""
    grids = s.app.screen.query(Grid)
    return [grid for grid in grids if grid.size and grid.cursor_key is not None]


def check(s: Session) -> None:
    """Bold tells it, which needs no colours."""
    focused, strips = s.app.focused, s.app.screen._compositor.render_strips()
    assert focused is not None
    for grid in tables(s):
        region = grid.content_region
        style = drawn(strips, region.y + 1 + grid.cursor_row, region.right - 2)
        assert bool(style.bold) is (grid is focused), (grid.id, focused)
    for title in s.app.screen.query(".title").results(Static):
        if title.size and title.display:
            style = drawn(strips, title.region.y, title.region.x + 1)
            assert title.parent is not None
            assert bool(style.bold) is (focused in title.parent.children), (title.parent, focused)


async def test_the_part_that_keys_go_to_is_bright(runs: Path) -> None:
    async with session(runs, (120, 36)) as s:
        for key, many, tabs in (("3", 2, 3), ("1", 1, 2)):
            await s.press(key, *["enter"] * (key == "3"))
            await s.until(lambda n=many: len(tables(s)) >= n)  # type: ignore[misc]
            seen = set()
            for _ in range(tabs):
                check(s)
                seen.add(s.app.focused)
                await s.press("tab")
            assert len(seen) > 1, "Tab goes somewhere"
        s.app.theme = "workbench-light"
        await s.pilot.pause()
        check(s)


def brightness(colour: Color | None) -> float:
    """Relative luminance, as WCAG defines it."""
    assert colour is not None
    parts = [value / 255 for value in colour.get_truecolor()]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def test_examples_in_empty_fields_can_be_read(tmp_path: Path) -> None:
    async with session(tmp_path / "runs", (100, 30)) as s:
        await s.press("5", "i")
        await s.see("separator")
        for theme in ("workbench-dark", "workbench-light"):
            s.app.theme = theme
            await s.pilot.pause()
            strips = s.app.screen._compositor.render_strips()
            for field in s.app.screen.query(Input):
                style = drawn(strips, field.content_region.y, field.content_region.x + 1)
                values = brightness(style.color), brightness(style.bgcolor)
                assert (max(values) + 0.05) / (min(values) + 0.05) >= 4, (theme, field, style)


async def test_marked_text_can_be_read_in_sixteen_colours(tmp_path: Path) -> None:
    write_suite(tmp_path / "runs")
    async with session(tmp_path / "runs") as s:
        s.app.theme = "ansi-light"
        await s.press("e")
        await s.see("report.csv")
        field = s.app.screen.query_one(Input)
        strips = s.app.screen._compositor.render_strips()
        style = drawn(strips, field.content_region.y, field.content_region.x + 1)
        assert style.reverse
        assert style.color is None or style.color.is_default


async def test_tab_is_seen_before_what_follows_from_it_is_drawn(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(runs, (120, 36)) as s:
        await s.press("3", "enter")
        await s.until(lambda: len(tables(s)) >= 2)
        done: list[str] = []

        def note(owner: type, name: str) -> None:
            method = getattr(owner, name)

            def noted(*arguments: Any, **options: Any) -> Any:
                done.append(name)
                return method(*arguments, **options)

            monkeypatch.setattr(owner, name, noted)

        for owner, name in (
            (SparingCompositor, "render_update"),
            (Person, "show_reasons"),
            (KeyLine, "fitting"),
        ):
            note(owner, name)
        await s.press("tab")
        assert done[0] == "render_update"
        assert {"show_reasons", "fitting"} <= set(done)


async def test_tab_styles_no_table_and_draws_few_lines(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(runs, (120, 36)) as s:
        await s.press("3", "enter")
        await s.until(lambda: len(tables(s)) >= 2)
        styled: list[object] = []
        drawn_anew: list[tuple[Grid, int]] = []
        apply, refresh = s.app.stylesheet.apply, Grid.refresh

        def note_style(node: DOMNode, **options: Any) -> None:
            styled.append(node)
            apply(node, **options)

        def note_lines(grid: Grid, *regions: Region, **options: Any) -> Grid:
            drawn_anew.append((grid, len(regions)))
            return refresh(grid, *regions, **options)

        monkeypatch.setattr(s.app.stylesheet, "apply", note_style)
        monkeypatch.setattr(Grid, "refresh", note_lines)
        before = s.app.focused
        await s.press("tab")
        await s.pilot.pause()
        assert s.app.focused is not before
        assert not [node for node in styled if isinstance(node, Grid)]
        assert {grid for grid, _ in drawn_anew} >= {before, s.app.focused}
        assert all(regions for _, regions in drawn_anew), "no table as a whole"
