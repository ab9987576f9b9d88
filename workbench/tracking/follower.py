"""Tells one tracker of one run, whatever the tracker does.

events.jsonl is the queue between the two: a tracker that is slow lags behind in it, and nothing
waits for it in memory. A call that lasts too long is left alone, in its thread; one that raises is
tried again. After the job's end there is a limit of time, and what was not sent by then is counted
and said in the run's log.txt, in one line.
"""

from __future__ import annotations

import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from workbench.jobs.logs import TextLog
from workbench.jobs.reasons import reason_of
from workbench.store.files import open_regular
from workbench.store.runs import LOG, Run, Status
from workbench.tracking.base import Tracker
from workbench.tracking.journal import Journal, read_journal, write_journal
from workbench.tracking.targets import Target, without_secrets
from workbench.tracking.told import end_of, points_of_events, start_of

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """Seconds, and how often something is tried.

    Parameters
    ----------
    call
        For one call of the tracker.
    load
        For the import of its package.
    end
        From the job's end, or from when the package is there, to giving up.
    tries
        Calls that fail one after the other before the tracker is left alone until the job ended.
    """

    call: float = 10.0
    load: float = 60.0
    end: float = 25.0
    tries: int = 3


class NoAnswerError(Exception):
    """A call did not return in time."""


class Follower:
    """Tells a tracker of a run, a `step` at a time.

    Parameters
    ----------
    make
        Makes the tracker.
    """

    def __init__(
        self,
        run: Run,
        target: Target,
        make: Callable[[], Callable[[], Tracker]],
        limits: Limits = Limits(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run, self._target, self._make = run, target, make
        self._limits, self._clock = limits, clock
        known = read_journal(run.path, target)
        fresh = Journal(str(target))
        self.journal = replace(known or fresh, state="following", unsent=0, reason="")
        self.journal = replace(self.journal, pid=os.getpid())
        self._tracker: Tracker | None = None
        self._loaded: Callable[[], Tracker] | None = None
        self._failures = 0
        self._silent = False
        self._reason = ""
        self._deadline: float | None = None
        write_journal(run.path, target, self.journal)

    def step(self) -> bool:
        """Send what is new.

        Returns
        -------
        Whether the job goes on.
        """
        status = self._run.status()
        if status.state in ("queued", "running"):
            if status.state == "running" and self._failures < self._limits.tries:
                self._send(status)
            return True
        self._finish(status)
        return False

    def _finish(self, status: Status) -> None:
        """Send the rest and the result, as often as it takes within the limit, and say so."""
        with suppress(Exception):  # it is said when the tracker is made
            self._load()
        self._deadline = self._clock() + self._limits.end
        state, self._silent = "incomplete", False
        for _ in range(self._limits.tries):
            if self._send(status) and self._send_end(status):
                state = "sent"
                break
            if self._silent or self._clock() >= self._deadline:
                break
        lost = 0 if state == "sent" else self._count_unsent()
        self._note(state=state, unsent=lost, reason="" if state == "sent" else self._reason)
        with suppress(OSError), open_regular(self._run.path / LOG, "ab") as file:
            TextLog(file, self._run.path / LOG)(self.journal.said())

    def _send(self, status: Status) -> bool:
        """Send the values that are new; tell whether all went well."""
        try:
            tracker = self._begun(status)
            while True:
                events, offset = self._run.events(self.journal.offset)
                points = points_of_events(events)
                if points:
                    self._call(tracker.log, points)
                if offset == self.journal.offset:
                    break
                self._note(offset=offset, values=self.journal.values + len(points))
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises is why
            return self._failed(error)
        self._failures = 0
        return True

    def _send_end(self, status: Status) -> bool:
        try:
            with tempfile.TemporaryDirectory(prefix="recsys-workbench-") as folder:
                end = end_of(self._run, status, Path(folder))
                self._call(self._begun(status).end, end)
        except Exception as error:  # noqa: BLE001
            return self._failed(error)
        return True

    def _begun(self, status: Status) -> Tracker:
        """Make the tracker and begin the run there, unless that was done."""
        if self._tracker is None:
            tracker = self._call(self._load())
            run = self._call(tracker.begin, start_of(self._run, status), self.journal.run)
            self._tracker = tracker
            self._note(run=str(run))
        return self._tracker

    def _load(self) -> Callable[[], Tracker]:
        """Import the tracker's package, once: that takes seconds, and is no call of the tracker."""
        if self._loaded is None:
            self._loaded = answered(self._make, seconds=self._limits.load)
        return self._loaded

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call the tracker, and note the time it takes."""
        limit, started = self._limits.call, time.monotonic()
        if self._deadline is not None:
            limit = min(limit, max(0.0, self._deadline - self._clock()))
        try:
            return answered(function, *arguments, seconds=limit)
        finally:
            seconds = self.journal.seconds + time.monotonic() - started
            self.journal = replace(self.journal, seconds=round(seconds, 4))

    def _failed(self, error: Exception) -> bool:
        reason = (
            str(error) if isinstance(error, NoAnswerError) else reason_of(error, self._run.path)
        )
        self._reason = without_secrets(reason)
        self._failures += 1
        if isinstance(error, NoAnswerError):  # its thread may still be at it: a new one is made
            self._tracker, self._failures, self._silent = None, self._limits.tries, True
        return False

    def _count_unsent(self) -> int:
        lost, offset = 0, self.journal.offset
        while True:
            events, end = self._run.events(offset)
            if end == offset:
                return lost
            lost, offset = lost + len(points_of_events(events)), end

    def _note(self, **changes: Any) -> None:
        self.journal = replace(self.journal, **changes)
        write_journal(self._run.path, self._target, self.journal)


def answered(function: Callable[..., T], *arguments: Any, seconds: float) -> T:
    """Call code of others in a thread of its own, and wait no longer than `seconds`.

    Raises
    ------
    NoAnswerError
        It did not return in time; the thread is left to itself.
    """
    box: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def work() -> None:
        try:
            box.put((True, function(*arguments)))
        except BaseException as error:  # noqa: BLE001 - sys.exit too
            box.put((False, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        well, value = box.get(timeout=seconds)
    except queue.Empty:
        raise NoAnswerError(f"no answer within {seconds:.3g} s") from None
    if not well:
        raise value if isinstance(value, Exception) else RuntimeError(reason_of(value, Path()))
    found: T = value
    return found
