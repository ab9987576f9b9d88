"""Kill -9 at random: workers, the supervisor, a reader, while a queue of jobs is done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from workbench.jobs.queue import Entry, requeue
from workbench.jobs.service import ensure_supervisor, supervisor_pid
from workbench.store.listing import list_runs
from workbench.store.runs import Run

#: what an interactive session does with a runs folder, as far as the queue is concerned
_READER = """
import sys, time
from pathlib import Path
from workbench.jobs.service import ensure_supervisor
from workbench.store.listing import RunListing
listing = RunListing(Path(sys.argv[1]))
while True:
    listing.refresh()
    ensure_supervisor(listing.runs_dir)
    time.sleep(0.2)
"""

_VICTIMS = ["worker"] * 3 + ["supervisor"] * 2 + ["reader"]


class Chaos:
    """Kills what works on a runs folder, and starts again what a person would."""

    def __init__(self, runs_dir: Path, seed: int) -> None:
        self.runs_dir = runs_dir
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.hit: set[str] = set()
        self.resumed: Counter[str] = Counter()
        self._reader = self._start_reader()

    def _start_reader(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _READER, str(self.runs_dir)])

    def rage(self, kills: int, longest_wait: float) -> None:
        """Kill `kills` processes at random moments; what was interrupted is resumed meanwhile."""
        victims = (_VICTIMS * -(-kills // len(_VICTIMS)))[:kills]
        self.random.shuffle(victims)
        while victims:
            time.sleep(self.random.uniform(0.05, longest_wait))
            if self._kill(victims[-1]):
                self.kills[victims.pop()] += 1
            elif not any(run.state != "succeeded" for run in list_runs(self.runs_dir)):
                raise AssertionError(f"the jobs were done before {len(victims)} of the kills")
            if self.random.random() < 0.5:
                self.resume()

    def _kill(self, victim: str) -> bool:
        """Kill one of a kind; tell whether there was one."""
        if victim == "reader":
            self._reader.kill()
            self._reader.wait()
            self._reader = self._start_reader()
            return True
        if victim == "supervisor":
            pid = supervisor_pid(self.runs_dir)
            return bool(pid) and _kill_process(pid or 0)
        workers = self.workers()
        if not workers:
            return False
        process, run_id = self.random.choice(workers)
        self.hit.add(run_id)
        return _kill_process(process.pid)

    def workers(self) -> list[tuple[psutil.Process, str]]:
        """Find the worker processes and their runs, those that have not claimed one too."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "workbench.jobs.worker" in words and words[-1].startswith(str(self.runs_dir)):
                found.append((process, Path(words[-1]).name))
        return found

    def resume(self) -> int:
        """Put back what was interrupted."""
        interrupted = [run for run in list_runs(self.runs_dir) if run.state == "interrupted"]
        for run in interrupted:
            requeue(Run(run.folder), Entry("", ""), resume=True)
            self.resumed[run.run_id] += 1
        ensure_supervisor(self.runs_dir)
        return len(interrupted)

    def calm_down(self, limit: float) -> None:
        """Kill no more, and wait until nothing waits or runs."""
        give_up = time.monotonic() + limit
        while any(run.state in ("queued", "running") for run in list_runs(self.runs_dir)):
            assert time.monotonic() < give_up, f"jobs are left after {limit} s"
            ensure_supervisor(self.runs_dir)
            time.sleep(0.1)
        self._reader.kill()
        self._reader.wait()


def _kill_process(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
