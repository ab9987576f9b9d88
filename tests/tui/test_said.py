"""What the last line says: messages, and why a key does nothing; where all of them are listed."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input
from textual.widgets._toast import Toast

from tests.tui.folders import write_jobs
from tests.tui.session import Session, session
from workbench.tui.commands import BY_ID
from workbench.tui.screens.help import help_sections
from workbench.tui.screens.messages import MessagesScreen
from workbench.tui.settings import Settings


def last_line(s: Session) -> str:
    return s.text().splitlines()[-1].strip()


async def said(s: Session, key: str) -> str:
    """Press a key; return what the last line says, and forget it."""
    await s.press(key)
    line = last_line(s)
    s.app.said = None
    return line


async def test_messages_stand_in_the_last_line_and_in_a_list(suite: Path) -> None:
    async with session(suite, (80, 24)) as s:
        keys = last_line(s)
        rows = s.text().splitlines()[:-1]
        await s.press("y")
        assert last_line(s).startswith("Copied the row")
        assert s.text().splitlines()[:-1] == rows, "no row is covered"
        s.app.notify("one line\nand its remedy " + "x" * 100, severity="error", markup=False)
        await s.pilot.pause()
        assert last_line(s).startswith("✖ one line; and its remedy xxx")
        assert last_line(s).endswith("…  M shows all"), "and it is cut to the line"
        assert not s.app.screen.query(Toast)
        s.app.action_help_quit()
        await s.pilot.pause()
        assert last_line(s) == "q leaves the session.", "Ctrl+C names the key of this program"
        s.app._be_quiet()
        await s.pilot.pause()
        assert last_line(s) == keys, "after seconds the keys are back"
        await s.press("M")
        assert isinstance(s.app.screen, MessagesScreen)
        text = s.text()
        assert text.index("q leaves") < text.index("one line") < text.index("Copied the row")
        await s.press("M")
        assert not isinstance(s.app.screen, MessagesScreen)


async def test_a_key_that_does_not_apply_says_why(tmp_path: Path) -> None:
    write_jobs(tmp_path / "runs")
    async with session(tmp_path / "runs") as s:
        await s.press("2")
        await s.go_to("mf-live")
        assert await said(s, "b") == "mf-live is running: a baseline needs a result"
        assert await said(s, "d") == "no baseline yet: b pins the run under the cursor as one"
        assert await said(s, "m") == "no run is marked: Space marks the one under the cursor"
        await s.press("1")
        jobs = s.app.screen
        grid = jobs.query_one("#jobs")
        labels = [run.label for run in jobs.shown]  # type: ignore[attr-defined]

        async def at(label: str, key: str) -> str:
            grid.cursor_row = labels.index(label)  # type: ignore[attr-defined]
            await s.pilot.pause()
            return await said(s, key)

        assert await at("item-cf", "c") == "item-cf is done: there is nothing to cancel"
        assert (
            await at("item-cf", "r") == "item-cf is done: only a job without a result can run again"
        )
        assert (
            await at("item-cf", "J")
            == "item-cf is done: only jobs that wait have a place in the queue"
        )
        assert await at("mf-live", "R") == "mf-live is running: c cancels it"
        assert await at("wait-c", "J") == "it is the last waiting job already"
        assert await at("wait-c", "S") == "the order of this table is fixed"
        assert "nothing here" not in "".join(said.text for said in s.app.messages.newest)


def test_help_has_what_was_searched_for() -> None:
    everything = help_sections(Settings(), {"runs"})
    assert everything[0][0] == "Results", "where one is comes first"
    assert [title for title, _ in everything[-2:]] == ["Signs", "Metrics"]
    assert help_sections(Settings(), {"runs"}, "pin BASELINE") == [
        ("Results", [("b", BY_ID["runs.baseline"].help)]),
        ("Signs", [("⚑ ✱", "the pinned baseline; a marked run")]),
    ]
    assert help_sections(Settings(), set(), "zzz") == []
    auc = ("auc", "what it means")
    assert help_sections(Settings(), {"runs"}, column=": ".join(auc))[0][1] == [auc]
    assert help_sections(Settings(), {"runs"}, "zzz", ": ".join(auc)) == []


async def test_a_message_is_seen_over_a_dialog_that_has_the_whole_screen(suite: Path) -> None:
    async with session(suite, (80, 24)) as s:
        await s.press("1", "a")
        await s.see("Enter adds")
        await s.until(lambda: "reading the models" not in s.text())
        before = s.text().splitlines()
        s.app.notify("Something was said.")
        await s.see("Something was said.")
        assert s.text().splitlines()[:-1] == before[:-1], "nothing in it is moved or covered"
        s.app._be_quiet()
        await s.until(lambda: s.text().splitlines() == before)


async def test_ctrl_c_says_how_to_leave_wherever_it_is_pressed(suite: Path) -> None:
    async with session(suite, (80, 40)) as s:
        assert await said(s, "ctrl+c") == "q leaves the session."
        for key in ("slash", "i", "D", "e"):  # a line, a text, a dialog without and with a line
            await s.press(key)
            if isinstance(s.app.focused, Input):
                s.app.focused.value = ""  # marked text is copied
            assert await said(s, "ctrl+c") == "Esc, then q leaves the session.", key
            await s.press("escape")
            assert await said(s, "ctrl+c") == "q leaves the session.", key


async def test_a_message_whose_time_is_over_as_the_session_ends(suite: Path) -> None:
    async with session(suite) as s:
        s.app.notify("Something was said.")
        stack = s.app._screen_stack
        screens = stack.copy()
        stack.clear()
        s.app._be_quiet()
        stack += screens
        assert s.app.said is None
