"""The screen Users: who is listed, with which runs, and what damage of theirs does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.tui.session import Session, session
from tests.tui.two_lists import (
    OTHER,
    screen,
    shown_user,
    to_first,
    to_users,
    write_two_lists,
)
from tests.workbench.films import write_list_run
from workbench.store.runs import RESULTS
from workbench.tui.state import read_state, write_state
from workbench.tui.view.table import Rows


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return write_two_lists(tmp_path)


async def test_two_runs_are_compared_where_one_list_fits(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        here = await to_users(s)
        assert len(here.runs_shown) == 1
        await s.until(lambda: "[other] ndcg@10  [item-cf] gain over it" in s.text())
        await s.press("slash")
        await s.type("gain=ndcg@10")
        # item-cf has 1.0 there, other 0.0
        await s.until(lambda: here.people.grid.table.keys[:1] == ["1"])
        assert "+1.0000" in s.text()
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


async def test_a_search_that_is_wrong_or_refused_stays_open_with_all_that_is_wrong(
    runs: Path,
) -> None:
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
        await s.press("ctrl+u")
        await s.type("genre=Horor")
        await s.until(lambda: bool(here.people.query("#find.-wrong")))
        await s.press("enter")
        assert "unknown genre 'Horor'" in s.text(), "it was not answered"
        here.people.close_find()
        await s.press("slash")
        assert "unknown genre 'Horor'" in s.text(), "nor is it when one comes back to it"
        here.people.close_find()
        await here.people.open_find()  # as when the answer comes while the line is taken away
        await s.pilot.pause()
        assert here.people.query("#find.-wrong")


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


async def test_without_data_it_says_how_to_get_some(tmp_path: Path) -> None:
    async with session(tmp_path / "runs") as s:
        await s.press("3")
        await s.until(lambda: "No data set here yet" in s.text())


async def test_beside_the_list_stands_who_was_found(runs: Path) -> None:
    async with session(runs, (160, 40)) as s:
        here = await to_users(s)
        await s.until(lambda: shown_user(here) == "u0")
        await s.press("slash")
        await s.type("u1")
        await s.until(lambda: shown_user(here) == "u1")
        await s.type("234")
        await s.until(lambda: "0 of" in s.text())
        assert "history of user" not in s.text()
        assert here.check_action("copy", ()) is False
        await s.press("ctrl+u", "enter")
        await s.see("history of user u0")
        rows = here.people.grid.table.rows
        assert isinstance(rows, Rows)
        rows._made.clear()
        here.people.close()
        assert rows[0].cells[2].text == "0.7000", "users are drawn until others come"
