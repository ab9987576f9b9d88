from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.significance import paired_test
from tests.reports.folders import PROTOCOL, make_run, make_unfinished
from workbench.reports.compare import compare_runs
from workbench.reports.folder import read_report_run

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
    assert row["values"][1]["value"] == 0.25
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
