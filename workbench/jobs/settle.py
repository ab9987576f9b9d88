"""What is written about a job whose worker is gone without a word."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, replace

from workbench.jobs.attempt import EXIT_CODES, claimant
from workbench.jobs.processes import TAKEN, Exit, Usage
from workbench.jobs.queue import CLAIM
from workbench.store.runs import STOP, Run, State, Status


@dataclass(frozen=True)
class Remains:
    """What is known of a worker that is gone.

    Parameters
    ----------
    end
        How it ended; None when no worker of this supervisor had the job.
    usage, peak_mb
        What was measured last.
    overdue
        Why it was killed; empty when it was not by us.
    tried
        Whether a worker that never began the job means that it cannot be begun; otherwise the job
        waits on: the worker was told to end, or was one of an earlier attempt.
    """

    end: Exit | None = None
    usage: Usage | None = None
    peak_mb: float = 0.0
    overdue: str = ""
    tried: bool = True


def settle(run: Run, left: Remains) -> Status:
    """Write how a job ended whose worker is gone; call it inside `changing`.

    Returns
    -------
    The state as it is now; still queued or running when it waits or somebody else has it.
    """
    status = run.noted_status()
    verdict = _verdict(run, status, left)
    if verdict is None:
        return status
    run.remove_unfinished()
    state, reason = verdict
    status = _ended(status, state, reason)
    if left.usage is not None:
        status = replace(
            status,
            cpu_seconds=round(left.usage.cpu_seconds, 2),
            peak_rss_mb=round(left.peak_mb, 1),
        )
    run.write_status(status)
    return status


def refuse(run: Run, reason: str) -> Status | None:
    """Note that a waiting job failed before it began; call it inside `changing`.

    Returns
    -------
    None when it no longer waits.
    """
    status = run.noted_status()
    if status.state != "queued" or (run.path / CLAIM).exists():
        return None
    status = _ended(status, "failed", reason)
    run.write_status(status)
    return status


def _ended(status: Status, state: State, reason: str) -> Status:
    return replace(
        status, state=state, ended=time.time(), exit_code=EXIT_CODES[state], reason=reason
    )


def _verdict(run: Run, status: Status, left: Remains) -> tuple[State, str] | None:
    """Judge what became of a job; None when there is nothing to write."""
    if status.state not in ("queued", "running") or status.alive():
        return None
    if status.state == "queued":
        owner = claimant(run)
        if owner is not None and owner.alive():
            return None
        if not (run.path / CLAIM).exists() and not (run.path / STOP).exists():
            return _verdict_unclaimed(left)
    return run.requested_end() or ("interrupted", left.overdue or _gone(left.end))


def _verdict_unclaimed(left: Remains) -> tuple[State, str] | None:
    """Judge a job that its worker never began."""
    if left.end is None or left.end.code == TAKEN or not left.tried:
        return None  # it waits
    if left.end.code is None or left.end.code < 0:
        return "interrupted", f"{_gone(left.end)}, before it began"
    return "failed", f"its worker could not start (exit code {left.end.code}): see log.txt"


def _gone(end: Exit | None) -> str:
    if end is None or end.code is None:
        return "the process that ran it is gone"
    if end.code == -signal.SIGKILL:
        return "its process was killed (signal 9; if nobody did that, memory ran out)"
    if end.code < 0:
        return f"its process was killed by signal {-end.code}"
    return f"its process ended with exit code {end.code}"
