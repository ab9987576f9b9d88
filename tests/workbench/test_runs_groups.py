"""`runs groups`: what it prints, its JSON and its reports."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.reports.schema import violations
from tests.workbench.conftest import Cli
from tests.workbench.grouped import prepare_teams, teams, write_teams_run


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the set of two teams."""
    folder = tmp_path_factory.mktemp("teams")
    prepare_teams(folder, teams())
    return folder


@pytest.fixture(autouse=True)
def _runs(runs_dir: Path) -> None:
    worse = {"recall@2": (0, 1, 0, 1, 0)}
    write_teams_run(runs_dir, "mf", teams())
    write_teams_run(runs_dir, "base", teams(), values=worse)
    write_teams_run(runs_dir, "lr", teams(), lists=None)


def schema() -> dict[str, Any]:
    """Read what the JSON must be."""
    source = resources.files("workbench.reports").joinpath("groups.schema.json")
    content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return content


def test_json(cli: Cli) -> None:
    done = cli("runs", "groups", "base", "mf", "--by", "team", "--metric", "recall@2", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert violations(report, schema()) == []
    (team,) = report["attributes"]
    (a, *_) = team["groups"]
    base, mf = a["values"]
    assert (a["n"], a["small"]) == (2, True)
    assert (base["value"], mf["value"], mf["delta"]) == (1 / 2, 3 / 4, 1 / 4)
    assert mf["p_value"] is None  # of two users
    lift = report["popularity_bias"][0]["groups"][0]["values"][0]["lift"]
    assert lift == pytest.approx(12 / 31 - 1)


def test_items_are_judged_by_hits_alone(cli: Cli, runs_dir: Path) -> None:
    values = {"recall@2": (0, 1, 0, 1, 0), "novelty@2": (1, 2, 3, 4, 5)}
    write_teams_run(runs_dir, "new", teams(), values=values)
    report = json.loads(cli("runs", "groups", "new", "--metric", "novelty@2", "--json").out)
    assert [one["attribute"] for one in report["attributes"]] == ["team", "activity"]
    done = cli("runs", "groups", "new", "--metric", "novelty@2", "--by", "genre")
    assert "unknown metric of groups of items 'novelty@2'" in done.err


def test_ranking_runs_have_no_lists(cli: Cli) -> None:
    done = cli("runs", "groups", "lr", "--json")
    report = json.loads(done.out)
    assert violations(report, schema()) == []
    assert report["popularity_bias"] == []
    sides = [(one["attribute"], one["side"]) for one in report["attributes"]]
    assert sides[:2] == [("team", "user"), ("activity", "user")]


def test_text_and_reports(cli: Cli, tmp_path: Path) -> None:
    paths = [tmp_path / f"groups{ending}" for ending in (".md", ".html", ".json")]
    words = [word for path in paths for word in ("--report", str(path))]
    done = cli("runs", "groups", "base", "mf", "--metric", "recall@2", "--by", "team", *words)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "base, mf by groups: teams, given"
    assert lines[2:4] == [
        "recall@2 by team",
        "team     users    base    95 % interval     mf      - base    its 95 % interval",
    ]
    assert lines[4].startswith("a        2 (few)  0.5000  [0.0000, 1.0000]  0.7500  +0.2500 ")
    assert "(few): under 30 users, not tested and in no gap." in lines
    markdown, page, content = (path.read_text(encoding="utf-8") for path in paths)
    assert "| a | 2 (few) | 0.5000 |" in markdown
    assert "<td>2 (few)</td><td>0.5000</td>" in page
    assert json.loads(content)["schema"] == 1


def test_the_report_of_a_suite(cli: Cli, tmp_path: Path) -> None:
    paths = [tmp_path / f"suite{ending}" for ending in (".json", ".md", ".html")]
    words = [word for path in paths for word in ("--report", str(path))]
    suite = ("--dataset", "teams", "--models", "popularity", "--protocol", "leave-last-out")
    done = cli("eval", *suite, "--k", "2", "--quiet", "--groups", "team", *words)
    assert done.code == 0, done.err
    report = json.loads(paths[0].read_text(encoding="utf-8"))
    (groups,) = report["groups"]
    assert violations(groups, schema()) == []
    (team,) = groups["attributes"]
    # of u0 the last event is liked, of u2 it is not; the others have too few
    assert [(row["group"], row["n"]) for row in team["groups"]][:2] == [("a", 1), ("b", 0)]
    assert "### ndcg@2 by team" in paths[1].read_text(encoding="utf-8")
    assert "<h3>ndcg@2 by team</h3>" in paths[2].read_text(encoding="utf-8")
    done = cli("eval", *suite, "--k", "2", "--groups", "teem", *words)
    assert done.code == 2
    assert "unknown attribute 'teem'" in done.err
    assert "--groups is for reports" in cli("eval", *suite, "--groups", "team").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mf", "--by", "teem"], "unknown attribute 'teem'\ndid you mean 'team'?"),
        (["mf", "lr"], "one makes lists, the other predicts rows"),
        (["mf", "--report", "x.csv"], "unknown extension: '.csv'"),
    ],
)
def test_refusals(cli: Cli, words: list[str], message: str) -> None:
    done = cli("runs", "groups", *words)
    assert done.code == 2
    assert message in done.err
