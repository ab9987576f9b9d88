"""Sweeps: what is tried, what steers the search, and that nothing stops it for good.

Most trials here are done by hand: a result is written where a worker would write it.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.jobs.tools import spec_of, write_result
from tests.workbench.conftest import Done, no_session
from workbench.cli.main import run_command_line
from workbench.jobs.queue import ENTRY, Entry, cancel, read_entry, waiting_jobs
from workbench.jobs.service import supervisor_pid
from workbench.jobs.sweep import Sweep, change_sweep, list_sweeps, read_sweep
from workbench.jobs.sweep_driver import Driver
from workbench.jobs.sweep_progress import read_progress
from workbench.jobs.sweep_space import Space
from workbench.jobs.sweep_study import Study, Trial, create_sweep
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.manage import delete_run
from workbench.store.process import ProcessIdentity
from workbench.store.runs import Run, Status

Within = Callable[[float, Callable[[], bool]], float]
RATE = Space("log", 1e-4, 1.0)
LOSS = Space("choice", choices=("bpr", "softmax", None))


@pytest.fixture
def sweep(runs_dir: Path) -> Sweep:
    return new_sweep(runs_dir)


def new_sweep(runs_dir: Path, trials: int = 6, **changes: Any) -> Sweep:
    values = {"start": {"learning_rate": 0.1, "loss": "bpr"}, "entry": Entry("", "", priority=3)}
    spec = spec_of("mf", "mf", {"epochs": 4})
    spaces = {"learning_rate": RATE, "loss": LOSS}
    given = {"spaces": spaces, "metric": "ndcg@10", "trials": trials, **values, **changes}
    return create_sweep(runs_dir, spec, **given)


def quality(params: dict[str, Any]) -> float:
    """Be best at a rate of 0.01 with softmax."""
    penalty = 0.0 if params["loss"] == "softmax" else 0.2
    return 0.9 - 0.1 * abs(math.log10(params["learning_rate"]) + 2) - penalty


def waiting(runs_dir: Path) -> list[Run]:
    return [job.run for job in waiting_jobs(list_runs(runs_dir))]


def finish(run: Run, value: float | None = None) -> None:
    """Write a result; the test metric says the opposite of the validation metric."""
    value = quality(run.spec["params"]) if value is None else value
    write_result(run, {"ndcg@10": value}, {"ndcg@10": 1 - value})
    run.write_status(Status("succeeded"))


def begin(run: Run, epochs: list[float]) -> None:
    """Let a trial be under way, by this process, with some epochs done."""
    me = ProcessIdentity.current()
    run.write_status(Status("running", pid=me.pid, process_started=me.started, boot_id=me.boot_id))
    with (run.path / "events.jsonl").open("w") as file:
        for step, value in enumerate(epochs, start=1):
            event = {"stage": "fit", "step": step, "metrics": {"loss": 1.0, "ndcg@10": value}}
            file.write(json.dumps(event) + "\n")


def do_all(sweep: Sweep, killed_after: Collection[int] = ()) -> list[Trial]:
    """Do a sweep to its end, by another driver after some of the steps."""
    driver = Driver(sweep)
    step = 0
    while driver.step():
        step += 1
        if step in killed_after:
            driver = Driver(sweep)
        for run in waiting(sweep.runs_dir):
            finish(run)
    return Study(sweep).trials()


def test_trials_are_jobs_one_at_a_time_and_the_defaults_come_first(sweep: Sweep) -> None:
    driver = Driver(sweep)
    assert driver.step()
    assert driver.step(), "the queue does one at a time, so one waits"
    (run,) = waiting(sweep.runs_dir)
    assert run.spec["params"] == {"epochs": 4, "learning_rate": 0.1, "loss": "bpr"}
    assert run.spec["label"] == "mf-0"
    entry = read_entry(run)
    assert entry is not None
    assert (entry.trial, entry.priority) == (f"{sweep.sweep_id}/0", 3)


def test_the_best_trial_is_found_by_the_validation_metric_alone(sweep: Sweep) -> None:
    trials = do_all(sweep)
    assert [trial.state for trial in trials] == ["succeeded"] * 6
    study = Study(sweep)
    best = study.best()
    assert best is not None
    assert best.value == max(quality(trial.params) for trial in trials)
    assert Run(sweep.runs_dir / best.run_id).spec["params"] == {"epochs": 4, **best.params}
    assert read_sweep(sweep.folder).state == "done"
    assert sum(study.importances().values()) == pytest.approx(1)


def test_a_metric_that_is_better_when_lower_is_minimised(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir, trials=3, metric="logloss")
    driver = Driver(sweep)
    while driver.step():
        for run in waiting(runs_dir):
            value = run.spec["params"]["learning_rate"]
            write_result(run, {"logloss": value})
            run.write_status(Status("succeeded"))
    best = Study(sweep).best()
    assert best is not None
    assert best.value == min(trial.params["learning_rate"] for trial in Study(sweep).trials())


def test_a_killed_sweep_tries_what_an_undisturbed_one_tries(tmp_path: Path) -> None:
    # beyond ten trials the choice depends on the results, not on the seed alone
    whole, cut = (new_sweep(tmp_path / name, trials=12) for name in ("whole", "cut"))
    tried = [trial.params for trial in do_all(whole)]
    assert [trial.params for trial in do_all(cut, killed_after=(1, 5, 11))] == tried
    assert len({json.dumps(params) for params in tried}) == 12
    assert len(list_runs(cut.runs_dir)) == 12, "no trial was done twice"


def test_a_trial_that_was_chosen_but_not_yet_in_the_queue_is_not_lost(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("workbench.jobs.sweep_driver.add_job", None)  # killed before
        with pytest.raises(TypeError):
            Driver(sweep).step()
    assert Study(sweep).trials()[0].run_id == ""
    with monkeypatch.context() as broken:
        broken.setattr(Study, "note", None)  # killed after
        with pytest.raises(TypeError):
            Driver(sweep)
    (run,) = waiting(sweep.runs_dir)
    Driver(sweep).step()
    assert waiting(sweep.runs_dir) == [run]
    assert Study(sweep).trials()[0].run_id == run.run_id


def test_of_two_runs_of_a_trial_every_driver_follows_the_earlier(
    sweep: Sweep, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder lists its runs in the order of the file system."""
    Driver(sweep).step()
    study = Study(sweep)
    trial = study.trials()[0]
    run = waiting(runs_dir)[0]
    twin = runs_dir / f"{run.path.name}-twin"
    shutil.copytree(run.path, twin)
    study.note(trial.number, run_id="")
    as_listed = [twin / ENTRY, run.path / ENTRY]
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(as_listed))
    Driver(sweep)
    assert study.trials()[0].run_id == run.path.name


def test_several_trials_at_once(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir, entry=Entry("", "", jobs=3))
    driver = Driver(sweep)
    driver.step()
    assert len(waiting(runs_dir)) == 3
    finish(waiting(runs_dir)[1])
    driver.step()
    assert [run.spec["label"] for run in waiting(runs_dir)] == ["mf-0", "mf-2", "mf-3"]


def test_values_that_were_tried_are_not_tried_again(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir, trials=9, spaces={"loss": LOSS}, start={})
    driver = Driver(sweep)
    while driver.step():
        for run in waiting(runs_dir):
            finish(run, 0.5)
    assert len(Study(sweep).trials()) == 9
    assert len(list_runs(runs_dir)) == 3
    progress = read_progress(sweep.folder)
    assert (progress.ended, progress.best) == (9, (0, 0.5))
    assert len(progress.twins) == 9 - 3, "the others took the result of one of the three"
    ids = {run.run_id for run in list_runs(runs_dir)}
    assert all(twin.same_as < twin.trial and twin.run_id in ids for twin in progress.twins)


def test_every_combination_has_its_trial_where_there_are_no_more(runs_dir: Path) -> None:
    """Of those that are drawn, a third would have been drawn before."""
    spaces = {"loss": Space("choice", choices=("bpr", None)), "dim": Space("int", 8, 9, whole=True)}
    sweep = new_sweep(runs_dir, trials=4, spaces=spaces, start={"loss": "bpr", "dim": 9})
    study = Study(sweep)
    for number in range(4):
        assert study.begin().number == number
        study.succeed(number, 0.5)
    tried = [tuple(trial.params.values()) for trial in study.trials()]
    assert tried == [("bpr", 9), ("bpr", 8), (None, 8), (None, 9)], "the model's own come first"


def test_trials_without_a_result_are_noted_and_the_sweep_goes_on(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir, trials=5)
    driver = Driver(sweep)

    def failed(run: Run) -> None:
        run.write_status(Status("failed", reason="training diverged"))

    def unvalidated(run: Run) -> None:
        write_result(run, {})
        run.write_status(Status("succeeded"))

    for end in (failed, unvalidated, cancel, delete_run, finish):
        driver.step()
        end(waiting(runs_dir)[0])
    assert not driver.step()
    trials = Study(sweep).trials()
    assert [trial.state for trial in trials] == [
        *("failed", "failed", "cancelled", "failed", "succeeded")
    ]
    assert [trial.notes.get("reason") for trial in trials[:4]] == [
        "training diverged",
        "it has no ndcg@10 on validation rows",
        "cancelled before it began",
        "its run was deleted",
    ]


def test_an_interrupted_trial_goes_on_but_not_for_ever(runs_dir: Path) -> None:
    sweep = new_sweep(runs_dir, trials=1)
    driver = Driver(sweep)
    driver.step()
    (run,) = waiting(runs_dir)
    for _ in range(3):
        run.write_status(Status("interrupted", reason="killed"))
        assert driver.step()
        assert run.status().state == "queued"
    run.write_status(Status("interrupted", reason="killed"))
    assert not driver.step()
    assert Study(sweep).trials()[0].notes["reason"] == "interrupted again and again: killed"


def test_a_cancelled_sweep_cancels_its_trials_and_can_go_on(sweep: Sweep) -> None:
    driver = Driver(sweep)
    driver.step()
    change_sweep(sweep, state="cancelled")
    assert not driver.step()
    assert waiting(sweep.runs_dir) == []
    change_sweep(sweep, state="active", trials=2)
    assert [trial.state for trial in do_all(sweep)] == ["cancelled", "succeeded"]


def test_a_damaged_sweep_is_named_and_left_out(sweep: Sweep) -> None:
    path = sweep.folder / "sweep.json"
    path.write_text('{"state": "wild"}')
    with pytest.raises(StoreError, match="damaged"):
        read_sweep(sweep.folder)
    assert list_sweeps(sweep.runs_dir) == []


# on the command line, with real workers


@pytest.fixture
def cli(runs_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def run(*arguments: str) -> Done:
        folders = ["--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
        capsys.readouterr()
        code = run_command_line([*arguments, *folders], no_session)
        return Done(code, *capsys.readouterr())

    return run


ADD = ("queue", "add", "--model", "item-cf", "--dataset", "small", "--threads", "1")


@pytest.mark.soak
def test_a_sweep_whose_processes_are_killed_goes_on_where_it_was(
    cli: Callable[..., Done], runs_dir: Path, within: Within
) -> None:
    done = cli(*ADD, "--sweep", "asymmetry", "--sweep", "neighbours=log(5,200)", "--trials", "3")
    assert done.code == 0, done.err
    sweep_id = done.out.strip()
    kill = {"workbench.jobs.supervisor", "workbench.jobs.sweep_driver", "workbench.jobs.worker"}
    within(60, lambda: sum(run.state == "succeeded" for run in list_runs(runs_dir)) >= 1)
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if kill & set(words) and any(str(runs_dir) in word for word in words):
            process.kill()
    within(60, lambda: supervisor_pid(runs_dir) is None)
    assert cli("queue", "work").code == 0
    within(60, lambda: list_sweeps(runs_dir)[0].state == "done")
    shown = json.loads(cli("queue", "sweep", sweep_id, "--json").out)
    assert [trial["state"] for trial in shown["trials"]] == ["succeeded"] * 3
    assert shown["trials"][0]["params"] == {"asymmetry": 0.3, "neighbours": 100}
    assert shown["best"]["value"] == max(trial["value"] for trial in shown["trials"])
    assert len(list_runs(runs_dir)) == 3
    validation = Run(runs_dir / shown["best"]["run_id"]).metrics["validation"]
    assert validation == {"ndcg@10": shown["best"]["value"]}
    text = cli("queue", "sweep", sweep_id[:12]).out
    assert "3 of 3 trials, judged by ndcg@10 on validation rows" in text
    assert f"--set neighbours={shown['best']['params']['neighbours']}" in text
    assert sweep_id in cli("queue", "sweep").out


def test_a_sweep_waits_while_the_queue_is_paused_and_can_be_cancelled(
    cli: Callable[..., Done], runs_dir: Path
) -> None:
    assert cli("queue", "pause").code == 0
    added = [cli(*ADD, "--sweep", "similarity", "--pruner", "median").out.strip() for _ in range(2)]
    assert supervisor_pid(runs_dir) is None
    assert cli("queue", "sweep", added[0], "--cancel").code == 0
    assert {sweep.sweep_id: sweep.state for sweep in list_sweeps(runs_dir)} == {
        added[0]: "cancelled",
        added[1]: "active",
    }
    assert cli("queue", "cancel", "--all").code == 0
    assert {sweep.state for sweep in list_sweeps(runs_dir)} == {"cancelled"}
    assert cli("queue", "sweep", added[0], "--trials", "7", "--budget", "30m").code == 0
    sweep = read_sweep(runs_dir / ".sweeps" / added[0])
    assert (sweep.trials, sweep.budget, sweep.pruner) == (7, 1800.0, "median")
    shown = cli("queue", "sweep", added[0])
    assert "; pruner median: 0 pruned; 0.0 of 30 min spent" in shown.out
    assert cli("queue", "sweep", added[0], "--budget", "none").code == 0
    assert read_sweep(sweep.folder).budget is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ((*ADD, "--trials", "5"), "--trials is for a sweep"),
        ((*ADD, "--pruner", "median"), "--pruner is for a sweep"),
        ((*ADD, "--budget", "5m"), "--budget is for a sweep"),
        ((*ADD, "--sweep", "asymmetry", "--budget", "soon"), "'soon' is not a duration"),
        ((*ADD, "--sweep", "asymetry"), "did you mean 'asymmetry'?"),
        ((*ADD, "--sweep", "asymmetry", "--set", "asymmetry=0"), "both given and searched"),
        (
            (*ADD, "--model", "mf", "--sweep", "dim", "--seeds", "0,1"),
            "a sweep searches for one job",
        ),
        (("queue", "sweep", "none"), "no sweep 'none'"),
        (("queue", "sweep", "--cancel"), "--cancel and --trials need a sweep"),
    ],
)
def test_what_is_no_sweep_is_refused(
    cli: Callable[..., Done], runs_dir: Path, line: tuple[str, ...], problem: str
) -> None:
    done = cli(*line)
    assert done.code == 2
    assert problem in done.err
    assert list_sweeps(runs_dir) == []


def test_nothing_else_loads_optuna_or_dask(tmp_path: Path) -> None:
    code = (
        "import sys; import workbench.jobs.supervisor, workbench.jobs.worker, workbench.cli.queue;"
        "import workbench.cli.evaluate, workbench.jobs.execute, workbench.cli.parallel;"
        "heavy = ('optuna', 'sqlalchemy', 'alembic', 'distributed', 'dask');"
        "print('loaded: ' + ' '.join(x for x in heavy if x in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "loaded: \n", done.stderr


def test_a_driver_ends_with_its_supervisor(runs_dir: Path, within: Within) -> None:
    sweep = new_sweep(runs_dir)
    line = [sys.executable, "-m", "workbench.jobs.sweep_driver", str(sweep.folder)]
    first, second = (subprocess.Popen(line, stdin=subprocess.PIPE) for _ in range(2))
    within(60, lambda: len(waiting(runs_dir)) == 1)
    time.sleep(0.5)
    assert len(waiting(runs_dir)) == 1, "one of the two drives"
    for process in (first, second):
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(timeout=10) for process in (first, second)] == [0, 0]
