"""Where jobs are done: on this machine, or on the Dask cluster that was named."""

from __future__ import annotations

import re
from importlib.util import find_spec

from workbench.jobs.processes import Executor, LocalExecutor, Worker
from workbench.jobs.queue import Entry
from workbench.store.files import StoreError
from workbench.store.process import ProcessIdentity
from workbench.store.runs import Run

#: how the address of a scheduler looks
ADDRESS = re.compile(r"(tcp|tls)://[^\s/:]+(:\d+)|(tcp|tls)://\[[0-9a-fA-F:]+\]:\d+")


class Executors:
    """Starts each job where its entry says.

    Parameters
    ----------
    scheduler
        Address of the Dask cluster for jobs whose entry names none; empty: this machine.
    """

    def __init__(self, scheduler: str = "") -> None:
        self._scheduler = scheduler
        self._local = LocalExecutor()
        self._clusters: dict[str, Executor] = {}

    def start(self, run: Run, entry: Entry) -> Worker:
        """Start work on a job.

        Raises
        ------
        OSError
            Its process cannot be started.
        StoreError
            The job's spec is damaged, its cluster's address is none, or Dask is not installed.
        """
        address = entry.scheduler or self._scheduler
        return (self._cluster(address) if address else self._local).start(run, entry)

    def adopt(self, run: Run, identity: ProcessIdentity) -> Worker | None:
        """Watch a process of this machine; jobs on a cluster end with their supervisor."""
        return self._local.adopt(run, identity)

    def _cluster(self, address: str) -> Executor:
        if address not in self._clusters:
            check_cluster(address)
            from workbench.jobs.dask_executor import DaskExecutor

            self._clusters[address] = DaskExecutor(address)
        return self._clusters[address]


def check_cluster(address: str) -> None:
    """Raise StoreError unless `address` can be a cluster's and Dask is installed."""
    if not ADDRESS.fullmatch(address):
        raise StoreError(
            f"'{address}' is not the address of a Dask scheduler",
            "write e.g. --scheduler tcp://10.0.0.5:8786",
        )
    if find_spec("distributed") is None:
        raise StoreError(
            "a Dask cluster needs the package distributed",
            "install it: pip install 'recsys-workbench[dask]'",
        )
