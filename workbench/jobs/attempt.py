"""One attempt at a job by this process: from the claim to the state it ends in.

Light, so that a worker says that it runs, or that it was asked to end, before it has loaded what
the job needs.
"""

from __future__ import annotations

import json
import resource
import shutil
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from recsys_core.errors import LostProcessError
from recsys_core.pipeline.environment import peak_memory_mb
from workbench.jobs.interrupts import asked_to_end, undisturbed
from workbench.jobs.logs import TextLog
from workbench.jobs.queue import CLAIM, check_unfinished
from workbench.jobs.queue_files import changing
from workbench.jobs.reasons import reason_of
from workbench.store.files import StoreError, explain, open_regular, read_json
from workbench.store.kinds import Kind, check, number, text, whole
from workbench.store.process import ProcessIdentity
from workbench.store.runs import LOG, STATUS, STOP, Run, State, Status

_GONE = "the run folder was moved or deleted while the job ran"
#: the fields of claim.json
_CLAIM: dict[str, Kind] = {"pid": whole, "started": number, "boot_id": text}
#: exit codes that status.json notes
EXIT_CODES: dict[State, int] = {"succeeded": 0, "failed": 3, "cancelled": 130, "interrupted": 130}


@dataclass(frozen=True)
class Attempt:
    """A job that this process runs.

    Parameters
    ----------
    status
        As written when it began.
    cpu_before
        CPU seconds that this process had used then.
    folder
        The run folder itself, whatever its name is by now: device and number.
    """

    run: Run
    status: Status
    cpu_before: float
    folder: tuple[int, int] | None = None

    @classmethod
    def begin(cls, run: Run) -> Attempt:
        """Note that this process runs the job."""
        identity = ProcessIdentity.current()
        status = replace(
            Status("running", created=run.noted_status().created),
            started=time.time(),
            pid=identity.pid,
            process_started=identity.started,
            boot_id=identity.boot_id,
        )
        run.write_status(status)
        return cls(run, status, _cpu_seconds(), _identity(run))

    def check_folder(self) -> None:
        """Raise StoreError when the run folder is no longer where the job began.

        Whoever saves a file would make a folder of that name anew, with half a run in it.
        """
        if self._folder_is_gone():
            raise StoreError(f"{self.run.path}: {_GONE}")

    def _folder_is_gone(self) -> bool:
        return self.folder is not None and _identity(self.run) != self.folder

    def succeed(self) -> None:
        """Note the success; the result is there."""
        self.check_folder()
        self.run.write_status(self._ended("succeeded", None))

    def fail(self, error: BaseException) -> str:
        """Note why the job failed, the traceback in log.txt; return the reason, one line."""
        with undisturbed():
            if self._folder_is_gone():
                self._remove_what_was_made_anew()
                return f"{self.run.path}: {_GONE}"
            reason = reason_of(error, self.run.path)
            self._log("failed\n" + "".join(traceback.format_exception(error)).rstrip())
            self._end_without_result("failed", reason)
        return reason

    def interrupt(self, error: LostProcessError) -> str:
        """Note that the job ended by no fault of its own; return the reason, one line."""
        with undisturbed():
            reason = reason_of(error, self.run.path)
            self._log(f"interrupted: {reason}")
            self._end_without_result("interrupted", reason)
        return reason

    def stop(self, otherwise: State) -> State:
        """Note that the job was asked to end: as it was requested, or as `otherwise`."""
        with undisturbed():
            state, reason = self.run.requested_end() or (
                otherwise,
                "asked to end by ctrl-C or a signal",
            )
            self._log(reason if reason.startswith(state) else f"{state}: {reason}")
            self._end_without_result(state, reason)
        return state

    def _remove_what_was_made_anew(self) -> None:
        """Delete the half of a run that was saved where its folder had been."""
        if not (self.run.path / STATUS).exists():
            shutil.rmtree(self.run.path, ignore_errors=True)
            with suppress(OSError):  # empty but for us
                self.run.path.parent.rmdir()

    def _end_without_result(self, state: State, reason: str) -> None:
        self.run.remove_unfinished()
        # where the disk is full to the last byte the run stays as it is and, once this process is
        # gone, is shown as interrupted
        with suppress(StoreError):
            self.run.write_status(self._ended(state, reason))

    def _ended(self, state: State, reason: str | None) -> Status:
        return replace(
            self.status,
            state=state,
            ended=time.time(),
            exit_code=EXIT_CODES[state],
            reason=reason,
            cpu_seconds=round(_cpu_seconds() - self.cpu_before, 3),
            peak_rss_mb=round(peak_memory_mb(), 1),
        )

    def _log(self, text: str) -> None:
        # a full disk must not hide how the job ended
        with suppress(OSError), open_regular(self.run.path / LOG, "ab") as file:
            TextLog(file, self.run.path / LOG)(text)


def conclude(attempt: Attempt, work: Callable[[], None], otherwise: State) -> tuple[State, str]:
    """Do the work, and whatever happens write down how it ended.

    Parameters
    ----------
    work
        Notes the success itself, as the last thing it does.
    otherwise
        State of a job that a signal ended, when nobody asked for it through the queue.

    Returns
    -------
    The state, and the reason where it failed.
    """
    try:
        work()
    except KeyboardInterrupt:
        return attempt.stop(otherwise), ""
    except BaseException as error:  # noqa: BLE001 - whatever a model raises, sys.exit too, is why
        if asked_to_end():
            return attempt.stop(otherwise), ""
        if isinstance(error, LostProcessError):
            return "interrupted", attempt.interrupt(error)
        return "failed", attempt.fail(error)
    return "succeeded", ""


def _identity(run: Run) -> tuple[int, int] | None:
    try:
        found = run.path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _cpu_seconds() -> float:
    """CPU seconds of this process and those it started and waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def claim(run: Run) -> Attempt | None:
    """Take a waiting job for this process.

    Returns
    -------
    None when there is nothing to take: another process was first, or the job no longer waits.

    Raises
    ------
    StoreError
        The run folder cannot be written.
    """
    with changing(run.path.parent):
        if run.noted_status().state != "queued" or (run.path / STOP).exists():
            return None
        if not _create_claim(run):
            return None
        return Attempt.begin(run)


def take_over(run: Run) -> Attempt:
    """Begin again, in this process, a job that ended without a result.

    Raises
    ------
    InputError
        It succeeded, runs, or waits in the queue (somebody was first).
    """
    with changing(run.path.parent):
        check_unfinished(run)
        for name in (STOP, CLAIM):
            (run.path / name).unlink(missing_ok=True)
        run.remove_unfinished()
        return Attempt.begin(run)


def _create_claim(run: Run) -> bool:
    """Create claim.json unless there is one, whoever holds the lock."""
    path = run.path / CLAIM
    try:
        with path.open("x", encoding="utf-8") as file:
            json.dump(asdict(ProcessIdentity.current()), file)
    except FileExistsError:
        return False
    except OSError as error:
        path.unlink(missing_ok=True)
        raise explain(error, path) from error
    return True


def claimant(run: Run) -> ProcessIdentity | None:
    """Read which process claimed a job; None where nobody did, or died while doing so."""
    path = run.path / CLAIM
    try:
        values = read_json(path)
        check(values, _CLAIM, path)
    except StoreError:
        return None
    return ProcessIdentity(*(values[name] for name in _CLAIM))
