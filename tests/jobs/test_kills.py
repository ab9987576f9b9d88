"""Nothing is lost, done twice at once, or listed as good when it is not, whoever is killed."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.jobs.chaos import Chaos
from tests.jobs.tools import AddJob
from workbench.jobs.queue_files import set_parallel_jobs
from workbench.store.files import read_json
from workbench.store.listing import RunListing
from workbench.store.runs import Run


def check(runs: list[Run], chaos: Chaos) -> None:
    """Look at every run folder after the last kill."""
    listed = {summary.run_id: summary for summary in RunListing(chaos.runs_dir).refresh()}
    assert set(listed) == {run.run_id for run in runs}, "none lost, none made up"
    for run in runs:
        state = run.noted_status().state
        assert state == listed[run.run_id].state
        assert state in ("succeeded", "interrupted")
        if state == "interrupted":
            assert run.run_id in chaos.hit, "only a job whose worker was killed is interrupted"
            assert not (run.path / "metrics.json").exists()
        else:
            check_result(run)
        assert not list(run.path.rglob("*.partial"))
        attempts = (run.path / "journal").read_text().split() if state == "succeeded" else []
        assert "TWICE" not in attempts
    give_up = time.monotonic() + 60
    while chaos.workers():  # one that wrote its end state may still be leaving
        assert time.monotonic() < give_up
        time.sleep(0.05)


def check_result(run: Run) -> None:
    assert run.complete()
    assert read_json(run.path / "metrics.json")["metrics"]["ndcg@10"] > 0
    with closing(sqlite3.connect(run.path / "results.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM recommendations").fetchone()[0] > 0


def survive(add: AddJob, runs_dir: Path, *, jobs: int, kills: int, seconds: float) -> None:
    seed = int(os.environ.get("CHAOS_SEED", time.time()))
    print(f"CHAOS_SEED={seed}")  # noqa: T201 - shown when it fails
    set_parallel_jobs(runs_dir, 2)
    runs = [add(f"job-{number}", seconds=seconds) for number in range(jobs)]
    chaos = Chaos(runs_dir, seed)
    chaos.rage(kills, longest_wait=0.6 if kills < 20 else 2.0)
    chaos.calm_down(120)
    check(runs, chaos)
    print(dict(chaos.kills), "resumed", chaos.resumed.total())  # noqa: T201
    while chaos.resume():
        chaos.calm_down(120)
    check(runs, chaos)
    assert {run.noted_status().state for run in runs} == {"succeeded"}, "all can be resumed"


def test_six_kills_during_six_jobs(add: AddJob, runs_dir: Path) -> None:
    survive(add, runs_dir, jobs=6, kills=6, seconds=1.0)


@pytest.mark.soak
def test_sixty_kills_during_ten_jobs(add: AddJob, runs_dir: Path) -> None:
    survive(add, runs_dir, jobs=10, kills=60, seconds=8.0)
