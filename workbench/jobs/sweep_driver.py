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
from workbench.jobs.queue import ENTRY, Entry, add_job, cancel, read_entry, request_stop, requeue
from workbench.jobs.queue_files import changing, parallel_jobs, ring
from workbench.jobs.sweep import LOCK, Sweep, change_sweep, read_sweep
from workbench.jobs.sweep_progress import SweepProgress, Twin
from workbench.jobs.sweep_study import Study, Trial, damage_told, params_of
from workbench.store.files import DamagedFileError, StoreError
from workbench.store.kinds import whole
from workbench.store.runs import STATUS, Run, Status
from workbench.store.streams import open_streams

#: seconds between two looks at the trials
_POLL = 0.2
#: a trial that was interrupted so often is given up
_RESUMPTIONS = 3


@dataclass
class _UnderWay:
    """A trial whose run is in the queue."""

    trial: Trial
    run: Run
    offset: int = 0
    step: int = 0
    epoch: int = 0


class Driver:
    """Does a sweep, a `step` at a time."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._study = Study(sweep)
        trials = self._study.trials()
        self._begun = len(trials)
        self._noted: tuple[int, int] | None = None
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
            self._note_progress()
            return False
        for job in list(self._under_way.values()):
            self._follow(job)
        most = max(parallel_jobs(self._sweep.runs_dir), self._sweep.entry.jobs)
        while self._begun < self._sweep.trials and len(self._under_way) < most:
            self._begin()
        self._note_progress()
        if self._under_way or self._begun < self._sweep.trials:
            return True
        change_sweep(self._sweep, state="done")
        return False

    def _note_progress(self) -> None:
        """Write down how far it is, for those that do not load Optuna, where that has changed."""
        now = (self._begun, len(self._under_way))
        if now == self._noted:
            return
        self._noted = now
        trials = self._study.trials()
        twins = [trial for trial in trials if "same_as" in trial.notes]
        best = self._study.best()
        SweepProgress(
            sum(trial.state != "under way" for trial in trials),
            (best.number, best.value) if best and best.value is not None else None,
            tuple(Twin(twin.number, twin.notes["same_as"], twin.run_id) for twin in twins),
        ).write(self._sweep.folder)

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
        self._read_epochs(job)
        if status.state == "succeeded":
            self._succeed(job, result)
        elif status.state == "interrupted":
            self._go_on(job, status)
        elif status.state == "cancelled" and self._note_of(job, "pruned"):
            self._study.prune(job.trial.number)
            del self._under_way[job.trial.number]
        elif status.state in ("failed", "cancelled"):
            self._fail(job, status.reason or status.state)

    def _note_of(self, job: _UnderWay, name: str) -> object:
        return self._study.trials()[job.trial.number].notes.get(name)

    def _succeed(self, job: _UnderWay, result: Mapping[str, Any]) -> None:
        value = result.get("validation", {}).get(self._sweep.metric)
        if value is None:
            self._fail(job, f"it has no {self._sweep.metric} on validation rows")
            return
        self._study.succeed(job.trial.number, value)
        del self._under_way[job.trial.number]

    def _fail(self, job: _UnderWay, reason: str) -> None:
        self._study.fail(job.trial.number, reason)
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
                self._prune(job, value)
                return

    def _prune(self, job: _UnderWay, value: float) -> None:
        reason = (
            f"pruned: {self._sweep.metric} {value:.4f} after epoch {job.epoch} is worse than the"
            f" median of the sweep's trials"
        )
        with changing(self._sweep.runs_dir):
            if job.run.noted_status().state == "running":
                self._study.note(job.trial.number, pruned=job.epoch, reason=reason)
                request_stop(job.run, "cancelled", reason)
                ring(self._sweep.runs_dir)

    def _end_all(self) -> None:
        """Cancel what is under way."""
        for job in list(self._under_way.values()):
            with suppress(InputError):  # it ended by itself
                cancel(job.run)
            self._fail(job, "the sweep was cancelled")


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
