from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.significance import paired_test
from tests.reports.folders import PROTOCOL, make_run, make_unfinished
from workbench.reports.baseline import check_baseline, parse_tolerance, read_baseline
from workbench.reports.build import build_report
from workbench.reports.folder import read_report_run
from workbench.reports.notes import notes
from workbench.reports.write import write_report


def build(baseline: Path, tolerances: dict[str, float], *folders: Path) -> dict[str, Any]:
    runs = [read_report_run(path) for path in folders]
    return build_report(runs, suite="quick", baseline=read_baseline(baseline, tolerances))


@pytest.mark.parametrize(
    ("text", "value"), [("ndcg@10=0.005", ("ndcg@10", 0.005)), (" auc = 0 ", ("auc", 0.0))]
)
def test_a_tolerance_is_read(text: str, value: tuple[str, float]) -> None:
    assert parse_tolerance(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndcg@10", "not of the form METRIC=D"),
        ("ncdg@10=0.1", "did you mean 'ndcg@10'"),
        ("ndcg@10=-0.1", "-0.1 is negative"),
        ("ndcg@10=x", "'x' is not a number"),
    ],
)
def test_a_malformed_tolerance_is_explained(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_tolerance(text)
    assert message in str(caught.value)


def test_a_run_equal_to_its_baseline_passes(tmp_path: Path) -> None:
    values = [0.0, 0.5, 0.25, 0.25]
    old = make_run(tmp_path, "mf", run_id="old", users={"ndcg@10": values})
    new = make_run(tmp_path, "mf", run_id="new", users={"ndcg@10": values})
    report = build(old, {}, new)
    assert report["baseline"] == [
        {
            "label": "mf",
            "metric": "ndcg@10",
            "value": 0.25,
            "baseline": 0.25,
            "delta": 0.0,
            "delta_ci95": [0.0, 0.0],
            "p_value": 1.0,
            "tolerance": 0.0,
            "passed": True,
        }
    ]
    assert report["exit_code"] == 0


@pytest.mark.parametrize(
    ("metric", "new", "passed"),
    [
        ("ndcg@10", 0.24, True),  # a drop of exactly the tolerance
        ("ndcg@10", 0.2399, False),
        ("ndcg@10", 0.9, True),
        ("logloss", 0.26, True),  # lower is better: a rise is the bad direction
        ("logloss", 0.2601, False),
        ("logloss", 0.1, True),
    ],
)
def test_the_tolerance_is_a_drop_in_the_bad_direction(
    tmp_path: Path, metric: str, new: float, passed: bool
) -> None:
    old = make_run(tmp_path, "mf", run_id="old", metrics={metric: 0.25})
    now = make_run(tmp_path, "mf", run_id="new", metrics={metric: new})
    report = build(old, {metric: 0.01}, now)
    [row] = [row for row in report["baseline"] if row["metric"] == metric]
    assert row["passed"] is passed
    assert row["delta"] == pytest.approx(new - 0.25)
    assert report["exit_code"] == (0 if passed else 1)


def test_with_tolerances_only_their_metrics_are_judged(tmp_path: Path) -> None:
    old = make_run(tmp_path, "mf", run_id="old", metrics={"ndcg@10": 0.3, "recall@10": 0.5})
    new = make_run(tmp_path, "mf", run_id="new", metrics={"ndcg@10": 0.3, "recall@10": 0.1})
    report = build(old, {"ndcg@10": 0.0}, new)
    assert {row["metric"]: row["passed"] for row in report["baseline"]} == {
        "ndcg@10": True,
        "recall@10": None,
    }
    assert report["exit_code"] == 0


def test_without_tolerances_quality_is_judged_and_description_is_not(tmp_path: Path) -> None:
    metrics = {"ndcg@10": 0.3, "coverage@10": 0.5, "gini@10": 0.5}
    old = make_run(tmp_path, "mf", run_id="old", metrics=metrics)
    new = make_run(tmp_path, "mf", run_id="new", metrics={**metrics, "coverage@10": 0.1})
    passed = {row["metric"]: row["passed"] for row in build(old, {}, new)["baseline"]}
    assert passed == {"ndcg@10": True, "coverage@10": None, "gini@10": None}


def test_the_p_value_is_the_paired_test_over_common_users(tmp_path: Path) -> None:
    before, after = [0.1, 0.4, 0.2, 0.6, None], [0.2, 0.3, 0.6, 0.9, 0.5]  # .5: the others' mean
    old = make_run(tmp_path, "mf", run_id="old", users={"ndcg@10": before})
    new = make_run(tmp_path, "mf", run_id="new", users={"ndcg@10": after})
    [row] = build(old, {}, new)["baseline"]
    test = paired_test(_array(after[:4]), _array([0.1, 0.4, 0.2, 0.6]))
    assert row["p_value"] == pytest.approx(test.p_value)
    assert 0 < row["p_value"] < 1


def test_users_are_averaged_over_seeds_before_the_test(tmp_path: Path) -> None:
    old = make_run(tmp_path, "mf", run_id="old", users={"ndcg@10": [0.1, 0.4, 0.2]})
    new = [
        make_run(tmp_path, "mf", seed=0, users={"ndcg@10": [0.2, 0.5, 0.3]}),
        make_run(tmp_path, "mf", seed=1, users={"ndcg@10": [0.4, 0.1, 0.5]}),
    ]
    [row] = build(old, {}, *new)["baseline"]
    test = paired_test(_array([0.3, 0.3, 0.4]), _array([0.1, 0.4, 0.2]))
    assert row["p_value"] == pytest.approx(test.p_value)


def test_another_split_is_never_a_pass(tmp_path: Path) -> None:
    protocol = {**PROTOCOL, "fingerprint": "other"}
    users = {"ndcg@10": [0.1, 0.2, 0.3]}
    old = make_run(tmp_path, "mf", run_id="old", users=users, protocol=protocol)
    new = make_run(tmp_path, "mf", run_id="new", users=users, metrics={"ndcg@10": 0.9})
    report = build(old, {}, new)
    [row] = report["baseline"]
    assert (row["value"], row["baseline"]) == (0.9, pytest.approx(0.2))
    assert (row["delta"], row["p_value"], row["passed"]) == (None, None, False)
    assert report["exit_code"] == 1


def test_a_report_alone_is_a_baseline_without_p_values(tmp_path: Path) -> None:
    old = [
        make_run(tmp_path, "mf", seed=seed, metrics={"ndcg@10": value})
        for seed, value in ((0, 0.3), (1, 0.2))
    ]
    report = build_report([read_report_run(path) for path in old], suite="quick")
    write_report(report, tmp_path / "old.json")
    new = make_run(tmp_path, "mf", run_id="new", metrics={"ndcg@10": 0.24})
    judged = build(tmp_path / "old.json", {"ndcg@10": 0.02}, new)
    [row] = judged["baseline"]
    assert row["baseline"] == pytest.approx(0.25)  # the mean over its seeds
    assert "its differences are not tested" in judged["baseline_note"]
    assert judged["baseline_note"] in notes(judged)
    assert row["delta"] == pytest.approx(-0.01)
    assert (row["p_value"], row["passed"]) == (None, True)


def test_a_label_that_failed_does_not_hold_its_baseline(tmp_path: Path) -> None:
    old = make_run(tmp_path, "ease", run_id="old")
    report = build(old, {}, make_unfinished(tmp_path, "ease"), make_run(tmp_path, "mf"))
    [row] = report["baseline"]
    assert (row["label"], row["value"], row["passed"]) == ("ease", None, False)


def test_a_value_that_the_baseline_never_had_cannot_be_lost(tmp_path: Path) -> None:
    old = make_run(tmp_path, "lr", run_id="old", metrics={"gauc": None})
    new = make_run(tmp_path, "lr", run_id="new", metrics={"gauc": 0.6})
    [row] = [row for row in build(old, {}, new)["baseline"] if row["metric"] == "gauc"]
    assert (row["baseline"], row["delta"], row["passed"]) == (None, None, True)


def test_a_value_that_is_gone_does_not_pass(tmp_path: Path) -> None:
    old = make_run(tmp_path, "lr", run_id="old", metrics={"gauc": 0.6})
    new = make_run(tmp_path, "lr", run_id="new", metrics={"gauc": None})
    [row] = [row for row in build(old, {}, new)["baseline"] if row["metric"] == "gauc"]
    assert (row["value"], row["delta"], row["passed"]) == (None, None, False)


def test_a_baseline_that_shares_no_label_is_an_error(tmp_path: Path) -> None:
    baseline = read_baseline(make_run(tmp_path, "ease"))
    with pytest.raises(InputError, match="has label ease; this report has mf, lr"):
        check_baseline(baseline, ["mf", "lr"])


def test_a_tolerance_for_a_metric_the_baseline_lacks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)'ndcg@20'.*did you mean 'ndcg@10'"):
        read_baseline(make_run(tmp_path, "mf"), {"ndcg@20": 0.0})


def test_a_baseline_without_values_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the run is failed and has no values"):
        read_baseline(make_unfinished(tmp_path, "mf"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"schema": 2}, "report schema 2 is not known here"),
        ({"schema": 1, "summary": []}, "not a report of schema 1"),
        ({"results": []}, "not a report of schema 1"),
        ({"schema": 1, "summary": [{"label": "mf"}], "protocol": {}}, "not a report of schema 1"),
        ({"schema": 1, "summary": 3, "protocol": {}}, "not a report of schema 1"),
    ],
)
def test_a_file_that_is_no_report_is_an_error(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_baseline(path)


def test_a_missing_baseline_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_baseline(tmp_path / "gone.json")


@pytest.mark.parametrize("mean", ["0.1", True, [0.1]])
def test_a_report_with_a_value_that_is_no_number_is_refused(tmp_path: Path, mean: object) -> None:
    summary = [{"label": "mf", "metric": "ndcg@10", "mean": mean, "sd": None, "seeds": [0]}]
    report = {"schema": 1, "summary": summary, "protocol": {"fingerprint": "f"}}
    (tmp_path / "old.json").write_text(json.dumps(report))
    with pytest.raises(InputError, match="not a report of schema 1") as error:
        read_baseline(tmp_path / "old.json")
    assert "is not a number" in error.value.problem


def _array(values: list[Any]) -> Any:
    import numpy as np

    return np.array(values, dtype=np.float64)


def computed_on(folder: Path, **processor: str | None) -> Path:
    """Say what a run was computed with."""
    (folder / "environment.json").write_text(json.dumps({"processor": processor}))
    return folder


def test_a_baseline_of_another_processor_is_compared_with_a_note(tmp_path: Path) -> None:
    old = computed_on(make_run(tmp_path, "mf", run_id="old"), numpy="X86_V4", blas="SkylakeX")
    new = make_run(tmp_path, "mf", run_id="new")
    computed_on(new, numpy="X86_V3", blas="SkylakeX")
    report = build(old, {}, new)
    assert report["baseline_note"] == (
        "The baseline was computed on another processor (NumPy X86_V4, here X86_V3): trained"
        " models may differ from it in late digits, deepwalk and word2vec visibly."
    )
    assert report["baseline_note"] in notes(report)
    assert report["exit_code"] == 0
    write_report(build(old, {}, old), tmp_path / "old.json")
    from_report = build(tmp_path / "old.json", {}, new)
    assert from_report["baseline_note"].startswith(report["baseline_note"])


@pytest.mark.parametrize(
    "processor", [None, {}, {"numpy": "X86_V3", "blas": None}, 5, {"numpy": 3}]
)
def test_an_equal_or_unknown_processor_is_not_worth_a_note(tmp_path: Path, processor: Any) -> None:
    old = make_run(tmp_path, "mf", run_id="old")
    (old / "environment.json").write_text(json.dumps({"processor": processor}))
    new = computed_on(make_run(tmp_path, "mf", run_id="new"), numpy="X86_V3")
    report = build(old, {}, new)
    assert report["baseline_note"] is None
    assert all("processor" not in note for note in notes(report))
