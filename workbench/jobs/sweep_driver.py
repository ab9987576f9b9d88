"""The driver of a sweep: puts trials into the queue, ends hopeless ones, and tells Optuna.

``python -m workbench.jobs.sweep_driver SWEEP_FOLDER``: started by the supervisor, gone when the
sweep is over or stdin is closed. What it knows stands in Optuna's file and in the run folders, so
another one can go on at any moment.
"""

from __future__ import annotations

import fcntl
import select
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError

from recsys_core.errors import InputError
from workbench.jobs.queue import (
    ENTRY,
    Entry,
    add_job,
    cancel,
    read_entry,
    request_stop,
    requeue,
    withdraw,
)
from workbench.jobs.queue_files import changing, parallel_jobs, ring
from workbench.jobs.sweep import LOCK, Sweep, change_sweep, read_sweep
from workbench.jobs.sweep_budget import Budget, spent_text
from workbench.jobs.sweep_notes import Notes
from workbench.jobs.sweep_study import Study, Trial, damage_told, params_of
from workbench.store.files import DamagedFileError, StoreError
from workbench.store.kinds import whole
from workbench.store.runs import PRUNED, STATUS, Run, Status
from workbench.store.streams import open_streams

#: seconds between two looks at the trials
_POLL = 0.2
#: a trial that was interrupted so often is given up
_RESUMPTIONS = 3
#: how a pruned trial was worse, by who ended it
_WORSE = {
    "median": "worse than the median of the other trials there",
    "halving": "not among the best third of the trials there",
    "hyperband": "not among the best third of its bracket there",
}


@dataclass
class _UnderWay:
    """A trial whose run is in the queue."""

    trial: Trial
    run: Run
    offset: int = 0
    step: int = 0
    epoch: int = 0
    running: bool = False


class Driver:
    """Does a sweep, a `step` at a time."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._study = Study(sweep)
        trials = self._study.trials()
        self._begun = len(trials)
        self._budget = Budget(sweep)
        self._notes = Notes(sweep.folder)
        self._under_way = {
            trial.number: _UnderWay(trial, self._run_of(trial))
            for trial in trials
            if trial.state == "under way"
        }

    def step(self) -> bool:
        """Look at every trial once and begin what may begin.

        Returns
        -------
        Whether the sweep goes on.
        """
        self._sweep = read_sweep(self._sweep.folder)
        if self._sweep.state != "active":
            self._end_all()
            self._note_progress(last=True)
            return False
        for job in list(self._under_way.values()):
            self._follow(job)
        self._budget.tick(any(job.running for job in self._under_way.values()))
        spent = self._budget.spent_of(self._sweep)
        if spent:
            self._withdraw_waiting()
        else:
            self._begin_all()
        goes_on = bool(self._under_way) or (self._begun < self._sweep.trials and not spent)
        self._note_progress(last=not goes_on)
        if goes_on:
            return True
        cut = spent and self._begun < self._sweep.trials
        change_sweep(self._sweep, state="done", reason=spent_text(self._sweep) if cut else "")
        return False

    def _note_progress(self, *, last: bool) -> None:
        """Write down how far it is, for those that do not load Optuna, where that has changed."""
        done = (self._begun, len(self._under_way))
        told = sum(job.epoch for job in self._under_way.values())
        self._notes.write(self._study, done, told, self._budget.seconds, last=last)

    def _begin_all(self) -> None:
        most = max(parallel_jobs(self._sweep.runs_dir), self._sweep.entry.jobs)
        while self._begun < self._sweep.trials and len(self._under_way) < most:
            self._begin()

    def _withdraw_waiting(self) -> None:
        """Take back the trials that wait in the queue; those that run go on to their end."""
        reason = f"not run: {spent_text(self._sweep)}"
        for job in list(self._under_way.values()):
            if withdraw(job.run, reason):
                self._fail(job, reason, cancelled=True)

    def _begin(self) -> None:
        trial = self._study.begin()
        self._begun += 1
        twin = self._study.twin(trial)
        if twin is not None and twin.value is not None:
            self._study.note(trial.number, run_id=twin.run_id, same_as=twin.number)
            self._study.succeed(trial.number, twin.value)
        else:
            self._under_way[trial.number] = _UnderWay(trial, self._add(trial))

    def _add(self, trial: Trial) -> Run:
        sweep = self._sweep
        label = f"{sweep.name}-{trial.number}"
        spec = {**sweep.spec, "params": dict(params_of(sweep, trial)), "label": label}
        entry = replace(sweep.entry, trial=_mark(sweep, trial))
        run = add_job(sweep.runs_dir, spec, label, entry)
        self._study.note(trial.number, run_id=run.run_id)
        return run

    def _run_of(self, trial: Trial) -> Run:
        """Find the run of a trial that another driver began, or add what it did not get to."""
        runs_dir = self._sweep.runs_dir
        if trial.run_id:
            return Run(runs_dir / trial.run_id)
        for path in sorted(runs_dir.glob(f"*/{ENTRY}")):  # of two, all drivers take the earlier
            with suppress(StoreError):
                entry = read_entry(Run(path.parent))
                if entry is not None and entry.trial == _mark(self._sweep, trial):
                    self._study.note(trial.number, run_id=path.parent.name)
                    return Run(path.parent)
        return self._add(trial)

    def _follow(self, job: _UnderWay) -> None:
        if not (job.run.path / STATUS).exists():
            self._fail(job, "its run was deleted")
            return
        try:
            status = job.run.status()
            result = job.run.metrics if status.state == "succeeded" else {}
        except DamagedFileError as error:
            self._fail(job, error.problem)
            return
        job.running = status.state == "running"
        self._read_epochs(job)
        if status.state == "succeeded":
            self._succeed(job, result)
        elif status.state == "interrupted":
            self._go_on(job, status)
        elif status.state == "cancelled" and self._note_of(job, "pruned"):
            self._study.prune(job.trial.number)
            del self._under_way[job.trial.number]
        elif status.state in ("failed", "cancelled"):
            cancelled = status.state == "cancelled"
            self._fail(job, status.reason or status.state, cancelled=cancelled)

    def _note_of(self, job: _UnderWay, name: str) -> object:
        return self._study.trials()[job.trial.number].notes.get(name)

    def _succeed(self, job: _UnderWay, result: Mapping[str, Any]) -> None:
        value = result.get("validation", {}).get(self._sweep.metric)
        if value is None:
            self._fail(job, f"it has no {self._sweep.metric} on validation rows")
            return
        self._study.succeed(job.trial.number, value)
        del self._under_way[job.trial.number]

    def _fail(self, job: _UnderWay, reason: str, *, cancelled: bool = False) -> None:
        self._study.fail(job.trial.number, reason, cancelled=cancelled)
        del self._under_way[job.trial.number]

    def _go_on(self, job: _UnderWay, status: Status) -> None:
        """Put a trial back that its process, its machine or a supervisor left."""
        times = self._note_of(job, "resumed") or 0
        if not whole(times) or times >= _RESUMPTIONS:
            self._fail(job, f"interrupted again and again: {status.reason}")
            return
        with suppress(InputError):  # somebody else put it back
            requeue(job.run, Entry("", ""), resume=True)
            self._study.note(job.trial.number, resumed=times + 1)

    def _read_epochs(self, job: _UnderWay) -> None:
        """Tell Optuna of the epochs that ended; end the trial when it is hopeless."""
        events, job.offset = job.run.events(job.offset)
        for event in events:
            value = event["metrics"].get(self._sweep.metric)
            if event["stage"] != "fit" or value is None:
                continue
            if event["step"] <= job.step:  # it began again
                job.epoch = 0
            job.step, job.epoch = event["step"], job.epoch + 1
            if self._study.report(job.trial.number, job.epoch, value):
                self._prune(job, event.get("epoch") or job.epoch, value)
                return

    def _prune(self, job: _UnderWay, epoch: int, value: float) -> None:
        how = _WORSE[self._sweep.pruner]
        reason = f"{PRUNED} at epoch {epoch}: {self._sweep.metric} {value:.4f}, {how}"
        with changing(self._sweep.runs_dir):
            if job.run.noted_status().state == "running":
                self._study.note(job.trial.number, pruned=epoch, reason=reason)
                request_stop(job.run, "cancelled", reason)
                ring(self._sweep.runs_dir)

    def _end_all(self) -> None:
        """Cancel what is under way."""
        for job in list(self._under_way.values()):
            with suppress(InputError):  # it ended by itself
                cancel(job.run)
            self._fail(job, "the sweep was cancelled", cancelled=True)


def _mark(sweep: Sweep, trial: Trial) -> str:
    return f"{sweep.sweep_id}/{trial.number}"


def main(folder: str) -> int:
    """Do the sweep in `folder`; return the exit code of the process."""
    path = Path(folder)
    with (path / LOCK).open("a") as lock:
        while not _asked_to_end(_POLL):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return _drive(path)
    return 0


def _drive(folder: Path) -> int:
    driver: Driver | None = None
    try:
        while not _asked_to_end(_POLL):
            try:
                sweep = read_sweep(folder)
                with damage_told(sweep):
                    driver = driver or Driver(sweep)
                    if not driver.step():
                        return 0
            except DamagedFileError as error:
                return _give_up(folder, error.problem)
            except (StoreError, StorageInternalError) as error:  # a full disk: it is tried again
                _log(f"sweep {folder.name}: trouble: {error}")
                driver = None
                time.sleep(1)
    except Exception as error:  # noqa: BLE001 - the sweep says why it ended
        _log(traceback.format_exc())
        return _give_up(folder, f"{type(error).__name__}: {error}".splitlines()[0])
    return 0


def _give_up(folder: Path, reason: str) -> int:
    """Note why the sweep cannot go on; return the exit code."""
    _log(f"sweep {folder.name}: failed: {reason}")
    with suppress(DamagedFileError):  # what is damaged may be the sweep's own file
        change_sweep(read_sweep(folder), state="failed", reason=reason)
    return 3


def _asked_to_end(seconds: float) -> bool:
    """Wait so long for the end of stdin."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def _log(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")


if __name__ == "__main__":
    open_streams()
    sys.exit(main(sys.argv[1]))
