"""Sweeps end trials that are worse than others, and begin none when their time is spent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.pruners import NopPruner

from tests.jobs.test_sweep import begin, do_all, finish, new_sweep, waiting
from workbench.jobs import sweep_budget, sweep_notes
from workbench.jobs.queue import Entry
from workbench.jobs.sweep import Sweep, read_sweep
from workbench.jobs.sweep_driver import Driver
from workbench.jobs.sweep_progress import DEFINITION, read_progress
from workbench.jobs.sweep_space import Space
from workbench.jobs.sweep_study import Study
from workbench.jobs.sweep_trials import TRIALS, read_trials
from workbench.store.runs import Run, Status


def do_one(driver: Driver, runs_dir: Path, epochs: list[float]) -> Run:
    """Do the next trial: all of its epochs, and its result unless it is asked to end."""
    driver.step()
    (run,) = waiting(runs_dir)
    begin(run, epochs)
    driver.step()
    if (run.path / "stop.json").exists():
        request = json.loads((run.path / "stop.json").read_text())
        run.write_status(Status(request["state"], reason=request["reason"]))
    else:
        finish(run, epochs[-1])
    return run


def test_a_trial_below_the_median_is_ended_and_frees_its_place(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir, trials=8, pruner="median")
    driver = Driver(sweep)
    for _ in range(5):
        do_one(driver, runs_dir, [0.2, 0.3, 0.4])
    bad = do_one(driver, runs_dir, [0.1, 0.1, 0.1])
    assert bad.status().state == "cancelled"
    assert bad.status().reason == (
        "pruned at epoch 2: ndcg@10 0.1000, worse than the median of the other trials there"
    )
    good = do_one(driver, runs_dir, [0.2, 0.5, 0.6])
    assert good.status().state == "succeeded"
    driver.step()
    trial = Study(sweep).trials()[5]
    assert (trial.state, trial.value, trial.notes["pruned"]) == ("pruned", 0.1, 2)
    noted = read_trials(sweep.folder)
    assert noted is not None
    assert [note.state for note in noted.trials] == [
        *(["succeeded"] * 5),
        *("pruned", "succeeded", "under way"),
    ]
    assert noted.trials[5].epoch == 2
    assert read_progress(sweep.folder).pruned == 1


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_of_three_that_came_as_far_only_the_best_goes_on(runs_dir: Path, pruner: str) -> None:
    """Rungs are after epochs 1 and 3; not every bracket of hyperband has the first."""
    sweep = new_sweep(runs_dir, trials=8, pruner=pruner)
    driver = Driver(sweep)
    runs = [do_one(driver, runs_dir, [value] * 3) for value in (0.5, *([0.1, 0.2] * 3), 0.9)]
    states = ["pruned" if "best third" in (run.status().reason or "") else "done" for run in runs]
    assert "pruned" in states[1:-1]
    assert (states[0], states[-1]) == ("done", "done")


@pytest.mark.parametrize("pruner", ["none", "median", "halving", "hyperband"])
def test_what_is_tried_next_does_not_depend_on_the_pruner(runs_dir: Path, pruner: str) -> None:
    """Hyperband would let the sampler see the trials of one bracket alone."""
    study = Study(new_sweep(runs_dir, pruner=pruner))
    assert isinstance(study._study.pruner, NopPruner)
    assert isinstance(study._pruner, NopPruner) is (pruner == "none")


def test_a_sweep_of_an_earlier_version_goes_on_with_the_median(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir)
    path = sweep.folder / DEFINITION
    written = json.loads(path.read_text())
    assert (written.pop("pruner"), written.pop("budget")) == ("none", None)
    path.write_text(json.dumps(written))
    assert read_sweep(sweep.folder) == replace(sweep, pruner="median")


class Clock:
    """A clock that moves when it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(sweep_budget, "time", SimpleNamespace(monotonic=lambda: self.now))


def test_no_trial_begins_when_the_budget_is_spent(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    sweep = new_sweep(runs_dir, trials=6, budget=60.0, entry=Entry("", "", jobs=2))
    driver = Driver(sweep)
    driver.step()
    clock.now += 1000  # nothing runs yet
    first, second = waiting(runs_dir)
    begin(first, [0.1])
    driver.step()
    clock.now += 59
    driver.step()
    assert waiting(runs_dir) == [second]
    driver = Driver(sweep)  # the first one was killed, and may not have noted all of it
    driver.step()
    clock.now += 60
    assert driver.step(), "the one that runs goes on"
    assert second.status().reason == "not run: the budget of 1 min is spent"
    finish(first, 0.5)
    assert not driver.step()
    ended = read_sweep(sweep.folder)
    assert (ended.state, ended.reason) == ("done", "the budget of 1 min is spent")
    assert [trial.state for trial in Study(sweep).trials()] == ["succeeded", "cancelled"]
    assert read_progress(sweep.folder).spent >= 60


def test_what_was_spent_is_known_to_the_next_driver(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    sweep = new_sweep(runs_dir, trials=6, budget=60.0)
    driver = Driver(sweep)
    driver.step()
    (run,) = waiting(runs_dir)
    begin(run, [0.1])
    driver.step()
    clock.now += 60
    finish(run, 0.5)
    driver.step()
    assert read_progress(sweep.folder).spent == 60
    assert not Driver(sweep).step(), "it begins no other trial"
    assert len(Study(sweep).trials()) == 1


def test_trials_of_an_earlier_version_are_written_once(sweep_done: Sweep) -> None:
    before = read_trials(sweep_done.folder)
    (sweep_done.folder / TRIALS).unlink()
    assert read_trials(sweep_done.folder) is None
    assert sweep_notes.main(sweep_done.folder) == 0
    assert read_trials(sweep_done.folder) == before


@pytest.fixture
def sweep_done(runs_dir: Path) -> Sweep:
    sweep = new_sweep(runs_dir)
    do_all(sweep)
    return sweep


def test_the_notes_say_what_optuna_knows(sweep_done: Sweep) -> None:
    noted: Any = read_trials(sweep_done.folder)
    study = Study(sweep_done)
    assert noted.importances == study.importances()
    assert list(noted.trials) == list(sweep_notes.notes_of(study.trials()))
    assert all((sweep_done.runs_dir / note.run_id).is_dir() for note in noted.trials)


def test_in_a_grid_of_nine_trials_the_field_that_matters_is_told(runs_dir: Path) -> None:
    """The best tenth of nine trials is one trial, whose values were equally far from chance."""
    loss, dim = Space("choice", choices=("bpr", "bce", "mse")), Space("choice", choices=(1, 2, 3))
    sweep = new_sweep(runs_dir, trials=9, spaces={"loss": loss, "dim": dim}, start={})
    study = Study(sweep)
    by_loss = {"bpr": 0.1, "bce": 0.3, "mse": 0.2}
    for _ in range(9):
        trial = study.begin()
        study.succeed(trial.number, by_loss[trial.params["loss"]] + trial.params["dim"] / 1000)
    shares = study.importances()
    assert list(shares) == ["loss", "dim"]
    assert shares["loss"] > 0.75
