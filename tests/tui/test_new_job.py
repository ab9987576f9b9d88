"""The form for a new job: fields, checks while typing, completion, and what it adds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from workbench.jobs.catalogue import Catalogue, load_catalogue
from workbench.store.runs import Run
from workbench.tui import catalogue as listing
from workbench.tui.processes import Done
from workbench.tui.screens import new_job
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.widgets.grid import Grid

SCOPES_HERE = ("new-job",)
#: commands that were run to add a job
ADDED: list[list[str]] = []


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The models as they are; a process of its own would take seconds."""
    return load_catalogue()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue) -> None:
    async def ready(say: object) -> Catalogue:
        return catalogue

    async def remember(line: list[str]) -> Done:
        ADDED.append(list(line))
        return Done(0, "20260302-100000-item-cf-0001", "")

    monkeypatch.setattr(new_job, "open_catalogue", ready)
    monkeypatch.setattr(new_job, "run_process", remember)


async def form(s: Session, model: str = "") -> NewJobScreen:
    """Open the form, and choose a model."""
    await s.press("1")
    await s.until(lambda: isinstance(s.app.screen, JobsScreen) and bool(s.app.screen.query(Grid)))
    await s.press("a")
    screen = s.app.screen
    assert isinstance(screen, NewJobScreen)
    await s.until(lambda: screen.ready)
    if model:
        await type_over(s, screen, model)
    return screen


async def type_over(s: Session, screen: NewJobScreen, text: str) -> None:
    screen.query_one(Input).value = text
    await s.pilot.pause()


def run_of(suite: Path, label: str) -> Run:
    runs = [Run(path.parent) for path in suite.glob("*/spec.yaml")]
    return next(run for run in runs if run.spec["label"] == label)


async def to_field(s: Session, screen: NewJobScreen, key: str) -> None:
    screen.grid.cursor_row = list(screen.grid.table.keys).index(key)
    await s.pilot.pause()


@checks("new-job.submit")
async def _(s: Session) -> None:
    screen = await form(s, "item-cf")
    key = "item-cf.neighbours"
    await s.until(lambda: key in screen.grid.table.keys)
    await to_field(s, screen, key)
    await type_over(s, screen, "-3")
    assert "neighbours" in s.text()
    await s.press("enter")
    assert ADDED == [], "a value out of bounds is not sent off"
    await type_over(s, screen, "77")
    await s.press("enter")
    await s.until(lambda: bool(ADDED))
    line = " ".join(ADDED.pop())
    assert "queue add" in line
    assert "item-cf" in line
    assert "neighbours=77" in line
    await s.until(lambda: isinstance(s.app.screen, JobsScreen))


async def test_typing_replaces_what_a_field_had(suite: Path) -> None:
    async with session(suite) as s:
        screen = await form(s)
        assert screen.query_one(Input).value
        await s.press("m", "f")
        assert screen.query_one(Input).value == "mf"
        await s.press("down", "up", "end", "x")
        assert screen.query_one(Input).value == "mfx"


@checks("new-job.down")
async def _(s: Session) -> None:
    screen = await form(s)
    row = screen.grid.cursor_row
    await s.press("down")
    assert screen.grid.cursor_row > row


@checks("new-job.up")
async def _(s: Session) -> None:
    screen = await form(s)
    row = screen.grid.cursor_row
    await s.press("down", "up")
    assert screen.grid.cursor_row == row


@checks("new-job.page-down")
async def _(s: Session) -> None:
    screen = await form(s, "mf")
    row = screen.grid.cursor_row
    await s.press("pagedown")
    assert screen.grid.cursor_row > row + 2


@checks("new-job.page-up")
async def _(s: Session) -> None:
    screen = await form(s, "mf")
    await s.press("pagedown", "pagedown", "pageup", "pageup", "pageup")
    assert screen.grid.cursor_row <= 1


@checks("new-job.complete")
async def _(s: Session) -> None:
    screen = await form(s, "item")
    await s.press("tab")
    assert screen.query_one(Input).value == "item-cf"


@checks("new-job.complete-back")
async def _(s: Session) -> None:
    screen = await form(s, "deepwalk")
    await s.press("tab")
    first = screen.query_one(Input).value
    await s.press("tab")
    assert screen.query_one(Input).value != first
    await s.press("shift+tab")
    assert screen.query_one(Input).value == first


@checks("new-job.close")
async def _(s: Session) -> None:
    screen = await form(s, "mf")
    await s.press("escape")
    assert isinstance(s.app.screen, JobsScreen), "one word is soon typed again"
    screen = await form(s, "mf")
    await to_field(s, screen, "label")
    await type_over(s, screen, "first try")
    await s.press("escape")
    assert "Esc again discards what you typed" in s.text()
    await s.press("escape")
    assert isinstance(s.app.screen, JobsScreen)
    assert ADDED == []


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, suite: Path) -> None:
    ADDED.clear()
    async with session(suite) as running:
        await check(running)


async def test_a_wrong_name_is_answered_while_it_is_typed(suite: Path) -> None:
    async with session(suite) as s:
        await form(s, "item-cff")
        await s.until(lambda: "item-cf" in s.text())
        await s.see("✖")


async def test_fields_are_copied_from_a_run(suite: Path) -> None:
    async with session(suite) as s:
        screen = await form(s)
        run = next(Run(path.parent) for path in suite.glob("*/spec.yaml"))
        await to_field(s, screen, "from")
        await type_over(s, screen, run.run_id)
        await to_field(s, screen, "model")
        assert screen.query_one(Input).value == run.spec["model"]


async def test_the_protocol_of_the_run_under_the_cursor_comes_with_its_parameters(
    suite: Path,
) -> None:
    protocol = {"name": "random-per-user", "min_rating": 3, "k_core": 10, "relevance": None}
    for path in suite.glob("*/spec.yaml"):
        spec = {**Run(path.parent).spec, "protocol": protocol}
        path.write_text(json.dumps(spec))
    async with session(suite) as s:
        await form(s, "item-cf")
        await s.press("enter")
        await s.until(lambda: bool(ADDED))
    line = ADDED.pop()
    assert "--protocol=random-per-user" in line
    changes = {word for word in line if word.startswith("protocol.")}
    assert changes == {"protocol.min_rating=3", "protocol.k_core=10", "protocol.relevance=null"}


async def test_a_job_whose_command_was_killed_is_not_added(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(line: list[str]) -> Done:
        return Done(-9, "", "")

    monkeypatch.setattr(new_job, "run_process", killed)
    async with session(suite) as s:
        screen = await form(s, "item-cf")
        await s.press("enter")
        await s.until(lambda: "ended by SIGKILL" in s.text())
        assert s.app.screen is screen


async def test_what_is_typed_while_the_models_are_listed_is_kept(
    suite: Path, monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue
) -> None:
    listed = asyncio.Event()

    async def slow(say: Callable[[str], None]) -> Catalogue:
        say("listing the models")
        await listed.wait()
        return catalogue

    monkeypatch.setattr(new_job, "open_catalogue", slow)
    async with session(suite, (100, 40)) as s:
        await s.press("5", "1", "a", *"mf", "enter")
        screen = s.app.screen
        assert isinstance(screen, NewJobScreen)
        assert "the models are still being read" in s.text(), "Enter adds nothing unseen"
        screen._say_waiting()
        assert "reading the models … " in s.text(), "it is alive"
        listed.set()
        await s.until(lambda: screen.ready)
        await s.see("mf: ")
        await s.press("x")
        assert screen.query_one(Input).value == "mfx", "typing goes on where it was"
        assert ADDED == []


async def test_the_models_are_listed_once_however_often_the_form_is_opened(
    monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue
) -> None:
    """Closing the form ended the wait for the process, and opening it began another one."""
    begun: list[list[str]] = []
    go_on = asyncio.Event()

    async def build(line: list[str]) -> Done:
        begun.append(line)
        await go_on.wait()
        return Done(0, "", "")

    monkeypatch.setattr(listing, "read_catalogue", lambda path: None)
    monkeypatch.setattr(listing, "run_process", build)
    monkeypatch.setattr(listing, "build_command", lambda path: [str(path)])
    monkeypatch.setattr(listing, "built_catalogue", lambda path, errors: catalogue)
    said: list[str] = []
    first = asyncio.create_task(listing.open_catalogue(said.append))
    while not begun:
        await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    second = asyncio.create_task(listing.open_catalogue(said.append))
    while len(said) < 2:
        await asyncio.sleep(0)
    go_on.set()
    assert await second is catalogue
    assert len(begun) == 1


async def test_no_text_is_taken_while_the_job_is_added(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not be of that job; one that is refused can be mended."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def wait(line: list[str]) -> Done:
        asked.set()
        await answered.wait()
        return Done(2, "", "error: the disk is full")

    monkeypatch.setattr(new_job, "run_process", wait)
    async with session(suite) as s:
        screen = await form(s, "item-cf")
        entry = screen.query_one(Input)
        await s.press("enter", "x", "down")
        await asked.wait()
        assert entry.disabled
        assert (entry.value, screen.field and screen.field.key) == ("item-cf", "model")
        answered.set()
        await s.see("the disk is full")
        await s.press("x")
        assert entry.value == "x", "it stands selected, as in every field: typing replaces it"


async def test_what_is_typed_is_checked_when_typing_pauses(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_job, "REST", 3600.0)
    async with session(suite) as s:
        screen = await form(s)
        checked: list[bool] = []
        monkeypatch.setattr(screen, "_draw", lambda: checked.append(True))
        await s.press(*"ease")
        assert not checked
        await s.press("down")
        assert checked, "a key that leads on finds it checked"


async def test_what_is_wrong_is_cut_with_an_ellipsis(suite: Path) -> None:
    async with session(suite, (80, 24)) as s:
        screen = await form(s, "nosuch")
        await s.see("valid: ")
        shown = str(screen.query_one("#field-problem", Static).content)
        assert shown.endswith("…")
        assert len(shown.splitlines()) == 2


async def test_a_job_is_filled_in_from_a_run_with_all_that_it_set(suite: Path) -> None:
    """The protocol with its parameters, the model's fields, the seed and limits; no label."""
    run = run_of(suite, "mf-bpr")
    protocol = {"name": "random-per-user", "k_core": 10}
    spec = {**run.spec, "protocol": protocol, "seed": 7, "params": {"dim": 8, "loss": "bpr"}}
    run.write_spec(spec)
    place = {"data_dir": "d", "folder": "f", "time_limit": 1800.0, "memory_limit": 2048.0}
    (run.path / "queue.json").write_text(json.dumps(place))
    async with session(suite) as s:
        await s.go_to("mf-bpr")
        await s.press("A")
        screen = s.app.screen
        assert isinstance(screen, NewJobScreen)
        await s.until(lambda: screen.ready)
        assert screen.field is not None
        assert screen.field.key == "seeds", "the first that is not as by default"
        await s.press("enter")
        await s.until(lambda: bool(ADDED))
    line = ADDED.pop()
    assert {"--model", "mf", "--protocol=random-per-user", "--seeds=7"} <= set(line)
    assert {"protocol.k_core=10", "dim=8", "loss=bpr"} <= set(line)
    assert {"--time-limit=1800s", "--memory-limit=2048M"} <= set(line)
    assert not any(word.startswith("--label") for word in line)
