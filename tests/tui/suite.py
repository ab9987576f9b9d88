"""What tests of the suite's table share."""

from __future__ import annotations

import asyncio

import pytest

from tests.tui.session import Session
from workbench.tui.screens import new_job
from workbench.tui.screens.new_job import NewJobScreen

NEWEST_FIRST = ["pop-sample", "mf-long", "ease-large", "ease", "deepfm", "lr", "mf-bpr", "mf"]
NEWEST_FIRST += ["item-cf", "popularity"]


async def on_metric(s: Session, title: str) -> None:
    """Put the column cursor on a column."""
    heads = [head.title for head in s.runs.grid.table.heads]
    step = heads.index(title) - s.runs.grid.cursor_column
    await s.press(*["right" if step > 0 else "left"] * abs(step))


async def opens_form_again(s: Session, label: str) -> None:
    """Press the key that opens the form with a run; its process that lists models is not begun."""

    async def never(say: object) -> None:
        await asyncio.Event().wait()

    below = s.app.screen
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(new_job, "open_catalogue", never)
        await s.press("A")
        screen = s.app.screen
        assert isinstance(screen, NewJobScreen)
        assert screen.like is not None
        assert screen.like.label == label
        await s.press("escape")
    assert s.app.screen is below
