"""The sweeps of a runs folder, read again when their files have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.jobs.queue import readable_entry
from workbench.jobs.sweep_progress import (
    DEFINITION,
    PROGRESS,
    SWEEPS,
    SweepProgress,
    SweepState,
    read_head,
    read_progress,
)
from workbench.jobs.sweep_trials import TRIALS, read_trials
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.tui.view import format as show

#: twins that a message names
_NAMED = 3


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep as screens show it.

    Parameters
    ----------
    members
        Number of the trial by the id of its run.
    values
        Of the fields that are searched, those of the best trial.
    """

    sweep_id: str
    name: str
    metric: str
    trials: int
    state: SweepState
    reason: str = ""
    progress: SweepProgress = field(default_factory=SweepProgress)
    members: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> str:
        """How far it is, without a sign: ``mf 3/5``."""
        return f"{plain(self.name)} {self.progress.ended}/{self.trials}"

    @property
    def short(self) -> str:
        """How far it is: ``≈ mf 3/5``."""
        return f"≈ {self.count}"


class SweepReader:
    """Reads the sweeps of one runs folder, again and again."""

    def __init__(self, runs_dir: Path) -> None:
        self._folder = runs_dir / SWEEPS
        self._known: dict[str, tuple[tuple[int, ...], SweepView]] = {}
        self._seen = 0
        self._runs: Sequence[RunSummary] = ()

    def refresh(self, runs: Sequence[RunSummary] = ()) -> tuple[SweepView, ...]:
        """Return the sweeps, newest first; damaged ones are left out.

        One that is over is read once: of those only the folder as a whole is looked at.
        """
        self._runs = runs
        changed = _stamp(self._folder)
        if changed != self._seen:
            self._seen = changed
            names = {path.name for path in self._folder.iterdir()} if changed else set()
            self._known = {name: self._known[name] for name in names & self._known.keys()}
            for name in names - self._known.keys():
                self._read(name)
        for name, (_, view) in list(self._known.items()):
            if view.state == "active" or not self._known[name][0][-1]:
                self._read(name)
        return tuple(self._known[name][1] for name in sorted(self._known, reverse=True))

    def _read(self, name: str) -> None:
        folder = self._folder / name
        stamps = tuple(_stamp(folder / file) for file in (DEFINITION, PROGRESS, TRIALS))
        known = self._known.get(name)
        if not stamps[0]:  # just being made
            self._seen = 0
        elif known is None or known[0] != stamps:
            with suppress(StoreError):  # `queue sweep` names what is damaged
                head, progress = read_head(folder), read_progress(folder)
                what = (head.name, head.metric, head.trials, head.state, head.reason)
                view = SweepView(name, *what, progress, *self._trials(folder, head.name, progress))
                self._known[name] = (stamps, view)

    def _trials(
        self, folder: Path, name: str, progress: SweepProgress
    ) -> tuple[dict[str, int], Mapping[str, Any]]:
        """Read which runs are its trials, and the values of the best one."""
        noted = read_trials(folder)
        if noted is None:  # of an earlier version: the runs know it themselves
            runs = [run for run in self._runs if run.label.startswith(f"{name}-")]
            mine = {run.run_id: _trial_of(run.folder) for run in runs}
            return {
                run_id: int(trial)
                for run_id, (sweep, trial) in mine.items()
                if sweep == folder.name and trial.isdecimal()
            }, {}
        members = {
            trial.run_id: trial.number
            for trial in noted.trials
            if trial.run_id and trial.same_as is None
        }
        best = progress.best[0] if progress.best else None
        values = [trial.params for trial in noted.trials if trial.number == best]
        return members, values[0] if values else {}


def _stamp(path: Path) -> int:
    """Return when a file or folder changed; 0: it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def sweep_to_end(sweeps: Sequence[SweepView], folder: Path | None) -> SweepView | None:
    """Find the sweep under way that a run is a trial of; of another run, the only one there is."""
    active = {sweep.sweep_id: sweep for sweep in sweeps if sweep.state == "active"}
    if active and folder is not None and (sweep_id := _trial_of(folder)[0]) in active:
        return active[sweep_id]
    return next(iter(active.values())) if len(active) == 1 else None


@lru_cache(maxsize=1000)
def _trial_of(folder: Path) -> tuple[str, str]:
    """Read which sweep a run is a trial of, and its number; that never changes."""
    entry = readable_entry(Run(folder))
    sweep, _, number = entry.trial.partition("/") if entry is not None else ("", "", "")
    return sweep, number


def question_of(sweep: SweepView, key: str) -> str:
    """Ask whether a sweep is to end."""
    under_way = "its trials that wait or run are cancelled, results stay"
    return f"{key} again ends sweep {plain(sweep.name)} of {sweep.trials} trials: {under_way}"


def ended(before: Sequence[SweepView], after: Sequence[SweepView]) -> list[SweepView]:
    """List the sweeps that were under way and are no longer."""
    active = {sweep.sweep_id for sweep in before if sweep.state == "active"}
    return [sweep for sweep in after if sweep.sweep_id in active and sweep.state != "active"]


def ending_text(sweep: SweepView) -> str:
    """Say how a sweep ended, what was best, and which trials were not run."""
    word = {"done": "has ended", "cancelled": "is cancelled", "failed": "has failed"}
    progress = sweep.progress
    text = f"sweep {plain(sweep.name)} {word.get(sweep.state, sweep.state)}"
    parts = [f"{progress.ended} of {sweep.trials} trials"]
    if sweep.reason:
        parts.insert(0, plain(sweep.reason))
    if progress.best is not None:
        number, value = progress.best
        metric = f"validation {plain(sweep.metric)} {show.metric(value)}"
        parts.append(f"best {metric} ({plain(sweep.name)}-{number})")
    if progress.pruned:
        parts.append(f"{progress.pruned} pruned")
    return f"{text}: {', '.join(parts)}{_twins(sweep)}"


def _twins(sweep: SweepView) -> str:
    twins = sweep.progress.twins
    if not twins:
        return ""
    named = ", ".join(f"{twin.trial} (as {twin.same_as})" for twin in twins[:_NAMED])
    more = f" and {len(twins) - _NAMED} more" if len(twins) > _NAMED else ""
    many = "s" if len(twins) > 1 else ""
    return f"; not run again, same values as an earlier trial: trial{many} {named}{more}"


def twin_text(sweeps: Sequence[SweepView], run_id: str) -> str:
    """Say which trials took a run's result; empty: none."""
    found = [
        str(twin.trial)
        for sweep in sweeps
        for twin in sweep.progress.twins
        if twin.run_id == run_id
    ]
    if not found:
        return ""
    return f"trial{'s' if len(found) > 1 else ''} {', '.join(found)} had the same values"
