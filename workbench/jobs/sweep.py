"""Sweeps: searches over a model's fields whose trials are ordinary jobs of the queue.

A sweep is a folder ``RUNS_DIR/.sweeps/<id>/``: what is searched, and Optuna's own file. This module
is light; `sweep_study` asks Optuna, `sweep_driver` is the process that does.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from recsys_core.processes import python_command
from workbench.jobs.queue import Entry
from workbench.jobs.queue_files import changing, is_paused, ring
from workbench.jobs.space import Kind as SpaceKind
from workbench.jobs.space import Space
from workbench.jobs.sweep_progress import DEFINITION, SWEEPS, Pruner, SweepState
from workbench.store.files import StoreError, damaged, read_json, write_json
from workbench.store.kinds import (
    Kind,
    check,
    flag,
    mapping,
    mapping_of,
    moment,
    number,
    optional,
    text,
    whole,
)

STUDY, LOCK = "optuna.sqlite", "driver.lock"
#: seconds between two looks for sweeps, and between two starts of a driver
_LOOK, _RESTART = 0.5, 5.0

_REMEDY = "restore it from a copy, or begin another sweep: queue add --sweep"
_KINDS: dict[str, Kind] = {
    "spec": mapping,
    "spaces": mapping_of(mapping),
    "start": mapping,
    "entry": mapping,
    "metric": text,
    "trials": whole,
    "created": moment,
    "state": lambda value: value in get_args(SweepState),
    "reason": text,
}
#: what earlier versions did not write
_LATER: dict[str, Kind] = {
    "pruner": lambda value: value in get_args(Pruner),
    "budget": optional(number),
}
_SPEC: dict[str, Kind] = {"label": optional(text), "params": optional(mapping), "seed": whole}
_SPACE: dict[str, Kind] = {
    "kind": lambda value: value in get_args(SpaceKind),
    "low": number,
    "high": number,
    "choices": lambda value: isinstance(value, list),
    "whole": flag,
}


@dataclass(frozen=True)
class Sweep:
    """What is searched, and how far.

    Parameters
    ----------
    folder
        Its own; the folder's name is its id.
    spec
        The job of every trial, as plain values, without the fields that are searched.
    start
        Values of these fields that are tried first: those that the model has without a sweep.
    entry
        Place and limits of the trials in the queue.
    metric
        Of the validation rows; test metrics never steer a search.
    trials
        How many there are to be.
    pruner
        Who ends trials that are worse than others at the same epoch.
    budget
        Seconds in which its trials may run, after which none is begun; None for no limit.
    """

    folder: Path
    spec: dict[str, Any]
    spaces: dict[str, Space]
    start: dict[str, Any]
    entry: Entry
    metric: str
    trials: int
    created: float
    state: SweepState = "active"
    reason: str = ""
    pruner: Pruner = "none"
    budget: float | None = None

    @property
    def sweep_id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def runs_dir(self) -> Path:
        """The runs folder that it belongs to."""
        return self.folder.parent.parent

    @property
    def name(self) -> str:
        """The label, or the model's name where there is none."""
        return str(self.spec.get("label") or self.spec["model"])

    def write(self) -> None:
        """Replace what is written down of it."""
        values = {name: value for name, value in vars(self).items() if name != "folder"}
        values["spaces"] = {field: space.plain() for field, space in self.spaces.items()}
        values["entry"] = asdict(self.entry)
        write_json(self.folder / DEFINITION, values)


def read_sweep(folder: Path) -> Sweep:
    """Read a sweep.

    Raises
    ------
    StoreError
        There is none, or it is damaged.
    """
    path = folder / DEFINITION
    values = read_json(path, _REMEDY)
    values = {"pruner": "median", "budget": None, **values}  # as it was before there was a choice
    check(values, _KINDS | _LATER, path)
    check(values["spec"], {"model": text, "dataset": text}, path, inside="spec.")
    check(values["spec"], _SPEC, path, required=False, inside="spec.")
    spaces = {}
    for field, space in values["spaces"].items():
        check(space, _SPACE, path, inside=f"{field}: ")
        spaces[field] = Space.parse({name: space[name] for name in _SPACE})
    unknown = values["start"].keys() - spaces.keys()
    if unknown:
        raise damaged(path, f"start has '{min(unknown)}', which is not searched", _REMEDY)
    plain = (_KINDS | _LATER).keys() - {"spaces", "entry"}
    known = {name: values[name] for name in plain}
    return Sweep(folder, spaces=spaces, entry=Entry.parse(values["entry"], path), **known)


def list_sweeps(runs_dir: Path) -> list[Sweep]:
    """List the sweeps of a runs folder, newest first; damaged ones are left out."""
    return read_sweeps(runs_dir)[0]


def read_sweeps(runs_dir: Path) -> tuple[list[Sweep], list[StoreError]]:
    """List the sweeps of a runs folder, newest first, and what is wrong with damaged ones."""
    found, errors = [], []
    with suppress(OSError):
        for folder in sorted((runs_dir / SWEEPS).iterdir()):
            if not (folder / DEFINITION).exists():
                continue  # no sweep, or one that is just being made
            try:
                found.append(read_sweep(folder))
            except StoreError as error:
                errors.append(error)
    found.sort(key=lambda sweep: (sweep.created, sweep.sweep_id), reverse=True)
    return found, errors


def resolve_sweep(runs_dir: Path, wanted: str) -> Sweep:
    """Find the sweep that `wanted` means: an id, or the start or end of one.

    Raises
    ------
    StoreError
        None or several fit.
    """
    if wanted and (runs_dir / SWEEPS / wanted / DEFINITION).exists():
        return read_sweep(runs_dir / SWEEPS / wanted)
    found = [x for x in list_sweeps(runs_dir) if wanted and _fits(wanted, x.sweep_id)]
    if len(found) == 1:
        return found[0]
    what = f"'{wanted}' fits {len(found)} sweeps" if found else f"no sweep '{wanted}'"
    raise StoreError(f"{what} in {runs_dir}", "see them with: recsys-workbench queue sweep")


def _fits(wanted: str, sweep_id: str) -> bool:
    return sweep_id.startswith(wanted) or sweep_id.endswith(wanted)


def change_sweep(sweep: Sweep, **values: Any) -> Sweep:
    """Change a sweep as it is now, whatever was read before; fields by name."""
    with changing(sweep.runs_dir):
        changed = replace(read_sweep(sweep.folder), **values)
        changed.write()
        ring(sweep.runs_dir)
    return changed


class Drivers:
    """Sees to it that every sweep that is not over has a process that asks Optuna.

    A driver ends when its stdin is closed: with the supervisor, however that ends.
    """

    def __init__(self, runs_dir: Path, log: Callable[[str], None]) -> None:
        self._runs_dir = runs_dir
        self._log = log
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at: dict[str, float] = {}
        self._looked_at = -_LOOK
        self._busy = False

    def tend(self) -> bool:
        """Start drivers where they are missing.

        Returns
        -------
        Whether a sweep is under way.
        """
        now = time.monotonic()
        if now - self._looked_at < _LOOK:
            return self._busy
        self._looked_at = now
        active = self._active()
        for folder in active:
            process = self._processes.get(folder.name)
            gone = process is None or process.poll() is not None
            if gone and now - self._started_at.get(folder.name, -_RESTART) >= _RESTART:
                self._started_at[folder.name] = now
                self._processes[folder.name] = self._start(folder)
        self._busy = bool(active)
        return self._busy

    def close(self) -> None:
        """Let the drivers end; the sweeps go on with the next supervisor."""
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()

    def _active(self) -> list[Path]:
        if is_paused(self._runs_dir) or not (self._runs_dir / SWEEPS).is_dir():
            return []
        return [x.folder for x in list_sweeps(self._runs_dir) if x.state == "active"]

    def _start(self, folder: Path) -> subprocess.Popen[bytes]:
        self._log(f"sweep {folder.name}: goes on")
        return subprocess.Popen(  # noqa: S603 - this program
            python_command("-m", "workbench.jobs.sweep_driver", str(folder.absolute())),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
