"""Jobs as processes of this machine: one worker each, in a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import psutil

from recsys_core.compute.threads import ASLEEP
from recsys_core.processes import python_command
from workbench.jobs.queue import Entry
from workbench.jobs.usage import measure_family
from workbench.store.files import open_regular
from workbench.store.kinds import whole
from workbench.store.process import ProcessIdentity
from workbench.store.runs import LOG, Run

#: environment variables that tell numerical libraries how many threads to use
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
#: a worker that found its job taken
TAKEN = 75


@dataclass(frozen=True)
class Exit:
    """How a worker ended; `code` as in subprocess (negative: a signal), None when unknown."""

    code: int | None


@dataclass(frozen=True)
class Usage:
    """CPU seconds so far, and resident memory now in MiB."""

    cpu_seconds: float
    memory_mb: float


class Worker(Protocol):
    """Somebody who works on one job: here a process, on a cluster a task."""

    def exit(self) -> Exit | None:
        """Return how it ended; None while it works."""

    def terminate(self) -> None:
        """Ask it to end in order; it writes its own end state."""

    def kill(self) -> None:
        """End it, and all it started, at once."""

    def seconds(self) -> float:
        """Say how long it has been working, whatever the clock says."""

    def usage(self) -> Usage | None:
        """Measure what it and all it started use; None when unknown."""


class Executor(Protocol):
    """Starts workers, and finds those again that outlived a supervisor."""

    def start(self, run: Run, entry: Entry) -> Worker:
        """Start work on a job; the worker claims it.

        Raises
        ------
        OSError
            It cannot be started.
        StoreError
            The job's spec is damaged.
        """

    def adopt(self, run: Run, identity: ProcessIdentity) -> Worker | None:
        """Take charge of a worker that another supervisor started; None when it is gone."""


class LocalExecutor:
    """Starts one process per job on this machine."""

    def start(self, run: Run, entry: Entry) -> Worker:
        """Start a worker; its output goes to the run's log.txt."""
        with open_regular(run.path / LOG, "ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this program
                python_command("-m", "workbench.jobs.worker", str(run.path)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=entry.folder,
                env={**os.environ, **_thread_environment(run.spec)},
                start_new_session=True,
            )
        return ProcessWorker(process.pid, process)

    def adopt(self, run: Run, identity: ProcessIdentity) -> Worker | None:
        """Watch a process that is not our child."""
        return ProcessWorker(identity.pid, identity=identity) if identity.alive() else None


def _thread_environment(spec: dict[str, Any]) -> dict[str, str]:
    """Cap the threads of numerical libraries; those that wait must not spin: jobs share cores."""
    threads = spec.get("threads")
    if not whole(threads):
        return ASLEEP
    return {**ASLEEP, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


class ProcessWorker:
    """A worker process, our child or adopted.

    Parameters
    ----------
    process
        Given for a child.
    identity
        Given for a process that another supervisor started.
    """

    def __init__(
        self,
        pid: int,
        process: subprocess.Popen[bytes] | None = None,
        identity: ProcessIdentity | None = None,
    ) -> None:
        self.pid = pid
        self._process = process
        self._identity = identity or ProcessIdentity.of(pid)

    def exit(self) -> Exit | None:
        """Look whether the process is gone; what it started goes with it."""
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return None
            end = Exit(code)
        else:
            if self._alive():
                return None
            end = Exit(None)
        self._kill_orphans()
        return end

    def terminate(self) -> None:
        """Send SIGTERM to the process group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process group."""
        self._signal(signal.SIGKILL)

    def seconds(self) -> float:
        """Age of the process."""
        return self._identity.age() if self._identity else 0.0

    def usage(self) -> Usage | None:
        """Sum over the process and its descendants."""
        family = measure_family(self.pid)
        seconds = sum(family.cpu_seconds.values())
        return Usage(seconds, family.memory_mb) if family.memory_mb else None

    def _alive(self) -> bool:
        return self._identity is not None and self._identity.alive()

    def _signal(self, number: signal.Signals) -> None:
        # a child keeps its pid until it is waited for; another process is looked at first
        if self._process is not None:
            if self._process.returncode is not None:
                return
        elif not self._alive():
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _kill_orphans(self) -> None:
        """Kill what the process left running in its session."""
        try:
            os.killpg(self.pid, 0)
        except OSError:
            return  # nobody is left, or the number is somebody else's by now
        try:
            pids = psutil.pids()
        except OSError:  # the system does not list them
            return
        for pid in pids:
            with suppress(OSError):
                if os.getsid(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)
