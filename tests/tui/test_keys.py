"""Keys that arrive together are handled one after the other."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.widgets import Input

from tests.tui.compared import section, write_compared
from tests.tui.folders import write_jobs
from tests.tui.session import Session, session
from tests.tui.sweep_folders import write_sweep
from tests.workbench.films import prepare_films, write_list_run
from workbench.store.users_find import find_users
from workbench.tui.escape import apart, name_keys_after_escape
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.export import ExportScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.view import changes as requests
from workbench.tui.view.job_rows import SweepRow
from workbench.tui.widgets import people
from workbench.tui.widgets.grid import Grid


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run whose users are known."""
    folder = tmp_path / "runs"
    folder.mkdir()
    prepare_films(tmp_path / "data")
    write_list_run(folder, "item-cf", {0: ((3, 0.9),), 1: ((7, 0.8),)}, ndcg={0: 0.2, 1: 1.0})
    return folder


def type_at_once(s: Session, *keys: str) -> None:
    """Hand keys to the app before it can handle any of them."""
    for key in keys:
        s.app.post_message(Key(key, key if len(key) == 1 else None))


def arriving(sent: str, *bound: str) -> list[str]:
    """Name the keys that a terminal's input is taken as."""
    name_keys_after_escape()
    parser = XTermParser()
    found = [*parser.feed(sent), *parser.feed("")]
    return [key.key for each in found if isinstance(each, Key) for key in apart(each, bound)]


def test_escape_and_the_key_right_after_it_are_two_keys() -> None:
    assert arriving("\x1bj") == ["escape", "j"]
    assert arriving("\x1bG") == ["escape", "G"]
    assert arriving("\x1b2") == ["escape", "2"], "Textual makes it '™', as Option does on a Mac"
    assert arriving("\x1b=") == ["escape", "equals_sign"]
    assert arriving("\x1b/ab") == ["escape", "slash", "a", "b"]
    assert arriving("\x1b]\x1b") == ["escape", "right_square_bracket", "escape"]
    assert arriving("\x1b\r") == ["escape", "enter"]
    assert arriving("\x1b\x1b[B") == ["escape", "down"]
    assert arriving("\x1b[1;3B\x1b[24~") == ["alt+down", "f12"], "these are single keys"
    assert arriving("\x1bJ", "alt+shift+j") == ["alt+shift+j"], "somebody's own key"


async def test_text_typed_right_after_a_line_was_asked_for_goes_into_it(suite: Path) -> None:
    async with session(suite) as s:
        type_at_once(s, "slash", *"ease", "enter", "j")
        await s.until(lambda: s.labels == ["ease-large", "ease"])
        await s.until(lambda: s.current == "ease")
        assert not s.app.screen.query(Input)


async def test_a_search_that_was_typed_at_once_is_done(runs: Path) -> None:
    """Half of it was wrong; the Enter behind it is for the whole."""
    async with session(runs) as s:
        type_at_once(s, "3", "slash", *"best=ndcg@10", "enter")
        await s.until(lambda: "find: best=ndcg@10" in s.text())
        await s.until(lambda: not s.app.screen.query(Input))


async def test_text_typed_right_after_a_dialog_was_asked_for_goes_into_it(suite: Path) -> None:
    async with session(suite) as s:
        type_at_once(s, "e", "end", "x")
        await s.until(lambda: isinstance(s.app.screen, ExportScreen))
        await s.until(lambda: s.app.screen.query_one(Input).value == "report.csvx")


async def test_a_key_goes_to_the_screen_that_the_key_before_it_opened(suite: Path) -> None:
    async with session(suite) as s:
        type_at_once(s, "1", "question_mark")
        await s.until(lambda: isinstance(s.app.screen, HelpScreen))
        assert "│  Jobs " in s.text().split("\n")[3], "its commands come first"
        s.app.post_message(Key("alt+2", "2"))  # Esc and 2, as they arrive together
        type_at_once(s, "j")
        await s.until(lambda: isinstance(s.app.screen, RunsScreen))
        await s.until(lambda: s.current == s.labels[1])


async def test_a_key_whose_widget_is_removed_holds_up_none(suite: Path) -> None:
    async with session(suite) as s:
        await s.press("slash")
        await s.until(lambda: isinstance(s.app.focused, Input))
        line = s.app.focused
        assert line is not None
        type_at_once(s, "home", "f1")
        await line.remove()
        await s.until(lambda: isinstance(s.app.screen, HelpScreen))


async def test_sigterm_is_heard_in_a_flood_of_keys_and_no_key_comes_after(suite: Path) -> None:
    async with session(suite) as s:
        await s.press("slash")
        loop = asyncio.get_running_loop()
        with suppress(BlockingIOError):  # as the keys of a pasted file fill it
            while True:
                loop._csock.send(bytes(4096))  # type: ignore[attr-defined]
        for _ in range(50):
            s.app.post_message(Key("x", "x"))
        signal.raise_signal(signal.SIGTERM)
        for _ in range(50):
            s.app.post_message(Key("x", "x"))
        await s.until(lambda: not s.app.is_running)
    assert (s.app.return_code, s.app.errors) == (143, [])


async def test_keys_typed_while_the_session_ends_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ensure_supervisor", lambda runs_dir: None)
    write_jobs(tmp_path / "runs")
    async with session(tmp_path / "runs") as s:
        type_at_once(s, "q", "C", "C", *"hoalive", "2", "slash", *"mf", "enter")
        await s.until(lambda: not s.app.is_running)
    assert (s.app.return_code, s.app.errors) == (0, [])


async def test_a_key_that_waits_says_so_and_escape_takes_it_back(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = threading.Event()

    def find_late(*asked: Any) -> Any:
        there.wait()
        return find_users(*asked)

    monkeypatch.setattr(f"{people.__name__}.find_users", find_late)
    async with session(runs, (100, 30)) as s:
        type_at_once(s, "3", "enter")
        await s.see("Enter (open) waits: the users are still being read; Esc forgets it")
        type_at_once(s, "escape")
        await s.until(lambda: "waits" not in s.text())
        type_at_once(s, "j")
        await s.see("j (down) waits")
        type_at_once(s, "3")  # a key that leads to a screen is not held up
        await s.until(lambda: "waits" not in s.text())
        there.set()
        await s.until(lambda: len(s.app.screen.query_one("#users", Grid).table.keys) > 1)
        assert not s.app.screen.has_class("-open")
        assert s.app.screen.query_one("#users", Grid).cursor_row == 0
        # the user is opened, and `j` moves in the list that Enter leads to
        type_at_once(s, "enter", "j", "i")
        await s.until(lambda: s.app.chosen == "items", "'i' went to nobody")


async def test_keys_wait_for_the_part_of_a_page_that_they_are_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the comparison right after `=`, in a run's groups, and among the trials of a sweep."""
    monkeypatch.setattr(requests, "ensure_supervisor", lambda runs_dir: None)
    folder = write_compared(tmp_path)
    write_sweep(folder, 3)
    async with session(folder, (160, 45)) as s:
        for label in ("base", "better"):
            await s.go_to(label)
            await s.press("space")
        type_at_once(s, "equals_sign", "b", "enter", "enter")
        await s.until(lambda: s.app.chosen == "users", "Enter went to no user")
        await s.see("gain over it")
        type_at_once(s, "2", "escape", "escape", "enter", "b")
        await s.until(lambda: isinstance(s.app.screen, DetailScreen))
        await s.until(lambda: "[gender]" in section(s, "groups"))
        type_at_once(s, "escape", "1")
        await s.see("≈ mf 3/3")
        jobs = s.app.screen
        assert isinstance(jobs, JobsScreen)
        names = [row.sweep.short if isinstance(row, SweepRow) else "" for row in jobs._rows]
        jobs.grid.cursor_row = names.index("≈ mf 3/3")
        type_at_once(s, "enter", "b")
        await s.until(lambda: isinstance(s.app.screen, NewJobScreen), "no form")
