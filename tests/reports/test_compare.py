from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from recsys_core.errors import InputError
from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.linearised import ratio_values
from recsys_core.evaluation.significance import paired_test
from tests.reports.folders import PROTOCOL, make_run, make_unfinished
from tests.workbench.results import without_arrays
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.compare import compare_runs
from workbench.reports.folder import read_report_run
from workbench.reports.terminal import print_comparison
from workbench.reports.user_values import path_beside, write_user_values
from workbench.reports.write import write_report
from workbench.store.listing import list_runs
from workbench.store.paired import paired_differences
from workbench.store.results import Tables, write_results
from workbench.store.runs import RESULTS
from workbench.tui.view.significance import compare_pair, verdict_on

A, B, C = [0.1, 0.4, 0.2, 0.6], [0.2, 0.6, 0.2, 0.9], [0.0, 0.5, 0.1, 0.6]


def compare(*folders: Path) -> dict[str, Any]:
    comparison = compare_runs([read_report_run(path) for path in folders])
    json.dumps(comparison, allow_nan=False)
    return comparison


def test_deltas_are_to_the_first_and_p_values_corrected(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path, name, metrics={"ndcg@10": value}, users={"ndcg@10": users})
        for name, value, users in (("a", 0.325, A), ("b", 0.475, B), ("c", 0.3, C))
    ]
    [row] = compare(*folders)["metrics"]
    first, second, third = row["values"]
    assert (first["value"], first["delta"], first["p_value"]) == (0.325, None, None)
    # users differ by .1, .2, 0, .3: mean 0.15; and by -.1, .1, -.1, 0: mean -0.025
    assert second["delta"] == pytest.approx(0.15)
    assert third["delta"] == pytest.approx(-0.025)
    raw = [paired_test(np.array(other), np.array(A)).p_value for other in (B, C)]
    assert [second["p_value"], third["p_value"]] == pytest.approx(holm(raw))
    assert second["p_value"] == pytest.approx(2 * min(raw))
    assert second["users"] == 4


def test_another_split_is_not_comparable(tmp_path: Path) -> None:
    protocol = {**PROTOCOL, "name": "leave-last-out", "fingerprint": "other"}
    comparison = compare(
        make_run(tmp_path, "a", users={"ndcg@10": A}),
        make_run(tmp_path, "b", users={"ndcg@10": B}, protocol=protocol),
    )
    assert [run["comparable"] for run in comparison["runs"]] == [True, False]
    [row] = comparison["metrics"]
    assert row["values"][1]["value"] == pytest.approx(0.475)
    assert [row["values"][1][name] for name in ("delta", "p_value", "delta_ci95")] == [None] * 3


def test_a_metric_without_users_has_a_delta_and_no_test(tmp_path: Path) -> None:
    comparison = compare(
        make_run(tmp_path, "a", metrics={"coverage@10": 0.5}),
        make_run(tmp_path, "b", metrics={"coverage@10": 0.75}),
    )
    [row] = [row for row in comparison["metrics"] if row["metric"] == "coverage@10"]
    assert (row["values"][1]["delta"], row["values"][1]["p_value"]) == (0.25, None)


def test_a_metric_that_one_run_lacks_has_no_delta(tmp_path: Path) -> None:
    comparison = compare(make_run(tmp_path, "a"), make_run(tmp_path, "b", metrics={"hit@10": 1.0}))
    [row] = [row for row in comparison["metrics"] if row["metric"] == "hit@10"]
    assert [(value["value"], value["delta"]) for value in row["values"]] == [
        (None, None),
        (1.0, None),
    ]


def test_only_fields_that_differ_are_listed(tmp_path: Path) -> None:
    comparison = compare(
        make_run(tmp_path, "mf", seed=0, params={"factors": 64, "loss": "bpr"}),
        make_run(tmp_path, "mf", seed=1, params={"factors": 64, "loss": "bce"}),
    )
    assert comparison["params"] == {"seed": [0, 1], "loss": ["bpr", "bce"]}


def test_one_run_is_not_a_comparison(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least two runs"):
        compare(make_run(tmp_path, "a"))


def test_a_failed_run_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is failed and has no values"):
        compare(make_run(tmp_path, "a"), make_unfinished(tmp_path, "b"))


def by_rows(path: Path, values: list[float], rows: list[int], *, old: bool) -> Path:
    """Write a run of rows whose `logloss` weighs users, with or without their linearised values."""
    users = np.array(values)
    folder = make_run(
        path.parent, path.name, metrics={"logloss": float(np.average(users, weights=rows))}
    )
    numbers = np.arange(len(users))
    tables = Tables(
        user_ids=numbers.astype(str),
        item_ids=np.array(["i"]),
        users=numbers,
        user_metrics={"logloss": users},
        linearised={"logloss": ratio_values(users, np.array(rows))},
    )
    (folder / RESULTS).unlink()
    write_results(folder / RESULTS, tables)
    if old:
        without_arrays(folder / RESULTS)
        with closing(sqlite3.connect(folder / RESULTS, isolation_level=None)) as database:
            database.execute("ALTER TABLE user_metrics DROP COLUMN linearised")
    return folder


def test_users_weigh_what_the_metric_says(tmp_path: Path) -> None:
    """By rows -1/20, by users +1/30: the test is of what is shown."""
    rows = [9, 1, 2]
    a = by_rows(tmp_path / "a", [0.4, 0.4, 0.5], rows, old=False)
    b = by_rows(tmp_path / "b", [0.3, 0.5, 0.6], rows, old=False)
    comparison = compare(a, b)
    found = {row["metric"]: row["values"][1] for row in comparison["metrics"]}["logloss"]
    assert found["delta"] == pytest.approx(-1 / 20)
    assert sum(found["delta_ci95"]) / 2 == pytest.approx(-1 / 20)
    assert found["users"] == 3
    assert comparison["untested"] == []
    difference = paired_differences([b / RESULTS], [a / RESULTS])["logloss"]
    assert difference.mean == pytest.approx(-1 / 20)
    assert verdict_on(difference).interval == pytest.approx(found["delta_ci95"])
    report = build_report(
        [read_report_run(b, label="a")], suite="now", baseline=read_baseline(a, {"logloss": 0.1})
    )
    assert {row["metric"]: row["p_value"] for row in report["baseline"]}["logloss"] is not None
    assert report["baseline_note"] is None


@pytest.mark.parametrize("old", [["a"], ["b"], ["a", "b"]])
def test_old_runs_that_do_not_say_what_users_weigh_are_not_tested(
    tmp_path: Path, old: list[str]
) -> None:
    """Neither by the command, nor by the session, nor beside a report: there it is said."""
    rows = [9, 1, 2]
    a = by_rows(tmp_path / "a", [0.4, 0.4, 0.5], rows, old="a" in old)
    b = by_rows(tmp_path / "b", [0.3, 0.5, 0.6], rows, old="b" in old)
    comparison = compare(a, b)
    found = {row["metric"]: row["values"][1] for row in comparison["metrics"]}["logloss"]
    assert found["delta"] == pytest.approx(-1 / 20)
    assert [found[name] for name in ("delta_ci95", "p_value", "users")] == [None] * 3
    assert comparison["untested"] == ["logloss"]
    console = Console(width=100, file=StringIO())
    print_comparison(comparison, console)
    assert isinstance(console.file, StringIO)
    assert "logloss: the difference is not tested" in console.file.getvalue()
    ours, theirs = (next(run for run in list_runs(tmp_path) if run.folder == one) for one in (b, a))
    assert compare_pair((ours,), (theirs,)) == {"logloss": None}
    runs = [read_report_run(a)]
    last = tmp_path / "last.json"
    write_report(build_report(runs, suite="last"), last)
    write_user_values(runs, path_beside(last))
    for baseline in (a, last):
        report = build_report(
            [read_report_run(b, label="a")], suite="now", baseline=read_baseline(baseline)
        )
        judged = {row["metric"]: row for row in report["baseline"]}["logloss"]
        assert (judged["delta"], judged["p_value"]) == (pytest.approx(-1 / 20), None)
        assert report["baseline_note"].startswith("logloss: the difference is not tested, because")
        assert "with --fresh" in report["baseline_note"]
