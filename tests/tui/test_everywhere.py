"""Every command that all screens have does what it says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.command import CommandPalette

from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from tests.tui.terminal import PATIENCE
from workbench.store.listing import RunSummary
from workbench.tui import palette
from workbench.tui.screens import new_job
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.widgets.lines import Entry

SCOPES_HERE = ("parts", "everywhere")


@checks("everywhere.palette")
async def _(s: Session) -> None:
    await s.press("colon")
    assert isinstance(s.app.screen, CommandPalette)
    await s.type("hide failed")
    await s.until(lambda: "hide failed (h)" in s.text())
    await s.press("enter")
    await s.until(lambda: s.app.screen_stack[0].options.hide_failed)  # type: ignore[attr-defined]
    await s.press("colon")
    await s.type("copy")
    await s.see("Users: copy (y)")
    text = s.text()
    assert text.index(" copy (y)") < text.index("Users: copy (y)"), "this screen's come first"
    await s.press("ctrl+u")
    await s.type("markdown")
    await s.until(lambda: "copy table (Y)" in s.text() and "Users: copy" not in s.text())
    await s.press("ctrl+u")
    await s.type("priority")
    await s.see("Jobs: more urgent (+)")
    await s.press("enter")
    await s.until(lambda: s.app.chosen == "jobs")
    await s.see("Raise the priority of a waiting job.")


async def test_what_is_typed_while_metrics_are_read_finds_them(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    metrics_of = palette._metrics_of

    def read(runs: Sequence[RunSummary]) -> list[str]:
        gate.wait(PATIENCE)
        return metrics_of(runs)

    monkeypatch.setattr(palette, "_metrics_of", read)
    async with session(suite) as s:
        await s.press("colon")
        await s.type("log")
        await s.type("-likelihood")  # the search for `log` is given up
        gate.set()
        await s.see("metric: logloss")


async def test_the_palette_finds_metrics_and_models(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(say: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(palette, "read_catalogue", lambda _: None)
    monkeypatch.setattr(new_job, "open_catalogue", never)

    async def choose(s: Session, words: str, offer: str) -> None:
        await s.press("colon")
        await s.type(words)
        await s.see(offer)
        await s.press("enter")

    async with session(suite) as s:
        await choose(s, "log-likelihood", "metric: logloss")
        await s.until(lambda: s.app.screen.grid.column_key == "logloss")  # type: ignore[attr-defined]
        await s.see("logloss: 0 and up, less is better: mean negative log-likelihood")
        await s.press("3")
        await choose(s, "metric gini", "metric: gini@10")
        await s.until(lambda: s.app.chosen == "results" and s.runs.grid.column_key == "gini@10")
        await choose(s, "rmse", "metric: rmse")
        await s.until(lambda: isinstance(s.app.screen, HelpScreen))
        assert "root mean squared error" in s.text(), "no run has it"
        await s.press("escape")
        await choose(s, "job dssm", "new job: dssm")
        await s.until(lambda: isinstance(s.app.screen, NewJobScreen))
        assert s.app.screen.query_one(Entry).value == "dssm"


@checks("everywhere.help")
async def _(s: Session) -> None:
    await s.press("question_mark")
    assert isinstance(s.app.screen, HelpScreen)
    assert "Open the run under the cursor." in s.text()
    await s.press("escape", "f1", "slash")
    await s.type("zz")
    await s.see("No key, sign or metric has 'zz'.")
    await s.press("escape")
    assert "Open the run under the cursor." in s.text(), "first the search goes"
    await s.press("escape")
    assert not isinstance(s.app.screen, HelpScreen)


@checks(
    *("everywhere.jobs", "everywhere.results", "everywhere.users", "everywhere.items"),
    *("everywhere.data", "everywhere.messages", "everywhere.suspend", "everywhere.quit"),
)
async def _(s: Session) -> None:
    for key, screen in zip("13452", ("jobs", "users", "items", "data", "results"), strict=True):
        await s.press(key)
        assert s.app.chosen == screen
    await s.press("M")
    assert "No messages yet." in s.text()
    await s.press("escape")
    called: list[bool] = []
    s.app.action_suspend_process = lambda: called.append(True)  # type: ignore[method-assign]
    await s.press("ctrl+z")
    assert called, "test_terminal does it in a terminal"
    await s.press("q")
    assert s.app.return_code == 0


@checks("parts.zoom")
async def _(s: Session) -> None:
    grid, before = s.runs.grid, s.runs.grid.size.height
    await s.press("z")
    await s.until(lambda: grid.size.height > before)
    assert not s.runs.query_one("#preview").display
    lines = s.text().splitlines()
    assert "Results" in lines[0], "header and title line stay"
    assert "10 runs" in lines[1]
    assert "quit" in lines[-1]
    await s.press("escape")
    await s.until(lambda: grid.size.height == before)
    assert s.runs.query_one("#preview").display


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, suite: Path) -> None:
    async with session(suite) as running:
        await check(running)
