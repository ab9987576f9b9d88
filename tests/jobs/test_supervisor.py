"""What the supervisor decides, with workers that are told what becomes of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.jobs.tools import AddJob, reason_of, state_of
from tests.workbench.test_store_runs import result_of
from workbench.jobs import settle, supervisor
from workbench.jobs.attempt import Attempt, claim
from workbench.jobs.processes import TAKEN, Executor, Exit, Usage, Worker
from workbench.jobs.queue import Entry, cancel, requeue
from workbench.jobs.queue_files import pause, set_parallel_jobs, unpause
from workbench.jobs.supervisor import Supervisor
from workbench.store.files import StoreError, write_json
from workbench.store.process import ProcessIdentity
from workbench.store.runs import CHECKPOINT, Run, Status


class FakeWorker:
    """A worker that does what the test says."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.end: Exit | None = None
        self.signals: list[str] = []
        self.age = 0.0
        self.used = Usage(1.5, 100.0)

    def exit(self) -> Exit | None:
        return self.end

    def terminate(self) -> None:
        self.signals.append("term")

    def kill(self) -> None:
        self.signals.append("kill")
        self.die(-9)

    def seconds(self) -> float:
        return self.age

    def usage(self) -> Usage | None:
        return self.used

    def begin(self) -> Attempt:
        attempt = claim(self.run)
        assert attempt is not None
        return attempt

    def succeed(self) -> None:
        attempt = self.begin()
        write_json(self.run.path / "metrics.json", result_of("job", 0.5))
        attempt.succeed()
        self.end = Exit(0)

    def die(self, code: int) -> None:
        """End without a word; the pid that was noted is nobody's."""
        status = self.run.noted_status()
        if status.state == "running":
            self.run.write_status(replace(status, process_started=-1.0))
        self.end = Exit(code)


class FakeExecutor:
    """Starts workers that the test holds in its hands."""

    def __init__(self) -> None:
        self.workers: dict[str, FakeWorker] = {}
        self.adopted: list[str] = []
        self.error: OSError | None = None

    def start(self, run: Run, entry: Entry) -> Worker:
        if self.error is not None:
            raise self.error
        worker = self.workers[run.spec["label"]] = FakeWorker(run)
        return worker

    def adopt(self, run: Run, identity: ProcessIdentity) -> Worker | None:
        self.adopted.append(run.spec["label"])
        return self.start(run, Entry("", ""))


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def boss(runs_dir: Path, executor: FakeExecutor) -> Supervisor:
    checked: Executor = executor
    return Supervisor(runs_dir, checked)


def test_so_many_jobs_run_at_once(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, runs_dir: Path
) -> None:
    for label in "abcd":
        add(label)
    assert boss.tick()
    assert list(executor.workers) == ["a"], "one unless told otherwise"
    set_parallel_jobs(runs_dir, 2)
    boss.tick()
    assert list(executor.workers) == ["a", "b"]
    executor.workers["b"].succeed()
    boss.tick()
    assert list(executor.workers) == ["a", "b", "c"]


def test_a_job_may_ask_for_more_at_once(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    for label in "abcd":
        add(label, entry={"jobs": 3})
    boss.tick()
    assert list(executor.workers) == ["a", "b", "c"]


def test_a_paused_queue_starts_nothing_and_is_idle(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, runs_dir: Path
) -> None:
    add("a")
    pause(runs_dir)
    assert not boss.tick()
    assert not executor.workers
    unpause(runs_dir)
    assert boss.tick()
    assert list(executor.workers) == ["a"]


def test_a_job_starts_after_those_it_needs(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, runs_dir: Path
) -> None:
    set_parallel_jobs(runs_dir, 9)
    first = add("first")
    add("second", entry={"after": (first.run_id,), "priority": 9})
    add("third")
    boss.tick()
    assert list(executor.workers) == ["first", "third"]
    executor.workers["first"].succeed()
    boss.tick()
    assert list(executor.workers) == ["first", "third", "second"]


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        (3, "failed", "it needs run {}, which failed"),
        (130, "cancelled", "it needs run {}, which was cancelled"),
    ],
)
def test_a_job_whose_need_is_not_met_fails(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, code: int, state: str, reason: str
) -> None:
    first = add("first")
    second = add("second", entry={"after": (first.run_id,)})
    third = add("third", entry={"after": (second.run_id,)})
    boss.tick()
    attempt = executor.workers["first"].begin()
    if state == "failed":
        attempt.fail(ValueError("no"))
    else:
        cancel(first)
        attempt.stop("interrupted")
    executor.workers["first"].end = Exit(code)
    for _ in range(3):
        boss.tick()
    assert state_of(first) == state
    assert (state_of(second), reason_of(second)) == ("failed", reason.format(first.run_id))
    assert state_of(third) == "failed", "and so on"
    assert not boss.tick()


def test_a_job_waits_for_an_interrupted_one_to_be_resumed(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    first = add("first")
    second = add("second", entry={"after": (first.run_id,)})
    boss.tick()
    executor.workers["first"].begin()
    executor.workers["first"].die(-9)
    assert not boss.tick(), "nothing to do"
    assert (state_of(first), state_of(second)) == ("interrupted", "queued")
    requeue(first, Entry("", ""), resume=True)
    boss.tick()
    executor.workers["first"].succeed()
    boss.tick()
    boss.tick()
    assert "second" in executor.workers


Ending = Callable[[FakeWorker], None]


def killed(worker: FakeWorker) -> None:
    worker.begin()
    worker.die(-9)


def killed_before_it_began(worker: FakeWorker) -> None:
    worker.die(-9)


def not_started(worker: FakeWorker) -> None:
    worker.die(1)


def left_without_a_word(worker: FakeWorker) -> None:
    worker.begin()
    worker.die(7)


def killed_after_a_cancel(worker: FakeWorker) -> None:
    worker.begin()
    cancel(worker.run)
    worker.die(-9)


@pytest.mark.parametrize(
    ("ending", "state", "reason"),
    [
        (killed, "interrupted", "its process was killed (signal 9"),
        (killed_before_it_began, "interrupted", "its process was killed (signal 9"),
        (not_started, "failed", "its worker could not start (exit code 1): see log.txt"),
        (left_without_a_word, "interrupted", "its process ended with exit code 7"),
        (killed_after_a_cancel, "cancelled", "cancelled while it ran"),
    ],
)
def test_what_a_dead_worker_left_unsaid_is_written(
    add: AddJob,
    boss: Supervisor,
    executor: FakeExecutor,
    ending: Ending,
    state: str,
    reason: str,
) -> None:
    run = add("a")
    boss.tick()
    boss.tick()
    (run.path / "metrics.json.partial").write_text("{")
    ending(executor.workers["a"])
    assert not boss.tick()
    status = run.noted_status()
    assert status.state == state
    assert (status.reason or "").startswith(reason)
    assert status.exit_code == {"failed": 3}.get(state, 130)
    assert status.ended is not None
    assert not list(run.path.glob("*.partial"))
    assert list(executor.workers) == ["a"], "a start that failed is not tried again"


def test_what_a_killed_job_used_is_written(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    boss.tick()
    boss.tick()
    killed(executor.workers["a"])
    boss.tick()
    assert (run.noted_status().cpu_seconds, run.noted_status().peak_rss_mb) == (1.5, 100.0)


def test_a_job_whose_folder_was_removed_is_let_go(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    boss.tick()
    executor.workers["a"].begin()
    shutil.rmtree(run.path)
    assert boss.tick(), "its worker is still there"
    executor.workers["a"].end = Exit(1)
    assert not boss.tick()


def test_a_start_that_the_system_refuses_fails(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    executor.error = FileNotFoundError(2, "No such file or directory", "/gone")
    assert not boss.tick()
    assert reason_of(run) == "its worker could not start: No such file or directory: /gone"


def test_cancel_asks_then_kills(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.1)
    run = add("a")
    boss.tick()
    worker = executor.workers["a"]
    worker.begin()
    cancel(run)
    boss.tick()
    boss.tick()
    assert worker.signals == ["term"]
    time.sleep(0.12)
    boss.tick()
    assert worker.signals == ["term", "kill"]
    boss.tick()
    assert state_of(run) == "cancelled"


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"time_limit": 60.0}, "stopped: longer than 1 min"),
        ({"memory_limit": 512.0}, "stopped: 600 MiB is more than its limit of 512 MiB"),
    ],
)
def test_a_job_that_breaks_its_limit_fails(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, limit: dict[str, float], reason: str
) -> None:
    run = add("a", entry=dict(limit))
    boss.tick()
    worker = executor.workers["a"]
    attempt = worker.begin()
    worker.age, worker.used = 59.0, Usage(1.0, 500.0)
    boss.tick()
    assert worker.signals == []
    worker.age, worker.used = 61.0, Usage(1.0, 600.0)
    boss._jobs[run.run_id].measured_at = 0.0
    boss.tick()
    assert worker.signals == ["term"]
    (run.path / CHECKPOINT).mkdir()
    assert attempt.stop("interrupted") == "failed"
    assert reason_of(run) == reason
    requeue(run, Entry("data", "folder"), resume=True)
    assert state_of(run) == "queued"
    assert (run.path / CHECKPOINT).exists(), "it goes on from there"


def test_another_supervisor_goes_on(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, runs_dir: Path
) -> None:
    set_parallel_jobs(runs_dir, 3)
    alive, dead, done = add("alive"), add("dead"), add("done")
    boss.tick()
    executor.workers["alive"].begin()
    killed(executor.workers["dead"])
    executor.workers["done"].succeed()
    later = FakeExecutor()
    second = Supervisor(runs_dir, later)
    second.tick()
    assert later.adopted == ["alive"]
    assert [state_of(run) for run in (alive, dead, done)] == [
        "running",
        "interrupted",
        "succeeded",
    ]
    assert dead.noted_status().state == "interrupted", "written, not only shown"


def test_a_worker_that_lost_the_race_leaves_the_job_to_the_winner(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    boss.tick()
    loser = executor.workers["a"]
    assert claim(run) is not None, "by a worker of an earlier supervisor"
    loser.end = Exit(TAKEN)
    boss.tick()
    assert state_of(run) == "running"
    assert executor.adopted == ["a"]


def test_a_claim_without_an_owner_is_an_interrupted_job(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    (run.path / "claim.json").write_text("")  # killed between creating and writing it
    boss.tick()
    assert state_of(run) == "interrupted"
    assert not executor.workers


def test_a_job_put_back_while_its_worker_leaves_is_not_judged_by_it(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    boss.tick()
    leaving = executor.workers["a"]
    leaving.begin().stop("interrupted")
    requeue(run, Entry("", ""), resume=True)
    boss.tick()
    leaving.end = Exit(130)
    boss.tick()
    assert state_of(run) == "queued"
    assert executor.workers["a"] is not leaving, "a new worker was started"


def test_closing_asks_jobs_to_end_and_starts_none(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    first, second = add("a"), add("b")
    boss.tick()
    boss.close()
    worker = executor.workers["a"]
    assert worker.signals == ["term"]
    worker.die(-15)
    assert not boss.tick()
    assert (state_of(first), state_of(second)) == ("queued", "queued"), "neither had begun"


def test_a_full_disk_is_outlasted(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add("a")
    boss.tick()
    killed(executor.workers["a"])
    full = [True]
    write = Run.write_status

    def fail_while_full(self: Run, status: Status) -> None:
        if full[0]:
            raise StoreError("no space left on device")
        write(self, status)

    monkeypatch.setattr(Run, "write_status", fail_while_full)
    monkeypatch.setattr(supervisor, "_RETRY", 0.05)
    assert boss.tick(), "it keeps the job"
    full[0] = False
    time.sleep(0.06)
    boss.tick()
    assert run.noted_status().state == "interrupted"


def test_a_damaged_place_fails_the_job_and_not_the_queue(
    add: AddJob, boss: Supervisor, executor: FakeExecutor
) -> None:
    run = add("a")
    add("b")
    (run.path / "queue.json").write_text("{")
    boss.tick()
    boss.tick()
    assert state_of(run) == "failed"
    assert "queue.json: damaged" in reason_of(run)
    assert list(executor.workers) == ["b"]


def test_a_clock_set_back_breaks_no_limit(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add("a", entry={"time_limit": 60.0})
    boss.tick()
    executor.workers["a"].begin()
    now = time.time()
    for shift in (-86400.0, 86400.0):
        monkeypatch.setattr(time, "time", lambda shift=shift: now + shift)
        boss._jobs[run.run_id].measured_at = 0.0
        assert boss.tick()
        assert executor.workers["a"].signals == []
    assert state_of(run) == "running"


def test_listeners_hear_of_each_end_once(
    add: AddJob, executor: FakeExecutor, runs_dir: Path
) -> None:
    heard: list[tuple[str, str]] = []
    boss = Supervisor(runs_dir, executor, [lambda run, s: heard.append((run.run_id, s.state))])
    run = add("a")
    boss.tick()
    executor.workers["a"].succeed()
    for _ in range(3):
        boss.tick()
    assert heard == [(run.run_id, "succeeded")]


def test_remains_say_nothing_about_a_job_that_waits(add: AddJob) -> None:
    run = add()
    assert settle.settle(run, settle.Remains()).state == "queued"
