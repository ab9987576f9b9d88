"""Folders and what lies in them: data sets, runs, the queue."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from recsys_core.compute.capacity import GIB
from recsys_core.data.column_files import map_arrays
from recsys_core.data.registered import EarlierFormatError, prepared_names, read_meta
from recsys_core.data.sources import SAMPLE, SOURCES
from recsys_core.errors import InputError, shorten
from recsys_core.values import counted
from workbench.doctor.check import Check, wrong
from workbench.jobs import queue_files
from workbench.jobs.queue import damaged_jobs, waiting_jobs
from workbench.jobs.service import supervisor_pid
from workbench.store.files import DAMAGED_HINT, explain
from workbench.store.listing import RunSummary, list_runs
from workbench.store.xdg import xdg_folder

#: what to do about damaged files of a run, and of a job's place in the queue
_MEND = f"{DAMAGED_HINT}; to put it away: recsys-workbench runs archive RUN"
_CANCEL = "restore it from a copy, or: recsys-workbench queue cancel RUN"
#: damaged runs that are named; of more, only the number
_NAMED = 10


def check_folders(runs_dir: Path, data_dir: Path) -> Iterator[Check]:
    """Try to write in the folders of runs, data and cache."""
    yield _folder("runs folder", runs_dir, "--runs-dir")
    yield _folder("data folder", data_dir, "--data-dir")
    cache = xdg_folder("XDG_CACHE_HOME", ".cache")
    yield _folder("cache folder", cache, "XDG_CACHE_HOME")


def _folder(name: str, path: Path, option: str) -> Check:
    """Write an unnamed file into a folder, or where it would be made; nothing stays."""
    place = next(each for each in (path, *path.absolute().parents) if os.path.lexists(each))
    try:
        with TemporaryFile(dir=place) as file:
            file.write(b"x")
        free = shutil.disk_usage(place).free / GIB
    except OSError as error:
        error.filename = str(path)  # not the file, which nobody knows
        return wrong(name, explain(error, path, option))
    found = str(path) if place == path else f"{path} (made when it is needed)"
    found += f", {free:.1f} GiB free"
    return Check(name, "ok" if free >= 1 else "note", found, "" if free >= 1 else "free some space")


def check_data(data_dir: Path) -> Iterator[Check]:
    """Look at what is registered, and at the kind and size of every array; values are not read."""
    ready = 0
    try:
        names = prepared_names(data_dir)
    except InputError as error:
        yield Check("data sets", "wrong", error.problem, "choose another folder with --data-dir")
        return
    for name in names:
        try:
            meta = read_meta(data_dir, name)
            if meta is not None:
                map_arrays(data_dir / name, meta["arrays"])
                ready += 1
        except EarlierFormatError:
            found = f"'{name}' is of an earlier version; it is prepared again when it is used"
            yield Check("data set", "note", found)
        except InputError as error:
            yield _damaged(name, error.problem)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            yield _damaged(name, f"{data_dir / name} is damaged: {shorten(error)}")
    yield Check("data sets", "ok", f"{counted(ready, 'data set')} prepared")


def _damaged(name: str, problem: str) -> Check:
    if name == SAMPLE:
        return Check("data set", "note", problem, "none needed: it is made again when it is used")
    again = f"recsys-workbench data import PATH --name {name}"
    if name in SOURCES:
        again = f"recsys-workbench data fetch {name}"
    return Check("data set", "wrong", problem, f"prepare it again: {again}")


def check_runs(runs_dir: Path) -> Iterator[Check]:
    """Name damaged runs, and tell what becomes of the jobs that wait."""
    try:
        runs = list_runs(runs_dir)
    except InputError as error:
        yield wrong("runs", error)
        return
    damaged = [run for run in runs if run.problem]
    for run in damaged[:_NAMED]:
        yield Check("run", "wrong", run.problem, _MEND)
    if len(damaged) > _NAMED:
        remedy = "list them all: recsys-workbench runs list"
        more = f"{counted(len(damaged) - _NAMED, 'more damaged run')}"
        yield Check("run", "wrong", more, remedy)
    yield Check("runs", "ok", f"{counted(len(runs) - len(damaged), 'run')} readable")
    yield from _queue(runs_dir, runs)


def _queue(runs_dir: Path, runs: list[RunSummary]) -> Iterator[Check]:
    for _, problem in damaged_jobs(runs):
        yield Check("queue", "wrong", problem, _CANCEL)
    waiting, pid = len(waiting_jobs(runs)), supervisor_pid(runs_dir)
    running = sum(run.state == "running" for run in runs)
    found = f"{counted(running, 'job')} running, {waiting} waiting"
    if waiting and queue_files.is_paused(runs_dir):
        yield Check("queue", "note", f"{found}; paused", "recsys-workbench queue resume")
    elif waiting and pid is None:
        remedy = "start one: recsys-workbench queue work"
        yield Check("queue", "note", f"{found}; no process starts them", remedy)
    else:
        yield Check("queue", "ok", found)
