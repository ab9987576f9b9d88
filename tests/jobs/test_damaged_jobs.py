"""A damaged job or sweep beside good ones: it is named, and the others are done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.jobs.test_supervisor import FakeExecutor
from tests.jobs.test_sweep import do_all, new_sweep
from tests.jobs.tools import AddJob, reason_of, state_of
from tests.workbench.conftest import no_session
from tests.workbench.hostile import DEEP, Damage, content, folder, huge, pipe, value
from workbench.cli.main import run_command_line
from workbench.jobs import sweep_driver
from workbench.jobs.processes import Exit, LocalExecutor
from workbench.jobs.queue import Entry
from workbench.jobs.queue_files import QUEUE
from workbench.jobs.supervisor import Supervisor
from workbench.jobs.sweep import list_sweeps, read_sweep
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.runs import Run

CLAIM = json.dumps({"pid": 1, "started": -1.0, "boot_id": "earlier"})


def both(*damages: Damage) -> Damage:
    def damage(run: Path) -> None:
        for each in damages:
            each(run)

    return damage


#: what is done to a job that waits: fault, the state it ends in, what its reason says
FAULTS: dict[str, tuple[Damage, str, str]] = {
    "after": (value("queue.json", "after", 5), "failed", "queue.json: damaged: after is 5"),
    "after path": (value("queue.json", "after", ["a/b"]), "failed", "after is ['a/b']"),
    "folder": (value("queue.json", "folder", "\0"), "failed", "folder is '\\x00'"),
    "position": (value("queue.json", "position", float("nan")), "failed", "position is nan"),
    "limit": (value("queue.json", "time_limit", "long"), "failed", "time_limit is 'long'"),
    "entry deep": (content("queue.json", DEEP), "failed", "queue.json: damaged: nested"),
    "entry pipe": (pipe("queue.json"), "failed", "queue.json: damaged: not a regular file"),
    "entry huge": (huge("queue.json"), "failed", "queue.json: damaged: larger than"),
    "claim deep": (content("claim.json", DEEP), "interrupted", "is gone"),
    "claim types": (
        content("claim.json", '{"pid": "self", "started": {}, "boot_id": 5}'),
        "interrupted",
        "is gone",
    ),
    "claim pipe": (pipe("claim.json"), "interrupted", "is gone"),
    "stop deep": (
        both(content("stop.json", DEEP), content("claim.json", CLAIM)),
        "cancelled",
        "asked to end",
    ),
    "partial folder": (
        both(folder("metrics.json.partial"), content("claim.json", CLAIM)),
        "interrupted",
        "is gone",
    ),
    "spec date": (content("spec.yaml", "label: 2001-99-99\n"), "failed", "spec.yaml: damaged"),
    "spec flag": (content("spec.yaml", "label: !!bool x\n"), "failed", "spec.yaml: damaged"),
    "spec pipe": (pipe("spec.yaml"), "failed", "spec.yaml: damaged: not a regular file"),
}


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def boss(runs_dir: Path, executor: FakeExecutor) -> Supervisor:
    return Supervisor(runs_dir, executor)


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_job_ends_and_the_good_one_begins(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, name: str
) -> None:
    damage, state, reason = FAULTS[name]
    bad = add("bad")
    damage(bad.path)
    add("good")
    boss.tick()
    boss.tick()
    assert list(executor.workers) == ["good"]
    assert state_of(bad) == state
    assert reason in reason_of(bad)


def test_a_job_whose_state_is_damaged_is_left_as_it_is(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, runs_dir: Path
) -> None:
    bad, good = add("bad"), add("good")
    content("status.json", DEEP)(bad.path)
    boss.tick()
    assert list(executor.workers) == ["good"]
    content("status.json", DEEP)(good.path)  # while it runs
    executor.workers["good"].end = Exit(-9)
    assert not boss.tick()
    assert all("status.json: damaged" in run.problem for run in list_runs(runs_dir))


def test_a_damaged_note_does_not_fail_a_job(
    add: AddJob, boss: Supervisor, executor: FakeExecutor, runs_dir: Path
) -> None:
    content("annotations.json", DEEP)(add("noted").path)
    boss.tick()
    content("settings.json", DEEP)(runs_dir / QUEUE)
    boss.tick()
    assert list(executor.workers) == ["noted"]


@pytest.mark.parametrize("name", ["log.txt", "spec.yaml"])
def test_a_pipe_in_a_jobs_folder_is_not_waited_for(add: AddJob, name: str) -> None:
    run = add("bad")
    pipe(name)(run.path)
    with pytest.raises((OSError, StoreError), match="not a regular file"):
        LocalExecutor().start(run, Entry("", ""))


def test_looking_at_the_queue_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs_dir = tmp_path / "read-only"
    runs_dir.mkdir()
    assert run_command_line(["queue", "list", "--runs-dir", str(runs_dir)], no_session) == 0
    assert list(runs_dir.iterdir()) == []


# sweeps

SWEEP_FAULTS: dict[str, Damage] = {
    "created": value("sweep.json", "created", "text"),
    "trials": value("sweep.json", "trials", "many"),
    "model": value("sweep.json", "spec.model", {}),
    "space": value("sweep.json", "spaces.learning_rate.low", "x"),
    "start": value("sweep.json", "start", {"other": 1}),
    "entry": value("sweep.json", "entry.after", 5),
    "deep": content("sweep.json", DEEP),
    "pipe": pipe("sweep.json"),
}


@pytest.mark.parametrize("name", SWEEP_FAULTS)
def test_a_damaged_sweep_leaves_the_others_in_the_list(
    runs_dir: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    good, bad = new_sweep(runs_dir), new_sweep(runs_dir)
    SWEEP_FAULTS[name](bad.folder)
    assert list_sweeps(runs_dir) == [good]
    line = ["queue", "sweep", "--json", "--runs-dir", str(runs_dir)]
    assert run_command_line(line, no_session) == 0
    out, err = capsys.readouterr()
    assert [each["sweep_id"] for each in json.loads(out)] == [good.sweep_id]
    problem, _ = err.splitlines()
    assert problem.startswith(f"{bad.folder}/sweep.json: damaged: ")


@pytest.mark.parametrize("name", ["garbage", "pipe"])
def test_a_sweep_whose_study_is_damaged_fails_in_one_line(
    runs_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    good, bad = new_sweep(runs_dir), new_sweep(runs_dir)
    path = bad.folder / "optuna.sqlite"
    path.unlink()
    if name == "pipe":
        pipe(path.name)(bad.folder)
    else:
        path.write_bytes(b"garbage " * 1_000)
    line = ["queue", "sweep", "--json", "--runs-dir", str(runs_dir)]
    assert run_command_line(line, no_session) == 0
    out, err = capsys.readouterr()
    shown = {each["sweep_id"]: each["state"] for each in json.loads(out)}
    assert shown == {good.sweep_id: "active", bad.sweep_id: "damaged"}
    assert len(err.splitlines()) == 2

    monkeypatch.setattr(sweep_driver, "_asked_to_end", lambda seconds: False)
    assert sweep_driver._drive(bad.folder) == 3
    assert read_sweep(bad.folder).state == "failed"
    assert f"{path}: damaged: " in read_sweep(bad.folder).reason
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_trial_that_is_damaged_fails_alone(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = new_sweep(runs_dir, trials=3)
    driver = sweep_driver.Driver(sweep)
    driver.step()
    (first,) = (Run(run.folder) for run in list_runs(runs_dir))
    (first.path / "events.jsonl").write_text('{"stage": "fit"}\n{"metrics": 5}\n')
    assert driver.step(), "an event without metrics says nothing"
    content("status.json", DEEP)(first.path)
    driver.step()
    assert [trial.state for trial in do_all(sweep)] == ["failed", "succeeded", "succeeded"]
