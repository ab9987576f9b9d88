"""The screen Users: each command, on the films whose lists are known."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from tests.tui.two_lists import shown_user, to_first, to_users, write_two_lists
from tests.workbench.films import films
from workbench.tui import processes
from workbench.tui.screens import users
from workbench.tui.screens.users import UsersScreen
from workbench.tui.screens.users_runs import ChooseRuns

SCOPES_HERE = ("users",)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return write_two_lists(tmp_path)


@checks("users.open", "users.next", "users.previous", "users.copy", "users.runs", "users.clear")
async def _(s: Session) -> None:
    here = await to_first(s)
    title = films().item_columns["title"]
    assert title is not None
    await s.until(lambda: "other" in s.text() or "item-cf" in s.text())
    assert "18-24" in s.text(), "the attributes of the user"
    await s.press("y")
    assert "u0" in s.copied[0]
    assert "|" in s.copied[0]
    await s.press("n")
    await s.until(lambda: shown_user(here) == "u1" and here.people.grid.cursor_row == 1)
    await s.press("p")
    await s.until(lambda: here.people.grid.cursor_row == 0)
    await s.press("r")
    assert isinstance(s.app.screen, ChooseRuns)
    await s.press("escape")
    assert not s.app.screen.query("#choose")
    await s.press("escape")
    await s.until(lambda: not here.has_class("-open"))
    await s.press("slash")
    await s.type("u1")
    await s.until(lambda: here.people.question == "u1")
    await s.press("enter", "escape")
    await s.until(lambda: here.people.question == "")


@checks("users.find", "users.data")
async def _(s: Session) -> None:
    here = await to_users(s)
    assert here.check_action("data", ()) is False, "there is one data set"
    total = here.people.grid.table.rows
    await s.press("slash")
    await s.type("liked=107")
    await s.until(lambda: here.people.grid.table.rows != total)
    await s.press("enter", "slash")
    await s.type(" agee=3")
    await s.until(lambda: bool(here.people.query("#find.-wrong")))
    assert here.people.grid.table.rows != total, "what is wrong changes nothing"


@checks("users.rotate", "users.own", "users.ask")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.until(lambda: len(here.person.panes) == 3)
    first, second = (pane.grid for pane in here.person.panes[1:])
    assert [row.cells[1].text for row in first.table.rows] == ["=", "="]
    assert [row.cells[1].text for row in second.table.rows] == ["", "=", "="]
    await s.press("o")
    assert (first.table.keys, second.table.keys) == ((), ("3",))
    await s.press("o")
    assert len(first.table.keys) == 2
    before = [run.run_id for run in here.runs_shown]
    await s.press("m")
    assert [run.run_id for run in here.runs_shown] != before
    await s.press("c")
    await s.until(lambda: bool(ASKED))
    line = ASKED.pop()
    assert line[-3:] == ["--json", "--", "u0"]
    assert "--recompute" in line


@checks("users.panel")
async def _(s: Session) -> None:
    here = await to_first(s)
    assert here.check_action("panel", ()) is False, "both have room"
    await s.pilot.resize_terminal(100, 36)
    await s.until(lambda: not here.has_class("-both"))
    before = here.person.genres
    await s.press("v")
    assert here.person.genres != before
    await s.until(lambda: "Sci-Fi" in s.text())


@checks("users.fans", "users.similar")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.until(lambda: here.person.item is not None)
    await s.press("w")
    await s.until(lambda: here.people.question.startswith("liked="))
    await s.press("escape")
    await to_first(s)
    await s.until(lambda: here.person.item is not None)
    await s.press("i")
    assert s.app.chosen == "items", "test_items goes on from there"


async def test_one_list_can_have_the_whole_screen(runs: Path) -> None:
    async with session(runs, (120, 36)) as s:
        here = await to_first(s)
        pane = here.person.pane
        narrow = pane.grid.table.heads
        assert len(here.person.panes) > 1
        await s.press("z")
        await s.until(lambda: pane.outer_size.width == 120 and pane.grid.table.heads != narrow)
        assert here.person.panes == [pane]
        await s.press("tab")
        assert s.app.focused is pane.grid, "what is hidden is passed over"
        await s.press("escape")
        await s.until(lambda: pane.grid.table.heads == narrow)
        assert here.user_open


#: lines that the models were asked with
ASKED: list[list[str]] = []


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def remember(line: list[str]) -> processes.Done:
        ASKED.append(line)
        return processes.Done(1, "", "not today")

    ASKED.clear()
    monkeypatch.setattr(users, "run_process", remember)
    async with session(runs, (120, 36)) as running:
        await check(running)


async def test_models_whose_process_was_killed_are_told_of(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(line: list[str]) -> processes.Done:
        return processes.Done(-9, "", "")

    said: list[str] = []
    monkeypatch.setattr(UsersScreen, "notify", lambda _, message, **__: said.append(message))
    monkeypatch.setattr(users, "run_process", killed)
    async with session(runs, (120, 36)) as s:
        await to_first(s)
        await s.press("c")
        await s.until(lambda: "its process was ended by SIGKILL" in said)


async def test_beside_a_user_the_keys_are_those_of_a_user(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        here = await to_first(s)
        await s.until(lambda: here.person.item is not None)
        await s.pilot.pause()
        keys = s.text().splitlines()[-1]
        assert "v why/genres" in keys
        assert "i item" in keys
        assert "Enter" not in keys, "the user is open"


async def test_history_and_lists_show_titles_at_every_width(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        here = await to_first(s)
        for width in (80, 120, 160, 200):
            await s.pilot.resize_terminal(width, 24)
            await s.until(lambda: here.person.item is not None)
            for pane in here.person.panes:
                grid = pane.grid
                grid.styles.overflow_y = "scroll"  # as with a long history
                await s.until(
                    lambda grid=grid: len(grid._visible_columns()) == len(grid.table.heads),  # type: ignore[misc]
                    f"a column of {pane.id} is out of sight at {width}",
                )


async def test_a_look_that_is_replaced_before_it_begins_leaves_nothing_behind(runs: Path) -> None:
    async with session(runs, (160, 30)) as s:
        here = await to_users(s)
        here._inspect()
        here._inspect()
        await s.until(lambda: here.person.inspection is not None)
    gc.collect()  # a coroutine that nobody awaited is a warning now, which is an error


async def test_a_screen_put_together_beforehand_reads_nothing_until_it_is_shown(
    runs: Path,
) -> None:
    async with session(runs, (160, 45)) as s:
        await s.app.prepare_users().wait()
        [made] = s.app._screen_stacks["users"]
        assert isinstance(made, UsersScreen)
        await s.until(lambda: bool(made.query("Person")))
        assert made._browse is None
        assert s.app.chosen == "results"
        await s.press("3")
        await s.see("history of user u0")
        assert s.app.screen is made
