"""`--estimate`: what the jobs of a command would take; nothing is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recsys_core.compute import capacity
from recsys_core.pipeline import estimate
from tests.workbench.conftest import Cli

TRAIN = ("train", "--dataset", "small", "--threads", "1", "--quiet")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIT_SECONDS", "JUDGE_SECONDS"):
        monkeypatch.setattr(estimate, name, 0.0)


def test_a_plan_is_estimated_and_nothing_is_left(cli: Cli, runs_dir: Path) -> None:
    models = ("--models", "popularity,mf", "--seeds", "0,1", "--set", "mf.epochs=3")
    done = cli("eval", "--dataset", "small", *models, "--estimate", "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    jobs = [(job["label"], job["seed"]) for job in told["jobs"]]
    assert jobs == [("popularity", 0), ("mf", 0), ("mf", 1)]
    for job in told["jobs"]:
        assert job["fit_seconds"] >= job["fit_seconds_least"] > 0
        assert 0 < job["peak_rss_mb"] <= told["total"]["peak_rss_mb"] < told["available_mb"]
        assert (job["reused"], job["problem"], job["changes"]) == (None, None, [])
    both = [job["fit_seconds"] + job["eval_seconds"] for job in told["jobs"]]
    assert told["total"]["seconds"] == pytest.approx(sum(both))
    assert not runs_dir.exists()


def test_a_run_that_would_be_reused_takes_nothing(cli: Cli) -> None:
    assert cli(*TRAIN, "--model", "popularity").code == 0
    done = cli(*TRAIN, "--model", "popularity", "--estimate")
    assert done.out.splitlines()[1].split()[:2] == ["popularity", "reuses"]
    fresh = cli(*TRAIN, "--model", "popularity", "--estimate", "--fresh", "--json")
    assert json.loads(fresh.out)["total"]["seconds"] > 0


def test_a_job_that_would_refuse_is_told_with_what_would_fit(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "available_memory", lambda: 100)
    done = cli(*TRAIN, "--model", "ease", "--estimate")
    assert done.code == 3
    assert done.out.splitlines()[1].split() == ["ease", "refuses"]
    problem, remedy = done.err.splitlines()
    assert problem.startswith("error: model ease: a matrix of")
    assert remedy == "use item-cf"


def test_what_is_no_estimate_is_refused(cli: Cli) -> None:
    done = cli(*TRAIN, "--model", "popularity", "--json")
    assert done.code == 2
    assert "--json needs --estimate; a report is --report FILE.json" in done.err
    done = cli("train", "--resume", "x", "--estimate")
    assert done.code == 2
    assert "--resume is not allowed with it" in done.err
