"""`--track` on the command line, with a tracker of a package that is installed for the test."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.data.small import SMALL
from tests.extensions.conftest import Install
from tests.extensions.conftest import install as install
from tests.tracking.fakes import running
from tests.workbench.conftest import Cli
from tests.workbench.conftest import cli as cli
from tests.workbench.conftest import data_dir as data_dir
from tests.workbench.conftest import runs_dir as runs_dir
from workbench.cli.tracking import say_of_trackers
from workbench.tracking import targets
from workbench.tracking.journal import Journal, following, write_journal
from workbench.tracking.targets import TRACKERS

FILES = '''
import json, pathlib

class Files:
    """Writes a line per call into a file."""

    def __init__(self, where):
        self.path = pathlib.Path(where)

    def tell(self, *call):
        with self.path.open("a") as file:
            file.write(json.dumps(call) + "\\n")

    def begin(self, start, earlier):
        self.tell("begin", start.label)
        return start.run_id

    def log(self, points):
        self.tell("log", [point.name for point in points])

    def end(self, end):
        self.tell("end", end.state, end.metrics["ndcg@10"], [file.name for file in end.files])
'''


def test_a_run_is_told_once_reused_or_not(
    cli: Cli, install: Install, tmp_path: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install({"files_tracker": FILES}, {TRACKERS: {"files": "files_tracker:Files"}})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    line = ["train", "--model", "popularity", "--dataset", SMALL, "--quiet"]
    told = tmp_path / "told"
    for _ in range(2):
        done = cli(*line, "--track", f"files:{told}")
        assert (done.code, done.err) == (0, "")
    (run,) = [each for each in runs_dir.iterdir() if each.is_dir()]
    value = json.loads((run / "metrics.json").read_text())["metrics"]["ndcg@10"]
    files = ["report.html", "metrics.json", "spec.yaml", "environment.json"]
    assert [json.loads(call) for call in told.read_text().splitlines()] == [
        ["begin", "popularity"],
        ["end", "succeeded", value, files],
    ]
    # the same job, tracked or not
    assert "track" not in (run / "spec.yaml").read_text()


def test_what_was_not_sent_is_said_in_one_line(
    runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, target = running(runs_dir), targets.parse_target("mlflow:http://127.0.0.1:5000")
    reason = "no answer within 10 s"
    with following(run.path, target):
        journal = Journal(str(target), "incomplete", unsent=3, reason=reason)
        write_journal(run.path, target, journal)
    say_of_trackers([run, run], [str(target)])
    assert capsys.readouterr().err == (
        f"note: run {run.run_id}: tracker {target}: 3 values and the result were not sent:"
        f" {reason}; the same command sends them again\n"
    )


def test_what_is_wrong_is_said_before_the_job(cli: Cli, runs_dir: Path) -> None:
    done = cli("train", "--model", "popularity", "--track", "mlflow:http://me:pass@host")
    assert done.code == 2
    assert "pass@" not in done.err
    assert not runs_dir.exists()
