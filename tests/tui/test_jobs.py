"""The screen Jobs, its log and its dialogs: every command, and what is seen of jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from textual.screen import Screen

from tests.tui.checks import ids_of
from tests.tui.folders import add_events, epochs, write_jobs, write_run
from tests.tui.session import Session, session
from tests.tui.suite import opens_form_again
from tests.tui.test_view import RUN
from workbench.jobs import queue_files
from workbench.jobs.queue import ENTRY, Entry, read_entry, write_entry
from workbench.store.listing import list_runs
from workbench.store.runs import CHECKPOINT, STOP, Run, Status
from workbench.tui.screens import new_job
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.job_log import LogScreen
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.screens.quit import QuitScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.view import changes as requests
from workbench.tui.view.jobs import JobsView, build_jobs, clock
from workbench.tui.view.live import CurveReader
from workbench.tui.view.queue_reading import QueueReader
from workbench.tui.widgets.chart import LineChart
from workbench.tui.widgets.curves import CurvePanel

SCOPES_HERE = ("jobs", "log", "welcome", "quit")
#: commands that the tests of this file try; test_sweeps ends a sweep, test_sweep_page unfolds one,
#: test_curve_panel has the rest
TRIED: set[str] = {"jobs.end-sweep", "jobs.trials", "jobs.curve", "jobs.seeds"}
Test = TypeVar("Test")


def tries(*commands: str) -> Callable[[Test], Test]:
    """Note which commands a test tries."""
    TRIED.update(commands)
    return lambda test: test


def shows(s: Session, screen: type[Screen[Any]]) -> bool:
    """Whether `screen` is on top; a function, so that a type checker does not remember it."""
    return isinstance(s.app.screen, screen)


@pytest.fixture(autouse=True)
def no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form waits for ever: listing the models would take seconds."""

    async def never(say: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(new_job, "open_catalogue", never)


@pytest.fixture
def supervisors(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders for which a supervisor would have been started."""
    started: list[Path] = []
    monkeypatch.setattr(requests, "ensure_supervisor", started.append)
    return started


@pytest.fixture
def jobs(tmp_path: Path, supervisors: list[Path]) -> Path:
    """One job runs, three wait, and one each has succeeded, failed and been cancelled."""
    write_jobs(tmp_path / "runs")
    return tmp_path / "runs"


def screen(s: Session) -> JobsScreen:
    jobs = s.app.screen
    assert isinstance(jobs, JobsScreen)
    return jobs


def labels(s: Session) -> list[str]:
    return [run.label for run in screen(s).shown]


def line(s: Session, label: str) -> str:
    return screen(s).grid.render_line(1 + labels(s).index(label)).text


async def to(s: Session, label: str) -> None:
    await s.press("1")
    await s.until(lambda: isinstance(s.app.screen, JobsScreen) and bool(screen(s).shown))
    screen(s).grid.cursor_row = labels(s).index(label)
    await s.pilot.pause()


def run_of(jobs: Path, label: str) -> Run:
    return next(
        Run(path.parent)
        for path in jobs.glob("*/spec.yaml")
        if json.loads(path.read_text())["label"] == label
    )


async def test_jobs_stand_in_the_order_in_which_they_are_done(jobs: Path) -> None:
    async with session(jobs, (120, 36)) as s:
        await to(s, "mf-live")
        assert labels(s)[:4] == ["mf-live", "wait-a", "wait-b", "wait-c"]
        await s.until(lambda: "ndcg@10" in line(s, "mf-live"))
        # 50 of 200 steps are a quarter: 2 and a half of 10 cells; 150 more at 5 per second are 30 s
        assert "learning_rate=0.01" in line(s, "mf-live")
        assert "fit ██▌░░░░░░░ 25%" in line(s, "mf-live")
        assert "0:30 valid ndcg@10 0.0500    0.2000" in line(s, "mf-live")
        assert "waits #2" in line(s, "wait-b")
        assert "failed: out of memory" in line(s, "dssm")
        assert "done in 8.0 s" in line(s, "mf-done")
        assert "▸ 1 running" in s.text().splitlines()[0]
        assert "◦ 3 queued" in s.text().splitlines()[0]
        assert "queue idle" in s.text().splitlines()[0], "nobody does them"


async def test_curves_of_a_job_that_runs_grow(jobs: Path) -> None:
    async with session(jobs, (120, 36)) as s:
        await to(s, "mf-live")
        await s.until(lambda: len(screen(s).query(LineChart)) == 2)
        assert "ndcg@10 (validation)" in s.text()
        assert "best so far: epoch" not in s.text(), "it says its steps only"
        assert "best so far: step 50" in s.text()
        add_events(run_of(jobs, "mf-live").path, *epochs(6, 10))
        await s.until(lambda: "best so far: step 100" in s.text())
        await s.until(lambda: " 50%" in line(s, "mf-live"))


async def test_what_is_not_read_yet_is_not_called_untrained(
    jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(jobs, (80, 24)) as s:
        await to(s, "mf-live")
        await s.until(lambda: len(screen(s).query(LineChart)) == 2)
        monkeypatch.setattr(CurveReader, "refresh", lambda self, runs: {})
        await to(s, "mf-done")
        await s.until(lambda: "mf-done: reading …" in s.text())
        monkeypatch.undo()
        await s.until(lambda: "● mf-done" in s.text())
        assert line(s, "mf-done").rstrip().endswith("ndcg@10 0.2500"), "no loss: it has ended"


@tries("jobs.mark", "jobs.clear", "jobs.log-axis", "jobs.smooth")
async def test_marks_lay_curves_over_each_other(jobs: Path) -> None:
    async with session(jobs, (80, 24)) as s:
        await to(s, "mf-done")
        await s.press("space")
        await to(s, "mf-live")
        await s.until(lambda: "● mf-done   ▲ mf-live   y linear" in s.text())
        assert line(s, "mf-done").startswith("● ✔ mf-done")
        panel = screen(s).query_one(CurvePanel)
        await s.until(lambda: len(panel.names) == 3)  # loss, ndcg@10, valid/ndcg@10
        await s.press("o", "m")
        assert "y log  smoothed 0.6" in s.text()
        await s.press("m", "m", "o")
        assert "▲ mf-live   y linear" in s.text()
        await s.press("escape")
        assert "● mf-live   y linear" in s.text()


@tries("jobs.later", "jobs.sooner", "jobs.priority-up", "jobs.priority-down")
async def test_order_and_priority_of_jobs_that_wait(jobs: Path) -> None:
    async with session(jobs) as s:
        await to(s, "wait-a")
        await s.press("J")
        await s.until(lambda: labels(s)[1:4] == ["wait-b", "wait-a", "wait-c"])
        assert screen(s).current is not None
        assert screen(s).current.label == "wait-a"  # type: ignore[union-attr]
        await s.press("K")
        await s.until(lambda: labels(s)[1:4] == ["wait-a", "wait-b", "wait-c"])
        await to(s, "wait-c")
        await s.press("plus")
        await s.until(lambda: labels(s)[1:4] == ["wait-c", "wait-a", "wait-b"])
        assert "waits #1, priority 1" in line(s, "wait-c")
        await s.press("minus")
        await s.until(lambda: labels(s)[1:4] == ["wait-a", "wait-b", "wait-c"])
        found = read_entry(run_of(jobs, "wait-c"))
        assert found is not None
        assert found.priority == 0


@pytest.mark.parametrize("state", ["running", "queued"])
def test_as_many_at_once_as_one_of_them_asks_for(jobs: Path, state: str) -> None:
    """`eval --jobs 3` lets three run, whatever the queue's own setting is."""
    assert QueueReader(jobs).refresh(list_runs(jobs)).parallel == 1
    run = Run(next(run.folder for run in list_runs(jobs) if run.state == state))
    write_entry(run, replace(read_entry(run) or Entry("data", "."), jobs=3))
    assert QueueReader(jobs).refresh(list_runs(jobs)).parallel == 3


async def test_the_cursor_stays_on_a_job_that_is_cancelled(jobs: Path) -> None:
    """It followed what runs: a second `c` hit the next job."""
    run = run_of(jobs, "mf-live")
    async with session(jobs, (80, 24)) as s:
        await s.press("1")
        await s.until(lambda: shows(s, JobsScreen) and labels(s)[:1] == ["mf-live"])
        await s.press("c")
        await s.see("mf-live is being cancelled; R starts it again")  # it has no checkpoint yet
        run.write_status(replace(run.status(), state="cancelled", reason="cancelled while it ran"))
        await s.until(lambda: labels(s)[0] == "wait-a")
        assert screen(s).current is not None
        assert screen(s).current.label == "mf-live"  # type: ignore[union-attr]
        run_of(jobs, "dssm").write_status(Status("cancelled"))
        await to(s, "dssm")
        await s.see("dssm: no curve: cancelled before the first epoch ended")
        await screen(s).title_line.remove()
        await screen(s)._read()  # what was read while the session ends is not drawn any more


@tries("jobs.cancel", "jobs.retry", "jobs.resume", "jobs.pause")
async def test_cancel_retry_resume_and_pause(jobs: Path, supervisors: list[Path]) -> None:
    async with session(jobs) as s:
        await to(s, "wait-a")
        await s.press("c")
        await s.until(lambda: "cancelled before it began" in line(s, "wait-a"))
        assert supervisors == [], "nobody is needed for that"
        await to(s, "mf-live")
        await s.press("c")
        await s.until(lambda: (run_of(jobs, "mf-live").path / STOP).exists())
        await s.until(lambda: len(supervisors) == 1)
        await s.press("p")
        await s.until(lambda: "paused" in s.text().splitlines()[0])
        assert queue_files.is_paused(jobs)
        await to(s, "dssm")
        await s.press("r")
        await s.until(lambda: "waits #1" in line(s, "dssm"))
        assert len(supervisors) == 1, "a paused queue starts nothing"
        await s.press("p")
        await s.until(lambda: len(supervisors) == 2)
        await to(s, "wait-a")
        await s.press("R")
        await s.until(lambda: "waits #4" in line(s, "wait-a"))
        await s.see("wait-a has no checkpoint: it starts again")
        assert len(supervisors) == 3
        (run_of(jobs, "mf-live").path / CHECKPOINT).mkdir()
        await to(s, "mf-live")
        await s.press("c")
        await s.see("mf-live is being cancelled; R resumes it from its checkpoint")


async def test_what_is_asked_of_a_job_in_vain_is_said(
    jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(JobsScreen, "notify", lambda _, message, **__: said.append(message))
    (run_of(jobs, "mf-live").path / ENTRY).unlink()
    async with session(jobs) as s:
        await to(s, "mf-live")
        await s.press("c")
        await s.until(lambda: any("is not in the queue" in message for message in said))


async def test_the_table_or_the_curves_can_have_the_whole_screen(jobs: Path) -> None:
    async with session(jobs, (160, 36)) as s:
        await to(s, "mf-live")
        panel, side = screen(s).query_one(CurvePanel), screen(s).query_one("#side")
        await s.until(lambda: bool(panel.names))
        charts = panel.query_one("#charts")
        before = charts.size
        assert side.display
        await s.press("z")
        await s.until(lambda: screen(s).grid.outer_size.width == 160)
        assert not panel.display
        assert "seed" in screen(s).grid.render_line(0).text, "there is room for more columns"
        await s.press("z")
        await s.until(lambda: panel.display and side.display)
        await s.press("tab")
        assert s.app.focused is panel
        await s.press("z")
        await s.until(lambda: charts.size.height > 2 * before.height)
        assert not screen(s).grid.display
        await s.press("escape")
        await s.until(lambda: charts.size == before)


@tries("jobs.open", "jobs.add", "jobs.again")
async def test_opening_and_adding(jobs: Path) -> None:
    async with session(jobs) as s:
        await to(s, "mf-done")
        await s.press("enter")
        assert shows(s, DetailScreen)
        await s.press("escape", "a")
        assert shows(s, NewJobScreen)
        await s.press("escape")
        assert shows(s, JobsScreen)
        await opens_form_again(s, "mf-done")


@tries("jobs.log", *ids_of("log"))
async def test_log(jobs: Path) -> None:
    async with session(jobs, (80, 24)) as s:
        await to(s, "dssm")
        await s.press("l")
        log = s.app.screen
        assert isinstance(log, LogScreen)
        view = log.view
        await s.until(lambda: "line 99" in s.text())
        assert "log of dssm  ✖ failed" in s.text()
        assert "the job has ended" in s.text(), "nothing is followed any more"
        await s.press("g")
        assert view.scroll_y == 0
        await s.press("j", "down", "pagedown", "k", "up", "pageup")
        assert view.scroll_y == 0
        assert not view.follow
        await s.press("slash")
        await s.type("memoryerror")
        await s.press("enter")
        assert "line 1 of 1 found" in s.text()
        assert r"MemoryError: [red]\x1b[31m" in s.text()
        await s.press("escape", "slash")
        await s.type("line 1")  # line 1, line 10 to line 19
        await s.press("enter")
        assert "line 11 of 11 found" in s.text()
        await s.press("n")
        assert "line 1 of 11 found" in s.text()
        await s.press("N")
        assert "line 11 of 11 found" in s.text()
        await s.press("G")
        with (run_of(jobs, "dssm").path / "log.txt").open("a") as file:
            file.write("half a line")
            file.write(", the other half\n")
        await s.until(lambda: "half a line, the other half" in s.text())
        await s.press("f")
        assert not view.follow
        await s.press("escape", "escape")
        assert shows(s, JobsScreen)


@tries(*ids_of("quit"))
async def test_leaving_while_jobs_run_asks(jobs: Path, supervisors: list[Path]) -> None:
    async with session(jobs) as s:
        await s.press("q")
        assert shows(s, QuitScreen)
        text = s.text()
        assert "1 job running: mf-live" in text
        assert "3 jobs waiting" in text
        await s.press("escape")
        assert not shows(s, QuitScreen)
        await s.press("q", "enter")
        assert s.app.return_code == 0
    assert run_of(jobs, "wait-a").status().state == "queued"
    assert supervisors == []
    async with session(jobs) as s:
        await s.press("q", "c", "C")
        assert "C again cancels 4 jobs and leaves" in s.text(), "the most destructive answer asks"
        await s.press("escape", "q", "C")
        assert supervisors == [], "and another time it asks again"
        await s.press("C")
        await s.until(lambda: s.app.return_code is not None)
    assert [run_of(jobs, f"wait-{x}").status().state for x in "abc"] == ["cancelled"] * 3
    assert (run_of(jobs, "mf-live").path / STOP).exists()
    assert supervisors == [jobs]


@tries(*ids_of("welcome"))
async def test_first_steps_lead_to_a_result(empty: Path, supervisors: list[Path]) -> None:
    """The jobs are ended by the test, as a supervisor's workers would."""
    async with session(empty, (80, 24)) as s:
        await s.press("a")
        assert shows(s, NewJobScreen)
        await s.press("escape", "enter")
        await s.until(lambda: isinstance(s.app.screen, JobsScreen))
        await s.until(lambda: len(labels(s)) == 3)
        assert labels(s) == ["popularity", "item-cf", "ease"]
        assert supervisors == [empty]
        specs = [Run(path).spec for path in empty.glob("2*")]
        assert {spec["dataset"] for spec in specs} == {"sample"}
        for path in empty.glob("2*"):
            run = Run(path)
            done = write_run(empty / "made", run.spec["model"], dataset="sample")
            for name in ("metrics.json", "environment.json", "status.json"):
                (done / name).replace(path / name)
            for rest in done.iterdir():
                rest.unlink()
            done.rmdir()
        await s.until(lambda: isinstance(s.app.screen, RunsScreen))
        assert sorted(s.labels) == ["ease", "item-cf", "popularity"]


def test_every_command_was_tried() -> None:
    assert set(ids_of(*SCOPES_HERE)) == TRIED


def test_jobs_of_one_name_on_other_data_say_so_before_what_they_wait_for() -> None:
    waits = replace(RUN, state="queued", metrics={})
    runs = tuple(replace(waits, run_id=name, dataset=name) for name in ("plays", "shop"))
    table, _ = build_jobs(JobsView(runs), 80)
    heads = [head.key for head in table.heads]
    assert heads.index("data") < heads.index("progress"), "what waits covers the rest"
    table, _ = build_jobs(JobsView(runs[:1]), 200)
    heads = [head.key for head in table.heads]
    assert heads.index("data") > heads.index("progress")


def test_clock() -> None:
    assert [clock(x) for x in (0.4, 59.6, 3600)] == ["0:00", "1:00", "1:00:00"]


def test_a_job_that_is_not_judged_says_so_in_place_of_its_metric() -> None:
    refit = replace(RUN, run_id="r2", label="mf-refit", metrics={}, refit_of="r1")
    view = JobsView((RUN, refit))
    table, runs = build_jobs(view, 100)
    place = [head.key for head in table.heads].index("result")
    said = {run.run_id: table.rows[i].cells[place].text for i, run in enumerate(runs)}
    assert said == {RUN.run_id: "ndcg@10 0.2500", "r2": "fitted on all rows"}
