"""Real workers and supervisors: limits, cancel, start and end, full disk, what is written."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.jobs.tools import AddJob, reason_of, state_of
from workbench.jobs.queue import Entry, cancel, requeue
from workbench.jobs.queue_files import set_parallel_jobs
from workbench.jobs.service import ensure_supervisor, supervisor_pid, wait_for_supervisor
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.process import ProcessIdentity
from workbench.store.runs import Run

Within = Callable[[float, Callable[[], bool]], float]
#: seconds for a worker to start on a busy machine
START = 60.0


def is_over(run: Run) -> bool:
    return state_of(run) not in ("queued", "running")


def has_begun(run: Run) -> bool:
    return (run.path / "journal").exists()


def runs_now(pid: int) -> bool:
    return ProcessIdentity.of(pid) is not None


def supervise(runs_dir: Path, **options: object) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "workbench.jobs.supervisor", str(runs_dir)]
    return subprocess.Popen(line, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload, no-any-return]


def test_jobs_are_done_and_the_supervisor_ends(add: AddJob, runs_dir: Path, within: Within) -> None:
    first, second = add("first", seconds=0.3), add("second", model="popularity")
    ensure_supervisor(runs_dir)
    pid = wait_for_supervisor(runs_dir)
    ensure_supervisor(runs_dir)
    within(START, lambda: is_over(first) and is_over(second))
    assert [(state_of(run), run.complete()) for run in (first, second)] == [("succeeded", True)] * 2
    assert supervisor_pid(runs_dir) == pid, "one was enough"
    status = first.status()
    assert status.cpu_seconds is not None
    assert 0.1 < status.cpu_seconds < 10
    assert status.peak_rss_mb is not None
    assert status.peak_rss_mb > 20
    assert first.environment["threads"] == 1
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)
    events = first.events()[0]
    assert any(event["rate"] for event in events if event["stage"] == "fit")
    assert [event["metrics"] for event in events if event["metrics"]]
    within(START, lambda: supervisor_pid(runs_dir) is None)


def child_of(run: Run) -> int | None:
    """Read the process that a stubborn job has started; None: it has not said yet."""
    path = run.path / "child"
    return int(text) if path.exists() and (text := path.read_text()) else None


def test_a_stubborn_job_and_its_child_are_gone(
    add: AddJob,
    runs_dir: Path,
    within: Within,
    plugin_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(plugin_folder))  # it may step back
    run = add(seconds=600, stubborn=True)
    ensure_supervisor(runs_dir)
    within(START, lambda: child_of(run) is not None)
    worker = psutil.Process(run.status().pid)
    assert worker.nice() == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert os.getsid(worker.pid) == worker.pid
    child = child_of(run)
    assert child is not None
    cancel(run)
    within(START, lambda: is_over(run) and not runs_now(worker.pid) and not runs_now(child))
    assert (state_of(run), reason_of(run)) == ("cancelled", "cancelled while it ran")


def test_a_child_that_outlives_its_job_is_ended(
    add: AddJob, runs_dir: Path, within: Within
) -> None:
    run = add(seconds=0.1, stubborn=True)
    ensure_supervisor(runs_dir)
    within(START, lambda: is_over(run))
    child = int((run.path / "child").read_text())
    assert state_of(run) == "succeeded"
    within(START, lambda: not runs_now(child))


def test_limits_and_ends_without_a_word(add: AddJob, runs_dir: Path, within: Within) -> None:
    set_parallel_jobs(runs_dir, 2)
    slow = add("slow", entry={"time_limit": 3.0}, seconds=600)
    big = add("big", entry={"memory_limit": 400.0}, seconds=600, memory=500)
    silent = add("silent", exit_code=7)
    nowhere = add("nowhere", entry={"folder": str(runs_dir / "gone")})
    wrong = add("wrong", model="trail")
    unwanted = add("unwanted", model="popularity", colour="red")
    ensure_supervisor(runs_dir)
    jobs = (slow, big, silent, nowhere, wrong, unwanted)
    within(2 * START, lambda: all(is_over(run) for run in jobs))
    assert [state_of(run) for run in jobs] == ["failed", "failed", "interrupted", *["failed"] * 3]
    assert reason_of(slow) == "stopped: longer than 3 s"
    assert "more than its limit of 400 MiB" in reason_of(big)
    assert reason_of(silent) == "its process ended with exit code 7"
    assert "No such file or directory" in reason_of(nowhere)
    assert "unknown model 'trail'; did you mean 'trial'?" in reason_of(wrong)
    assert "colour" in reason_of(unwanted)


def test_of_two_supervisors_started_at_once_one_works(
    add: AddJob, runs_dir: Path, within: Within
) -> None:
    runs = [add(str(number), seconds=0.2) for number in range(3)]
    processes = [supervise(runs_dir) for _ in range(3)]
    within(START, lambda: sum(process.poll() is None for process in processes) == 1)
    within(2 * START, lambda: all(is_over(run) for run in runs))
    assert [state_of(run) for run in runs] == ["succeeded"] * 3
    for run in runs:
        assert len((run.path / "journal").read_text().splitlines()) == 1, "each was done once"
    for process in processes:
        process.kill()
        process.wait()


def test_sigterm_ends_supervisor_and_jobs_which_can_be_resumed(
    add: AddJob, runs_dir: Path, within: Within
) -> None:
    first, second = add("first", seconds=600), add("second", seconds=60)
    process = supervise(runs_dir)
    within(START, lambda: has_begun(first))
    process.terminate()
    assert process.wait(timeout=10) == 0
    assert (state_of(first), state_of(second)) == ("interrupted", "queued")
    assert supervisor_pid(runs_dir) is None
    requeue(first, Entry("", ""), resume=True)
    assert state_of(first) == "queued"


def test_states_are_right_after_a_restart(add: AddJob, runs_dir: Path, within: Within) -> None:
    set_parallel_jobs(runs_dir, 2)
    dead, alive = add("dead", seconds=600), add("alive", seconds=60)
    process = supervise(runs_dir)
    within(START, lambda: has_begun(dead) and has_begun(alive))
    process.kill()
    process.wait()
    pid = dead.status().pid
    assert pid is not None
    os.killpg(pid, signal.SIGKILL)
    cancel(alive)
    within(START, lambda: state_of(dead) == "interrupted")  # for every reader, written by nobody
    again = supervise(runs_dir)
    within(START, lambda: dead.noted_status().state == "interrupted")
    within(START, lambda: state_of(alive) == "cancelled")
    again.kill()
    again.wait()


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_fails_jobs_and_the_queue_goes_on(
    add: AddJob, runs_dir: Path, within: Within
) -> None:
    runs = [add("first"), add("second")]
    process = supervise(runs_dir, preexec_fn=limit_files)
    within(START, lambda: all(is_over(run) for run in runs))
    # the last worker would start another supervisor, on the same full disk
    within(START, lambda: not any(runs_now(run.status().pid or 0) for run in runs))
    process.kill()
    process.wait()
    for run in runs:
        assert state_of(run) == "failed"
        assert "cannot be written" in reason_of(run)
        assert not (run.path / "metrics.json").exists()
        requeue(run, Entry("", ""), resume=False)
    ensure_supervisor(runs_dir)
    within(START, lambda: all(is_over(run) for run in runs))
    assert [state_of(run) for run in runs] == ["succeeded"] * 2, "nothing was lost"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without permissions")
def test_a_read_only_folder_is_named(add: AddJob, runs_dir: Path) -> None:
    add()
    for folder in (runs_dir, *runs_dir.parents[:3]):
        folder.chmod(0o755)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            ensure_supervisor(runs_dir)
        except StoreError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert b"cannot be written: Permission denied" in os.read(reader, 1000)
    assert [run.state for run in list_runs(runs_dir)] == ["queued"]


def test_a_supervisor_that_cannot_start_is_an_error(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python")
    with pytest.raises(StoreError, match="No such file"):
        ensure_supervisor(runs_dir)


def test_a_spec_from_a_stranger_executes_nothing(
    add: AddJob, runs_dir: Path, tmp_path: Path, within: Within
) -> None:
    trap = tmp_path / "trap"
    specs = [
        f"!!python/object/apply:os.system ['touch {trap}']\n",
        f"dataset: small\nmodel: !!python/name:os.system\nlabel: 'touch {trap}'\n",
        f"dataset: small\nmodel: os.system\nparams: {{command: touch {trap}}}\n",
        f"dataset: small\nmodel: ../../{trap}\n",
    ]
    runs = []
    for spec in specs:
        run = add()
        (run.path / "spec.yaml").write_text(spec)
        runs.append(run)
    ensure_supervisor(runs_dir)
    within(2 * START, lambda: all(is_over(run) for run in runs))
    assert [state_of(run) for run in runs] == ["failed"] * 4
    assert not trap.exists()
    assert "unknown model 'os.system'" in reason_of(runs[2])


def test_a_worker_goes_on_although_its_log_is_huge(
    add: AddJob, runs_dir: Path, within: Within
) -> None:
    run = add(seconds=0.1)
    (run.path / "log.txt").write_bytes(b"x" * 6_000_000)
    ensure_supervisor(runs_dir)
    within(START, lambda: is_over(run))
    assert state_of(run) == "succeeded"
    assert (run.path / "log.1.txt").stat().st_size > 6_000_000
    assert (run.path / "log.txt").stat().st_size < 10_000
    assert json.loads((run.path / "claim.json").read_text())["pid"] == run.status().pid
