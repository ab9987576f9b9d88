"""The configuration file, what is kept between sessions, and unexpected errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.containers import VerticalScroll

from recsys_core.errors import InputError
from tests.tui.session import Session, session
from workbench.tui.app import WorkbenchApp
from workbench.tui.commands import COMMANDS, together
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.screens.trouble import TroubleScreen
from workbench.tui.settings import Settings, read_settings, settings_path
from workbench.tui.state import SessionState, read_state, state_path, write_state
from workbench.tui.tracebacks import log_error, log_path
from workbench.tui.view.choices import Options

THEMES = ["workbench-dark", "workbench-light", "nord"]


def write_config(text: str) -> Path:
    path = settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_file_everything_is_as_usual() -> None:
    assert read_settings(THEMES) == Settings()


def test_keys_and_theme_are_read() -> None:
    write_config(
        'theme = "nord"\n[keys]\n"runs.filter" = "F"\n"runs.note" = "/"\n'
        '"table.down" = ["ctrl+n", "down", ","]\n'
    )
    settings = read_settings(THEMES)
    assert settings.theme == "nord"
    assert settings.keymap() == {
        "runs.filter": "F",
        "runs.note": "slash",
        "table.down": "ctrl+n,down,comma",
    }
    named = {command.id: command for command in COMMANDS}
    assert settings.shown_keys(named["table.down"]) == ("Ctrl+N", "↓", "Comma")
    assert settings.shown_keys(named["runs.note"]) == ("/",)
    assert settings.shown_keys(named["runs.open"]) == ("Enter",), "the others stay"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("theme = ", "not TOML"),
        ('thme = "nord"', "unknown setting 'thme'\ndid you mean 'theme'?"),
        ('theme = "nrod"', "unknown theme 'nrod'\ndid you mean 'nord'?"),
        ("theme = 3", "unknown theme '3'"),
        ('keys = "x"', "keys is not a table"),
        (
            '[keys]\n"runs.fliter" = "F"',
            "unknown command 'runs.fliter'\ndid you mean 'runs.filter'?",
        ),
        ('[keys]\n"runs.filter" = []', "runs.filter has no keys"),
        ('[keys]\n"runs.filter" = 5', "runs.filter has no keys"),
        ('[keys]\n"runs.filter" = [5]', "runs.filter: 5 is not a key"),
        (
            '[keys]\n"runs.filter" = "pgdown"',
            "key of runs.filter: 'pgdown'\ndid you mean 'pagedown'?",
        ),
        ('[keys]\n"runs.filter" = " "', "unknown key of runs.filter: ' '"),
        (
            '[keys]\n"runs.filter" = "b"',
            "key 'b' would mean both runs.filter and runs.baseline\ngive one of them another key",
        ),
        ('[keys]\n"runs.filter" = "?"', "'?' would mean both runs.filter and everywhere.help"),
        ('[keys]\n"runs.filter" = "question_mark"', "'?' would mean both"),
        ('[keys]\n"table.down" = "f"', "'f' would mean both table.down and jobs.seeds"),
        (
            '[keys]\n"runs.filter" = "Z"\n"runs.note" = "Z"',
            "'Z' would mean both runs.filter and runs.note",
        ),
    ],
)
def test_mistakes_name_file_thing_and_remedy(text: str, message: str) -> None:
    path = write_config(text)
    with pytest.raises(InputError) as caught:
        read_settings(THEMES)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_keys_can_be_swapped_and_used_on_other_screens() -> None:
    write_config('[keys]\n"runs.filter" = "b"\n"runs.baseline" = "slash"\n"detail.next" = "s"\n')
    assert read_settings(THEMES).keymap()["detail.next"] == "s", "tables sort by it, one run not"


def test_scopes_that_work_together() -> None:
    assert together("runs", "table")
    assert together("everywhere", "detail")
    assert not together("detail", "runs")
    assert not together("detail", "table")


async def open_with(
    runs: Path, act: Callable[[Session], object], *, state: SessionState | None = None
) -> WorkbenchApp:
    """Run one session with the configuration of the file, and keep its choices."""
    app = WorkbenchApp(runs, runs.parent / "data", read_settings(THEMES), state or read_state(runs))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        done = act(Session(app, pilot))
        if done is not None:
            await done  # type: ignore[misc]
        app.keep_state()
    return app


async def test_changed_keys_work_and_are_shown_everywhere(suite: Path) -> None:
    write_config('[keys]\n"runs.baseline" = ["F", "f2"]\n"runs.seeds" = "b"\n')

    async def act(s: Session) -> None:
        await s.go_to("mf")
        await s.press("F")
        assert s.runs.baseline
        await s.press("f2", "b")
        assert not s.runs.baseline
        assert s.runs.options.fold_seeds
        assert " F baseline " in s.text()
        await s.press("question_mark")
        assert isinstance(s.app.screen, HelpScreen)
        for _ in range(20):
            if "F F2" in s.text():
                break
            s.app.screen.query_one(VerticalScroll).scroll_relative(
                y=20, animate=False, immediate=True
            )
            await s.pilot.pause()
        assert "F F2" in s.text()
        await s.press("escape", "colon")
        assert isinstance(s.app.screen, CommandPalette)
        await s.type("baseline")
        await s.until(lambda: "baseline (F)" in s.text())

    await open_with(suite, act)


async def test_a_session_goes_on_where_the_last_one_was(suite: Path) -> None:
    async def first(s: Session) -> None:
        await s.go_to("mf")
        await s.press("b", "d", "k", "space", "u", "v", "slash")
        await s.type("model:mf OR label:pop")
        await s.press("enter", "S")
        s.app.theme = "workbench-light"

    async def second(s: Session) -> None:
        await s.until(lambda: bool(s.labels))
        options = s.runs.options
        assert (options.mode, options.hide_unchanged, options.by_stage) == ("percent", False, True)
        assert options.filter_text == "model:mf OR label:pop"
        assert "mf-bpr" in s.labels
        assert "lr" not in s.labels
        assert "⚑ ✔ mf " in s.text()
        assert "✱ ✔ mf-bpr" in s.text()
        assert options.sort is not None
        assert s.app.theme == "workbench-light"

    app = await open_with(suite, first)
    assert read_state(suite).options == app.state.options
    await open_with(suite, second)
    write_config('theme = "nord"')
    assert (await open_with(suite, lambda s: None)).theme == "nord", "the file decides"


async def test_the_last_screen_is_opened_again(suite: Path) -> None:
    async def to_jobs(s: Session) -> None:
        await s.press("1")

    await open_with(suite, to_jobs)
    app = await open_with(suite, lambda s: None)
    assert app.chosen == "jobs"


async def test_choices_that_make_no_sense_any_more_are_dropped(suite: Path) -> None:
    state = SessionState("gone", "no-theme", Options(filter_text="gone:x", baseline="gone"))

    async def act(s: Session) -> None:
        assert len(s.labels) == 10
        assert s.runs.baseline is None

    await open_with(suite, act, state=state)


def test_state_is_one_file_a_runs_folder(tmp_path: Path) -> None:
    state = SessionState("results", "nord", Options(filter_text="x", marked=frozenset("ab")))
    write_state(tmp_path / "runs", state)
    assert read_state(tmp_path / "runs") == state
    assert read_state(tmp_path / "other") == SessionState()
    path = state_path(tmp_path / "runs")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(path.read_text())["runs_dir"] == str(tmp_path / "runs")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 99}', '{"version": 1, "options": 3}']
)
def test_damaged_state_counts_as_none(tmp_path: Path, content: str) -> None:
    write_state(tmp_path, SessionState("results"))
    state_path(tmp_path).write_text(content)
    assert read_state(tmp_path) == SessionState()


async def test_an_error_in_a_command_is_a_panel_and_the_session_goes_on(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_screen: RunsScreen) -> None:
        raise RuntimeError("planted \x1b[2J [b]")

    monkeypatch.setattr(RunsScreen, "action_unchanged", broken)
    async with session(suite) as s:
        await s.press("u")
        assert isinstance(s.app.screen, TroubleScreen)
        assert r"RuntimeError: planted \x1b[2J [b]" in s.text()
        assert log_path().name in "".join(s.text().replace("│", "").split())
        await s.press("escape", "j")
        assert s.current == "mf-long"
        await s.press("u")
        assert isinstance(s.app.screen, RunsScreen), "the same again only counts"
        assert len(s.app.errors) == 2
        s.app.errors.clear()
    assert log_path().read_text().count("in broken") == 1


async def test_an_error_while_runs_are_followed_is_a_panel(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(suite) as s:
        monkeypatch.setattr(s.app, "_read", lambda: 1 / 0)
        await s.until(lambda: isinstance(s.app.screen, TroubleScreen))
        assert "ZeroDivisionError: division by zero" in s.text()
        s.app.errors.clear()
        monkeypatch.undo()


def test_the_log_of_errors_stays_small_and_a_full_disk_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workbench.tui.tracebacks._LARGEST", 60)
    for number in range(3):
        log_error(ValueError(f"number {number}"))
    assert log_path().with_suffix(".1.log").exists()
    assert "number 2" in log_path().read_text()
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert "cannot be written" in log_error(ValueError("x"))
