"""Jobs of several processes in run folders: what becomes of one when a process is killed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from recsys_core.events import Event
from recsys_core.pipeline.run import load_split
from recsys_core.pipeline.spec import JobSpec
from tests.data.small import SMALL
from tests.workbench.conftest import Cli
from workbench.jobs.execute import execute, resumable_spec
from workbench.store.runs import Run

#: why a job is interrupted
KILLED = "rank 1 of 2 was killed (signal 9; if nobody did that, memory ran out)"


def helpers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # or a zombie, which has none
            if "recsys_core.pipeline.rank" in process.cmdline():
                found.append(process)
    return found


def test_a_killed_rank_interrupts_the_job_which_one_process_resumes(
    cli: Cli, runs_dir: Path, data_dir: Path
) -> None:
    params = {"epochs": 4, "patience": 0}
    spec = JobSpec(dataset=SMALL, model="lr", params=params, threads=1, nproc=2)
    split = load_split(spec, data_dir=data_dir)

    losses: list[float] = []

    def kill(event: Event) -> None:
        if event.epoch:
            losses.append(event.metrics["loss"])
        if event.epoch == 2:
            for process in helpers():
                process.kill()

    ended = execute(spec, split, runs_dir=runs_dir, data_dir=data_dir, on_event=kill)
    assert (ended.state, ended.reason) == ("interrupted", KILLED)
    assert (ended.run.status().state, ended.run.status().reason) == ("interrupted", KILLED)
    assert not helpers()
    assert resumable_spec(ended.run).nproc == 2
    done = cli("train", "--resume", ended.run.run_id, "--nproc", "1", "--quiet")
    assert done.code == 0
    again = Run(ended.run.path)
    assert "nproc" not in again.spec
    curve = again.metrics["curve"]
    assert [epoch["loss"] for epoch in curve[:2]] == losses  # which are not learned again
    assert len(curve) == 4


def test_a_rank_that_is_killed_while_it_judges_interrupts_the_job(
    runs_dir: Path, data_dir: Path
) -> None:
    spec = JobSpec(dataset=SMALL, model="lr", params={"epochs": 1}, threads=1, nproc=2)

    def kill(event: Event) -> None:
        if event.stage == "evaluate":
            for process in helpers():
                process.kill()

    split = load_split(spec, data_dir=data_dir)
    ended = execute(spec, split, runs_dir=runs_dir, data_dir=data_dir, on_event=kill)
    assert (ended.state, ended.reason) == ("interrupted", KILLED)
    assert not (ended.run.path / "metrics.json").exists()
    assert not helpers()


@pytest.mark.parametrize("command", ["train --model", "queue add --model", "eval --models"])
def test_a_model_of_one_process_is_refused_before_anything_starts(
    cli: Cli, runs_dir: Path, command: str
) -> None:
    done = cli(*command.split(), "item-cf", "--dataset", SMALL, "--nproc", "2")
    assert done.code == 2
    assert "item-cf: nproc = 2: item-cf is trained by one process" in done.err
    assert "leave out --nproc" in done.err
    assert not runs_dir.exists() or not list(runs_dir.iterdir())
