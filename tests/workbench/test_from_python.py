"""docs/python.md from its first block to its last, and its figures beside those of commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from recsys_core import Comparison, Dataset, Result, compare, evaluate, fit, split
from recsys_core.data.browse import plain_values
from tests.data.small import small
from tests.workbench.conftest import Cli
from tests.workbench.test_docs import ROOT, blocks
from workbench.store.listing import list_runs


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder of these tests alone."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> dict[str, Any]:
    """Run all blocks of the page one after the other beside two made-up files."""
    here, made = tmp_path_factory.mktemp("work"), small()
    (here / "data").symlink_to(data_dir)
    events = pd.DataFrame(
        {
            "user": made.user_ids[made.user],
            "item": made.item_ids[made.item],
            "rating": made.rating,
            "timestamp": made.timestamp,
        }
    )
    events.to_csv(here / "events.csv", index=False)
    items = pd.DataFrame({"item": made.item_ids})
    items["title"] = plain_values(made.item_columns["title"])
    items["genres"] = ["|".join(each or ()) for each in plain_values(made.item_columns["genres"])]
    items.to_csv(here / "items.csv", index=False)
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for code in blocks(ROOT / "docs" / "python.md", "python"):
            exec(compile(code, "python.md", "exec"), names)
    return names


def test_the_page_does_what_it_says(page: dict[str, Any]) -> None:
    films = page["films"]
    assert (films.n_users, films.n_items) == (80, 60)
    assert films.item_columns.keys() == {"title", "genres"}
    assert page["found"].delta > 0
    assert len(page["lists"]["user"].unique()) == 80


def test_the_readme_does_what_it_says(page: dict[str, Any]) -> None:
    for readme in ("README.md", "README.zh-CN.md"):
        (code,) = blocks(ROOT / readme, "python")
        names: dict[str, Any] = {"events": page["events"]}
        exec(compile(code, readme, "exec"), names)
        assert names["parts"].fingerprint != page["parts"].fingerprint  # of events without items


def trained(cli: Cli, runs_dir: Path, *arguments: str) -> dict[str, Any]:
    """Train with a command and read what it wrote."""
    before = {run.run_id for run in list_runs(runs_dir)}
    done = cli("train", "--dataset", "films", "--k", "10", "--quiet", *arguments)
    assert done.code == 0, done.err
    (run,) = (run for run in list_runs(runs_dir) if run.run_id not in before)
    found: dict[str, Any] = json.loads((run.folder / "metrics.json").read_text())
    return {"run_id": run.run_id, **found}


JOBS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "popularity": ({}, []),
    "item-cf": ({"neighbours": 50}, ["--set", "neighbours=50"]),
    "lr": ({"epochs": 2, "seed": 1}, ["--set", "epochs=2", "--seeds", "1"]),
}


def test_figures_are_those_of_commands(
    page: dict[str, Any], cli: Cli, runs_dir: Path, data_dir: Path
) -> None:
    """To the last digit, and differences with their intervals and p-values, too."""
    parts = split(Dataset.load("films", data_dir))
    assert parts.fingerprint == page["parts"].fingerprint
    results: dict[str, Result] = {}
    runs: dict[str, dict[str, Any]] = {}
    for model, (fields, options) in JOBS.items():
        results[model] = evaluate(fit(model, parts, **fields), ks=[10])
        runs[model] = trained(cli, runs_dir, "--model", model, *options)
        written = json.loads(json.dumps(results[model].content()))
        for part in ("metrics", "ci95", "counts", "validation", "params", "curve"):
            assert repr(written[part]) == repr(runs[model][part]), f"{model}: {part}"
    assert results["item-cf"].metrics == page["result"].metrics
    ours: Comparison = compare(results["popularity"], results["item-cf"])
    said = cli("compare", runs["popularity"]["run_id"], runs["item-cf"]["run_id"], "--json")
    for metric in json.loads(said.out)["metrics"]:
        found, (_, theirs) = ours[metric["metric"]], metric["values"]
        assert found.delta == theirs["delta"]
        assert (found.p_value, found.users) == (theirs["p_value"], theirs["users"])
        assert found.ci95 == (theirs["delta_ci95"] and tuple(theirs["delta_ci95"]))


def test_the_workbench_knows_the_set(page: dict[str, Any], cli: Cli) -> None:
    shown = json.loads(cli("data", "list", "--json").out)
    films = next(one for one in shown if one["name"] == "films")
    assert films["fingerprint"] == page["films"].fingerprint
    assert films["state"] == "ready"
    described = cli("data", "describe", "films")
    assert described.code == 0, described.err
