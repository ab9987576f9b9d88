"""Sets without ratings or times: what cannot learn from them is left out or refused at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workbench.conftest import Cli
from workbench.store.listing import list_runs

SUITE = """\
name: both
dataset: views
protocol: {name: user-timeline}
ks: [2]
jobs:
  - model: popularity
  - model: lr
"""


def import_rows(cli: Cli, path: Path, header: str, *, rest: str = "") -> None:
    """Import eight users with four of six items each, as the set of the file's name."""
    rows = [
        f"u{user},i{(user + place) % 6}{rest}{',' + str(place) if 'timestamp' in header else ''}\n"
        for user in range(8)
        for place in range(4)
    ]
    path.write_text(f"{header}\n{''.join(rows)}")
    assert cli("data", "import", str(path), "--name", path.stem).code == 0


@pytest.fixture
def suite(cli: Cli, tmp_path: Path) -> str:
    """Write a suite of a recall and a ranking model, on a set without ratings."""
    import_rows(cli, tmp_path / "views.csv", "user,item,timestamp")
    path = tmp_path / "both.yaml"
    path.write_text(SUITE)
    return str(path)


def labels(runs_dir: Path) -> list[str]:
    return [run.label for run in list_runs(runs_dir)]


def test_a_suite_leaves_out_what_cannot_learn_from_the_data(
    cli: Cli, suite: str, runs_dir: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    done = cli("eval", "--suite", suite, "--plain", "--report", str(report))
    assert done.code == 0
    assert labels(runs_dir) == ["popularity"]
    why = "data set 'views' has no ratings"
    assert -1 < done.err.find(f"left out: lr ({why}") < done.err.find("[1/1] popularity")
    assert "Left out: lr: data set 'views' has no" in done.out
    (left_out,) = json.loads(report.read_text())["left_out"]
    assert left_out["label"] == "lr"
    assert left_out["reason"].startswith(why)


def test_constant_ratings_are_like_none(
    cli: Cli, suite: str, runs_dir: Path, tmp_path: Path
) -> None:
    import_rows(cli, tmp_path / "same.csv", "user,item,rating,timestamp", rest=",5")
    done = cli("eval", "--suite", suite, "--dataset", "same", "--plain")
    assert done.code == 0
    assert "left out: lr (data set 'same': every train row is rated 5" in done.err
    assert labels(runs_dir) == ["popularity"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (["--models", "popularity,lr"], "lr: data set 'views' has no ratings"),
        (["--gate", "lr:auc>=0.5"], "lr:auc>=0.5 judges lr, which cannot run here: data set"),
        (["--models", "lr"], "lr: data set 'views' has no ratings"),
        (["--set", "protocol.drop_ratings=[3]"], "filters by rating, but data set 'views' has"),
    ],
)
def test_what_was_asked_for_by_name_is_an_error_before_anything_runs(
    cli: Cli, suite: str, runs_dir: Path, line: list[str], error: str
) -> None:
    done = cli("eval", "--suite", suite, "--quiet", *line)
    assert done.code == 2
    assert error in done.err
    assert labels(runs_dir) == []
    assert cli("train", "--model", "lr", "--dataset", "views", "--k", "2", "--quiet").code == 2
    assert labels(runs_dir) == []


def test_a_baseline_of_a_job_that_cannot_run_is_an_error(
    cli: Cli, suite: str, runs_dir: Path, tmp_path: Path
) -> None:
    baseline = tmp_path / "before.json"
    summary = [{"label": label, "metric": "auc", "mean": 0.7} for label in ("popularity", "lr")]
    baseline.write_text(
        json.dumps({"schema": 1, "summary": summary, "protocol": {"fingerprint": "f"}})
    )
    done = cli("eval", "--suite", suite, "--quiet", "--baseline", str(baseline))
    assert done.code == 2
    assert "before.json judges lr, which cannot run here" in done.err


def test_a_set_without_times_is_refused_where_the_protocol_cuts_by_time(
    cli: Cli, suite: str, runs_dir: Path, tmp_path: Path
) -> None:
    import_rows(cli, tmp_path / "bare.csv", "user,item")
    done = cli("eval", "--suite", suite, "--dataset", "bare", "--quiet")
    assert done.code == 2
    assert "cuts by time, but data set 'bare' has no times" in done.err
    assert labels(runs_dir) == []
    advised = ("--protocol", "random-per-user")
    assert cli("eval", "--suite", suite, "--dataset", "bare", "--quiet", *advised).code == 0


def test_the_queue_takes_no_job_that_must_fail(
    cli: Cli, suite: str, runs_dir: Path, tmp_path: Path
) -> None:
    """What a prepared set has is known before the job begins."""
    import_rows(cli, tmp_path / "bare.csv", "user,item")
    assert cli("queue", "pause").code == 0
    done = cli("queue", "add", "--suite", suite)
    assert done.code == 0
    assert "left out: lr (data set 'views' has no ratings" in done.err
    assert labels(runs_dir) == ["popularity"]
    (run,) = list_runs(runs_dir)
    for line, error in (
        (["add", "--model", "lr", "--dataset", "views"], "lr: data set 'views' has no ratings"),
        (["add", "--model", "mf", "--dataset", "bare"], "cuts by time, but data set 'bare'"),
        (["edit", run.run_id, "--set", "protocol.min_rating=2"], "filters by rating, but"),
    ):
        done = cli("queue", *line)
        assert (done.code, done.out) == (2, "")
        assert error in done.err
    assert len(list_runs(runs_dir)) == 1
