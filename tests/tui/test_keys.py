"""Keys that arrive together are handled one after the other."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input

from tests.tui.folders import write_jobs
from tests.tui.session import Session, session
from tests.workbench.films import prepare_films, write_list_run
from workbench.tui.screens.export import ExportScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.view import changes as requests


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
        type_at_once(s, "escape", "2", "j")
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
