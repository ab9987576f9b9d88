from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from recsys_core.errors import InputError
from recsys_core.pipeline.suites import Reference
from tests.reports.folders import DATASET, PROTOCOL, make_run, make_unfinished
from tests.reports.schema import packaged_schema, violations
from workbench.reports.build import build_report
from workbench.reports.folder import read_report_run
from workbench.reports.gates import parse_gate
from workbench.reports.notes import notes


def build(*folders: Path, **options: Any) -> dict[str, Any]:
    report = build_report([read_report_run(path) for path in folders], suite="quick", **options)
    assert violations(report, packaged_schema()) == []
    json.dumps(report, allow_nan=False)
    return report


def test_a_run_is_reported_field_by_field(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path,
        "item-cf",
        metrics={"ndcg@10": 0.25, "coverage@10": 0.5},
        ci95={"ndcg@10": [0.2, 0.3]},
        users={"ndcg@10": [0.0, 0.5]},
    )
    figure = Reference(value=0.2389, source="RecBole")
    report = build(folder, references={"item-cf": {"ndcg@10": figure}})

    assert report["schema"] == 1
    assert report["suite"] == "quick"
    assert report["dataset"] == DATASET
    assert report["protocol"] == PROTOCOL
    assert report["seeds"] == [0]
    assert report["environment"] == {"python": "3.11.2", "threads": 2}
    assert report["runs"] == [
        {
            "run_id": folder.name,
            "label": "item-cf",
            "model": "item-cf",
            "stage": "recall",
            "origin": "own",
            "status": "succeeded",
            "reason": None,
            "reused": False,
            "seed": 0,
            "params": {"neighbours": 250},
            "features": {},
            "metrics": {"ndcg@10": 0.25, "coverage@10": 0.5},
            "ci95": {"ndcg@10": [0.2, 0.3]},
            "fit_seconds": 1.5,
            "eval_seconds": 0.5,
            "peak_rss_mb": 100.0,
            "counts": {
                "users": 4,
                "users_without_relevant": 1,
                "gauc_users_left_out": None,
                "cold_users": 0,
                "cold_items": 2,
            },
            "file_counts": {},
            "reference": {"ndcg@10": {"value": 0.2389, "source": "RecBole", "note": ""}},
            "refit_of": "",
            "updated_from": "",
            "curve": [],
            "problems": {},
            # of the two users' values 0 and 1/2, the deciles are 0, 1/20, ..., 10/20
            "user_deciles": {"ndcg@10": pytest.approx([i / 20 for i in range(11)])},
        }
    ]
    assert report["gates"] == report["baseline"] == []
    assert report["exit_code"] == 0


def test_what_histories_saw_is_said_once_a_scope(tmp_path: Path) -> None:
    seen = {"lr": [], "deepfm-full": ["earlier"], "mmoe": ["earlier"], "din": ["others"]}
    folders = [
        make_run(tmp_path, label, stage="ranking", features={"schema": "s", "scopes": scopes})
        for label, scopes in seen.items()
    ]
    report = build(*folders)
    assert report["runs"][3]["features"] == {"schema": "s", "scopes": ["others"]}
    said = [note for note in notes(report) if note.startswith("History features")]
    assert [note.rpartition(" (")[2] for note in said] == ["deepfm-full, mmoe).", "din)."]
    assert "only events earlier than the row" in said[0]
    assert "later ones too" in said[1]


def test_seeds_are_folded_to_mean_and_sample_deviation(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path, "mf", seed=seed, metrics={"ndcg@10": value})
        for seed, value in ((0, 0.20), (1, 0.26), (2, 0.23))
    ]
    report = build(*folders, gates=[parse_gate("mf:ndcg@10>=0.22")])
    # mean 69/300 = 0.23; deviations -3, 3, 0 hundredths: sd = sqrt(18 / 2) / 100 = 0.03
    [row] = report["summary"]
    assert row["mean"] == pytest.approx(0.23)
    assert row["sd"] == pytest.approx(0.03)
    assert row["seeds"] == report["seeds"] == [0, 1, 2]
    [gate] = report["gates"]
    assert gate["value"] == row["mean"]
    assert gate["passed"] is True  # though seed 0 alone is below
    assert gate["run_ids"] == [folder.name for folder in folders]


def test_one_seed_has_no_deviation(tmp_path: Path) -> None:
    report = build(make_run(tmp_path, "mf"))
    assert report["summary"] == [
        {"label": "mf", "metric": "ndcg@10", "mean": 0.25, "sd": None, "seeds": [0]}
    ]


def test_a_gate_at_exactly_its_value_is_met(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "mf", metrics={"ndcg@10": 0.2389})
    gates = [parse_gate(f"mf:ndcg@10{operator}0.2389") for operator in (">=", "<=", ">", "<")]
    report = build(folder, gates=gates)
    assert [gate["passed"] for gate in report["gates"]] == [True, True, False, False]
    assert report["exit_code"] == 1


def test_nan_is_null_and_meets_no_gate(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path,
        "lr",
        stage="ranking",
        metrics={"gauc": math.nan},
        ci95={"gauc": [math.nan, math.nan]},
        curve=[{"loss": math.inf}],
    )
    assert "NaN" in (folder / "metrics.json").read_text()
    report = build(folder, gates=[parse_gate("lr:gauc>=0")])
    [run] = report["runs"]
    assert run["metrics"]["gauc"] is None
    assert run["ci95"]["gauc"] == [None, None]
    assert run["curve"] == [{"loss": None}]
    assert report["gates"][0]["value"] is None
    assert report["exit_code"] == 1


def test_a_seed_without_a_value_leaves_no_mean(tmp_path: Path) -> None:
    report = build(
        make_run(tmp_path, "lr", seed=0, metrics={"gauc": 0.6}),
        make_run(tmp_path, "lr", seed=1, metrics={"gauc": math.nan}),
    )
    [row] = [row for row in report["summary"] if row["metric"] == "gauc"]
    assert (row["mean"], row["sd"]) == (None, None)


def test_a_metric_never_computed_fails_its_gate(tmp_path: Path) -> None:
    report = build(make_run(tmp_path, "mf"), gates=[parse_gate("mf:recall@30>=0")])
    assert report["gates"][0]["value"] is None
    assert report["gates"][0]["passed"] is False


def test_a_failed_run_appears_with_its_reason(tmp_path: Path) -> None:
    report = build(
        make_unfinished(tmp_path, "ease"),
        make_run(tmp_path, "mf"),
        gates=[parse_gate("ease:ndcg@10>=0.1")],
    )
    failed = report["runs"][0]
    assert (failed["label"], failed["status"], failed["reason"]) == (
        "ease",
        "failed",
        "out of memory",
    )
    assert failed["metrics"] == failed["ci95"] == {}
    assert failed["stage"] is None
    assert report["gates"][0]["passed"] is False
    assert report["dataset"] == DATASET  # from the run that has a result
    assert report["exit_code"] == 3  # before 1


@pytest.mark.parametrize(("state", "code"), [("failed", 3), ("interrupted", 3), ("cancelled", 130)])
def test_exit_codes_of_runs_without_a_result(tmp_path: Path, state: str, code: int) -> None:
    report = build(make_run(tmp_path, "mf"), make_unfinished(tmp_path, "ease", state, None))
    assert report["exit_code"] == code


def test_a_report_of_failures_alone_is_still_a_report(tmp_path: Path) -> None:
    report = build(make_unfinished(tmp_path, "ease"))
    assert report["dataset"]["name"] == "tiny"
    assert report["dataset"]["fingerprint"] is None
    assert report["protocol"]["name"] == "user-timeline"
    assert report["summary"] == []


def test_a_reused_run_takes_the_label_it_is_shown_under(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "item-cf")
    run = read_report_run(folder, label="item-cf-plain", reused=True)
    [row] = build_report([run], suite="quick")["runs"]
    assert (row["label"], row["model"], row["reused"]) == ("item-cf-plain", "item-cf", True)


def test_a_label_appears_once_a_seed(tmp_path: Path) -> None:
    folders = [make_run(tmp_path, "mf", run_id=name) for name in ("one", "two")]
    with pytest.raises(InputError, match="label 'mf' with seed 0 is in the report twice: one and"):
        build(*folders)


def test_runs_of_different_splits_do_not_share_a_report(tmp_path: Path) -> None:
    other = make_run(tmp_path, "mf", protocol={**PROTOCOL, "fingerprint": "other"})
    with pytest.raises(InputError, match="judged on different splits"):
        build(make_run(tmp_path, "ease"), other)


def test_a_report_needs_a_run() -> None:
    with pytest.raises(InputError, match="at least one run"):
        build_report([], suite="quick")


def test_a_folder_without_results_sqlite_is_reported_without_deciles(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "mf")
    (folder / "results.sqlite").unlink()
    assert build(folder)["runs"][0]["user_deciles"] == {}


def test_a_damaged_run_folder_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "mf")
    (folder / "metrics.json").write_text('{"label": "mf", ')
    with pytest.raises(InputError, match=r"metrics\.json: damaged"):
        read_report_run(folder)


def test_the_schema_refuses_what_it_should(tmp_path: Path) -> None:
    report = build(make_run(tmp_path, "mf"), gates=[parse_gate("mf:ndcg@10>=0.1")])
    report["gates"][0]["passed"] = None
    report["runs"][0]["stage"] = "rerank"
    del report["exit_code"]
    assert violations(report, packaged_schema()) == [
        "report: exit_code is missing",
        "report.runs[0].stage: 'rerank' is not one of ['recall', 'ranking', 'two-stage', None]",
        "report.gates[0].passed: None is not boolean",
    ]


def test_the_example_in_the_docs_is_a_report() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    example = json.loads(docs.partition("```json")[2].partition("```")[0])
    assert violations(example, packaged_schema()) == []
    described = packaged_schema()["$defs"]["run"]["properties"]
    assert example["runs"][0].keys() == described.keys()
