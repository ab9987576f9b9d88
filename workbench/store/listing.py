"""Every run of a runs folder, fast: an SQLite index beside the folders remembers what is in them.

Files are the truth. The index keeps one row a run with the signature of the `status.json` it was
read from; a row whose signature no longer fits is read again. It can be deleted, damaged or
impossible to write: then listing is only slower.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.store.files import StoreError
from workbench.store.runs import STATUS, Run, State

INDEX = "index.sqlite"
#: raised when the columns change
_VERSION = 1
#: a file changed this recently (seconds) may change again without its signature changing
_RACY = 1.0
#: prefix of folders that are being deleted
_TRASH = ".trash-"


@dataclass(frozen=True)
class RunSummary:
    """What lists and tables show of a run; unknown values are None or empty.

    Parameters
    ----------
    state
        As it is now: a running job whose process is gone is interrupted.
    created, started, ended
        Seconds since 1970.
    split
        Fingerprint of the split; runs with another one are not comparable.
    metrics_json, params_json
        Read through `metrics` and `params`.
    """

    run_id: str
    state: State
    reason: str | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    label: str = ""
    model: str = ""
    stage: str = ""
    dataset: str = ""
    synthetic: bool = False
    protocol: str = ""
    seed: int = 0
    split: str | None = None
    reuse_key: str | None = None
    fit_seconds: float | None = None
    metrics_json: str = "{}"
    params_json: str = "{}"

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """Values by metric name; None where not defined."""
        metrics: dict[str, float | None] = json.loads(self.metrics_json)
        return metrics

    @cached_property
    def params(self) -> dict[str, Any]:
        """The fields of the model: all of them once it succeeded, before that those given."""
        params: dict[str, Any] = json.loads(self.params_json)
        return params


_COLUMNS = [field.name for field in fields(RunSummary)]
_Signature = tuple[int, int, int]
_Row = tuple[_Signature | None, RunSummary]


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """List all runs, newest first; a missing folder has none.

    Raises
    ------
    StoreError
        The folder cannot be read.
    """
    signatures = _scan(runs_dir)
    known = _read_index(runs_dir / INDEX)
    fresh: dict[str, _Row] = {}
    runs = []
    now = time.time()
    for run_id, signature in signatures.items():
        row = known.get(run_id)
        if row is None or row[0] != signature:
            settled = abs(now - signature[0] / 1e9) > _RACY
            row = (signature if settled else None, _summarise(runs_dir / run_id))
            fresh[run_id] = row
        runs.append(_now(runs_dir, row[1]))
    gone = known.keys() - signatures.keys()
    if fresh or gone:
        _write_index(runs_dir / INDEX, fresh, gone)
    runs.sort(key=lambda run: (run.created or 0.0, run.run_id), reverse=True)
    return runs


def _scan(runs_dir: Path) -> dict[str, _Signature]:
    """Map each run folder to time, inode and size of its status file."""
    try:
        names = os.listdir(runs_dir)  # noqa: PTH208 - no Path objects for 10,000 names
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(f"{runs_dir}: cannot be read: {error.strerror}") from None
    signatures = {}
    for name in names:
        if name[0] == ".":
            continue
        try:
            found = os.stat(f"{runs_dir}/{name}/{STATUS}")  # noqa: PTH116 - no Path
        except OSError:
            continue  # a file, or a folder that is no run
        signatures[name] = (found.st_mtime_ns, found.st_ino, found.st_size)
    return signatures


def _now(runs_dir: Path, run: RunSummary) -> RunSummary:
    """Look again at a run that was running: its process may be gone."""
    return _summarise(runs_dir / run.run_id) if run.state == "running" else run


def _summarise(path: Path) -> RunSummary:
    """Read a run folder; whatever is damaged makes it a failed run with that as the reason."""
    run = Run(path)
    try:
        status = run.status()
        described = _result(run) if status.state == "succeeded" else _plan(run)
    except StoreError as error:
        return RunSummary(path.name, "failed", reason=error.problem, created=_age(path))
    return RunSummary(
        run_id=path.name,
        state=status.state,
        reason=status.reason,
        created=status.created,
        started=status.started,
        ended=status.ended,
        **described,
    )


def _age(path: Path) -> float | None:
    with suppress(OSError):
        return path.stat().st_mtime
    return None


def _result(run: Run) -> dict[str, Any]:
    result = run.metrics
    try:
        return {
            "label": result["label"],
            "model": result["model"],
            "stage": result["stage"],
            "dataset": result["dataset"]["name"],
            "synthetic": result["dataset"]["synthetic"],
            "protocol": result["protocol"]["name"],
            "seed": result["seed"],
            "split": result["protocol"]["fingerprint"],
            "reuse_key": result["reuse_key"],
            "fit_seconds": result["fit_seconds"],
            "metrics_json": json.dumps(result["metrics"]),
            "params_json": json.dumps(result["params"]),
        }
    except (KeyError, TypeError) as error:
        raise StoreError(f"{run.path}/metrics.json: damaged: {error} is missing") from None


def _plan(run: Run) -> dict[str, Any]:
    spec = run.spec
    return {
        "label": str(spec.get("label") or spec.get("model", "")),
        "model": str(spec.get("model", "")),
        "dataset": str(spec.get("dataset", "")),
        "protocol": str((spec.get("protocol") or {}).get("name", "")),
        "seed": spec.get("seed", 0),
        "params_json": json.dumps(spec.get("params") or {}, default=str),
    }


def _read_index(path: Path) -> dict[str, _Row]:
    """Load the index; one that is missing, damaged or of another version is empty."""
    if not path.exists():
        return {}
    select = f"SELECT mtime, inode, size, {', '.join(_COLUMNS)} FROM runs"  # noqa: S608 - fixed
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=2)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                return {}
            rows = database.execute(select).fetchall()
    except sqlite3.Error:
        return {}
    return {row[3]: (row[:3], RunSummary(*row[3:])) for row in rows}


def _write_index(path: Path, fresh: dict[str, _Row], gone: Iterable[str]) -> None:
    """Bring the index up to date; where that fails, listing is only slower next time."""
    try:
        _update(path, fresh, gone)
    except sqlite3.OperationalError:
        return  # another process writes it, or the folder cannot be written
    except sqlite3.DatabaseError:
        with suppress(OSError, sqlite3.Error):
            path.unlink()
            _update(path, fresh, ())


def _update(path: Path, fresh: dict[str, _Row], gone: Iterable[str]) -> None:
    marks = ", ".join("?" * (len(_COLUMNS) + 3))
    settled = [(*row[0], *astuple(row[1])) for row in fresh.values() if row[0] is not None]
    with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")  # it can be rebuilt
        database.execute("BEGIN IMMEDIATE")
        if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            database.execute("DROP TABLE IF EXISTS runs")
            columns = ", ".join(f"{name}" for name in ("mtime", "inode", "size", *_COLUMNS))
            database.execute(f"CREATE TABLE runs ({columns}, PRIMARY KEY (run_id))")
            database.execute(f"PRAGMA user_version = {_VERSION}")
        database.executemany("DELETE FROM runs WHERE run_id = ?", [(run_id,) for run_id in gone])
        database.executemany(f"INSERT OR REPLACE INTO runs VALUES ({marks})", settled)  # noqa: S608
        database.execute("COMMIT")


def find_reusable(runs_dir: Path, reuse_key: str) -> Run | None:
    """Find the newest run that succeeded with this key and still has all its files."""
    for summary in list_runs(runs_dir):
        if summary.state == "succeeded" and summary.reuse_key == reuse_key:
            run = Run(runs_dir / summary.run_id)
            if run.complete():
                return run
    return None


def resolve_run(runs_dir: Path, text: str) -> Run:
    """Find the run that `text` means: a run id, the start or end of one, or a run folder's path.

    Raises
    ------
    StoreError
        None or several fit.
    """
    if text and (runs_dir / text / STATUS).is_file():
        return Run(runs_dir / text)
    if os.sep in text and (Path(text) / STATUS).is_file():
        return Run(Path(text))
    ids = [run.run_id for run in list_runs(runs_dir)]
    found = [name for name in ids if text and (name.startswith(text) or name.endswith(text))]
    if len(found) == 1:
        return Run(runs_dir / found[0])
    if found:
        shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise StoreError(f"'{text}' fits {len(found)} runs: {shown}", "give more of the run id")
    raise _no_such_run(runs_dir, text, ids)


def _no_such_run(runs_dir: Path, text: str, ids: list[str]) -> StoreError:
    from difflib import get_close_matches

    near = get_close_matches(text, ids, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return StoreError(
        f"no run '{text}' in {runs_dir}", f"{hint}see them with: recsys-workbench runs list"
    )


def delete_run(run: Run) -> None:
    """Delete a run folder; it is gone from every list at once, even if this is interrupted.

    Raises
    ------
    StoreError
        It cannot be deleted.
    """
    trash = run.path.with_name(f"{_TRASH}{run.run_id}")
    try:
        run.path.rename(trash)
        shutil.rmtree(trash)
    except OSError as error:
        raise StoreError(f"{run.path}: cannot be deleted: {error.strerror}") from error


def sweep(runs_dir: Path) -> None:
    """Delete what an interrupted `delete_run` left."""
    for path in runs_dir.glob(f"{_TRASH}*"):
        shutil.rmtree(path, ignore_errors=True)
