"""Jobs on a Dask cluster: one task each; events and artefacts come back into the run folder."""

from __future__ import annotations

import queue
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from recsys_core.errors import InputError
from recsys_core.events import Event
from workbench.jobs.attempt import EXIT_CODES, Attempt, claim
from workbench.jobs.dask_parcel import pack_data, pack_job, write_files
from workbench.jobs.dask_task import ask_to_end, run_job
from workbench.jobs.logs import EventLog, TextLog, open_events
from workbench.jobs.processes import TAKEN, Exit, Usage, Worker
from workbench.jobs.queue import Entry
from workbench.store.files import StoreError, open_regular
from workbench.store.process import ProcessIdentity
from workbench.store.runs import EVENTS, LOG, Run, State

#: seconds to reach the scheduler, and between two looks at a task
_CONNECT, _POLL = 10.0, 0.1
#: seconds between two requests to end, and what the result of an ended job gets to arrive
_ASK_AGAIN, _PATIENCE = 1.0, 4.0
#: seconds before an end that a full disk prevented is written down again
_RETRY = 1.0


class _Stopped(Exception):  # noqa: N818 - no error
    """The job ended without a result, and not by its own fault; the message says why."""


class DaskExecutor:
    """Starts one Dask task per job.

    Parameters
    ----------
    address
        The scheduler's, e.g. ``tcp://10.0.0.5:8786``.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._client: Client | None = None
        self._lock = threading.Lock()

    def start(self, run: Run, entry: Entry) -> Worker:
        """Claim a job for this process and begin it in the background."""
        worker = DaskWorker(self, run, entry, claim(run))
        worker.start()
        return worker

    def adopt(self, run: Run, identity: ProcessIdentity) -> Worker | None:
        """Find nothing: a task ends with the supervisor that waits for it."""
        return None

    def client(self) -> Client:
        """Connect, or give the connection that there is.

        Raises
        ------
        InputError
            Nobody answers.
        """
        with self._lock:
            if self._client is None or self._client.status != "running":
                try:
                    self._client = Client(self.address, timeout=_CONNECT, set_as_default=False)
                except (OSError, TimeoutError) as error:
                    raise InputError(
                        f"no Dask scheduler answers at {self.address}: {type(error).__name__}",
                        "start one with: dask scheduler",
                    ) from error
            return self._client


class DaskWorker(threading.Thread):
    """Waits for one task, writes down its events, and in the end what came of it."""

    def __init__(
        self, cluster: DaskExecutor, run: Run, entry: Entry, attempt: Attempt | None
    ) -> None:
        super().__init__(daemon=True, name=run.run_id)
        self._cluster = cluster
        self._run = run
        self._entry = entry
        self._attempt = attempt
        self._messages: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._asked = threading.Event()
        self._kill_at: float | None = None
        self._address = ""
        self._token = ""
        self._received = 0

    # what the supervisor sees

    def exit(self) -> Exit | None:
        """Tell whether the end is written down."""
        if self.is_alive():
            return None
        return Exit(TAKEN if self._attempt is None else 0)

    def terminate(self) -> None:
        """Ask the job to end, wherever it is."""
        self._asked.set()

    def kill(self) -> None:
        """Wait no longer than the cluster needs to kill it and to send what is left."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + _PATIENCE

    def seconds(self) -> float:
        """Give nothing: limits are kept where the job runs."""
        return 0.0

    def usage(self) -> Usage | None:
        """Give nothing: limits are kept where the job runs."""
        return None

    # what it does

    def run(self) -> None:
        """Do the job to its end."""
        if self._attempt is None:
            return
        try:
            result = self._result()
            state, reason = self._judge(result)
        except _Stopped as stopped:
            result, (state, reason) = {}, self._stopped(str(stopped))
        except InputError as error:
            result, state, reason = {}, "failed", "; ".join(str(error).splitlines())
        except Exception as error:  # noqa: BLE001 - whatever happens on a cluster becomes the reason
            self._note("failed\n" + "".join(traceback.format_exception(error)).rstrip())
            result, state = {}, "failed"
            reason = f"on the cluster: {type(error).__name__}: {error}".splitlines()[0]
        self._conclude(self._attempt, result, state, reason)

    def _result(self) -> dict[str, Any]:
        job = pack_job(self._run, self._entry)
        result = self._wait_for(job, None)
        if result.get("needs_data"):
            self._note(f"sending data set {job['data']['name']} to the cluster")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it is large
                # a task of its own: the scheduler can give it to another worker again and again
                key = f"recsys-workbench-data-{job['data']['fingerprint']}"
                data: Future[Any] = self._cluster.client().submit(
                    dict, pack_data(self._entry, job["data"]["name"]), key=key
                )
            result = self._wait_for(job, data)
        return result

    def _wait_for(self, job: dict[str, Any], data: Future[Any] | None) -> dict[str, Any]:
        client = self._cluster.client()
        key = f"recsys-workbench-{self._run.run_id}-{time.time_ns()}"
        client.subscribe_topic(key, lambda event: self._messages.put(event[1]))
        asked_at = 0.0
        future = client.submit(run_job, job, data, key=key, pure=False)
        try:
            while not future.done():
                time.sleep(_POLL)
                self._take_messages()
                now = time.monotonic()
                if self._asked.is_set() and now - asked_at > _ASK_AGAIN:
                    asked_at = now
                    self._ask(client, key)
                if self._kill_at is not None and now > self._kill_at:
                    raise _Stopped("it was asked to end and did not")
            return self._outcome(future)
        finally:
            client.unsubscribe_topic(key)
            with suppress(Exception):  # the scheduler is gone
                future.cancel()

    def _ask(self, client: Client, key: str) -> None:
        if not self._address:
            raise _Stopped("asked to end before a worker had it")
        with suppress(Exception):  # the worker was lost; the task gets another one, asked again
            client.run(ask_to_end, key, workers=[self._address])

    def _outcome(self, future: Future[Any]) -> dict[str, Any]:
        if future.status in ("cancelled", "lost"):
            raise _Stopped(f"the Dask scheduler {self._cluster.address} is gone")
        try:
            result: dict[str, Any] = future.result()
        except KilledWorker as error:
            raise _Stopped("the workers that had it were lost, one after the other") from error
        self._take_messages()
        return result

    def _take_messages(self) -> None:
        """Write the events that arrived."""
        with suppress(queue.Empty):
            while True:
                message = self._messages.get_nowait()
                if self._token and message["token"] != self._token:
                    self._tell(f"worker {self._address} was lost: beginning again")
                if message["token"] != self._token:
                    self._token, self._received = message["token"], 0
                    self._address = message["worker"]
                    self._note(f"worker {self._address} of {self._cluster.address} has it")
                self._write_events(message["lines"].encode())

    def _write_events(self, lines: bytes) -> None:
        if lines:
            with suppress(OSError), open_events(self._run.path / EVENTS) as file:
                file.write(lines)
            self._received += len(lines)

    def _tell(self, text: str) -> None:
        """Say something in the log, and to those who wait for the job."""
        self._note(text)
        with suppress(OSError), open_events(self._run.path / EVENTS) as file:
            EventLog(file)(Event("load", message=text))

    def _note(self, text: str) -> None:
        with suppress(OSError), open_regular(self._run.path / LOG, "ab") as file:
            TextLog(file, self._run.path / LOG)(text)

    def _judge(self, result: Mapping[str, Any]) -> tuple[State, str]:
        state: State = result["state"]
        if state == "cancelled":  # there it knows only that it was asked to end
            return self._stopped("asked to end by its supervisor")
        return state, result["reason"]

    def _stopped(self, reason: str) -> tuple[State, str]:
        return self._run.requested_end() or ("interrupted", reason)

    def _conclude(
        self, attempt: Attempt, result: Mapping[str, Any], state: State, reason: str
    ) -> None:
        """Write down the end, again and again while the disk is full."""
        self._take_rest(result)
        try:
            self._run.remove_unfinished()
            write_files(self._run.path, result.get("files", {}))
        except (StoreError, OSError) as error:
            state, reason = "failed", "; ".join(str(error).splitlines())
            self._run.remove_unfinished()
        status = replace(
            attempt.status,
            state=state,
            exit_code=EXIT_CODES[state],
            reason=reason or None,
            cpu_seconds=result.get("cpu_seconds"),
            peak_rss_mb=result.get("peak_rss_mb"),
        )
        while True:
            try:
                self._run.write_status(replace(status, ended=time.time()))
                break
            except StoreError:
                time.sleep(_RETRY)
        if state == "succeeded":
            self._run.remove_checkpoint()

    def _take_rest(self, result: Mapping[str, Any]) -> None:
        """Write what was not sent while it ran, and the log."""
        if result.get("token") == self._token:
            self._write_events(result["events"][self._received :])
        with suppress(OSError), open_regular(self._run.path / LOG, "ab") as file:
            file.write(result.get("log", b""))
