"""The screen Users: each command, on the films whose lists are known."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from tests.workbench.films import films, prepare_films, write_list_run
from workbench.store.runs import RESULTS
from workbench.tui import processes
from workbench.tui.screens import users
from workbench.tui.screens.users import UsersScreen
from workbench.tui.screens.users_runs import ChooseRuns
from workbench.tui.state import read_state, write_state
from workbench.tui.view.table import Rows

SCOPES_HERE = ("users",)
#: user 0 has 3 held out; both runs recommend from it
ITEM_CF = {0: ((3, 0.9), (2, 0.5), (4, 0.4)), 1: ((7, 0.8), (3, 0.2))}
OTHER = {0: ((4, 3.0), (2, 1.0)), 1: ((3, 1.0),)}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    prepare_films(tmp_path / "data")
    write_list_run(folder, "item-cf", ITEM_CF, ndcg={0: 0.2, 1: 1.0})
    write_list_run(folder, "other", OTHER, ndcg={0: 0.7, 1: 0.0})
    return folder


def screen(s: Session) -> UsersScreen:
    here = s.app.screen
    assert isinstance(here, UsersScreen)
    return here


async def to_users(s: Session) -> UsersScreen:
    await s.press("3")
    await s.until(lambda: isinstance(s.app.screen, UsersScreen))
    await s.until(lambda: screen(s).people.grid.cursor_key is not None)
    return screen(s)


def shown_user(here: UsersScreen) -> str:
    return here.person.inspection.user.user_id if here.person.inspection else ""


async def to_first(s: Session) -> UsersScreen:
    """Open user u0."""
    here = await to_users(s)
    await s.press("enter")
    await s.until(lambda: shown_user(here) == "u0")
    return here


@checks("users.open")
async def _(s: Session) -> None:
    await to_first(s)
    title = films().item_columns["title"]
    assert title is not None
    await s.until(lambda: "other" in s.text() or "item-cf" in s.text())
    assert "18-24" in s.text(), "the attributes of the user"


@checks("users.find")
async def _(s: Session) -> None:
    here = await to_users(s)
    total = here.people.grid.table.rows
    await s.press("slash")
    await s.type("liked=107")
    await s.until(lambda: here.people.grid.table.rows != total)
    await s.press("enter", "slash")
    await s.type(" agee=3")
    await s.until(lambda: bool(here.people.query("#find.-wrong")))
    assert here.people.grid.table.rows != total, "what is wrong changes nothing"


@checks("users.rotate", "users.own")
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


@checks("users.runs")
async def _(s: Session) -> None:
    await to_first(s)
    await s.press("r")
    assert isinstance(s.app.screen, ChooseRuns)
    await s.press("escape")
    assert isinstance(s.app.screen, UsersScreen)


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


@checks("users.next")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.press("n")
    await s.until(lambda: shown_user(here) == "u1")


@checks("users.previous")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.press("n")
    await s.until(lambda: here.people.grid.cursor_row == 1)
    await s.press("p")
    await s.until(lambda: here.people.grid.cursor_row == 0)


@checks("users.similar")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.until(lambda: here.person.item is not None)
    await s.press("i")
    assert s.app.chosen == "items", "test_items goes on from there"


@checks("users.fans")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.until(lambda: here.person.item is not None)
    await s.press("w")
    await s.until(lambda: here.people.question.startswith("liked="))


@checks("users.ask")
async def _(s: Session) -> None:
    await to_first(s)
    await s.press("c")
    await s.until(lambda: bool(ASKED))
    line = ASKED.pop()
    assert line[-3:] == ["--json", "--", "u0"]
    assert "--recompute" in line


@checks("users.data")
async def _(s: Session) -> None:
    here = await to_users(s)
    assert here.check_action("data", ()) is False, "there is one data set"


@checks("users.copy")
async def _(s: Session) -> None:
    await to_first(s)
    await s.press("y")
    assert "u0" in s.copied[0]
    assert "|" in s.copied[0]


@checks("users.clear")
async def _(s: Session) -> None:
    here = await to_first(s)
    await s.press("escape")
    await s.until(lambda: not here.has_class("-open"))
    await s.press("slash")
    await s.type("u1")
    await s.until(lambda: here.people.question == "u1")
    await s.press("enter", "escape")
    await s.until(lambda: here.people.question == "")


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


async def test_a_look_that_is_replaced_before_it_begins_leaves_nothing_behind(runs: Path) -> None:
    async with session(runs, (160, 30)) as s:
        here = await to_users(s)
        here._inspect()
        here._inspect()
        await s.until(lambda: here.person.inspection is not None)
    gc.collect()  # a coroutine that nobody awaited is a warning now, which is an error


async def test_two_runs_are_compared_where_one_list_fits(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        here = await to_users(s)
        assert len(here.runs_shown) == 1
        await s.until(lambda: "[other] ndcg@10  [item-cf] gain over it" in s.text())
        await s.press("slash")
        await s.type("gain=ndcg@10")
        await s.until(lambda: "+1.0000" in s.text())
        keys = here.people.grid.table.keys
        assert keys[0] == "1", "item-cf has 1.0 there, other 0.0"
        await s.press("enter")
        await s.until(lambda: not here.people.query("#find"))
        assert "find: gain=ndcg@10" in s.text().splitlines()[1]
        await s.pilot.resize_terminal(120, 24)
        here.people.search()
        await s.until(lambda: "gain=ndcg@10 · [other] ndcg@10  [item-cf] gain" in s.text())


async def test_the_list_has_the_metric_of_the_next_run(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        here = await to_users(s)
        await s.until(lambda: "0.7000" in s.text())
        await s.press("m")
        await s.until(lambda: "[item-cf] ndcg@10  [other] gain over it" in s.text())
        await s.until(lambda: "0.2000" in s.text())
        await s.press("enter")
        await s.until(lambda: here.user_open and shown_user(here) == "u0")
        await s.press("m")
        await s.until(lambda: "other" in str(here.person.pane.query_one(Static).content))
        await s.until(lambda: "[other] ndcg@10" in s.text(), "list and user have the same runs")


async def test_a_gain_without_a_second_run_keeps_the_line_open(runs: Path) -> None:
    (second,) = runs.glob("*other*")
    (second / RESULTS).unlink()
    async with session(runs, (80, 24)) as s:
        here = await to_users(s)
        await s.press("slash")
        await s.type("gain=ndcg@10")
        await s.until(lambda: "compares two runs: there is one here" in s.text())
        await s.press("enter")
        assert here.people.query("#find.-wrong"), "what is wrong stays in sight"


async def test_a_wrong_search_stays_open_with_all_that_is_wrong(runs: Path) -> None:
    """The title names what is listed: what is wrong changes nothing of it."""
    async with session(runs, (80, 24)) as s:
        here = await to_users(s)
        await s.press("slash")
        await s.type("liked=Star Wars")
        await s.press("enter")
        assert here.people.query("#find.-wrong")
        told = " ".join(s.text().split())
        assert "no item 'Star' in data set 'films': give an original id, or words of a" in told
        await s.press("ctrl+u")
        await s.type("liked=alien")
        await s.press("enter")
        assert not here.people.query("#find"), "one title alone has the word"
        await s.until(lambda: here.people.answered == "liked=alien")
        assert len(here.people.found.users) == 3
        assert "find: liked=alien" in s.text().splitlines()[1]
        await s.press("slash", *["backspace"] * 2, "tab")
        assert here.people.question == 'liked="Alien (1979)"'


async def test_a_run_that_was_thinned_out_is_left_out(runs: Path) -> None:
    (other,) = runs.glob("*other*")
    (other / RESULTS).unlink()
    async with session(runs) as s:
        here = await to_first(s)
        assert [run.path.name for run in here.runs_shown] == [
            path.name for path in runs.glob("*item-cf*")
        ]


async def test_damaged_results_are_told_and_the_session_goes_on(runs: Path) -> None:
    (other,) = runs.glob("*other*")
    (other / RESULTS).write_text("no database")
    async with session(runs, (160, 30)) as s:
        await s.press("3")
        await s.until(lambda: len(s.app.messages.newest) == 1)
        (told,) = s.app.messages.newest
        assert f"{other.name}/{RESULTS}: damaged" in told.text, "which run it is"
        await s.until(lambda: "[item-cf] ndcg@10" in s.text())
        await s.until(lambda: shown_user(screen(s)) == "u0", "the first user is drawn by itself")
        write_list_run(runs, "third", OTHER, ndcg={0: 0.7, 1: 0.0})
        await s.until(lambda: "third" in [run.label for run in screen(s)._available])


async def test_results_that_break_off_cost_nobody_else_a_list(runs: Path) -> None:
    """Damage that is met only when a user is read: its run is told once and left out."""
    (other,) = runs.glob("*other*")
    with closing(sqlite3.connect(other / RESULTS)) as database, database:
        database.execute("UPDATE recommendations SET item = 999")
    async with session(runs, (160, 30)) as s:
        await s.press("3")
        await s.until(lambda: shown_user(screen(s)) == "u0")
        lists = screen(s).person.inspection.listings  # type: ignore[union-attr]
        assert [listing.label for listing in lists] == ["item-cf"]
        (told,) = s.app.messages.newest
        assert "item number 999 is not in data set 'films'" in told.text
        assert "\\n" not in told.text


async def test_list_and_user_are_of_one_choice_of_runs_that_stays(runs: Path) -> None:
    """Neither a run that ends nor a session that ends changes it; marks of Results do."""
    (other,), (item_cf,) = runs.glob("*other*"), runs.glob("*item-cf*")

    def shown(s: Session) -> tuple[str, ...]:
        seen = screen(s).person.inspection
        return tuple(listing.label for listing in seen.listings) if seen else ()

    async with session(runs, (160, 40)) as s:
        here = await to_users(s)
        await s.until(lambda: shown(s) == ("other", "item-cf"))
        write_list_run(runs, "third", OTHER, ndcg={0: 0.9, 1: 0.9}, created=1.9e9)
        await s.until(lambda: len(here._available) == 3)
        await s.press("n")
        await s.until(lambda: shown_user(here) == "u1")
        assert shown(s) == ("other", "item-cf")
        assert "[other] ndcg@10  [item-cf] gain over it" in s.text()
        await s.press("4")
        await s.see("[other]  [item-cf]")
        await s.press("2")
        await s.go_to("third")
        await s.press("b")
        await s.go_to("item-cf")
        await s.press("space", "3")
        await s.until(lambda: shown(s) == ("third", "item-cf"))
        assert "[third] ndcg@10  [item-cf] gain over it" in s.text()
        write_state(runs, s.app.state)
    kept = read_state(runs).lists["films"]
    assert kept.runs == (next(runs.glob("*third*")).name, item_cf.name)
    assert other.name not in kept.runs


async def test_users_listed_are_drawn_until_others_come(runs: Path) -> None:
    async with session(runs) as s:
        here = await to_users(s)
        rows = here.people.grid.table.rows
        assert isinstance(rows, Rows)
        rows._made.clear()
        here.people.close()
        assert rows[0].cells[2].text == "0.7000"


async def test_without_data_it_says_how_to_get_some(tmp_path: Path) -> None:
    async with session(tmp_path / "runs") as s:
        await s.press("3")
        await s.until(lambda: "No data set here yet" in s.text())
