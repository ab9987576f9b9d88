"""`queue` and `eval --jobs` on the command line, from the first word to the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.tools import AddJob, state_of
from tests.workbench.conftest import Done, no_session
from workbench.cli.main import run_command_line
from workbench.jobs.queue import read_entry, waiting_jobs
from workbench.jobs.queue_files import is_paused, parallel_jobs
from workbench.jobs.service import supervisor_pid
from workbench.store.listing import list_runs
from workbench.store.runs import Run

Cli = Callable[..., Done]
Within = Callable[[float, Callable[[], bool]], float]


@pytest.fixture
def cli(runs_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line on the folders of the test."""

    def run(*arguments: str) -> Done:
        folders = ["--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
        capsys.readouterr()
        code = run_command_line([*arguments, *folders], no_session)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def paused(cli: Cli) -> Cli:
    """Return the command line on a paused queue: nothing starts by itself."""
    assert cli("queue", "pause").code == 0
    return cli


def run_of(runs_dir: Path, done: Done) -> Run:
    assert (done.code, "paused" in done.err) == (0, True)
    return Run(runs_dir / done.out.strip())


def start(runs_dir: Path, data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    folders = ["--runs-dir", str(runs_dir), "--data-dir", str(data_dir)]
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments, *folders],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_job_is_added_changed_and_listed(paused: Cli, runs_dir: Path) -> None:
    line = ("--model", "item-cf", "--dataset", "small", "--set", "neighbours=20", "--seeds", "3")
    first = run_of(runs_dir, paused("queue", "add", *line, "--label", "cf"))
    assert first.spec["params"] == {"neighbours": 20}
    later = ("--model", "popularity", "--dataset", "small", "--after", first.run_id)
    second = run_of(runs_dir, paused("queue", "add", *later, "--time-limit", "2h"))
    assert (
        paused("queue", "edit", second.run_id, "--priority", "3", "--memory-limit", "2G").code == 0
    )
    entry = read_entry(second)
    assert entry is not None
    assert (entry.priority, entry.after) == (3, (first.run_id,))
    assert (entry.time_limit, entry.memory_limit) == (7200.0, 2048.0)
    edit = (
        "queue",
        "edit",
        first.run_id,
        "--set",
        "neighbours=30",
        "--set",
        "protocol.relevance=3",
    )
    assert paused(*edit, "--seed", "4", "--label", "more").code == 0
    spec = Run(first.path).spec
    assert (spec["params"], spec["seed"], spec["label"]) == ({"neighbours": 30}, 4, "more")
    assert spec["protocol"] == {"name": "user-timeline", "relevance": 3}
    assert paused("queue", "edit", second.run_id, "--time-limit", "none").code == 0
    listed = json.loads(paused("queue", "list", "--json").out)
    assert listed["paused"]
    assert [job["run_id"] for job in listed["jobs"]] == [second.run_id, first.run_id]
    assert listed["jobs"][0]["time_limit"] is None
    shown = paused("queue", "list")
    assert f"priority 3  after {first.run_id} (queued)" in shown.out
    assert "paused" in shown.err
    assert paused("queue", "edit", first.run_id, "--before", second.run_id).code == 0
    waiting = waiting_jobs(list_runs(runs_dir))
    assert [job.run.run_id for job in waiting] == [first.run_id, second.run_id]
    assert supervisor_pid(runs_dir) is None


def test_a_suite_and_a_file_are_added(paused: Cli, runs_dir: Path, tmp_path: Path) -> None:
    line = ("--suite", "quick", "--models", "mf,item-cf", "--dataset", "small")
    added = paused("queue", "add", *line, "--seeds", "0,1").out.split()
    assert len(added) == 2 + 1  # no seed changes item-cf
    path = tmp_path / "job.yaml"
    path.write_text("dataset: small\nmodel: item-cf\nparams: {neighbours: 7}\n")
    run = run_of(runs_dir, paused("queue", "add", "--spec", str(path)))
    assert run.spec["params"] == {"neighbours": 7}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("add", "needs one of --model NAME, --suite NAME, --spec FILE, --refit RUN and --from RUN"),
        ("add --model itemcf", "did you mean 'item-cf'?"),
        ("add --model item-cf --set neighbors=3", "did you mean 'neighbours'?"),
        ("add --model item-cf --dataset sampel", "did you mean 'sample'?"),
        ("add --model item-cf --dataset small --after nobody", "no run 'nobody'"),
        ("add --model item-cf --time-limit soon", "'soon' is not a duration: write e.g. 90s"),
        ("add --model item-cf --memory-limit 0", "'0' is not a size"),
        ("add --model item-cf --models a", "--models chooses from a suite"),
        ("add --spec missing.yaml", "no such file: missing.yaml"),
        ("add --spec missing.yaml --seeds 1", "--spec gives the job in full"),
        ("cancel", "needs RUN, or --all"),
        ("cancel nobody", "no run 'nobody'"),
        ("retry", "queue retry needs RUN"),
        ("resume {done}", "succeeded: there is nothing to resume"),
        ("cancel {done}", "succeeded: there is nothing to cancel"),
        ("edit {done} --priority 1", "only a waiting job can be changed"),
        ("edit {waiting} --set neighbors=3", "did you mean 'neighbours'?"),
        ("edit {waiting} --set nothing", "not of the form FIELD=VALUE"),
        ("edit {waiting} --after {waiting}", "would wait for itself"),
        ("edit {waiting} --before {done}", "is not waiting in the queue"),
        ("work --stay", "--stay is for --foreground"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(paused: Cli, add: AddJob, line: str, problem: str) -> None:
    waiting, done = add("waiting", "item-cf"), add("done")
    done.write_status(_succeeded(done))
    words = line.format(waiting=waiting.run_id, done=done.run_id).split()
    result = paused("queue", *words)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err
    assert len(result.err.splitlines()) <= 2


def _succeeded(run: Run) -> Any:
    from dataclasses import replace

    return replace(run.status(), state="succeeded")


def test_jobs_are_cancelled_retried_and_done_in_the_foreground(
    paused: Cli, add: AddJob, runs_dir: Path, data_dir: Path
) -> None:
    good, bad = add("good"), add("bad", model="trail")
    assert paused("queue", "cancel", "--all").err == "2 jobs cancelled\n"
    assert [state_of(good), state_of(bad)] == ["cancelled"] * 2
    assert paused("queue", "retry", good.run_id, bad.run_id).code == 0
    (runs_dir / ".queue" / "paused").unlink()
    with start(runs_dir, data_dir, "queue", "work", "--foreground", "--jobs", "2") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, ""), "a job failed"
    assert f"{good.run_id}: succeeded" in err
    assert f"{bad.run_id}: failed: unknown model 'trail'" in err
    assert parallel_jobs(runs_dir) == 2
    assert supervisor_pid(runs_dir) is None
    assert paused("queue", "work", "--foreground").code == 0, "nothing to do"


def test_ctrl_c_in_the_foreground_leaves_jobs_that_can_be_resumed(
    add: AddJob, runs_dir: Path, data_dir: Path, within: Within
) -> None:
    run = add(seconds=600)
    with start(runs_dir, data_dir, "queue", "work", "--foreground") as process:
        within(30, (run.path / "journal").exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    assert state_of(run) == "interrupted"


def test_pause_and_resume(paused: Cli, add: AddJob, runs_dir: Path, within: Within) -> None:
    assert is_paused(runs_dir)
    assert paused("queue", "resume").code == 0, "nothing waits: nobody is started"
    assert supervisor_pid(runs_dir) is None
    run = add(model="popularity")
    assert "no process runs these jobs" in paused("queue", "list").err
    assert paused("queue", "resume").code == 0
    within(30, lambda: state_of(run) == "succeeded")


def without_costs(report: dict[str, Any]) -> dict[str, Any]:
    for run in report["runs"]:
        for name in ("run_id", "fit_seconds", "eval_seconds", "peak_rss_mb"):
            del run[name]
    del report["environment"]["code_fingerprint"]  # somebody may be editing
    return report


def test_several_jobs_at_once_give_the_report_of_one_at_a_time(
    cli: Cli, runs_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(
        "name: twins\ndataset: small\nprotocol: {name: user-timeline}\njobs:\n"
        "- {model: item-cf, label: first}\n- {model: popularity}\n"
        "- {model: item-cf, label: second}\n"
    )
    reports = []
    for jobs in ("1", "2"):
        folder = runs_dir.parent / f"runs-{jobs}"
        for attempt in ("new", "again"):
            report = tmp_path / f"{jobs}-{attempt}.json"
            line = ("eval", "--suite", str(path), "--threads", "1", "--quiet", "--jobs", jobs)
            folders = ["--runs-dir", str(folder), "--data-dir", str(data_dir)]
            command = [*line, "--report", str(report), *folders]
            assert run_command_line(command, no_session) == 0
            reports.append(without_costs(json.loads(report.read_text())))
    one, one_again, two, two_again = reports
    assert [run["reused"] for run in one["runs"]] == [False, False, True], "the twin is reused"
    assert two == one
    assert two_again == one_again
    assert [run["reused"] for run in two_again["runs"]] == [True] * 3


def test_ctrl_c_cancels_all_jobs_of_an_eval(runs_dir: Path, data_dir: Path, within: Within) -> None:
    line = ("eval", "--models", "lr,mf,popularity", "--dataset", "small", "--threads", "1")
    endless = ("--set", "lr.epochs=10000", "--set", "lr.patience=0", "--set", "mf.epochs=10000")
    with start(runs_dir, data_dir, *line, *endless, "--jobs", "2", "--quiet") as process:
        within(60, lambda: any(run.state == "running" for run in list_runs(runs_dir)))
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert {run.state for run in list_runs(runs_dir)} == {"cancelled"}


def test_a_paused_queue_is_no_place_for_an_eval(paused: Cli) -> None:
    line = ("eval", "--models", "popularity,item-cf", "--dataset", "small", "--jobs", "2")
    done = paused(*line, "--quiet")
    assert done.code == 2
    assert "the queue is paused" in done.err


@pytest.mark.parametrize("line", [["queue", "list"], ["queue", "pause"], ["queue", "--help"]])
def test_requests_load_nothing_heavy(tmp_path: Path, line: list[str]) -> None:
    code = (
        "import sys; from workbench.__main__ import main; main();"
        "heavy = ('torch', 'pandas', 'numpy', 'scipy', 'textual', 'rich', 'pydantic');"
        "sys.stderr.write('loaded: ' + ' '.join(x for x in heavy if x in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *line], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stderr.endswith("loaded: "), done.stderr
    assert os.environ["OMP_NUM_THREADS"] == "1"
