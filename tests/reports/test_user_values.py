"""Values user by user beside a report: what later runs are tested against."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from tests.reports.folders import PROTOCOL, make_run
from workbench.reports.baseline import read_baseline
from workbench.reports.build import build_report
from workbench.reports.folder import ReportRun, read_report_run
from workbench.reports.user_values import path_beside, write_user_values
from workbench.reports.write import write_report

Values = dict[str, list[float | None]]
BEFORE: Values = {"ndcg@10": [0.1, 0.4, None, 0.6], "recall@10": [0.5, 0.5, 0.25, 1.0]}
AGAIN: Values = {"ndcg@10": [0.3, 0.2, None, 0.8], "recall@10": [0.5, 0.25, 0.5, 0.0]}
AFTER: Values = {"ndcg@10": [0.2, 0.5, None, 0.9], "recall@10": [0.5, 0.5, 0.5, 0.5]}


def report(runs: list[ReportRun], baseline: Path | None = None) -> dict[str, Any]:
    read = None if baseline is None else read_baseline(baseline, {"ndcg@10": 1.0})
    return build_report(runs, suite="quick", baseline=read)


def written(folder: Path, runs: list[ReportRun]) -> Path:
    path = folder / "last.json"
    write_report(report(runs), path)
    write_user_values(runs, path_beside(path))
    return path


@pytest.fixture
def old(tmp_path: Path) -> list[ReportRun]:
    return [
        read_report_run(make_run(tmp_path, "mf", users=BEFORE)),
        read_report_run(make_run(tmp_path, "mf", seed=1, users=AGAIN)),
        read_report_run(make_run(tmp_path, "ease", users=AFTER)),
    ]


@pytest.fixture
def new(tmp_path: Path) -> list[ReportRun]:
    return [
        read_report_run(make_run(tmp_path / "now", label, users=AFTER)) for label in ("mf", "ease")
    ]


def test_a_report_is_tested_against_as_its_runs_would_be(
    tmp_path: Path, old: list[ReportRun], new: list[ReportRun]
) -> None:
    from workbench.reports.paired import compare_users, corrected

    found = report(new, written(tmp_path, old))
    rows = {(row["label"], row["metric"]): row["p_value"] for row in found["baseline"]}
    for metric in ("ndcg@10",):
        tests = [compare_users(new[:1], old[:2], metric), compare_users(new[1:], old[2:], metric)]
        expected = corrected([found.p_value for found in tests])
        assert [rows["mf", metric], rows["ease", metric]] == expected
    assert 0 < rows["mf", "ndcg@10"] < 1
    assert found["baseline_note"] is None


def test_the_arrays_are_as_documented_and_the_bytes_repeat(
    tmp_path: Path, old: list[ReportRun]
) -> None:
    path = path_beside(written(tmp_path, old))
    assert path == tmp_path / "last.users.npz"
    with np.load(path, allow_pickle=False) as arrays:
        assert str(arrays["split"]) == PROTOCOL["fingerprint"]
        assert arrays["runs"].tolist() == [run.run_id for run in old]
        assert arrays["labels"].tolist() == ["mf", "ease"]
        assert arrays["0/metrics"].tolist() == ["ndcg@10", "recall@10"]
        assert arrays["0/users"].tolist() == [0, 1, 2, 3]
        means = [[0.2, 0.3, np.nan, 0.7], [0.5, 0.375, 0.375, 0.5]]
        np.testing.assert_allclose(arrays["0/values"], means)
    before = path.read_bytes()
    write_user_values(old, path)
    assert path.read_bytes() == before


def test_runs_without_values_leave_no_file(tmp_path: Path, old: list[ReportRun]) -> None:
    path = path_beside(written(tmp_path, old))
    for run in old:
        (run.path / "results.sqlite").unlink()
    write_user_values([read_report_run(run.path) for run in old], path)
    assert not path.exists()


def test_values_of_other_rows_or_runs_are_refused(
    tmp_path: Path, old: list[ReportRun], new: list[ReportRun]
) -> None:
    path = written(tmp_path, old)
    write_user_values(new, path_beside(path))
    with pytest.raises(InputError, match=r"its values are of other runs than last\.json"):
        read_baseline(path)
    protocol = {**PROTOCOL, "fingerprint": "other"}
    others = [read_report_run(make_run(tmp_path, "lr", users=AFTER, protocol=protocol))]
    write_user_values(others, path_beside(path))
    with pytest.raises(InputError, match=r"of another split \(other\) than last\.json \(5f1e\)"):
        read_baseline(path)


def test_runs_of_another_split_are_not_tested(tmp_path: Path, old: list[ReportRun]) -> None:
    protocol = {**PROTOCOL, "fingerprint": "other"}
    runs = [read_report_run(make_run(tmp_path / "now", "mf", users=AFTER, protocol=protocol))]
    for row in report(runs, written(tmp_path, old))["baseline"]:
        assert (row["delta"], row["p_value"]) == (None, None)


@pytest.mark.parametrize("damage", ["cut", "text", "pickle", "shape", "bomb"])
def test_a_damaged_file_is_named(
    tmp_path: Path, old: list[ReportRun], new: list[ReportRun], damage: str
) -> None:
    path = written(tmp_path, old)
    beside = path_beside(path)
    if damage == "cut":
        beside.write_bytes(beside.read_bytes()[:-40])
    elif damage == "text":
        beside.write_text("no archive")
    else:
        with np.load(beside) as arrays:
            content = dict(arrays)
        if damage == "pickle":
            content["labels"] = np.array([{"mf": 1}], dtype=object)
        elif damage == "shape":
            content["0/values"] = content["0/values"].T
        else:
            content["0/values"] = np.zeros((2, 2**21))
        np.savez_compressed(beside, **content)
        if damage == "bomb":
            with zipfile.ZipFile(beside) as archive:
                sizes = archive.getinfo("0/values.npy")
            assert sizes.file_size > 500 * sizes.compress_size
    with pytest.raises(InputError, match=r"last\.users\.npz: damaged"):
        report(new, path)


def test_a_report_of_a_command_has_its_values_beside_it(tmp_path: Path) -> None:
    from workbench.cli.plan import Plan
    from workbench.cli.work import _write_reports

    runs = [read_report_run(make_run(tmp_path, "mf", users=AFTER))]
    plan = Plan("quick", [], [], None, (tmp_path / "a.json", tmp_path / "b.md"))
    assert _write_reports(plan, report(runs), runs) == []
    assert json.loads((tmp_path / "a.json").read_text())["schema"] == 1
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["a.users.npz"]
