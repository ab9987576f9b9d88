"""The sweeps of a runs folder, read again when their files have changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

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
from workbench.store.files import StoreError
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.tui.view import format as show

#: twins that a message names
_NAMED = 3


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep as screens show it."""

    sweep_id: str
    name: str
    metric: str
    trials: int
    state: SweepState
    reason: str = ""
    progress: SweepProgress = field(default_factory=SweepProgress)

    @property
    def short(self) -> str:
        """How far it is: ``≈ mf 3/5``."""
        return f"≈ {plain(self.name)} {self.progress.ended}/{self.trials}"


class SweepReader:
    """Reads the sweeps of one runs folder, again and again."""

    def __init__(self, runs_dir: Path) -> None:
        self._folder = runs_dir / SWEEPS
        self._known: dict[str, tuple[tuple[int, int], SweepView]] = {}
        self._seen = 0

    def refresh(self) -> tuple[SweepView, ...]:
        """Return the sweeps, newest first; damaged ones are left out.

        One that is over is read once: of those only the folder as a whole is looked at.
        """
        changed = _stamp(self._folder)
        if changed != self._seen:
            self._seen = changed
            names = {path.name for path in self._folder.iterdir()} if changed else set()
            self._known = {name: self._known[name] for name in names & self._known.keys()}
            for name in names - self._known.keys():
                self._read(name)
        for name, (_, view) in list(self._known.items()):
            if view.state == "active":
                self._read(name)
        return tuple(self._known[name][1] for name in sorted(self._known, reverse=True))

    def _read(self, name: str) -> None:
        folder = self._folder / name
        stamps = (_stamp(folder / DEFINITION), _stamp(folder / PROGRESS))
        known = self._known.get(name)
        if not stamps[0]:  # just being made
            self._seen = 0
        elif known is None or known[0] != stamps:
            with suppress(StoreError):  # `queue sweep` names what is damaged
                head, progress = read_head(folder), read_progress(folder)
                what = (head.name, head.metric, head.trials, head.state, head.reason)
                self._known[name] = (stamps, SweepView(name, *what, progress))


def _stamp(path: Path) -> int:
    """Return when a file or folder changed; 0: it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def sweep_to_end(sweeps: Sequence[SweepView], folder: Path | None) -> SweepView | None:
    """Find the sweep under way that a run is a trial of; of another run, the only one there is."""
    active = {sweep.sweep_id: sweep for sweep in sweeps if sweep.state == "active"}
    if active and folder is not None and (sweep_id := _sweep_of(folder)) in active:
        return active[sweep_id]
    return next(iter(active.values())) if len(active) == 1 else None


@lru_cache(maxsize=1000)
def _sweep_of(folder: Path) -> str:
    """Read which sweep a run is a trial of; that never changes."""
    entry = readable_entry(Run(folder))
    return entry.trial.partition("/")[0] if entry is not None else ""


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
