"""The screen Data: each command, on the films; commands are answered by a stand-in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from recsys_core.errors import InputError
from tests.tui.checks import Check, cases_of, checks
from tests.tui.data_sets import Commands, small_catalogue
from tests.tui.session import Session, session
from tests.workbench.films import prepare_films
from workbench.jobs.catalogue import Catalogue
from workbench.tui import data_work
from workbench.tui.data_work import DataWork
from workbench.tui.processes import Done, follow_process
from workbench.tui.screens import data_shown, new_job
from workbench.tui.screens.data import DataScreen
from workbench.tui.screens.data_import import ImportScreen, PathSuggester
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.screens.users import UsersScreen
from workbench.tui.view.data import DataSet, facts_section
from workbench.tui.view.data_plots import bars
from workbench.tui.view.import_form import Raw, path_state
from workbench.tui.widgets.data_parts import Facts, Features, Protocols
from workbench.tui.widgets.grid import Grid

SCOPES_HERE = ("data",)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    prepare_films(tmp_path / "data")
    return folder


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Commands:
    stand_in = Commands(tmp_path / "data")
    catalogue = small_catalogue()

    async def ready(say: object) -> Catalogue:
        return catalogue

    async def never(say: object) -> Catalogue:
        await asyncio.Event().wait()
        return catalogue

    monkeypatch.setattr(data_work, "follow_process", stand_in)
    monkeypatch.setattr(data_shown, "open_catalogue", ready)
    monkeypatch.setattr(new_job, "open_catalogue", never)
    return stand_in


def asked(s: Session) -> Commands:
    stand_in = vars(data_work)["follow_process"]
    assert isinstance(stand_in, Commands)
    return stand_in


async def to_data(s: Session) -> DataScreen:
    """Open the screen and wait until the films are described."""
    await s.press("5")
    await s.until(lambda: isinstance(s.app.screen, DataScreen))
    here = s.app.screen
    assert isinstance(here, DataScreen)
    await s.until(lambda: here.grid.cursor_key == "films" and "long tail" in s.text())
    return here


async def test_what_is_read_while_the_session_ends_is_not_drawn(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()
    async with session(runs) as s:
        here = await to_data(s)
        sets = here.sets

        async def late(self: DataWork, *about: object) -> Any:
            await ended.wait()
            return {} if about else sets

        monkeypatch.setattr(DataWork, "list", late)
        monkeypatch.setattr(DataWork, "describe", late)
        describe = DataScreen._describe.__wrapped__  # type: ignore[attr-defined]
        reading = asyncio.gather(here._read_list(), describe(here, sets[0]))
    ended.set()
    await reading


async def to_set(s: Session, name: str) -> DataScreen:
    here = await to_data(s)
    await s.press(*["j"] * here.grid.table.keys.index(name))
    assert here.chosen is not None
    assert here.chosen.name == name
    return here


@checks("data.open")
@checks("data.part")
@checks("data.part-back")
async def _(s: Session) -> None:
    here = await to_data(s)
    await s.press("enter")
    assert isinstance(s.app.focused, Facts)
    await s.press("escape", "v")
    assert here.grid.has_focus
    await s.until(lambda: "events of items by rank" in s.text())
    text = s.text()
    assert "ratings per 1.6 hours" in text  # 4 days in 60 periods
    # as wide and high as there is room from the first paint on: ratings; histories of 2 to 3 events
    for line in ("4 ━━━━", "2-3 ━━━━"):
        assert line in text
    await s.press("v", "enter")
    assert "▲ Leaks other users' future" in s.text()
    assert here.query_one(Protocols).has_focus_within
    await s.press("v", "v")
    assert here.query_one(Facts).display
    await s.press("V")
    assert here.query_one(Features).display
    assert not here.query_one(Facts).display


@checks("data.fetch")
@checks("data.clear")
async def _(s: Session) -> None:
    here = await to_set(s, "ml-100k")
    assert "f fetches it" in s.text()
    await s.press("f")
    await s.until(lambda: "▸ fetching ml-100k" in s.text() and "26.0 MB" in s.text())
    assert " 40%" in s.text()  # 26 of 65 MB
    assert "26.0 MB of 65.0 MB   3.2 MB/s   12.0 s left   Esc cancels" in s.text()
    await s.press("f")
    assert len([words for words in asked(s).asked if words[0] == "fetch"]) == 1, "one at a time"
    await s.press("escape")
    await s.until(lambda: asked(s).ended == 1 and not here.activity.busy)
    await s.press("f", "k")
    assert here.grid.cursor_key != "ml-100k", "the screen goes on"
    asked(s).gate.set()
    await s.until(lambda: not here.activity.busy)
    assert [each.name for each in here.sets if each.here] == ["films", "ml-100k"]
    here.grid.cursor_row = here.grid.table.keys.index("ml-10m")
    await s.press("f")
    await s.until(lambda: "✖ ml-10m is not here" in s.text())
    text = s.text()
    assert "not known" in text
    assert "→ check the network" in text
    assert "i imports a copy" in text
    await s.press("escape")
    await s.until(lambda: "✖ ml-10m" not in s.text())
    await s.press("enter", "escape")
    assert s.app.focused is here.grid


@checks("data.import")
async def _(s: Session) -> None:
    here = await to_data(s)
    await s.press("i")
    assert isinstance(s.app.screen, ImportScreen)
    await s.type("/nowhere/at/all")
    assert "✖ no such file or folder" in s.text()
    await s.press("enter")
    assert isinstance(s.app.screen, ImportScreen), "what is wrong does not begin"
    await s.press("escape")
    assert "Esc again discards what you typed" in s.text()
    await s.press("ctrl+u")
    await s.type(str(s.app.runs_dir))
    assert "a folder with 0 entries" in s.text()
    await s.press("down")
    await s.type("Mine!")
    assert "'Mine!' cannot name a data set" in s.text()
    await s.press("ctrl+u")
    await s.type("mine")
    await s.press("enter")
    asked(s).gate.set()
    await s.until(lambda: here.grid.cursor_key == "mine")
    (words,) = [words for words in asked(s).asked if words[0] == "import"]
    assert words == ["import", "--json", "--events", "--name=mine", "--", str(s.app.runs_dir)]


@checks("data.schema")
@checks("data.schema-back")
@checks("data.measure")
async def _(s: Session) -> None:
    here = await to_data(s)
    await s.press("m")
    await s.until(lambda: "films, user-timeline: 13 train rows, 5 validation rows" in s.text())
    grid = here.query_one(Features).grid
    lines = [grid.render_line(1 + row).text.split() for row in range(2)]
    assert lines[0] == ["item_id", "categorical", "item:", "item_id", "0.0%", "0.7319"]
    assert lines[1][-2:] == ["12.5%", "0.9912!"]
    assert "! label_twin: almost perfect by itself, so it probably leaks the label" in s.text()
    assert asked(s).asked[-1][-2:] == ["--features=movielens", "--protocol=user-timeline"]
    await s.press("n", "n", "n")
    await s.until(lambda: "user-history: count, quantile" in s.text())
    assert "Features of schema movielens-full  4/10" in s.text()
    await s.press("p", "p", "p", "p")
    await s.until(lambda: "Features of schema default  10/10" in s.text())
    assert "m lists it" in s.text(), "it is made from the data set"
    await s.press("n", "V", "enter", "j")
    assert "measures" in str(here.query_one("#schema").render()), "of another protocol: not yet"


@checks("data.copy")
@checks("data.train")
@checks("data.users")
async def _(s: Session) -> None:
    await to_data(s)
    await s.press("y")
    assert "users       6 with 1 to 5 events" in s.copied[0]
    assert "of items    title (text, 12% missing), genres (any of 7" in s.copied[0]
    await s.press("a")
    form = s.app.screen
    assert isinstance(form, NewJobScreen)
    assert form._dataset == "films"
    await s.press("escape", "u")
    await s.until(lambda: isinstance(s.app.screen, UsersScreen) and "6 users  films" in s.text())


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_commands(check: Check, runs: Path) -> None:
    async with session(runs, (120, 34)) as running:
        await check(running)


async def test_without_data_there_is_what_can_be_had(tmp_path: Path) -> None:
    async with session(tmp_path / "runs", (80, 24)) as s:
        await s.press("5")
        await s.until(lambda: "8 data sets, 0 here" in s.text())
        assert "f makes it here; no network is needed" in s.text()
        asked(s).register("mine")  # by another program
        await s.until(lambda: "9 data sets, 1 here" in s.text())
        (tmp_path / "data" / "mine" / "meta.json").write_text("{")
        await s.until(lambda: "9 data sets, 0 here" in s.text())
        await s.press("g")
        await s.until(lambda: "✖ mine" in s.text() and "i imports it again" in s.text())
        assert s.app.screen.check_action("fetch", ()) is False, "nobody publishes it"


async def test_it_is_still_when_nothing_happens(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(runs, (200, 50)) as s:
        await to_data(s)
        lines = s.app.screen._compositor.render_strips()
        assert {line.cell_length for line in lines} == {200}
        drawn: list[object] = []
        monkeypatch.setattr(Grid, "show", lambda _, table: drawn.append(table))
        for _ in range(10):
            await s.pilot.pause(0.02)
        assert drawn == []


async def test_what_cannot_be_described_says_so(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(command: Sequence[str], on_line: Callable[[str], None]) -> Done:
        return Done(2, "", "error: small is damaged\nimport it again")

    monkeypatch.setattr(data_work, "follow_process", broken)
    async with session(runs, (80, 24)) as s:
        await s.press("5", "v")
        await s.until(lambda: "small is damaged" in s.text())


async def test_half_a_line_of_progress_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(command: Sequence[str], on_line: Callable[[str], None]) -> Done:
        on_line('{"stage": "imp')
        return Done(-9, "", '{"stage": "imp')

    monkeypatch.setattr(data_work, "follow_process", killed)
    work = DataWork(tmp_path, lambda: 0.0)
    with pytest.raises(InputError, match="was ended by SIGKILL"):
        await work.import_raw(Raw("t.csv"), lambda _: None)


async def test_a_process_is_followed_and_ended(tmp_path: Path) -> None:
    lines: list[str] = []
    talk = "import sys; print('one', file=sys.stderr); print('two', file=sys.stderr); print('out')"
    done = await follow_process([sys.executable, "-c", talk], lines.append)
    assert (done.code, done.output, done.errors, lines) == (0, "out", "one\ntwo", ["one", "two"])
    mark = tmp_path / "ended"
    long = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(15, lambda *_: (pathlib.Path({str(mark)!r}).touch(), sys.exit()))\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "time.sleep(60)"
    )
    endless = "import sys; sys.stderr.write('x' * 3_000_000 + '\\nend\\n')"
    await follow_process([sys.executable, "-c", endless], lines.append)
    assert lines[-1] == "end", "a line that is too long is left out"
    task = asyncio.create_task(follow_process([sys.executable, "-c", long], lines.append))
    while lines[-1] != "ready":
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert mark.exists(), "it could put things in order"


async def test_the_commands_are_those_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_work, "follow_process", follow_process)
    work = DataWork(tmp_path / "data", lambda: 0.0)
    table = tmp_path / "t.csv"
    table.write_text("user,item,rating\nanna,b1,4\nben,b1,5\nben,b2,12\n")
    seen: list[str] = []
    with pytest.raises(InputError, match="line 4"):
        await work.import_raw(Raw(str(table)), lambda _: None)
    raw = Raw(str(table), "books", rating_range="0,20")
    assert await work.import_raw(raw, lambda one: seen.append(one.message)) == "books"
    assert seen[-1] == f"reading {table}"
    (books,) = [each for each in await work.list() if each.here]
    assert (books.name, books.interactions, books.users, books.items) == ("books", 3, 2, 2)


async def test_a_path_is_completed_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / ".hidden").touch()
    (tmp_path / "table.csv").write_bytes(b"12345")
    suggest = PathSuggester().get_suggestion
    assert await suggest(f"{tmp_path}/") == f"{tmp_path}/films/"
    assert await suggest(f"{tmp_path}/t") == f"{tmp_path}/table.csv"
    assert await suggest(f"{tmp_path}/.h") == f"{tmp_path}/.hidden"
    assert await suggest(f"{tmp_path}/none/") is None
    assert path_state(f"{tmp_path}/table.csv") == ("a file of 5 bytes", True)
    assert path_state(f"{tmp_path}/tab") == ("✖ no such file or folder", False)


def test_bars_that_do_not_fit_are_put_together() -> None:
    values = [(f"{level / 2:g}", 1) for level in range(1, 11)]  # 0.5 to 5
    lines = ["".join(cell.text for cell in line).split() for line in bars(values, 30, 5)]
    assert [line[0] for line in lines] == ["0.5-1", "1.5-2", "2.5-3", "3.5-4", "4.5-5"]
    assert {line[-1] for line in lines} == {"2"}


def test_vectors_and_items_without_an_event_are_shown() -> None:
    columns = {"text": {"kind": "vector", "missing": 0.25, "values": 384}}
    few = {"min": 0, "max": 3, "median": 1}
    about: dict[str, Any] = {
        "density": 0.5,
        "time": None,
        "popularity": {"gini": 0.1, "top_10_percent": 0.2},
        "events_per_user": few,
        "events_per_item": few,
        "items_without_events": 2,
        "notes": [],
        "attributes": {"user": {}, "item": columns},
    }
    section = facts_section(DataSet("places", state="ready", items=8), about, 0, 120)
    lines = ["".join(cell.text for cell in line) for line in section.lines]
    assert any("items" in x and "8 with 0 to 3 events, median 1; 2 without one" in x for x in lines)
    assert any(
        "of items" in x and "text (vectors of 384 numbers, 75% have one)" in x for x in lines
    )
