"""One run folder: reading it, and writing it step by step (runs/README.md has the format)."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from recsys_core.reading import YAMLError, parse_yaml, read_bytes, shorten
from recsys_core.run_folder import CHECKPOINT as CHECKPOINT
from recsys_core.run_folder import ENVIRONMENT as ENVIRONMENT
from recsys_core.run_folder import EVENTS as EVENTS
from recsys_core.run_folder import LOG as LOG
from recsys_core.run_folder import METRICS as METRICS
from recsys_core.run_folder import MODEL as MODEL
from recsys_core.run_folder import RESULTS as RESULTS
from recsys_core.run_folder import SPEC as SPEC
from recsys_core.run_folder import STATUS as STATUS
from recsys_core.saving.replace import PARTIAL
from workbench.store.events import read_events
from workbench.store.files import (
    DAMAGED_HINT,
    DamagedFileError,
    StoreError,
    damaged,
    explain,
    read_json,
    remove,
    without_nan,
    write_json,
    write_text,
)
from workbench.store.kinds import Kind, check, mapping, moment, number, optional, text, whole
from workbench.store.metrics_json import check_result
from workbench.store.process import ProcessIdentity

if TYPE_CHECKING:
    from workbench.store.results import Tables

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]
STATES: tuple[State, ...] = get_args(State)

#: the fields of status.json beside the state
_STATUS: dict[str, Kind] = {
    "created": optional(moment),
    "started": optional(moment),
    "ended": optional(moment),
    "pid": optional(whole),
    "process_started": optional(number),
    "boot_id": optional(text),
    "exit_code": optional(whole),
    "reason": optional(text),
    "cpu_seconds": optional(number),
    "peak_rss_mb": optional(number),
}
#: what of spec.yaml is shown; whoever runs it checks it in full
_SPEC: dict[str, Kind] = {
    "label": optional(text),
    "model": text,
    "dataset": text,
    "protocol": mapping,
    "params": optional(mapping),
    "seed": whole,
}
#: a request to end a job of the queue
STOP = "stop.json"
#: what the reason of a cancelled trial begins with that its sweep ended: others were better
PRUNED = "pruned"


def word_of(state: str, reason: str | None) -> str:
    """Name a state for people: a trial that its sweep ended was not cancelled by anybody.

    Examples
    --------
    >>> word_of("cancelled", "pruned at epoch 5: ndcg@10 0.0512"), word_of("failed", None)
    ('pruned', 'failed')
    """
    return PRUNED if state == "cancelled" and (reason or "").startswith(PRUNED) else state


@dataclass(frozen=True)
class Status:
    """State and times of a run; times are seconds since 1970, None where not there yet."""

    state: State
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    process_started: float | None = None
    boot_id: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    cpu_seconds: float | None = None
    peak_rss_mb: float | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: Path) -> Status:
        """Read what `Run.write_status` wrote; fields of later versions are left out."""
        state = values.get("state")
        if state not in STATES:
            raise damaged(where, f"state is {shorten(repr(state), 30)}")
        check(values, _STATUS, where, required=False)
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def alive(self) -> bool:
        """Tell whether the process that runs the job is there."""
        if self.pid is None or self.process_started is None or self.boot_id is None:
            return False
        return ProcessIdentity(self.pid, self.process_started, self.boot_id).alive()


@dataclass(frozen=True)
class Run:
    """A run folder; nothing is read before it is asked for, and then once."""

    path: Path

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The job as `run(spec)` was given it."""
        path = self.path / SPEC
        try:
            value = parse_yaml(read_bytes(path))
        except FileNotFoundError:
            raise damaged(path, "the file is missing") from None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}", DAMAGED_HINT) from None
        except YAMLError as error:
            where = f"line {error.line}: " if error.line else ""
            raise damaged(path, f"{where}{error}") from None
        except ValueError as error:
            raise damaged(path, str(error)) from None
        if not isinstance(value, dict):
            raise damaged(path, "expected 'key: value' lines")
        try:
            json.dumps(value, default=str, ensure_ascii=False).encode()
        except (TypeError, ValueError) as error:  # a date as a name, half of a surrogate pair
            raise damaged(path, shorten(error)) from None
        check(value, _SPEC, path, required=False)
        return value

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json: the result of a run that succeeded; what is read of it is checked."""
        path = self.path / METRICS
        if not path.exists():
            raise damaged(path, "the file is missing")
        values = read_json(path)
        try:
            return check_result(values, path)
        except DamagedFileError:  # unless all that is wrong is NaN, which earlier versions wrote
            return check_result(without_nan(values), path)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """environment.json."""
        return read_json(self.path / ENVIRONMENT)

    def status(self) -> Status:
        """Read the state as it is now.

        A run that nobody works on any more is shown as it was asked to end, else as interrupted.
        """
        status = self.noted_status()
        if status.state != "running" or status.alive():
            return status
        state, reason = self.requested_end() or (
            "interrupted",
            status.reason or "the process that ran it is gone",
        )
        return replace(status, state=state, reason=reason)

    def requested_end(self) -> tuple[State, str] | None:
        """Read as what a job of the queue was asked to end, and why; None when nobody asked."""
        path = self.path / STOP
        if not path.exists():
            return None
        try:
            request = read_json(path)
        except StoreError:
            request = {}
        state: State = "failed" if request.get("state") == "failed" else "cancelled"
        reason = request.get("reason")
        return state, reason if isinstance(reason, str) else "asked to end"

    def noted_status(self) -> Status:
        """Read the state that was written last, whatever became of the process since."""
        path = self.path / STATUS
        return Status.parse(read_json(path), path)

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Replace the job."""
        import yaml

        text = yaml.safe_dump(dict(spec), sort_keys=False, allow_unicode=True)
        write_text(self.path / SPEC, text)

    def write_status(self, status: Status) -> None:
        """Replace the state."""
        write_json(self.path / STATUS, asdict(status))

    def write_environment(self, values: Mapping[str, Any]) -> None:
        """Replace environment.json."""
        write_json(self.path / ENVIRONMENT, without_nan(values))

    def write_result(self, content: Mapping[str, Any], tables: Tables) -> None:
        """Write the result: metrics.json last, so that a run with one is complete."""
        from workbench.store.results import write_results  # who only reads starts faster

        write_results(self.path / RESULTS, tables)
        write_json(self.path / METRICS, without_nan(content))

    def remove_checkpoint(self) -> None:
        """Delete what training could go on from."""
        shutil.rmtree(self.path / CHECKPOINT, ignore_errors=True)

    def events(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Read the whole lines of events.jsonl from byte `offset`.

        Returns
        -------
        The events and the offset to go on from.
        """
        return read_events(self.path / EVENTS, offset)

    def complete(self) -> bool:
        """Tell whether the files of a finished run are all there, and say what they should."""
        try:
            found = self.spec and self.metrics
        except StoreError:
            return False
        has_model = found.get("origin") == "external" or (self.path / MODEL).is_dir()
        return has_model and (self.path / RESULTS).is_file()

    def remove_unfinished(self) -> None:
        """Delete half-written files and what only a finished run should have."""
        for path in [*self.path.rglob(f"*{PARTIAL}"), self.path / METRICS, self.path / RESULTS]:
            remove(path)
        remove(self.path / MODEL)


def new_folder_name(created: float, label: str, otherwise: str) -> str:
    """Name a folder by time (UTC), label and chance; `otherwise` where no letter is left of it."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", label)[:40].strip("-.") or otherwise
    return f"{stamp}-{slug}-{secrets.token_hex(2)}"


def create_run(
    runs_dir: Path,
    spec: Mapping[str, Any],
    label: str,
    files: Mapping[str, Mapping[str, Any]] | None = None,
) -> Run:
    """Make a run folder in state queued.

    Parameters
    ----------
    spec
        The job as plain values.
    files
        JSON files by name that must be there from the first moment on.

    Raises
    ------
    StoreError
        The runs folder cannot be written.
    """
    created = time.time()
    while True:
        path = runs_dir / new_folder_name(created, label, "run")
        try:
            path.mkdir(parents=True)
            break
        except FileExistsError:
            if not path.exists():  # something in the way is no folder
                raise StoreError(f"{runs_dir}: not a folder", "choose another --runs-dir") from None
        except OSError as error:
            raise explain(error, runs_dir, "--runs-dir") from error
    run = Run(path)
    try:
        run.write_spec(spec)
        for name, content in (files or {}).items():
            write_json(path / name, content)
        run.write_status(Status("queued", created=created))  # it makes the folder a run
    except BaseException:  # ctrl-C too: a folder without a state would stay forever
        shutil.rmtree(path, ignore_errors=True)
        raise
    return run


def check_writable(runs_dir: Path) -> None:
    """Make the runs folder and try to write in it, so that it fails before any work is done.

    Raises
    ------
    StoreError
        It cannot be made or written.
    """
    probe = runs_dir / f".probe-{os.getpid()}"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        with suppress(OSError):
            probe.unlink()
        if isinstance(error, FileExistsError):  # a file stands there: say so
            error = NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        error.filename = str(runs_dir)  # not the probe, which nobody knows
        raise explain(error, runs_dir, "--runs-dir") from error


def read_run(path: Path) -> Run:
    """Open the run in folder `path`.

    Raises
    ------
    StoreError
        There is none.
    """
    if not (path / STATUS).exists():
        raise StoreError(
            f"{path}: this is not a run folder",
            "see what there is with: recsys-workbench runs list",
        )
    return Run(path)
