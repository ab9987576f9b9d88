"""`train --from RUN`: wherever an updated run is shown it says so, and it meets no unfair judge."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.dataset import Dataset
from recsys_core.data.prepared import write_prepared
from tests.data.small import SMALL, prepare_small, small
from tests.workbench.conftest import Cli
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.updates import job_of_update
from workbench.jobs import service
from workbench.store.listing import RunSummary, list_runs
from workbench.store.runs import Run
from workbench.tui.view.columns import name_of
from workbench.tui.view.compare import why_not_comparable

EARLY = "early"


def early(data: Dataset) -> Dataset:
    """Leave out the last events; all users and items stay."""
    rows = np.sort(np.argsort(data.timestamp, kind="stable")[: -data.n_interactions // 8])
    names = ("user", "item", "rating", "timestamp")
    return replace(data, name=EARLY, **{name: getattr(data, name)[rows] for name in names})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare_small(folder)
    write_prepared(folder, early(small()), {"path": "made up"}, {})
    return folder


@pytest.fixture
def before(cli: Cli, runs_dir: Path) -> str:
    """Train popularity on the early events; return the run's id."""
    done = cli("train", "--model", "popularity", "--dataset", EARLY, "--quiet", "--threads", "1")
    assert done.code == 0, done.err
    return list_runs(runs_dir)[0].run_id


def update(cli: Cli, before: str, *more: str) -> None:
    done = cli("train", "--from", before, "--dataset", SMALL, "--quiet", *more)
    assert done.code == 0, done.err


def newest(runs_dir: Path) -> RunSummary:
    return list_runs(runs_dir)[0]


def test_an_updated_run_says_so_wherever_it_is_shown(
    cli: Cli, before: str, runs_dir: Path, tmp_path: Path
) -> None:
    reports = [tmp_path / f"report.{kind}" for kind in ("json", "md", "html")]
    update(cli, before, *(word for path in reports for word in ("--report", str(path))))
    run = newest(runs_dir)
    assert run.label == "popularity-update"
    assert Run(run.folder).spec["update"]["run"] == before
    assert name_of(run) == "popularity-update (updated)"
    assert "popularity-update (updated)" in cli("runs", "list").out
    assert f"updating run {before}" in (run.folder / "log.txt").read_text()
    report = json.loads(reports[0].read_text())
    assert report["runs"][0]["updated_from"] == before
    for path in reports[1:]:
        assert f"Updated with new events: popularity-update, from run {before}" in path.read_text()
    shown = cli("user", "1", "--run", run.run_id)
    assert "popularity-update (updated)" in shown.out
    shown = cli("user", "1", "--run", run.run_id, "--json")
    assert json.loads(shown.out)["runs"][0]["updated_from"] == before
    # the same update is not done again
    assert (
        f"reused {run.run_id}" in cli("train", "--from", before, "--dataset", SMALL, "--plain").err
    )


def test_it_is_not_compared_on_rows_that_it_learned_from(
    cli: Cli, before: str, runs_dir: Path
) -> None:
    update(cli, before)
    run = newest(runs_dir)
    for pair in ((before, run.run_id), (run.run_id, before)):
        done = cli("compare", *pair)
        assert done.code == 2
        assert f"run {run.run_id} is an update: it learned from" in done.err
        assert "score FILE --dataset NEW" in done.err
    why = "an update learned from rows that the other was judged on"
    (parent,) = (each for each in list_runs(runs_dir) if each.run_id == before)
    assert why_not_comparable(run, parent) == why_not_comparable(parent, run) == why
    # the run before as a baseline, under the same label: refused before anything is fitted
    line = ("train", "--from", before, "--dataset", SMALL, "--label", "popularity")
    done = cli(*line, "--baseline", before)
    assert done.code == 2
    assert f"{before} was judged on" in done.err
    assert len(list_runs(runs_dir)) == 2


def test_what_goes_with_from(cli: Cli, before: str) -> None:
    assert "--from needs the data" in cli("train", "--from", before).err
    done = cli("train", "--from", before, "--dataset", SMALL, "--set", "x=1")
    assert (done.code, "--from updates the job of a run" in done.err) == (2, True)


def test_options_of_an_update_are_checked_like_those_of_a_job(
    cli: Cli, before: str, runs_dir: Path, data_dir: Path
) -> None:
    options = JobOptions(dataset=SMALL, ks=(10, 5), device="auto")
    spec = job_of_update(before, "", options, Settings(runs_dir, data_dir))
    assert (spec.ks, spec.device) == ((5, 10), "auto")
    for source in (("--from", before, "--dataset", SMALL), ("--refit", before)):
        done = cli("queue", "add", *source, "--nproc", "2")
        assert (done.code, "popularity is trained by one process" in done.err) == (2, True)
    done = cli("train", "--resume", before, "--device", "cpu")
    assert (done.code, "--resume continues a job unchanged" in done.err) == (2, True)


def test_an_update_in_the_background(
    cli: Cli, before: str, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ensure_supervisor", lambda folder: None)
    monkeypatch.setattr("workbench.cli.queue.ensure_supervisor", lambda folder: None)
    done = cli("queue", "add", "--from", before, "--dataset", SMALL, "--track", "tensorboard:here")
    if done.code == 2:  # the package is an extra
        assert "pip install 'recsys-workbench[tensorboard]'" in done.err
        done = cli("queue", "add", "--from", before, "--dataset", SMALL)
    assert done.code == 0, done.err
    assert newest(runs_dir).updated_from == before
