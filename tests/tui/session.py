"""Drives the app without a terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from pathlib import Path

from textual._compositor import Compositor
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.tui.terminal import PATIENCE
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.view.columns import name_of

#: draws what has changed; between two looks at the screen `conftest` has the app put it off
draw = Compositor.render_update


class Session:
    """The app under test and what a person would see of it."""

    def __init__(self, app: WorkbenchApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.copied: list[str] = []
        app.copy_to_clipboard = self.copied.append  # type: ignore[method-assign,assignment]

    async def press(self, *keys: str) -> None:
        await self.app._press_keys(keys)  # Pilot's own `press` would wait as `pause` does
        await self.pilot.pause()
        self.draw()

    async def type(self, text: str) -> None:
        """Put text into the field that has the focus, as if pasted."""
        field = self.app.focused
        assert isinstance(field, Input)
        field.insert_text_at_cursor(text)
        await self.pilot.pause()

    @property
    def runs(self) -> RunsScreen:
        screen = self.app.screen
        assert isinstance(screen, RunsScreen)
        return screen

    @property
    def labels(self) -> list[str]:
        return [name_of(run) for run in self.runs.shown]

    @property
    def current(self) -> str:
        run = self.runs.current
        return name_of(run) if run else ""

    @property
    def titles(self) -> list[str]:
        """Titles of the columns that are in sight."""
        grid = self.runs.grid
        return [grid.table.heads[index].title for index in grid._visible_columns()]

    def row(self, label: str) -> str:
        """A row of the table as drawn."""
        grid = self.runs.grid
        return grid.render_line(1 + self.labels.index(label) - round(grid.scroll_offset.y)).text

    def draw(self) -> None:
        """Draw what has changed since it was last drawn, as a terminal would be sent it."""
        screen, below = self.app.screen, self.app._background_screens
        copy_context().run(draw, screen._compositor, screen_stack=below)

    def text(self) -> str:
        """The whole screen."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in lines)

    def static(self, selector: str) -> str:
        return str(self.app.screen.query_one(selector, Static).content)

    async def go_to(self, label: str) -> None:
        self.runs.grid.cursor_row = self.labels.index(label)
        await self.pilot.pause()
        assert self.current == label

    async def until(self, true: Callable[[], bool], otherwise: str = "still not so") -> None:
        """Wait for something that other threads, processes or a change of files bring about."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{otherwise}:\n{self.text()}"
            await asyncio.sleep(0.02)
            await self.pilot.pause()

    async def see(self, text: str) -> None:
        """Wait for a text on the screen."""
        await self.until(lambda: text in self.text(), f"no {text!r}")


@asynccontextmanager
async def session(runs_dir: Path, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Session]:
    app = WorkbenchApp(runs_dir, runs_dir.parent / "data")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        running = Session(app, pilot)
        running.draw()
        yield running
        running.draw()
        for error in app.errors:
            raise error
