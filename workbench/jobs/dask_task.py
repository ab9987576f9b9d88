"""What a worker of a Dask cluster does with a job: it runs it as this machine would."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker
from distributed.core import Status

from recsys_core.processes import python_command
from workbench.jobs.dask_parcel import Files, find_data, keep_data, pack_result, unpack_job
from workbench.store.runs import EVENTS, LOG, STOP, Run

#: seconds between two looks at the job
_POLL = 0.1
#: bytes of events sent at once
_CHUNK = 200_000

#: states of a worker that still has a scheduler
_WORKING = {Status.running, Status.paused, Status.closing_gracefully}
#: jobs of this process that were asked to end
_asked: set[str] = set()


def ask_to_end(key: str) -> None:
    """Ask a job of this worker to end; called through `Client.run`."""
    _asked.add(key)


def run_job(job: dict[str, Any], data: Files | None = None) -> dict[str, Any]:
    """Do a job and return its result; events are sent while it runs.

    Parameters
    ----------
    job
        From `pack_job`.
    data
        From `pack_data`; None: look for the data set on this machine.

    Returns
    -------
    From `pack_result`, with ``events`` and ``log``; or ``{"needs_data": True}``.
    """
    worker = get_worker()
    key = str(worker.get_current_task())
    cache = Path(worker.local_directory) / "recsys-workbench-data"
    data_dir = find_data(job, cache)
    if data_dir is None:
        if data is None:
            return {"needs_data": True}
        data_dir = keep_data(job, data, cache)
    root = Path(tempfile.mkdtemp(prefix="recsys-workbench-", dir=worker.local_directory))
    try:
        return _do(unpack_job(job, root, data_dir), worker, key)
    finally:
        _asked.discard(key)
        shutil.rmtree(root, ignore_errors=True)


def _do(run: Run, worker: Worker, key: str) -> dict[str, Any]:
    relay = _Relay(run, worker, key)
    relay.send(begun=True)
    line = python_command("-m", "workbench.jobs.dask_host", str(run.path.parent))
    with subprocess.Popen(line, stdin=subprocess.PIPE) as host:  # noqa: S603 - this program
        while host.poll() is None:
            if not _wanted(worker, key) and host.stdin is not None:
                host.stdin.close()
                host.wait()
                break
            if key in _asked and not (run.path / STOP).exists():
                request = {"state": "cancelled", "reason": "asked to end"}
                (run.path / STOP).write_text(json.dumps(request))
            relay.send()
            time.sleep(_POLL)
    log = run.path / LOG
    return {
        **pack_result(run),
        "token": relay.token,
        "events": (run.path / EVENTS).read_bytes() if (run.path / EVENTS).exists() else b"",
        "log": log.read_bytes() if log.exists() else b"",
    }


def _wanted(worker: Worker, key: str) -> bool:
    """Tell whether somebody still waits for the task: Dask cannot tell a thread that works."""
    task = worker.state.tasks.get(key)
    return worker.status in _WORKING and task is not None and task.state != "cancelled"


class _Relay:
    """Sends the events of a run as they are written.

    The token tells one attempt at the job from another, after a worker was lost.
    """

    def __init__(self, run: Run, worker: Worker, key: str) -> None:
        self.token = f"{worker.address} {time.time_ns()}"
        self._path = run.path / EVENTS
        self._worker = worker
        self._key = key
        self._offset = 0

    def send(self, *, begun: bool = False) -> None:
        """Send what is new, or that the job begins."""
        lines = b"" if begun else self._new_lines()
        if lines or begun:
            self._worker.log_event(
                self._key,
                {"token": self.token, "worker": self._worker.address, "lines": lines.decode()},
            )

    def _new_lines(self) -> bytes:
        if not self._path.exists():
            return b""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read(_CHUNK)
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole
