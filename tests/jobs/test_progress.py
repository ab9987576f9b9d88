"""What is written of a job's progress; what it costs is in benchmarks/jobs.py."""

from __future__ import annotations

import json
import time

from recsys_core.events import Event
from tests.jobs.tools import AddJob
from workbench.jobs.logs import run_logs


def test_events_are_written_at_most_twenty_a_second_and_no_epoch_is_lost(add: AddJob) -> None:
    run = add()
    with run_logs(run.path / "events.jsonl", run.path / "log.txt") as (event, _):
        started = time.monotonic()
        for step in range(400):
            event(Event("fit", step, 10**9, {}))
            time.sleep(0.001)
        passed = time.monotonic() - started
        for epoch in range(200):
            event(Event("fit", epoch, 10**9, {"loss": float(epoch)}))
    events = run.events()[0]
    plain = [e for e in events if not e["metrics"]]
    assert len(plain) <= 20 * passed + 1
    assert len(plain) < 400
    assert [e["metrics"]["loss"] for e in events if e["metrics"]] == [float(n) for n in range(200)]


def test_a_line_that_a_killed_worker_left_half_written_costs_only_itself(add: AddJob) -> None:
    run = add()
    path = run.path / "events.jsonl"
    path.write_bytes(json.dumps({"stage": "fit", "step": 1}).encode() + b'\n{"stage": "fi')
    with run_logs(path, run.path / "log.txt") as (event, _):
        event(Event("fit", 2, 9, {"loss": 0.5}))
    assert [e["step"] for e in run.events()[0]] == [1, 2]
