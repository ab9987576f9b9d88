"""MLflow: a folder, a database, and a server on this machine, asked afterwards what they know."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tracking.fakes import LIMITS, finish, log_of, report, running
from workbench.store.runs import Run
from workbench.tracking.follower import Follower, Limits
from workbench.tracking.journal import following, read_journal
from workbench.tracking.targets import Target, load_tracker, parse_target

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.mlflow


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip where it is not; artefacts of a database lie in the working folder."""
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a database and artefacts on this machine."""
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    line = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    line += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/runs.db"]
    line += ["--artifacts-destination", str(folder / "artifacts")]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(line, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the server did not start")


def _follow(run: Run, target: Target, limits: Limits = LIMITS) -> Follower:
    with following(run.path, target):
        follower = Follower(run, target, lambda: load_tracker(target), limits)
        follower.step()
    return follower


def _client(where: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(where)


@pytest.mark.parametrize("place", ["server", "folder", "database"])
def test_what_mlflow_knows(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if place == "server":
        where = request.getfixturevalue("server")
    else:
        where = str(tmp_path / "store") if place == "folder" else f"sqlite:///{tmp_path}/runs.db"
    run, target = running(tmp_path / "runs"), parse_target(f"mlflow:{where}")
    report(run, 1, **{"loss": 0.5, "ndcg@10": 0.1})
    _follow(run, target)  # and is killed
    report(run, 2, loss=0.25)
    finish(run)
    assert _follow(run, target).journal.state == "sent"

    client, journal = _client(where), read_journal(run.path, target)
    assert journal is not None
    found = client.get_run(journal.run)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "mf")
    assert (found.info.start_time, found.info.end_time) == (2_000, 3_000)
    curve = [(each.step, each.value) for each in client.get_metric_history(journal.run, "fit/loss")]
    assert curve == [(1, 0.5), (2, 0.25)]
    assert found.data.metrics == {
        "fit/loss": 0.25,
        "fit/ndcg_at_10": 0.1,
        "ndcg_at_10": 0.25,
        "ndcg_at_10.low": 0.2,
        "ndcg_at_10.high": 0.3,
    }
    assert found.data.params["protocol.name"] == "user-timeline"
    assert found.data.params["params.neighbours"] == "250"
    assert found.data.tags["run_id"] == run.run_id
    names = sorted(file.path for file in client.list_artifacts(journal.run))
    assert names == ["environment.json", "metrics.json", "report.html", "spec.yaml"]


def test_a_run_deleted_there_is_told_anew(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path}/runs.db"
    run, target = running(tmp_path / "runs"), parse_target(f"mlflow:{where}")
    first = _follow(run, target).journal.run
    finish(run)
    import sqlite3

    with sqlite3.connect(tmp_path / "runs.db") as database:
        for table in ("tags", "params", "latest_metrics", "metrics", "runs"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (first,))
    journal = _follow(run, target).journal
    assert journal.state == "sent"
    assert journal.run != first


def test_a_server_that_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    run, target = running(tmp_path), parse_target(f"mlflow:http://127.0.0.1:{port}")
    finish(run)
    assert _follow(run, target).journal.state == "incomplete"
    assert "Connection refused" in log_of(run)


def test_a_server_that_accepts_and_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        run, target = running(tmp_path), parse_target(f"mlflow:http://127.0.0.1:{port}")
        finish(run)
        journal = _follow(run, target, Limits(call=0.5, load=300.0, end=300.0)).journal
    assert journal.state == "incomplete"
    assert "no answer within 0.5 s" in log_of(run)
