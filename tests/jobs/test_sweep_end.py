"""A sweep is ended by whoever loads no Optuna."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.jobs.test_sweep import new_sweep, waiting
from workbench.jobs.queue import Entry, add_job
from workbench.jobs.sweep import STUDY, read_sweep
from workbench.jobs.sweep_driver import Driver
from workbench.jobs.sweep_end import end_sweep


def test_a_sweep_ends_with_its_trials_whatever_optuna_has(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir)
    Driver(sweep).step()
    other = add_job(runs_dir, sweep.spec, "mf", Entry("", "", trial=f"{sweep.sweep_id}-not/0"))
    (sweep.folder / STUDY).write_text("damaged")
    assert end_sweep(sweep.folder)
    assert read_sweep(sweep.folder) == replace(sweep, state="cancelled")
    assert waiting(runs_dir) == [other]
    assert not end_sweep(sweep.folder), "it has ended"
