"""Sweeps in the session: their rows among the jobs, and the page of one."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import write_jobs
from tests.tui.session import Session, session
from tests.tui.sweep_folders import SPACES, write_sweep
from workbench.jobs.sweep import read_sweep
from workbench.jobs.sweep_progress import SweepProgress
from workbench.jobs.sweep_trials import TRIALS, SweepTrials, TrialNote, read_trials
from workbench.store.listing import list_runs
from workbench.tui.messages import SECONDS
from workbench.tui.screens import new_job, sweep
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.screens.new_job import NewJobScreen
from workbench.tui.screens.sweep import SweepScreen
from workbench.tui.view import changes as requests
from workbench.tui.view.job_rows import SweepRow, fold_trials
from workbench.tui.view.sweep_page import SweepPage, build_trials, read_page
from workbench.tui.view.sweep_plots import best_so_far, plots_of
from workbench.tui.view.sweeps import SweepReader
from workbench.tui.widgets.plots import PlotPanel, PlotView

SCOPES_HERE = ("sweep",)
SIZE = (120, 40)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep under way, one that has ended, and other jobs; nothing is started."""

    async def never(say: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(new_job, "open_catalogue", never)
    monkeypatch.setattr(requests, "ensure_supervisor", lambda runs_dir: None)
    for severity in SECONDS:  # however slow the machine is, a question stands
        monkeypatch.setitem(SECONDS, severity, 3600.0)
    folder = tmp_path / "runs"
    write_jobs(folder)
    write_sweep(folder, 12, wanted=20, state="active", running=True)
    write_sweep(folder, 5, name="other", first=40)
    return folder


async def jobs_at(s: Session, text: str = "≈ mf 12/20") -> JobsScreen:
    """Go to the row of a sweep on the screen Jobs."""
    await s.press("1")
    await s.see(text)
    screen = s.app.screen
    assert isinstance(screen, JobsScreen)
    names = [row.sweep.short if isinstance(row, SweepRow) else "" for row in screen._rows]
    screen.grid.cursor_row = names.index(text)
    await s.pilot.pause()
    return screen


async def page(s: Session) -> SweepScreen:
    await jobs_at(s)
    await s.press("enter")
    screen = s.app.screen
    assert isinstance(screen, SweepScreen)
    await s.see("by trial 9")
    return screen


def trials_shown(s: Session) -> list[int]:
    screen = s.app.screen
    assert isinstance(screen, SweepScreen)
    return [int(key) for key in screen.grid.table.keys]


async def test_trials_are_folded_below_their_sweep(runs: Path) -> None:
    async with session(runs, SIZE) as s:
        screen = await jobs_at(s)
        line = screen.grid.render_line(1 + screen.grid.cursor_row).text
        assert line.startswith("+ ≈ mf 12/20")
        assert "learning_rate=0.00485  dim=54  lo…" in line
        assert "██████░░░░ 60%" in line
        assert "valid ndcg@10 0.1167" in line, "the trials below it have results on test rows"
        assert not any(run.label.startswith(("mf-1", "other-")) for run in screen.shown)
        folded = len(screen.grid.table.keys)
        for unfold, fold in (("right", "left"), ("t", "t")):
            await s.press(unfold)
            assert len(screen.grid.table.keys) == folded + 12, "the twin has no run of its own"
            assert "  mf-12" in s.text()
            assert s.text().count("★") == 1
            assert "  mf-9 ★" in s.text(), "the best one"
            await s.press(fold)
            assert len(screen.grid.table.keys) == folded
        column = screen.grid.cursor_column
        await s.press("left")
        assert screen.grid.cursor_column == column - 1, "with nothing to fold it goes to a column"


async def test_a_narrow_row_says_the_best_and_its_values(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        await jobs_at(s)
        (line,) = [line for line in s.text().splitlines() if "+ ≈ mf 12/20  " in line]
        assert line.split() == [
            *("+", "≈", "mf", "12/20", "best", "valid", "0.1167"),
            *("learning_rate=0.00485", "dim=54", "loss=bpr"),
        ]
        await s.press("l")
        assert "sweep mf is not a job: t shows its trials" in s.text()
        await s.press("down", "t")
        assert "only sweeps have trials to show" in s.text()


async def test_a_sweep_is_marked_opened_beside_another_and_ended(runs: Path) -> None:
    async with session(runs, SIZE) as s:
        await jobs_at(s, "≈ other 5/5")
        await s.press("c")
        assert "sweep other has ended" in s.text()
        await s.press("space")
        screen = await jobs_at(s)
        assert "● ≈ other" in s.text()
        await s.press("enter")
        await s.see("best trials")
        await s.press("escape", "escape")
        assert "● ≈ other" not in s.text()
        await s.press("A")
        assert isinstance(s.app.screen, NewJobScreen)
        await s.press("escape")
        await s.press("c")
        await s.see("c again ends sweep mf of 20 trials")
        await s.press("c")
        await s.until(lambda: read_sweep(folder_of(runs, "mf")).state == "cancelled")
        await s.see("cancelled")
        assert screen.current_sweep is not None, "the cursor stays"


def folder_of(runs: Path, name: str) -> Path:
    (folder,) = (runs / ".sweeps").glob(f"*-{name}-*")
    return folder


def test_where_the_rows_of_sweeps_stand(runs: Path) -> None:
    found = list_runs(runs)
    mf, other = sorted(SweepReader(runs).refresh(), key=lambda view: view.name)
    mine = [run for run in found if run.run_id in mf.members]
    alone = [run for run in found if run.label == "item-cf"]
    new = replace(mf, sweep_id="new", members={})
    gone = replace(new, sweep_id="gone", state="done")
    rows = fold_trials([*alone, *mine], [mf, gone, new], {mf.sweep_id})
    keys = [row.run_id for row in rows]
    assert keys[:3] == ["/new", alone[0].run_id, f"/{mf.sweep_id}"]
    assert keys[3:-1] == [run.run_id for run in mine]
    assert keys[-1] == "/gone"
    assert (mf.members[mine[0].run_id], other.members.get(mine[0].run_id)) == (12, None)


def test_trials_of_an_earlier_version_are_known_by_their_place_in_the_queue(runs: Path) -> None:
    folder = folder_of(runs, "mf")
    notes = read_trials(folder)
    assert notes is not None
    (folder / TRIALS).unlink()
    for note in notes.trials[:2]:
        entry = {"data_dir": "", "folder": "", "trial": f"{folder.name}/{note.number}"}
        (runs / note.run_id / "queue.json").write_text(json.dumps(entry))
    (view,) = [v for v in SweepReader(runs).refresh(list_runs(runs)) if v.name == "mf"]
    assert view.members == {note.run_id: note.number for note in notes.trials[:2]}
    assert view.values == {}


async def test_the_page_says_all_of_a_sweep(runs: Path) -> None:
    async with session(runs, SIZE) as s:
        screen = await page(s)
        assert trials_shown(s)[:3] == [9, 1, 3], "the best first"
        assert trials_shown(s)[-3:] == [12, 4, 8], "then under way, pruned, failed"
        text = s.text()
        for said in (
            "≈ mf 12/20  under way",
            "pruner median: 1 pruned · 12.6 of 30 min · 1 not run again",
            "best validation ndcg@10 0.1167 by trial 9: learning_rate=0.00485  loss=bpr  dim=54",
            "best ndcg@10 so far",
            "learning_rate ━━━━━━━━━━━━━━━━━━  71%",
            "ndcg@10 by dim",
            "not run again: same values as 3",
            "pruned at epoch 5: ndcg@10 0.0512",
            "failed: training diverged",
        ):
            assert said in text
        screen.grid.focus()
        await s.press("0", "S")
        assert trials_shown(s)[:2] == [12, 11]
        assert screen._page is not None
        best = screen._page.best
        assert best is not None
        shutil.rmtree(runs / str(best.run_id))
        await s.until(lambda: best.run_id not in {run.run_id for run in s.app.runs})
        said = screen.why_not("best", ())
        assert said == "the run of the best trial was archived or deleted", "it had a result"
        screen.grid.go_to_row("9")
        assert screen.why_not("open", ()) == "the run of the trial was archived or deleted"


async def test_the_page_follows_its_sweep(runs: Path) -> None:
    async with session(runs, SIZE) as s:
        await page(s)
        folder = folder_of(runs, "mf")
        found = read_trials(folder)
        assert found is not None
        best = replace(found.trials[12], state="succeeded", value=0.2)
        SweepTrials((*found.trials[:12], best), found.importances).write(folder)
        SweepProgress(13, (12, 0.2)).write(folder)
        replace(read_sweep(folder), state="done", reason="the budget of 30 min is spent").write()
        await s.see("best validation ndcg@10 0.2000 by trial 12")
        await s.see("≈ mf 13/20  done: the budget of 30 min is spent")
        await s.see("sweep mf has ended: the budget of 30 min is spent, 13 of 20 trials, best")
        (folder / TRIALS).write_text('{"trials": "none"}')
        await s.see("trials.json: damaged")


async def test_trials_that_nobody_wrote_down_are_asked_for_once(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    folder = folder_of(runs, "other")
    kept = (folder / TRIALS).read_text()

    async def process(line: list[str]) -> object:
        asked.append(line)
        (folder / TRIALS).write_text(kept)
        return type("Done", (), {"code": 0})

    monkeypatch.setattr(sweep, "run_process", process)
    (folder / TRIALS).unlink()
    async with session(runs, SIZE) as s:
        await jobs_at(s, "≈ other 5/5")
        await s.press("enter")
        await s.see("by trial 1:")
    assert [line[-2:] for line in asked] == [["workbench.jobs.sweep_notes", str(folder.absolute())]]


@checks("sweep.open", "sweep.back")
async def _(s: Session) -> None:
    screen = await page(s)
    await s.press("down", "enter")
    assert isinstance(s.app.screen, DetailScreen)
    await s.see("mf-1")
    await s.press("escape", "escape")
    assert isinstance(s.app.screen, JobsScreen)
    assert screen not in s.app.screen_stack


@checks("sweep.best", "sweep.again")
async def _(s: Session) -> None:
    screen = await page(s)
    for key, trial in (("b", 9), ("A", 1)):
        screen.grid.cursor_row = 1
        await s.press(key)
        form = s.app.screen
        assert isinstance(form, NewJobScreen)
        assert form.like is not None
        assert form.like.label == f"mf-{trial}"
        await s.press("escape")


@checks("sweep.plots")
async def _(s: Session) -> None:
    await page(s)
    await s.press("v")
    assert "all plots are shown" in s.text()
    await s.pilot.resize_terminal(80, 24)
    await s.until(lambda: len(s.app.screen.query(PlotView)) == 2)
    await s.see(" 3 more: v")
    titles = []
    for _turn in range(3):
        views = s.app.screen.query(PlotView)
        titles.append([view._plot.title for view in views if view._plot is not None])
        await s.press("v")
    assert titles == [
        ["best ndcg@10 so far", "importance of fields"],
        ["ndcg@10 by learning_rate", "ndcg@10 by loss"],
        ["ndcg@10 by dim"],
    ]
    await s.press("tab", "z")
    assert s.app.screen.query_one(PlotPanel).has_class("-whole")
    await s.see("ndcg@10 by loss")
    await s.press("escape")
    assert isinstance(s.app.screen, SweepScreen)


@checks("sweep.beside")
async def _(s: Session) -> None:
    screen = await page(s)
    await s.press("equals_sign")
    await s.see("best ndcg@10 so far: ● mf  ■ other")
    await s.see("0.1092")
    assert "best trials" in s.text()
    await s.press("equals_sign")
    await s.until(lambda: "best trials" not in s.text())
    assert screen._other is None


@checks("sweep.end")
async def _(s: Session) -> None:
    await page(s)
    await s.press("c")
    await s.see("c again ends sweep mf of 20 trials")
    await s.press("c")
    await s.until(lambda: read_sweep(folder_of(s.app.runs_dir, "mf")).state == "cancelled")
    await s.see("≈ mf 12/20  cancelled")
    await s.press("c")
    await s.until(lambda: any("sweep has ended" in said.text for said in s.app.messages.newest))


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, runs: Path) -> None:
    async with session(runs, SIZE) as s:
        await check(s)


def small_page(values: list[float | None], metric: str = "ndcg@10") -> SweepPage:
    """A page of trials with these results; None: failed."""
    from workbench.jobs.queue import Entry
    from workbench.jobs.sweep import Sweep

    spec = {"model": "mf", "dataset": "d", "params": {"loss": "bce"}}
    found = Sweep(Path("s"), spec, SPACES, {}, Entry("", ""), metric, 9, 1.0)
    params = {"learning_rate": 0.01, "dim": 64, "loss": "bpr"}
    notes = [
        TrialNote(number, "failed" if value is None else "succeeded", value, params)
        for number, value in enumerate(values)
    ]
    return SweepPage(found, found=SweepTrials(tuple(notes)))


def test_best_so_far_goes_in_steps() -> None:
    assert best_so_far(small_page([0.1, None, 0.3, 0.2])) == [
        (0, 0.1),
        (2, 0.1),
        (2, 0.3),
        (3, 0.3),
        (3, 0.3),
        (3, 0.3),
    ]
    lower = small_page([0.5, 0.7, 0.4], metric="logloss")
    assert best_so_far(lower)[-1] == (2, 0.4)
    assert lower.best is not None
    assert lower.best.number == 2
    assert best_so_far(small_page([None])) == []


@pytest.mark.parametrize("width", [20, 40, 90])
def test_every_plot_fits_its_room(runs: Path, width: int) -> None:
    pages = [read_page(folder_of(runs, name)) for name in ("mf", "other")]
    for one in (*pages, small_page([]), small_page([None])):
        for other in (None, pages[1]):
            for plot in plots_of(one, other, 9):
                lines = plot.draw(width, 8)
                assert len(lines) <= 8
                assert {sum(len(p.text) for p in line) for line in lines} <= set(range(width + 1))


def test_a_field_that_has_nothing_in_a_trial_sorts_it_last() -> None:
    one = small_page([0.1, 0.2])
    notes = one.found.trials
    odd = replace(notes[0], params={"dim": 32})
    both = SweepPage(one.sweep, found=SweepTrials((odd, notes[1])))
    assert [t.number for t in both.sorted_by("loss", descending=False)] == [1, 0]
    assert [t.number for t in both.sorted_by("dim", descending=True)] == [1, 0]
    for width, title in ((80, "ndcg@10"), (180, "valid ndcg@10")):
        table = build_trials(both, both.in_order(), width, None)
        assert [head.title for head in table.heads][:3] == ["", "trial", title]


def test_five_hundred_trials_are_five_hundred_keys_and_few_rows(runs: Path) -> None:
    big = small_page([n / 500 for n in range(500)])
    table = build_trials(big, big.in_order(), 120, None)
    assert len(table.keys) == 500
    assert table.rows._made == {}  # type: ignore[attr-defined]
