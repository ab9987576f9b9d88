"""Test users and rows of a job spread over the workers of a Dask cluster, which send lists back.

The process that has the job fits the model, sends it to the workers once, and judges all of their
lists as it would judge its own: figures do not depend on who made them.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from recsys_core.compute.blocks import ResultT, elsewhere
from recsys_core.compute.ranks import same_everywhere
from recsys_core.compute.threads import each_uses
from recsys_core.errors import InputError, LostProcessError
from recsys_core.events import Event, OnEvent
from recsys_core.pipeline.environment import code_fingerprint, package_versions

if TYPE_CHECKING:
    from distributed import Client, Future

#: seconds to reach the scheduler, for a first worker to be there, and between two looks at tasks
_CONNECT, _WAIT, _POLL = 10.0, 30.0, 0.05
#: tasks per thread of the cluster: each costs milliseconds, and one that is lost is done again
_TASKS = 16

_judges: ContextVar[Judges | None] = ContextVar("judges", default=None)


@contextmanager
def judged_by(address: str) -> Iterator[None]:
    """Let the workers of a Dask cluster list and score what jobs inside are judged on.

    Parameters
    ----------
    address
        The scheduler's, e.g. ``tcp://10.0.0.5:8786``.

    Raises
    ------
    InputError
        Nobody answers there, there are no workers, or they have other versions.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address}: {type(error).__name__}",
            "start one with: dask scheduler",
        ) from error
    with client:
        _check_workers(client, address)
        token = _judges.set(Judges(client, address))
        try:
            yield
        finally:
            _judges.reset(token)


def _check_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_WAIT)
    except TimeoutError as error:
        raise InputError(
            f"the Dask scheduler {address} has no workers", f"start some: dask worker {address}"
        ) from error
    found = client.run(_facts, on_error="return")
    for worker, facts in found.items():
        if isinstance(facts, BaseException):
            raise InputError(f"worker {worker}: {facts!r}", _SAME)
    differs = same_everywhere([_facts(), *found.values()], ["this process", *found])
    if differs:
        raise InputError(differs, _SAME)


_SAME = "install the same versions on all workers"


def _facts() -> dict[str, str]:
    packages = {f"package {name}": version for name, version in package_versions().items()}
    return {"code": code_fingerprint(None), **packages}


@contextmanager
def judges_at_work(on_event: OnEvent) -> Iterator[None]:
    """Send blocks of what is done inside to the workers, if `judged_by` has chosen some."""
    judges = _judges.get()
    if judges is None:
        yield
        return

    def send(
        work: Callable[[slice], ResultT], slices: Sequence[slice], threads: int
    ) -> list[ResultT]:
        return judges.map(work, slices, threads, on_event)

    with elsewhere(send):
        yield


class Judges:
    """The workers of a Dask cluster.

    Parameters
    ----------
    address
        How the scheduler is called in messages.
    """

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address

    def map(
        self,
        work: Callable[[slice], ResultT],
        slices: Sequence[slice],
        threads: int,
        on_event: OnEvent,
    ) -> list[ResultT]:
        """Do the work for all slices; give the results in their order.

        Parameters
        ----------
        threads
            How many each slice may use.

        Raises
        ------
        LostProcessError
            So many workers were lost that nobody has the work any more.
        """
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        lost: queue.SimpleQueue[str] = queue.SimpleQueue()
        workers = list(self._client.nthreads())
        for worker in workers:  # the topic `all` has what scheduler 2026.8 itself cannot send
            self._client.subscribe_topic(worker, partial(_note_loss, lost, worker))
        try:
            return self._gather(work, slices, threads, lost, on_event)
        except KilledWorker as error:
            raise LostProcessError(
                "the workers that had it were lost, one after the other"
            ) from error
        except (CancelledError, OSError) as error:
            _tell_lost(lost, on_event)
            here = self._client.status == "running"
            gone = "all workers that had the model are" if here else "it is"
            raise LostProcessError(f"Dask scheduler {self._address}: {gone} gone") from error
        finally:
            with suppress(Exception):  # the scheduler is gone
                for worker in workers:
                    self._client.unsubscribe_topic(worker)

    def _gather(
        self,
        work: Callable[[slice], ResultT],
        slices: Sequence[slice],
        threads: int,
        lost: queue.SimpleQueue[str],
        on_event: OnEvent,
    ) -> list[ResultT]:
        client = self._client
        at_once = max(1, sum(client.nthreads().values()))
        size = -(-len(slices) // (at_once * _TASKS))
        # every worker has it, so that the loss of some is none
        (sent,) = client.scatter([work], broadcast=True, hash=False)
        tasks = [
            client.submit(_do, sent, slices[start : start + size], threads, pure=False)
            for start in range(0, len(slices), size)
        ]
        pending: set[Future[list[ResultT]]] = set(tasks)
        results: dict[Future[list[ResultT]], list[ResultT]] = {}
        while pending:
            time.sleep(_POLL)
            for task in [task for task in pending if task.done()]:
                results[task] = task.result()
                pending.discard(task)
            _tell_lost(lost, on_event)
            on_event(Event("evaluate", len(results), len(tasks)))
        return [result for task in tasks for result in results[task]]


def _note_loss(lost: queue.SimpleQueue[str], worker: str, event: tuple[float, Any]) -> None:
    if isinstance(event[1], dict) and event[1].get("action") == "remove-worker":
        lost.put(worker)


def _tell_lost(lost: queue.SimpleQueue[str], on_event: OnEvent) -> None:
    with suppress(queue.Empty):
        while True:
            worker = lost.get_nowait()
            on_event(Event("evaluate", message=f"worker {worker} was lost: others do its part"))


def _do(work: Callable[[slice], ResultT], slices: Sequence[slice], threads: int) -> list[ResultT]:
    with each_uses(threads):
        return [work(part) for part in slices]
