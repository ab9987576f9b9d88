"""Lines between the parts of a screen: keys and mouse move them, and they stay where they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.geometry import Region

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import write_jobs
from tests.tui.session import Session, session
from tests.workbench.films import prepare_films
from workbench.tui.screens import data_shown
from workbench.tui.screens.divided import DividedScreen, Line
from workbench.tui.state import read_state, write_state

SCOPES_HERE = ("panes",)
SIZE = (140, 36)


@pytest.fixture(autouse=True)
def nothing_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(say: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(data_shown, "open_catalogue", never)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_jobs(tmp_path / "runs")
    prepare_films(tmp_path / "data")
    return tmp_path / "runs"


async def to(s: Session, key: str) -> DividedScreen:
    await s.press(key)
    await s.until(lambda: isinstance(s.app.screen, DividedScreen))
    here = s.app.screen
    assert isinstance(here, DividedScreen)
    return here


async def drag(s: Session, start: tuple[int, int], end: tuple[int, int]) -> None:
    await s.pilot.mouse_down(offset=start)
    await s.pilot.hover(offset=end)
    await s.pilot.mouse_up(offset=end)


@checks("panes.wider", "panes.narrower")
async def _(s: Session) -> None:
    here = await to(s, "4")
    left = here.query_one("#catalogue")
    await s.press("less_than_sign")
    await s.until(lambda: left.outer_size.width == 66)
    await s.press("greater_than_sign", "greater_than_sign")
    await s.until(lambda: left.outer_size.width == 74)
    await drag(s, (74, 10), (49, 10))
    await s.until(lambda: left.outer_size.width == 50)
    assert s.app.state.widths == {"#catalogue": 50}
    await drag(s, (49, 10), (25, 10))
    await s.press("less_than_sign", "less_than_sign")
    await s.until(lambda: left.outer_size.width == 24)
    here = await to(s, "5")
    left = here.query_one("#listed")
    await s.until(lambda: left.outer_size.width == 42)
    await drag(s, (41, 10), (59, 10))
    await s.until(lambda: left.outer_size.width == 60)
    await s.until(lambda: "items" in here.query_one("#sets").render_line(0).text)


@checks("panes.taller", "panes.shorter")
async def _(s: Session) -> None:
    here = await to(s, "1")
    side, curves = here.query_one("#side"), here.query_one("#curves")
    await s.until(lambda: (side.outer_size.width, curves.outer_size.height) == (46, 14))
    await s.press("left_curly_bracket")
    await s.until(lambda: curves.outer_size.height == 16)
    await s.press("right_curly_bracket", "right_curly_bracket")
    await s.until(lambda: curves.outer_size.height == 12)
    await drag(s, (20, curves.region.y), (20, curves.region.y - 6))
    await s.until(lambda: curves.outer_size.height == 18)
    await s.pilot.resize_terminal(200, 36)
    await s.until(lambda: side.region.x == 154)
    changed = here.query_one("#jobs").table.heads  # type: ignore[attr-defined]
    await drag(s, (side.region.x, 10), (side.region.x + 10, 10))
    await s.until(lambda: side.outer_size.width == 36)
    await s.until(lambda: here.query_one("#jobs").table.heads != changed)  # type: ignore[attr-defined]
    await s.press("z", "less_than_sign")
    assert "narrower list" in s.text().splitlines()[-1], "one part has the whole screen"
    write_state(s.app.runs_dir, s.app.state)
    assert read_state(s.app.runs_dir).widths == {"#curves": 18, "#side": 36}


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, runs: Path) -> None:
    async with session(runs, SIZE) as running:
        await check(running)


@pytest.mark.parametrize(
    ("edge", "at", "to", "cells"),
    [
        ("right", (29, 5), (40, 5), 31),
        ("left", (10, 5), (5, 5), 25),
        ("top", (15, 3), (15, 8), 7),
    ],
)
def test_where_a_line_is_and_what_dragging_it_does(
    edge: str, at: tuple[int, int], to: tuple[int, int], cells: int
) -> None:
    """A part of 20 columns from the 10th on, of 12 lines from the 3rd on."""
    line = Line("#part", edge, least=1, beside=1)  # type: ignore[arg-type]
    region = Region(10, 3, 20, 12)
    assert line.at(region, *at)
    assert not line.at(region, *to)
    assert line.cells_to(region, *to) == cells
