"""What the queue costs: listing, following, starting; CPU time where a clock would not be fair."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys_core.events import Event
from recsys_core.pipeline.run import load_split
from recsys_core.pipeline.run import run as run_spec
from recsys_core.pipeline.spec import JobSpec
from tests.jobs.tools import AddJob, spec_of, state_of
from tests.workbench.test_store_runs import write_run
from workbench.jobs.attempt import claim
from workbench.jobs.execute import do_job
from workbench.jobs.logs import run_logs
from workbench.store.listing import RunListing, list_runs
from workbench.store.runs import Run


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU time of this thread that `work` took."""
    taken = []
    for _ in range(repeats):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return min(taken)


@pytest.mark.soak
def test_ten_thousand_runs_are_listed_and_filtered_at_once(runs_dir: Path) -> None:
    model = write_run(runs_dir, "model")
    for number in range(10_000 - 1):
        folder = runs_dir / f"20200101-000000-run-{number:05}"
        shutil.copytree(model.path, folder, copy_function=shutil.copy2)
    list_runs(runs_dir)
    time.sleep(1.1)
    list_runs(runs_dir)
    command = "from pathlib import Path; import sys; from workbench.store.listing import list_runs"
    code = f"{command}; assert len(list_runs(Path(sys.argv[1]))) == 10_000"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, str(runs_dir)], check=True)
    print("a new process:", time.perf_counter() - started)  # noqa: T201
    assert cpu_seconds(lambda: list_runs(runs_dir), 3) < 0.3
    listing = RunListing(runs_dir)
    listing.refresh()

    def filtered() -> list[str]:
        return [run.run_id for run in listing.refresh() if run.metrics.get("ndcg@10", 0) > 0.2]

    filtered()
    assert cpu_seconds(filtered, 3) < 0.1


def test_following_four_jobs_takes_little_of_a_core(add: AddJob, runs_dir: Path) -> None:
    runs = [add(str(number)) for number in range(4)]
    for run in runs:
        assert claim(run) is not None
    over = threading.Event()

    def write(run: Run) -> None:
        with run_logs(run.path / "events.jsonl", run.path / "log.txt") as (event, _):
            step = 0
            while not over.wait(0.05):  # 20 a second
                step += 1
                event(Event("fit", step, 10_000, {"loss": 1 / step, "auc": 0.5}))

    writers = [threading.Thread(target=write, args=(run,)) for run in runs]
    for writer in writers:
        writer.start()
    listing = RunListing(runs_dir)
    offsets = dict.fromkeys(range(4), 0)
    seen = 0
    started, used = time.perf_counter(), time.thread_time()
    for _ in range(15):  # five times a second
        time.sleep(0.2)
        listing.refresh()
        for number, run in enumerate(runs):
            events, offsets[number] = run.events(offsets[number])
            seen += len(events)
    used = time.thread_time() - used
    passed = time.perf_counter() - started
    over.set()
    for writer in writers:
        writer.join()
    print(f"{used / passed:.1%} of a core, {seen / passed:.0f} events a second")  # noqa: T201
    assert seen > 100
    assert used / passed < 0.15


def test_a_job_costs_little_more_than_the_run_itself(
    add: AddJob, data_dir: Path, runs_dir: Path
) -> None:
    spec = JobSpec.model_validate(spec_of("popularity", "p", {}))

    def alone() -> None:
        split = load_split(spec, data_dir=data_dir)
        run_spec(spec, data_dir=data_dir, out_dir=runs_dir.parent / "alone", split=split)

    def as_job() -> None:
        run = add("p", "popularity")
        attempt = claim(run)
        assert attempt is not None
        do_job(attempt, spec, data_dir=data_dir)
        assert state_of(run) == "succeeded"

    for work in (alone, as_job):
        work()  # imports and caches
    overhead = cpu_seconds(as_job, 5) - cpu_seconds(alone, 5)
    print(f"overhead {overhead:.3f} s")  # noqa: T201
    assert overhead < 0.3


def test_events_are_written_at_most_twenty_a_second_and_no_epoch_is_lost(add: AddJob) -> None:
    run = add()
    with run_logs(run.path / "events.jsonl", run.path / "log.txt") as (event, _):
        end = time.monotonic() + 0.5
        step = 0
        while time.monotonic() < end:
            step += 1
            event(Event("fit", step, 10**9, {}))
            time.sleep(0.001)
        for epoch in range(200):
            event(Event("fit", epoch, 10**9, {"loss": float(epoch)}))
    events = run.events()[0]
    plain = [e for e in events if not e["metrics"]]
    assert len(plain) <= 11
    assert [e["metrics"]["loss"] for e in events if e["metrics"]] == [float(n) for n in range(200)]


def test_a_line_that_a_killed_worker_left_half_written_costs_only_itself(add: AddJob) -> None:
    run = add()
    path = run.path / "events.jsonl"
    path.write_bytes(json.dumps({"stage": "fit", "step": 1}).encode() + b'\n{"stage": "fi')
    with run_logs(path, run.path / "log.txt") as (event, _):
        event(Event("fit", 2, 9, {"loss": 0.5}))
    assert [e["step"] for e in run.events()[0]] == [1, 2]
