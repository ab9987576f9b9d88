"""The command line in process: commands, exit codes, and every wrong line."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from recsys_core import extensions, registry
from tests.data.small import SMALL
from tests.workbench import trouble
from tests.workbench.conftest import Cli
from tests.workbench.test_store_runs import write_run
from workbench.cli.context import globals_first
from workbench.store.files import StoreError, write_json
from workbench.store.listing import list_runs
from workbench.store.runs import Run, Status, check_writable

POPULARITY = ("eval", "--dataset", SMALL, "--models", "popularity", "--quiet", "--threads", "1")


def test_eval_prints_results_on_stdout_and_progress_on_stderr(cli: Cli) -> None:
    done = cli(*POPULARITY[:-3], "--threads", "1")
    assert done.code == 0
    assert "popularity" in done.out
    assert "SYNTHETIC" in done.out
    assert "[1/1] popularity: evaluating popularity" in done.err
    again = cli(*POPULARITY)
    assert again.err == ""


def test_runs_are_reused_unless_fresh_and_shown_under_the_label_asked_for(
    cli: Cli, runs_dir: Path, tmp_path: Path
) -> None:
    suite = tmp_path / "mine.yaml"
    suite.write_text(
        "name: mine\ndataset: small\nprotocol: {name: user-timeline}\n"
        "jobs: [{model: popularity, label: top}]\n"
    )
    report = tmp_path / "report.json"
    cli(*POPULARITY)
    again = cli("eval", "--suite", str(suite), "--threads", "1", "--quiet", "--report", str(report))
    (run,) = json.loads(report.read_text())["runs"]
    assert (run["label"], run["reused"]) == ("top", True)
    assert f"note: top is run {run['run_id']}, which was made as popularity" in again.err
    assert len(list_runs(runs_dir)) == 1
    cli(*POPULARITY, "--fresh")
    first, second = list_runs(runs_dir)
    assert first.metrics == second.metrics


def test_seeds_changes_and_several_reports(cli: Cli, tmp_path: Path) -> None:
    paths = [tmp_path / f"new/report.{end}" for end in ("json", "md", "html", "csv", "xml")]
    reports = [word for path in paths for word in ("--report", str(path))]
    line = ("eval", "--dataset", SMALL, "--models", "item-cf,mf", "--k", "5,20")
    changes = (
        "--set",
        "item-cf.neighbours=7",
        "--set",
        "mf.epochs=1",
        "--set",
        "protocol.relevance=3",
    )
    done = cli(*line, *changes, "--seeds", "0,3", "--quiet", "--threads", "1", *reports)
    assert done.code == 0, done.err
    assert all(path.stat().st_size > 100 for path in paths)
    report = json.loads(paths[0].read_text())
    assert [(run["label"], run["seed"]) for run in report["runs"]] == [
        ("item-cf", 0),  # no seed changes it
        *(("mf", 0), ("mf", 3)),
    ]
    assert report["runs"][0]["params"]["neighbours"] == 7
    assert report["protocol"]["parameters"]["relevance"] == 3
    assert {"ndcg@5", "ndcg@20"} <= set(report["runs"][0]["metrics"])
    assert report["seeds"] == [0, 3]


def test_gates_and_baselines_decide_the_exit_code(cli: Cli, runs_dir: Path, tmp_path: Path) -> None:
    report = str(tmp_path / "base.json")
    assert cli(*POPULARITY, "--gate", "popularity:ndcg@10>0", "--report", report).code == 0
    assert cli(*POPULARITY, "--gate", "popularity:ndcg@10>=.9").code == 1
    assert cli(*POPULARITY, "--baseline", report).code == 0
    assert cli(*POPULARITY, "--baseline", list_runs(runs_dir)[0].run_id).code == 0
    content = json.loads(Path(report).read_text())
    for row in content["summary"]:
        row["mean"] = row["mean"] and row["mean"] + 0.01
    write_json(Path(report), content)
    assert cli(*POPULARITY, "--baseline", report).code == 1
    assert cli(*POPULARITY, "--baseline", report, "--tolerance", "ndcg@10=.02").code == 0


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (["--k", "5"], "has no metric to compare popularity with at K = 5"),
        (["--tolerance", "auc=.01"], "for popularity: 'auc'"),
        (["--k", "5", "--tolerance", "ndcg@10=.01"], "to compare popularity with at K = 5\nchoose"),
    ],
    ids=["cut-offs", "label", "tolerance"],
)
def test_a_baseline_that_would_judge_nothing_is_an_error(
    cli: Cli, runs_dir: Path, tmp_path: Path, line: list[str], problem: str
) -> None:
    means = {"popularity": "ndcg@10", "lr": "auc"}
    summary = [{"label": label, "metric": name, "mean": 0.1} for label, name in means.items()]
    report = tmp_path / "base.json"
    write_json(report, {"schema": 1, "summary": summary, "protocol": {"fingerprint": None}})
    done = cli(*POPULARITY, "--baseline", str(report), *line)
    assert done.code == 2
    assert problem in done.err
    assert list_runs(runs_dir) == []


def test_a_failed_job_does_not_stop_the_others(cli: Cli, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    line = ("eval", "--dataset", SMALL, "--models", f"{trouble.NAME},popularity", "--quiet")
    gate = ("--gate", "popularity:ndcg@10>=.9")
    done = cli(*line, "--set", "trouble.trouble=bug", *gate, "--report", str(report))
    assert done.code == 3, "a failed job comes before a gate"
    assert "error: job trouble failed: ValueError: shapes (3,) and (4,)" in done.err
    assert "Traceback" not in done.err
    states = {run["label"]: run["status"] for run in json.loads(report.read_text())["runs"]}
    assert states == {"trouble": "failed", "popularity": "succeeded"}
    assert json.loads(report.read_text())["exit_code"] == 3


def test_a_session_is_not_drawn_into_a_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True)
    done = cli()
    assert done.code == 2
    assert "needs a terminal (stdin, stdout and stderr)" in done.err


def test_what_ends_the_process_is_no_success(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("eval", "--dataset", "sample", "--models", "popularity", "--quiet")
    monkeypatch.setattr("workbench.cli.work.load_split", lambda *_, **__: sys.exit(0))
    done = cli(*line, "--gate", "popularity:ndcg@10>=.9")
    assert done.code == 3
    assert done.err.startswith("error: SystemExit: 0\n")


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--report", "File name too long"),
        ("--baseline", "no such file: nnn"),
        ("--dataset", "unknown data set 'nnn"),
    ],
)
def test_a_name_that_is_too_long_is_told_before_the_work(
    cli: Cli, option: str, problem: str
) -> None:
    done = cli(*POPULARITY, option, f"{'n' * 300}.json")
    assert done.code == 2
    assert problem in done.err
    assert len(done.err.splitlines()) == 2
    assert done.out == ""


def test_a_plugin_that_ends_the_process_passes_no_gate(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ending_plugin.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("plug", "ending_plugin:Model", extensions.MODELS)
    monkeypatch.setattr(registry, "_plugins", lambda: {"plug": point})
    line = ("eval", "--dataset", "sample", "--models", "popularity,plug", "--quiet")
    done = cli(*line, "--gate", "popularity:ndcg@10>=.9")
    assert done.code == 2
    assert done.err.startswith("error: plug-in model 'plug' (ending_plugin:Model) does not load: ")


def test_train_takes_a_configuration_file_and_changes(
    cli: Cli, runs_dir: Path, tmp_path: Path
) -> None:
    config = tmp_path / "item-cf.yaml"
    config.write_text("neighbours: 9\n")
    shared = ("--dataset", SMALL, "--threads", "1", "--quiet")
    line = ("train", "--model", "item-cf", "--config", str(config), "--label", "mine")
    assert cli(*line, "--set", "protocol.relevance=3", *shared).code == 0
    assert cli(*line, "--set", "neighbours=5", *shared).code == 0
    second, first = list_runs(runs_dir)
    assert (first.params["neighbours"], second.params["neighbours"]) == (9, 5)
    assert first.label == "mine"
    assert first.split_fingerprint != second.split_fingerprint


def test_compare_shows_runs_side_by_side(cli: Cli, runs_dir: Path) -> None:
    cli("eval", "--dataset", SMALL, "--models", "popularity,item-cf", "--quiet")
    second, first = list_runs(runs_dir)
    done = cli("compare", first.run_id, second.run_id)
    assert done.code == 0
    assert "ndcg@10" in done.out
    comparison = json.loads(cli("compare", first.run_id, second.run_id, "--json").out)
    (row,) = (row for row in comparison["metrics"] if row["metric"] == "ndcg@10")
    delta = second.metrics["ndcg@10"] - first.metrics["ndcg@10"]
    assert row["values"][1]["delta"] == pytest.approx(delta, abs=1e-12)
    assert cli("compare", first.run_id).code == 2


WRONG_LINES = [
    (["evl"], "unknown command 'evl'", "did you mean 'eval'?"),
    (["eval", "--gaet", "x"], "no such option '--gaet'", "--help"),
    (["eval", "--k", "10,x"], "'x' is not a whole number from 1 to 2147483647", "--help"),
    (["eval", "--k", "0"], "'0' is not a whole number", "--help"),
    (["eval", "--seeds", "-1"], "'-1' is not a whole number from 0 to", "--help"),
    (["eval", "--threads", "0"], "0 is not in the range", "--help"),
    (["eval", "--jobs", "0"], "0 is not in the range", "--help"),
    (["eval", "--suite", "quik"], "unknown suite 'quik'", "did you mean 'quick'?"),
    (["eval", "--suite", "no.yaml"], "no such file: no.yaml", "check the path"),
    (["eval", "--models", "item-fc"], "unknown label or model 'item-fc'", "'item-cf'?"),
    (["eval", "--protocol", "user-timelin"], "unknown protocol 'user-timelin'", "'user-timeline'?"),
    (["eval", "--set", "popularity"], "not of the form LABEL.FIELD=VALUE", "--set mf.epochs=5"),
    (["eval", "--set", "itemcf.x=1"], "unknown label in --set", "did you mean 'item-cf'?"),
    (
        ["eval", "--models", "item-cf", "--set", "item-cf.neighbors=1"],
        "unknown field of model item-cf 'neighbors'",
        "did you mean 'neighbours'?",
    ),
    (
        ["eval", "--models", "item-cf", "--set", "item-cf.neighbours=0"],
        "model item-cf: neighbours = 0: input should be greater than or equal to 1",
        "neighbours: ",
    ),
    (["eval", "--set", "protocol.relevence=3"], "'relevence'", "did you mean 'relevance'?"),
    (["eval", "--gate", "popularity>1"], "not of the form LABEL:METRIC>=VALUE", "write e.g."),
    (["eval", "--gate", "popular:ndcg@10>=1"], "unknown label in gate", "'popularity'?"),
    (["eval", "--gate", "popularity:ndgc@10>=1"], "unknown metric 'ndgc@10'", "'ndcg@10'?"),
    (["eval", "--gate", "popularity:auc>=1"], "recall runs have no metric 'auc'", "ndcg@10"),
    (["eval", "--gate", "popularity:ndcg@7>=1"], "no metric 'ndcg@7' here", "ndcg@10"),
    (["eval", "--gate", "popularity:ndcg@10>=x"], "'x' is not a number", "write e.g."),
    (["eval", "--baseline", "gone"], "no run 'gone'", "runs list"),
    (["eval", "--baseline", "gone.json"], "no such file: gone.json", "--baseline"),
    (["eval", "--tolerance", "ndcg@10=1"], "--tolerance needs --baseline", "add --baseline"),
    (["eval", "--report", "r.docx"], "unknown extension: '.docx'", ".json, .md, .html"),
    (["eval", "--report", "/dev/null/r.md"], "/dev/null is not a folder", "another file"),
    (["eval", "--dataset", "ml-1n", "--offline"], "ml-1n", "ml-1m"),
    (
        ["eval", "--dataset", "sample", "--k", "801"],
        "k 801 is larger than the catalogue",
        "up to 800",
    ),
    (["train"], "train needs --model NAME, --resume RUN, --refit RUN or --from RUN", "models list"),
    (["train", "--model", "item-fc"], "unknown model 'item-fc'", "did you mean 'item-cf'?"),
    (["train", "--model", "item-cf", "--config", "no.yaml"], "no such file: no.yaml", "path"),
    (["train", "--model", "item-cf", "--set", "neighbours"], "not of the form FIELD=VALUE", "5"),
    (["train", "--model", "item-cf", "--features", "x"], "takes no feature schema", "features"),
    (["train", "--resume", "gone"], "no run 'gone'", "runs list"),
    (["train", "--resume", "x", "--set", "a=1"], "--resume continues a job unchanged", "out"),
    (["compare", "gone", "gone"], "no run 'gone'", "runs list"),
    (
        ["runs", "lst"],
        "unknown command 'runs lst'",
        "did you mean 'list'? valid: archive, export, groups, list",
    ),
    (["data", "descibe"], "unknown command 'data descibe'", "did you mean 'describe'?"),
    (["queue", "ad"], "unknown command 'queue ad'", "did you mean 'add'?"),
    (["compare", "a", "b", "--metric", "auc"], "--metric is for --users", "add --users"),
    (["user", "42", "--find", "age=25"], "an id and --find do not go together", "leave one"),
    (["eval", "--runs-dir", ""], "--runs-dir is empty", "name a folder"),
    (["data", "list", "--data-dir="], "--data-dir is empty", "name a folder"),
    (["runs", "show", "gone"], "no run 'gone'", "runs list"),
    (["runs", "list", "--state", "done"], "'done' is not one of", "--help"),
    (["runs", "export", "--to", "x.xlsx"], "unknown extension", ".csv, .json, .parquet"),
    (["runs", "prune"], "prune needs a condition", "--state failed"),
    (["models", "show", "mff"], "unknown model 'mff'", "did you mean 'mf'?"),
    (["--headless"], "--headless needs a command", "eval"),
    ([], "the interactive session needs a terminal", "--headless eval"),
]


@pytest.mark.parametrize(("line", "problem", "remedy"), WRONG_LINES, ids=lambda x: str(x)[:40])
def test_a_wrong_line_is_named_with_a_remedy(
    cli: Cli, runs_dir: Path, line: list[str], problem: str, remedy: str
) -> None:
    models = [] if "--models" in line or line[:1] != ["eval"] else ["--models", "popularity"]
    if any("itemcf" in word for word in line):
        models = ["--models", "item-cf"]
    done = cli(*line, *models, *(["--quiet"] if line[:1] in (["eval"], ["train"]) else []))
    assert done.code == 2
    lines = done.err.splitlines()
    assert 1 <= len(lines) <= 2
    assert lines[0].startswith("error: ")
    assert problem in lines[0]
    assert remedy in lines[-1]
    assert done.out == ""
    assert list_runs(runs_dir) == [], "nothing ran"


def test_debug_shows_the_traceback_and_may_stand_anywhere(cli: Cli) -> None:
    done = cli("models", "show", "nothing", "--debug")
    assert done.code == 2
    assert "Traceback" in done.err


def test_a_full_disk_under_stdout_is_named(runs_dir: Path) -> None:
    line = [sys.executable, "-m", "workbench", "--runs-dir", str(runs_dir), "models", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: stdout cannot be written: No space left on device\n")
    assert len(done.stderr.splitlines()) == 2


def test_global_options_keep_their_values() -> None:
    line = ["eval", "--runs-dir=a", "--gate", "x", "--data-dir", "b", "--headless"]
    assert globals_first(line) == [
        *("--runs-dir=a", "--data-dir", "b", "--headless"),
        *("eval", "--gate", "x"),
    ]
    assert globals_first(["eval", "--runs-dir"]) == ["--runs-dir", "eval"]


@pytest.mark.parametrize("place", ["file", "/proc/runs"])
def test_a_runs_folder_that_cannot_be_written_stops_before_any_work(
    cli: Cli, tmp_path: Path, place: str
) -> None:
    path = tmp_path / place
    if place == "file":
        path.write_text("x")
    done = cli(*POPULARITY, "--runs-dir", str(path))
    assert done.code == 2
    reason = "Not a directory" if place == "file" else ""
    assert done.err.startswith(f"error: {path}: cannot be written: {reason}")
    assert "--runs-dir" in done.err.splitlines()[1]


def test_a_runs_folder_that_takes_no_file_is_named_by_what_was_given(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: str) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError) as error:
        check_writable(runs_dir)
    assert error.value.problem == f"{runs_dir}: cannot be written: Read-only file system"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without permissions")
def test_a_runs_folder_without_permission_stops_before_any_work(cli: Cli, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        done = cli(*POPULARITY)
    finally:
        os.seteuid(0)
    assert done.code == 2
    assert "cannot be written: Permission denied" in done.err
    assert "--runs-dir" in done.err


def test_runs_list_shows_and_filters(cli: Cli, runs_dir: Path) -> None:
    assert "no runs in" in cli("runs", "list").err
    hostile = "red[/]\x1b[31m\u202e千"
    good, bad = write_run(runs_dir, hostile, age=7200), write_run(runs_dir, "bad")
    bad.write_status(Status("failed", created=1.0, reason="disk full"))
    done = cli("runs", "list")
    assert "red[/]\\x1b[31m\\u202e千" in done.out
    assert "\x1b" not in done.out
    assert "2 h ago" in done.out
    assert "sample (synthetic)" in done.out
    assert cli("runs", "list", "--state", "failed").out.count("\n") == 2
    assert cli("runs", "list", "--limit", "1").out.count("\n") == 2
    nobody = cli("runs", "list", "--model", "nobody")
    assert (nobody.code, nobody.err) == (0, f"none of the 2 runs in {runs_dir} matches\n")
    (listed,) = json.loads(cli("runs", "list", "--model", hostile, "--json").out)
    assert (listed["run_id"], listed["metrics"]["hit@10"]) == (good.run_id, 0.5)
    assert "disk full" in cli("runs", "show", bad.run_id).out
    bad.write_status(Status("cancelled", reason="pruned at epoch 5: ndcg@10 0.0512"))
    for state in ("pruned", "cancelled"):  # which is what its folder says
        (listed,) = json.loads(cli("runs", "list", "--state", state, "--json").out)
        assert listed["state"] == "pruned"


def test_runs_show_has_the_whole_result(cli: Cli, runs_dir: Path) -> None:
    cli(*POPULARITY)
    run_id = list_runs(runs_dir)[0].run_id
    assert "ndcg@10" in cli("runs", "show", run_id).out
    content = json.loads(cli("runs", "show", run_id, "--json").out)
    assert content["status"]["state"] == "succeeded"
    assert content["result"]["stage"] == "recall"


def test_runs_export(cli: Cli, runs_dir: Path, tmp_path: Path) -> None:
    first, second = write_run(runs_dir, "a"), write_run(runs_dir, "b")
    second.write_status(Status("failed"))
    path = tmp_path / "out.csv"
    assert cli("runs", "export", "--to", str(path)).code == 0
    assert {row["run_id"] for row in csv.DictReader(path.open())} == {first.run_id}
    cli("runs", "export", first.run_id, "--table", "recommendations", "--to", str(path))
    assert [row["item_id"] for row in csv.DictReader(path.open())] == ["i3", "i1", "i2"]
    done = cli("runs", "export", second.run_id, "--to", str(path))
    assert (done.code, "has no result" in done.err) == (2, True)


def test_prune_deletes_only_what_it_was_told(cli: Cli, runs_dir: Path) -> None:
    old, middle, new = (write_run(runs_dir, "mf", age=86400.0 * days) for days in (3, 2, 1))
    middle.write_status(Status("queued", created=1.0))
    dry = cli("runs", "prune", "--older-than", "2.5", "--dry-run")
    assert dry.out.split() == [old.run_id]
    refused = cli("runs", "prune", "--keep", "1")
    assert (refused.code, "add --yes" in refused.err) == (2, True)
    assert cli("runs", "prune", "--keep", "1", "--yes").code == 0
    assert {run.run_id for run in list_runs(runs_dir)} == {middle.run_id, new.run_id}


def test_models_are_listed_and_shown(cli: Cli) -> None:
    listed = {row["name"]: row for row in json.loads(cli("models", "list", "--json").out)}
    assert listed["popularity"]["stage"] == "recall"
    assert listed["deepfm"]["stage"] == "ranking"
    assert all(row["title"] for row in listed.values())
    shown = cli("models", "show", "deepfm").out
    assert "batch_size" in shown
    assert "integer 1..10000000" in shown
    assert "number > 0, <= 10 " in shown
    schema = json.loads(cli("models", "show", "deepfm", "--json").out)
    assert schema["properties"]["epochs"]["description"]


def test_the_name_of_a_step_is_shown_before_its_fields(cli: Cli) -> None:
    shown = cli("models", "show", "two-stage").out
    first = shown.index("rerank[].name")
    assert first < shown.index("rerank[].depth")
    assert "penalises" in shown[first:].partition("\n")[0]


def test_a_resumed_run_goes_on_in_its_folder(cli: Cli, runs_dir: Path) -> None:
    cli("train", "--model", "item-cf", "--dataset", SMALL, "--quiet")
    run = Run(list_runs(runs_dir)[0].folder)
    before = run.metrics["metrics"]
    run.write_status(Status("interrupted", created=5.0))
    done = cli("train", "--resume", run.run_id, "--quiet")
    assert done.code == 0, done.err
    assert Run(run.path).metrics["metrics"] == before
    assert run.status().created == 5.0
    assert len(list_runs(runs_dir)) == 1


def test_a_runs_folder_that_is_taken_away_is_a_failed_job(
    cli: Cli, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recsys_core.pipeline.run import run

    def taken_away(*args: Any, **options: Any) -> Any:
        shutil.rmtree(runs_dir)
        return run(*args, **options)

    monkeypatch.setattr("workbench.jobs.execute.run_spec", taken_away)
    done = cli(*POPULARITY)
    assert done.code == 3
    problem, remedy = done.err.splitlines()
    assert "the run folder was moved or deleted while the job ran" in problem
    assert remedy == "run it again: nothing of it was kept"
    assert "popularity" in done.out
    assert not runs_dir.exists()
