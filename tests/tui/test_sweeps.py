"""What the session says of a sweep and of its jobs: how far it is, how it ended, what is alike."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.jobs.tools import spec_of
from tests.tui.folders import write_jobs
from tests.tui.session import session
from workbench.jobs.queue import ENTRY, Entry
from workbench.jobs.sweep import Sweep, read_sweep
from workbench.jobs.sweep_progress import PROGRESS, SWEEPS, SweepProgress, Twin
from workbench.jobs.sweep_space import Space
from workbench.store.listing import list_runs
from workbench.store.runs import Run
from workbench.tui.messages import SECONDS
from workbench.tui.view import changes as requests
from workbench.tui.view.jobs import JobsView, build_jobs
from workbench.tui.view.sweeps import (
    SweepReader,
    SweepView,
    ended,
    ending_text,
    sweep_to_end,
    twin_text,
)

TWIN = Twin(4, 1, "20260302-093001-run-0001")


def new_sweep(runs_dir: Path) -> Sweep:
    """Write a sweep without what only Optuna needs."""
    folder = runs_dir / SWEEPS / "20260302-093000-mf-0001"
    folder.mkdir(parents=True)
    spaces = {"dim": Space("int", 16, 64, whole=True)}
    sweep = Sweep(folder, spec_of("mf", "mf", {}), spaces, {}, Entry("", ""), "ndcg@10", 5, 1.0)
    sweep.write()
    return sweep


def test_a_sweep_is_followed_to_its_end(tmp_path: Path) -> None:
    reader = SweepReader(tmp_path)
    assert reader.refresh() == ()
    sweep = new_sweep(tmp_path)
    (first,) = before = reader.refresh()
    assert first.short == "≈ mf 0/5"
    SweepProgress(4, (3, 0.1191), ()).write(sweep.folder)
    assert reader.refresh()[0].short == "≈ mf 4/5"
    SweepProgress(5, (3, 0.1191), (TWIN,)).write(sweep.folder)
    replace(sweep, state="done").write()
    after = reader.refresh()
    (found,) = ended(before, after)
    assert ending_text(found) == (
        "sweep mf has ended: 5 of 5 trials, best validation ndcg@10 0.1191 (mf-3); "
        "not run again, same values as an earlier trial: trial 4 (as 1)"
    )
    assert twin_text(after, TWIN.run_id) == "trial 4 had the same values"
    assert twin_text(after, "another") == ""
    assert ended(after, reader.refresh()) == []


def test_how_sweeps_end_otherwise() -> None:
    view = SweepView("s", "mf [b]", "auc", 9, "failed", "no disk")
    assert ending_text(view) == "sweep mf [b] has failed: no disk, 0 of 9 trials"
    assert ending_text(replace(view, state="cancelled", reason="")) == (
        "sweep mf [b] is cancelled: 0 of 9 trials"
    )


def test_damage_hides_one_sweep_until_it_is_mended(tmp_path: Path) -> None:
    sweep = new_sweep(tmp_path)
    reader = SweepReader(tmp_path)
    (sweep.folder / PROGRESS).write_text(json.dumps({"ended": "two", "best": None, "twins": []}))
    assert reader.refresh() == ()
    SweepProgress(2).write(sweep.folder)
    (tmp_path / SWEEPS / "another").mkdir()  # the folder has changed
    assert reader.refresh()[0].short == "≈ mf 2/5"


async def test_a_sweep_is_ended_when_it_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    write_jobs(runs)
    for severity in SECONDS:  # however slow the machine is, the question stands
        monkeypatch.setitem(SECONDS, severity, 3600.0)
    started: list[Path] = []
    monkeypatch.setattr(requests, "ensure_supervisor", started.append)
    async with session(runs, (100, 30)) as s:
        await s.press("1", "C")
        await s.see("no sweep is under way here: put the cursor on one of its trials")
        sweep = new_sweep(runs)
        (waits,) = [run for run in list_runs(runs) if run.label == "wait-a"]
        (waits.folder / ENTRY).write_text(
            json.dumps(asdict(Entry("", "", trial=f"{sweep.sweep_id}/0")))
        )
        await s.see("≈ mf 0/5")
        await s.press("C")
        await s.see("C again ends sweep mf of 5 trials")
        s.app._be_quiet()
        await s.press("C")
        assert read_sweep(sweep.folder).state == "active", "the question was gone: it asks anew"
        await s.press("C")
        await s.until(lambda: started == [runs])
        assert read_sweep(sweep.folder).state == "cancelled"
        assert Run(waits.folder).status().state == "cancelled"
        # the answer to the key may come after it, in its place on the line
        said = s.app.messages.newest
        await s.until(lambda: any("sweep mf is cancelled" in each.text for each in said))


def test_which_sweep_a_key_ends(tmp_path: Path) -> None:
    first = SweepView("s1", "mf", "auc", 9, "active")
    second, done = replace(first, sweep_id="s2"), replace(first, sweep_id="s3", state="done")
    (tmp_path / ENTRY).write_text(json.dumps(asdict(Entry("", "", trial="s1/4"))))
    assert sweep_to_end([second, first], tmp_path) == first, "that of the trial"
    assert sweep_to_end([second, first, done], None) is None
    assert sweep_to_end([second, done], tmp_path) == second, "the only one"
    assert sweep_to_end([done], tmp_path) is None


async def test_the_end_of_a_sweep_is_said_and_its_twin_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_jobs(runs)
    sweep = new_sweep(runs)
    run_id = "20260302-093001-run-0001"
    async with session(runs, (120, 30)) as s:
        await s.press("1")
        await s.see("≈ mf 0/5  1 job at once")
        SweepProgress(5, None, (replace(TWIN, run_id=run_id),)).write(sweep.folder)
        replace(sweep, state="done").write()
        await s.see("sweep mf has ended: 5 of 5 trials")
        jobs = s.app.screen
        jobs.grid.cursor_row = list(jobs.grid.table.keys).index(run_id)  # type: ignore[attr-defined]
        await s.see("(trial 4 had the same values)")


def test_cancelling_all_ends_a_sweep_between_its_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Path] = []
    monkeypatch.setattr(requests, "ensure_supervisor", woken.append)
    sweep = new_sweep(tmp_path)
    requests.cancel_all((), SweepReader(tmp_path).refresh(), tmp_path)
    assert read_sweep(sweep.folder).state == "cancelled", "it begins no other trial"
    assert woken == [tmp_path]


def test_jobs_of_one_name_are_told_apart_by_their_seeds(tmp_path: Path) -> None:
    """Before the progress: the place of a waiting job in the queue covers what stands behind."""
    write_jobs(tmp_path)
    one = next(run for run in list_runs(tmp_path) if run.state == "queued")
    other = replace(one, run_id="other", seed=7)
    titles, lines = [], []
    for runs in ((one,), (one, other)):
        table, _ = build_jobs(JobsView(runs), 80)
        titles.append([head.title for head in table.heads[2:4]])
        lines += [[cell.text for cell in row.cells[2:4]] for row in table.rows]
    assert titles == [["job", "progress"], ["job", "seed"]]
    assert lines[1:] == [[one.label, str(one.seed)], [one.label, "7"]]
