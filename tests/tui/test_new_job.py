"""The form for a new job: fields, checks while typing, completion, and what it adds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import write_run
from tests.tui.session import Session, session
from workbench.jobs.catalogue import Catalogue, load_catalogue
from workbench.store.runs import Run
from workbench.tui import catalogue as listing
from workbench.tui.processes import Done
from workbench.tui.screens import new_job, new_job_estimate
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.widgets.grid import Grid

SCOPES_HERE = ("new-job",)
#: commands that were run to add a job
ADDED: list[list[str]] = []
#: and to estimate one
ESTIMATED: list[list[str]] = []


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

    async def estimate(line: list[str], on_line: object) -> Done:
        ESTIMATED.append(list(line))
        job = {"fit_seconds": 5.0, "eval_seconds": 1.0, "peak_rss_mb": 300.0}
        return Done(0, json.dumps({"jobs": [job]}), "")

    monkeypatch.setattr(new_job, "open_catalogue", ready)
    monkeypatch.setattr(new_job_estimate, "follow_process", estimate)
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


@checks("new-job.down", "new-job.up", "new-job.page-down", "new-job.page-up")
async def _(s: Session) -> None:
    screen = await form(s, "mf")
    row = screen.grid.cursor_row
    await s.press("down")
    assert screen.grid.cursor_row > row
    await s.press("up")
    assert screen.grid.cursor_row == row
    await s.press("pagedown")
    assert screen.grid.cursor_row > row + 2
    await s.press("pagedown", "pageup", "pageup", "pageup")
    assert screen.grid.cursor_row <= 1


@checks("new-job.complete", "new-job.complete-back")
async def _(s: Session) -> None:
    screen = await form(s, "item")
    await s.press("tab")
    assert screen.query_one(Input).value == "item-cf"
    await type_over(s, screen, "deepwalk")
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


@checks("new-job.find")
async def _(s: Session) -> None:
    screen = await form(s, "mf")
    await s.press("slash", *"rat")
    assert screen.field is not None
    assert screen.field.key == "mf.learning_rate", "the cursor goes along while it is typed"
    await s.press("escape")
    assert screen.field is not None
    assert screen.field.key == "model"
    await s.press("slash")
    await type_over(s, screen, "dim=")
    assert screen.entry.value == "", "what follows is the value"
    assert screen.field is not None
    assert screen.field.key == "mf.dim"
    assert "· / finds ·" in s.text()
    await to_field(s, screen, "dataset")
    assert "· Ctrl+F finds ·" in s.text()
    await s.press("slash")
    assert screen.entry.value == "/", "a path begins so"
    await s.press("ctrl+f", *"lab", "enter", "x")
    assert screen._form is not None
    assert screen._form.texts["label"] == "x"


@checks("new-job.add-part", "new-job.remove-part")
async def _(s: Session) -> None:
    screen = await form(s, "two-stage")
    await s.until(lambda: "two-stage.channels" in screen.grid.table.keys)
    await to_field(s, screen, "two-stage.channels.0")
    await s.press("plus")
    await type_over(s, screen, "item-cf")
    await to_field(s, screen, "two-stage.channels.1")
    await s.press("minus")
    assert screen._form is not None
    channels = screen._form.fields()["two-stage.channels"]
    assert screen._form.nested.summary(channels) == "3: ease, item-cf, popularity"
    await to_field(s, screen, "model")
    await s.press("ctrl+r")
    assert "stand on the entry that is to be removed" in s.text()


@checks("new-job.edit")
async def _(s: Session) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s.app, "suspend", nullcontext)
        patch.delenv("EDITOR", raising=False)
        patch.delenv("VISUAL", raising=False)
        screen = await form(s, "mf")
        await s.press(*"/dim=", "ctrl+e")
        assert "no editor is set" in s.text()
        patch.setenv("EDITOR", "sed -i s/128/64/")
        await s.press("ctrl+e")
        assert screen.entry.value == "64", "it has arguments, and the file comes after them"
        patch.setenv("EDITOR", "sed -i s/dim:/dmi:/")
        await s.press("ctrl+e")
        assert "'dmi' is another field" in s.text()
        patch.setenv("EDITOR", "sed -i s/dmi:.*/dim:\\ 8/")
        await s.press("ctrl+e")
        assert screen.entry.value == "8", "what was wrong could be edited again"
        patch.setenv("EDITOR", "false")
        await s.press("ctrl+e")
        assert "false ended with exit code 1" in s.text()
        patch.setenv("EDITOR", "no-such-editor")
        await s.press("ctrl+e")
        assert "no-such-editor: No such file or directory" in s.text()
        patch.setenv("EDITOR", "sed -i s/model:.*/model:\\ ease/;s/dim:.*/l2:\\ 7/")
        await to_field(s, screen, "from")
        await s.press("ctrl+e")
        assert screen._form is not None
        assert screen._form.texts["ease.l2"] == "7"


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


async def test_keys_pressed_while_the_models_are_listed_are_kept_in_order(
    suite: Path, monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue
) -> None:
    """The first form after an update took `/dim` into the model's name, and Tab was lost."""
    listed = asyncio.Event()

    async def slow(say: Callable[[str], None]) -> Catalogue:
        await listed.wait()
        return catalogue

    monkeypatch.setattr(new_job, "open_catalogue", slow)
    async with session(suite, (120, 40)) as s:
        await s.press("1", "a", *"mf", *"/dim", "tab", *"/lea", "tab", "down", *"/see", "enter")
        screen = s.app.screen
        assert isinstance(screen, NewJobScreen)
        assert ADDED == []
        listed.set()
        await s.until(lambda: screen.ready)
        await s.press("enter", *"0,1")
        assert screen._form is not None
        texts = screen._form.state()
        assert (texts["model"], texts["mf.dim"]) == ("mf", "64,128,256")
        assert (texts["mf.learning_rate"], texts["seeds"]) == ("0.002,0.005,0.02", "0,1")


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
        assert s.app.said is not None
        assert s.app.said.text == "the job is being checked and added"
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
    name = "mf [/"  # brackets are no markup
    write_run(suite, name, model="mf", number=10)
    run = run_of(suite, name)
    protocol = {"name": "random-per-user", "k_core": 10}
    spec = {**run.spec, "protocol": protocol, "seed": 7, "params": {"dim": 8, "loss": "bpr"}}
    run.write_spec(spec)
    place = {"data_dir": "d", "folder": "f", "time_limit": 1800.0, "memory_limit": 2048.0}
    (run.path / "queue.json").write_text(json.dumps(place))
    async with session(suite) as s:
        await s.go_to(name)
        await s.press("t")
        assert f"tags of {name}" in s.text()
        await s.press("escape", "A")
        screen = s.app.screen
        assert isinstance(screen, NewJobScreen)
        await s.until(lambda: screen.ready)
        assert screen.field is not None
        assert screen.field.key == "seeds", "the first that is not as by default"
        assert f"new job like {name}" in s.text()
        await s.press("enter")
        await s.until(lambda: bool(ADDED))
    line = ADDED.pop()
    assert {"--model", "mf", "--protocol=random-per-user", "--seeds=7"} <= set(line)
    assert {"protocol.k_core=10", "dim=8", "loss=bpr"} <= set(line)
    assert {"--time-limit=30m", "--memory-limit=2G"} <= set(line)
    assert not any(word.startswith("--label") for word in line)


async def test_a_sweep_of_nine_trials_takes_few_keys(suite: Path) -> None:
    """The values around the defaults are three each; a trial for every combination."""
    keys = ["a", *"mf", *"/dim", "tab", *"/lea", "tab", "enter"]
    async with session(suite) as s:
        await s.press("1")
        await s.until(lambda: isinstance(s.app.screen, JobsScreen))
        await s.press(*keys)
        await s.until(lambda: bool(ADDED))
    line = ADDED.pop()
    assert len(keys) == 14
    assert "dim=choice(64,128,256)" in line
    assert "--trials=9" in line
    assert len([word for word in line if word == "--sweep"]) == 2


async def test_what_the_core_does_not_take_is_shown_at_its_row(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(line: list[str]) -> Done:
        return Done(2, "", "error: ranker (mlp): dropout = 0.5: is not for these lists\nchoose 0")

    monkeypatch.setattr(new_job, "run_process", refuse)
    async with session(suite, (120, 40)) as s:
        screen = await form(s, "two-stage")
        await s.press("enter")
        await s.see("is not for these lists")
        assert screen.field is not None
        assert screen.field.full_name == "ranker.params.dropout"
        assert "✖" in s.text()
        await s.press(*"0.1")
        await s.until(lambda: "✖" not in s.text(), "a change is looked at anew")


async def test_what_does_not_fit_together_is_shown_before_the_job_is_added(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that estimates the job checks it as the one that adds it would."""

    async def complain(line: list[str], on_line: object) -> Done:
        problem = "error: model two-stage: channel 'ease' occurs twice; give each its own label"
        return Done(2, "", problem)

    monkeypatch.setattr(new_job_estimate, "_PAUSE", 0.001)
    monkeypatch.setattr(new_job_estimate, "follow_process", complain)
    async with session(suite, (120, 40)) as s:
        screen = await form(s, "two-stage")
        await s.see("occurs twice")
        assert screen.field is not None
        assert screen.field.key == "model", "the cursor stays where one types"


async def test_what_a_job_would_take_is_shown_until_it_is_changed(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_job_estimate, "_PAUSE", 0.001)
    async with session(suite) as s:
        ESTIMATED.clear()
        screen = await form(s, "item-cf")
        await s.until(lambda: bool(ESTIMATED) and "item-cf" in ESTIMATED[-1])
        await s.see("new job · about 6 s, 300 MB")
        monkeypatch.setattr(new_job_estimate, "_PAUSE", 3600.0)
        await type_over(s, screen, "ease")
        await s.until(lambda: "about" not in s.text(), "it is of another job")
        count = len(ESTIMATED)
        await type_over(s, screen, "nosuch")
        await s.see("✖")
        assert len(ESTIMATED) == count, "there is no job to be estimated"
