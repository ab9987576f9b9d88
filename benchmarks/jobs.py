"""What the queue costs: listing, following, starting, cancelling, restarting, quitting.

The goals are seconds on an idle machine. Jobs train `mf` on the built-in sample set.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.first_paint import drain, opened
from benchmarks.harness import Figure, median_seconds
from recsys_core.data.load import load_dataset
from recsys_core.events import Event
from recsys_core.pipeline.run import load_split
from recsys_core.pipeline.run import run as run_spec
from recsys_core.pipeline.spec import JobSpec
from tests.tui.folders import write_run
from workbench.jobs.attempt import claim
from workbench.jobs.execute import do_job
from workbench.jobs.logs import run_logs
from workbench.jobs.queue import Entry, add_job, cancel
from workbench.jobs.queue_files import set_parallel_jobs
from workbench.jobs.service import ensure_supervisor, supervisor_pid
from workbench.store.listing import RunListing, list_runs
from workbench.store.process import ProcessIdentity
from workbench.store.runs import Run

_LIST = "from pathlib import Path; import sys; from workbench.store.listing import list_runs"
_ENDLESS = {"epochs": 10_000, "patience": 0}


def measure() -> Iterator[Figure]:
    """Measure in folders of their own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = f"{folder}/home"
        yield from _many(home / "many")
        data_dir = home / "data"
        load_dataset("sample", data_dir)
        yield _figure("overhead of a job over the run alone", _overhead(home, data_dir), 0.3)
        share = _reader(home / "followed", data_dir)
        yield Figure("reading 4 jobs at 20 events/s", "core", share, 0.15, "goal", 1.0)
        with _training(home / "jobs", data_dir, 1) as (run,):
            yield _figure("quit with a job running", _quit(home / "jobs", data_dir), 0.5)
            yield _figure("cancel to process group gone", _cancel(run), 6.0)
        yield _figure("right states after kill and restart", _restart(home, data_dir), 1.0)


def _figure(name: str, ours: float, goal: float) -> Figure:
    return Figure(name, "s", ours, goal, "goal", 1.0)


def _many(runs_dir: Path) -> Iterator[Figure]:
    """Yield the time to list and to filter 10,000 finished runs."""
    model = write_run(runs_dir, "mf-0", model="mf", metrics={"ndcg@10": 0.25})
    for number in range(10_000 - 1):
        shutil.copytree(model, runs_dir / f"20200101-000000-run-{number:05}")
    list_runs(runs_dir)
    time.sleep(1.1)  # a list looks again and again at files younger than a second
    list_runs(runs_dir)
    command = [sys.executable, "-c", f"{_LIST}; list_runs(Path(sys.argv[1]))", str(runs_dir)]
    listed = median_seconds(lambda: subprocess.run(command, check=True))
    yield _figure("list 10,000 runs, a new process", listed, 0.3)
    listing = RunListing(runs_dir)
    listing.refresh()

    def filtered() -> list[str]:
        return [run.run_id for run in listing.refresh() if run.metrics.get("ndcg@10", 0) > 0.2]

    yield _figure("look again and filter 10,000 runs", median_seconds(filtered), 0.1)


def _spec(model: str, params: dict[str, object]) -> JobSpec:
    return JobSpec.model_validate(
        {
            "dataset": "sample",
            "protocol": {"name": "user-timeline"},
            "model": model,
            "params": params,
            "threads": 1,
        }
    )


def _add(runs_dir: Path, data_dir: Path, spec: JobSpec) -> Run:
    place = Entry(str(data_dir), str(runs_dir.parent))
    return add_job(runs_dir, spec.model_dump(mode="json"), "job", place)


def _overhead(home: Path, data_dir: Path) -> float:
    """Seconds that a run folder adds: status, events, logs, results; imports are done before."""
    spec = _spec("popularity", {})

    def alone() -> None:
        split = load_split(spec, data_dir=data_dir)
        run_spec(spec, data_dir=data_dir, out_dir=home / "alone", split=split)

    def as_job() -> None:
        attempt = claim(_add(home / "single", data_dir, spec))
        assert attempt is not None
        do_job(attempt, spec, data_dir=data_dir)

    for work in (alone, as_job):
        work()
    return median_seconds(as_job) - median_seconds(alone)


def _reader(runs_dir: Path, data_dir: Path) -> float:
    """Return the share of a core that it takes to follow four jobs, looking 5 times per second."""
    runs = [_add(runs_dir, data_dir, _spec("mf", {})) for _ in range(4)]
    over = threading.Event()

    def write(run: Run) -> None:
        claim(run)
        with run_logs(run.path / "events.jsonl", run.path / "log.txt") as (event, _):
            step = 0
            while not over.wait(0.05):
                step += 1
                event(Event("fit", step, 10_000, {"loss": 1 / step, "auc": 0.5}))

    writers = [threading.Thread(target=write, args=(run,)) for run in runs]
    for writer in writers:
        writer.start()
    listing, offsets = RunListing(runs_dir), [0] * 4
    started, used = time.perf_counter(), time.thread_time()
    for _ in range(25):
        time.sleep(0.2)
        listing.refresh()
        for number, run in enumerate(runs):
            _, offsets[number] = run.events(offsets[number])
    share = (time.thread_time() - used) / (time.perf_counter() - started)
    over.set()
    for writer in writers:
        writer.join()
    return share


@contextmanager
def _training(runs_dir: Path, data_dir: Path, number: int) -> Iterator[list[Run]]:
    """Give jobs that train without end; nothing is left of them after."""
    runs_dir.mkdir()
    set_parallel_jobs(runs_dir, number)
    runs = [_add(runs_dir, data_dir, _spec("mf", dict(_ENDLESS))) for _ in range(number)]
    ensure_supervisor(runs_dir)
    try:
        _until(lambda: all(len(run.events()[0]) > 5 for run in runs))
        yield runs
    finally:
        for run in runs:
            if run.status().state == "running":
                cancel(run)
        ensure_supervisor(runs_dir)
        _until(lambda: all(run.status().state not in ("queued", "running") for run in runs))


def _until(holds: Callable[[], bool], limit: float = 60.0) -> float:
    """Wait until something holds; return the seconds."""
    started = time.perf_counter()
    while not holds():
        if time.perf_counter() - started > limit:
            raise RuntimeError(f"nothing happened within {limit} s")
        time.sleep(0.005)
    return time.perf_counter() - started


def _quit(runs_dir: Path, data_dir: Path) -> float:
    """Seconds from Enter in the question of `q` to the end of the program; the job runs on."""
    program = str(Path(sys.executable).with_name("recsys-workbench"))
    times = []
    for _ in range(5):
        command = [program, "--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
        with opened(command) as (pid, terminal):
            drain(terminal, 3.0)
            os.write(terminal, b"q")
            drain(terminal, 1.0)
            started = time.perf_counter()
            os.write(terminal, b"\r")
            while ProcessIdentity.of(pid) is not None and time.perf_counter() - started < 10:
                drain(terminal, 0.005)
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def _cancel(run: Run) -> float:
    pid = run.status().pid
    assert pid is not None
    cancel(run)
    return _until(lambda: run.status().state == "cancelled" and ProcessIdentity.of(pid) is None)


def _restart(home: Path, data_dir: Path) -> float:
    """Kill everything; seconds from the next start until the states on disk are right."""
    runs_dir = home / "killed"
    with _training(runs_dir, data_dir, 2) as runs:
        processes = [supervisor_pid(runs_dir), *(run.status().pid for run in runs)]
        for pid in processes:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        _until(lambda: supervisor_pid(runs_dir) is None)
        started = time.perf_counter()
        ensure_supervisor(runs_dir)
        _until(lambda: all(run.noted_status().state == "interrupted" for run in runs))
        return time.perf_counter() - started
