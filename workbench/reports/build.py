"""Run folders to a report: one dictionary, schema 1 (docs/report.md), that every format shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import stdev
from typing import Any

import numpy as np

from recsys_core.errors import InputError
from recsys_core.pipeline.suites import Reference
from workbench.reports.baseline import Baseline, Judged, baseline_note, judge_baseline
from workbench.reports.folder import ReportRun, by_label, mean
from workbench.reports.gates import Gate, judge_gates
from workbench.reports.metrics import headline_first

SCHEMA = 1
COUNTS = ("users", "users_without_relevant", "gauc_users_left_out", "cold_users", "cold_items")
#: what is counted only where there are some
SOME = ("known_targets",)
References = Mapping[str, Mapping[str, Reference]]


def build_report(
    runs: Sequence[ReportRun],
    *,
    suite: str,
    references: References | None = None,
    gates: Sequence[Gate] = (),
    baseline: Baseline | None = None,
    left_out: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Put runs of one data set and protocol side by side.

    Parameters
    ----------
    runs
        In the order in which they are shown; failed and cancelled ones included.
    suite
        The suite's name, or any title.
    references
        Published figures: label -> metric -> figure.
    gates, baseline
        Conditions; one that is not met makes the report's exit code 1.
    left_out
        Why jobs of the suite were left out, by label: their models cannot learn from the data.

    Returns
    -------
    Schema 1; plain values without NaN, ready for `json.dumps`.

    Raises
    ------
    InputError
        No runs, a label twice with one seed, runs of different splits, or a gate or baseline on
        labels that the report does not have.
    """
    _check_runs(runs)
    groups = by_label(runs)
    metrics = _metric_names(runs)
    summary = _summarise(groups, metrics)
    means: dict[str, dict[str, float | None]] = {}
    for row in summary:
        means.setdefault(row["label"], {})[row["metric"]] = row["mean"]
    ids = {label: [run.run_id for run in group] for label, group in groups.items()}
    judged = judge_baseline(baseline, groups, metrics) if baseline else Judged()
    report = {
        "schema": SCHEMA,
        "suite": suite,
        "dataset": _describe_dataset(runs),
        "protocol": _describe_protocol(runs),
        "seeds": sorted({run.seed for run in runs}),
        "environment": next((dict(run.environment) for run in runs if run.environment), {}),
        "runs": [_describe_run(run, references or {}) for run in runs],
        "summary": summary,
        "baseline": judged.rows,
        "baseline_note": baseline_note(baseline, runs, judged.untested) if baseline else None,
        "gates": judge_gates(gates, means, ids),
        "left_out": [
            {"label": label, "reason": reason} for label, reason in (left_out or {}).items()
        ],
    }
    report["exit_code"] = exit_code(report)
    return report


def exit_code(report: Mapping[str, Any]) -> int:
    """Return what a command that ends with this report exits with.

    130 when a run was cancelled, else 3 when one has no result, else 1 when a gate or a baseline
    row was not met, else 0.
    """
    states = {run["status"] for run in report["runs"]}
    if "cancelled" in states:
        return 130
    if states - {"succeeded"}:
        return 3
    judged = [*report["gates"], *report["baseline"]]
    return 1 if any(row["passed"] is False for row in judged) else 0


def _check_runs(runs: Sequence[ReportRun]) -> None:
    if not runs:
        raise InputError(
            "a report needs at least one run", "name runs: see recsys-workbench runs list"
        )
    seen: dict[tuple[str, int], ReportRun] = {}
    for run in runs:
        other = seen.setdefault((run.label, run.seed), run)
        if other is not run:
            raise InputError(
                f"label '{run.label}' with seed {run.seed} is in the report twice:"
                f" {other.run_id} and {run.run_id}",
                "give one of them another label, or leave it out",
            )
    done = [run for run in runs if run.succeeded]
    for run in done[1:]:
        if run.split_fingerprint != done[0].split_fingerprint:
            raise InputError(
                f"runs {done[0].run_id} and {run.run_id} were judged on different splits",
                "a report holds runs of one data set and protocol; use compare to see both",
            )


def _metric_names(runs: Iterable[ReportRun]) -> list[str]:
    return headline_first({metric for run in runs for metric in run.metrics})


def _describe_dataset(runs: Sequence[ReportRun]) -> dict[str, Any]:
    names = ("name", "fingerprint", "interactions", "users", "items", "synthetic")
    known = _first_result(runs).get("dataset") or {"name": runs[0].spec.get("dataset")}
    labels = {"labelled": True} if known.get("labelled") else {}
    return {**{name: known.get(name) for name in names}, **labels}


def _describe_protocol(runs: Sequence[ReportRun]) -> dict[str, Any]:
    names = ("name", "fingerprint", "train", "valid", "test", "leaks", "parameters", "counts")
    known = _first_result(runs).get("protocol") or runs[0].spec.get("protocol") or {}
    return {name: known.get(name) for name in names}


def _first_result(runs: Iterable[ReportRun]) -> Mapping[str, Any]:
    return next((run.result for run in runs if run.succeeded), {})


def _describe_run(run: ReportRun, references: References) -> dict[str, Any]:
    result = run.result
    counts = result.get("counts") or {}
    figures = references.get(run.label, {})
    return {
        "run_id": run.run_id,
        "label": run.label,
        "model": run.model,
        "stage": result.get("stage"),
        "origin": result.get("origin", "own"),
        "status": run.state,
        "reason": run.reason,
        "reused": run.reused,
        "seed": run.seed,
        "params": result.get("params") or dict(run.spec.get("params") or {}),
        "features": dict(result.get("features") or {}),
        "metrics": dict(run.metrics),
        "ci95": dict(result.get("ci95") or {}),
        "fit_seconds": result.get("fit_seconds"),
        "eval_seconds": result.get("eval_seconds"),
        "peak_rss_mb": result.get("peak_rss_mb"),
        "counts": {
            **{name: counts.get(name) for name in COUNTS},
            **{name: counts[name] for name in SOME if name in counts},
        },
        "file_counts": dict(result.get("file_counts") or {}),
        "reference": {
            metric: {"value": figure.value, "source": figure.source, "note": figure.note}
            for metric, figure in figures.items()
        },
        "refit_of": run.refit_of,
        "updated_from": run.updated_from,
        "curve": list(result.get("curve") or []),
        "problems": dict(result.get("problems") or {}),
        "user_deciles": _user_deciles(run),
    }


def _user_deciles(run: ReportRun) -> dict[str, list[float]]:
    """Minimum, deciles and maximum over users of the main per-user metric."""
    if not run.succeeded:
        return {}
    for metric in headline_first(run.user_metrics):
        values = run.values_of_users(metric).values
        if len(values):
            return {metric: np.quantile(values, np.linspace(0, 1, 11)).tolist()}
    return {}


def _summarise(
    groups: Mapping[str, Sequence[ReportRun]], metrics: Iterable[str]
) -> list[dict[str, Any]]:
    """Mean and sample standard deviation over the seeds that have a result."""
    rows = []
    names = list(metrics)
    for label, runs in groups.items():
        done = [run for run in runs if run.succeeded]
        for metric in names:
            values = [run.metrics[metric] for run in done if metric in run.metrics]
            if not values:
                continue
            average = mean(values)
            known = [value for value in values if value is not None]
            spread = stdev(known) if average is not None and len(known) > 1 else None
            seeds = [run.seed for run in done if metric in run.metrics]
            rows.append(
                {"label": label, "metric": metric, "mean": average, "sd": spread, "seeds": seeds}
            )
    return rows
