"""The queue as files: order, requests, one change at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from tests.jobs.tools import AddJob, state_of
from workbench.jobs import queue_files
from workbench.jobs.attempt import claim
from workbench.jobs.queue import (
    Entry,
    blocking,
    cancel,
    check_no_cycle,
    editing,
    placed_before,
    read_entry,
    requeue,
    waiting_jobs,
    write_entry,
)
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.runs import Run, Status


def order(runs_dir: Path) -> list[str]:
    return [job.run.spec["label"] for job in waiting_jobs(list_runs(runs_dir))]


def end(run: Run, state: str) -> None:
    run.write_status(Status(state, created=time.time()))  # type: ignore[arg-type]


def test_jobs_go_by_priority_then_in_the_order_they_came(add: AddJob, runs_dir: Path) -> None:
    for label, priority in (("a", 0), ("b", 0), ("c", 5), ("d", -1), ("e", 5)):
        add(label, entry={"priority": priority})
    assert order(runs_dir) == ["c", "e", "a", "b", "d"]


def test_a_clock_set_back_does_not_change_the_order(
    add: AddJob, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for number, label in enumerate("abcd"):
        monkeypatch.setattr(time, "time", lambda number=number: now - 3600 * number)
        add(label)
    assert order(runs_dir) == ["a", "b", "c", "d"]


def test_a_job_is_moved_before_another_one(add: AddJob, runs_dir: Path) -> None:
    runs = {label: add(label) for label in "abcd"}
    for moved, other, expected in (("d", "b", "adbc"), ("c", "a", "cadb"), ("b", "a", "cbad")):
        with editing(runs[moved]) as entry:
            write_entry(runs[moved], placed_before(entry, runs[other], list_runs(runs_dir)))
        assert "".join(order(runs_dir)) == expected


def test_a_job_waits_for_what_it_needs(add: AddJob) -> None:
    entry = Entry("d", "f", after=("one", "two"))
    assert blocking(entry, {"one": "succeeded", "two": "succeeded"}) is None
    assert blocking(entry, {"one": "succeeded", "two": "running"}) == ("two", "running")
    assert blocking(entry, {"two": "succeeded"}) == ("one", None)


def test_a_job_cannot_wait_for_itself(add: AddJob) -> None:
    first = add("first")
    second = add("second", entry={"after": (first.run_id,)})
    check_no_cycle(second, [first.run_id])
    with pytest.raises(InputError, match="would wait for itself"):
        check_no_cycle(first, [second.run_id])


def test_a_waiting_job_is_cancelled_at_once(add: AddJob) -> None:
    run = add()
    assert cancel(run)
    assert state_of(run) == "cancelled"
    with pytest.raises(InputError, match="was cancelled: there is nothing to cancel"):
        cancel(run)


def test_a_running_job_is_asked_to_end(add: AddJob) -> None:
    run = add()
    attempt = claim(run)
    assert attempt is not None
    assert not cancel(run)
    assert attempt.stop("interrupted") == "cancelled"
    assert (state_of(run), run.status().exit_code) == ("cancelled", 130)


def test_retry_forgets_the_attempt_and_resume_goes_on_with_it(add: AddJob, runs_dir: Path) -> None:
    run = add("first")
    add("second")
    attempt = claim(run)
    assert attempt is not None
    attempt.fail(ValueError("no"))
    (run.path / "checkpoint").mkdir()
    (run.path / "events.jsonl").write_text("{}\n")
    requeue(run, Entry("d", "f"), resume=True)
    assert state_of(run) == "queued"
    assert (run.path / "checkpoint").is_dir()
    assert order(runs_dir) == ["second", "first"], "at the end of the queue"
    with pytest.raises(InputError, match="waits in the queue"):
        requeue(run, Entry("d", "f"), resume=False)
    assert claim(run) is not None
    end(run, "interrupted")
    requeue(run, Entry("d", "f"), resume=False)
    assert sorted(path.name for path in run.path.iterdir()) == [
        "log.txt",
        "queue.json",
        "spec.yaml",
        "status.json",
    ]


def test_only_a_waiting_job_is_edited(add: AddJob) -> None:
    run = add()
    with editing(run) as entry:
        write_entry(run, Entry(entry.data_dir, entry.folder, time_limit=60))
    changed = read_entry(run)
    assert changed is not None
    assert changed.time_limit == 60
    assert claim(run) is not None
    with pytest.raises(InputError, match="is running: only a waiting job"), editing(run):
        pass


def test_a_claim_during_an_edit_waits_for_its_end(add: AddJob) -> None:
    run = add()
    line = [sys.executable, "-c", CLAIM, str(run.path)]
    with editing(run):
        process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        assert state_of(run) == "queued"
    assert process.communicate(timeout=20)[0] == "True\n"


CLAIM = (
    "import sys; from pathlib import Path; from workbench.jobs.attempt import claim;"
    "from workbench.store.runs import Run; print(claim(Run(Path(sys.argv[1]))) is not None)"
)


def test_of_many_workers_one_gets_the_job(add: AddJob) -> None:
    run = add()
    line = [sys.executable, "-c", CLAIM, str(run.path)]
    processes = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = [process.communicate(timeout=30)[0].strip() for process in processes]
    assert sorted(answers) == ["False"] * 5 + ["True"]


def test_a_job_that_was_cancelled_or_asked_to_end_is_not_claimed(add: AddJob) -> None:
    cancelled, asked = add(), add()
    cancel(cancelled)
    (asked.path / "stop.json").write_text("{}")
    assert claim(cancelled) is None
    assert claim(asked) is None


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        '{"folder": "f"}',
        '{"data_dir": "d", "folder": "f", "priority": "high"}',
        '{"data_dir": "d", "folder": "f", "jobs": true}',
        '{"data_dir": "d", "folder": "f", "after": ["../../etc"]}',
        '{"data_dir": "d", "folder": "f", "time_limit": "soon"}',
    ],
)
def test_a_damaged_place_is_named(add: AddJob, broken: str) -> None:
    run = add()
    (run.path / "queue.json").write_text(broken)
    with pytest.raises(StoreError, match=r"queue\.json: damaged"):
        read_entry(run)


def test_fields_of_later_versions_are_left_out(add: AddJob) -> None:
    run = add()
    path = run.path / "queue.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "red"}))
    assert read_entry(run) == Entry(**vars(read_entry(run)))


def test_the_queue_is_paused_for_everybody(runs_dir: Path) -> None:
    queue_files.pause(runs_dir)
    assert queue_files.is_paused(runs_dir)
    queue_files.unpause(runs_dir)
    queue_files.unpause(runs_dir)
    assert not queue_files.is_paused(runs_dir)


def test_parallelism_is_one_where_nothing_or_nonsense_is_set(runs_dir: Path) -> None:
    assert queue_files.parallel_jobs(runs_dir) == 1
    queue_files.set_parallel_jobs(runs_dir, 3)
    assert queue_files.parallel_jobs(runs_dir) == 3
    for nonsense in ("{", '{"jobs": 0}', '{"jobs": "all"}'):
        (runs_dir / ".queue" / "settings.json").write_text(nonsense)
        assert queue_files.parallel_jobs(runs_dir) == 1


def test_somebody_who_keeps_the_lock_is_named(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_files, "_LOCK_PATIENCE", 0.1)
    with (
        queue_files.changing(runs_dir),
        pytest.raises(StoreError, match="another process has been changing the queue"),
        queue_files.changing(runs_dir),
    ):
        pass
