"""A baseline: an earlier run or report that later runs may not fall behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.evaluation.names import (
    check_metric_name,
    higher_is_better,
    is_descriptive,
)
from recsys_core.evaluation.tested import untested_note
from recsys_core.reading import read_json
from recsys_core.values import is_finite_number
from workbench.reports.folder import ReportRun, mean_of, read_report_run
from workbench.reports.gates import finite_number
from workbench.reports.paired import Tested, compare_users, compare_values, corrected, user_means
from workbench.reports.user_values import UserValues, path_beside, read_user_values
from workbench.store.comparing import seen_rows

#: what may be named as a baseline
_ANY_BASELINE = "name a run folder, or a file written by: recsys-workbench eval --report FILE.json"
#: what rounding may add to a drop of exactly the tolerance
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Baseline:
    """Values to hold.

    Parameters
    ----------
    name
        Where they come from, for people.
    values
        Label -> metric -> mean over seeds.
    split_fingerprint
        What they were judged on; None when the source does not say.
    tolerances
        Metric -> allowed drop in its bad direction. Empty: every metric that measures quality,
        with tolerance 0.
    runs
        Label -> run folders, for the paired test; empty when the source is a report.
    processor
        What the libraries computed with; empty when the source does not say.
    users
        Values user by user that lie beside a report, for the paired test.
    note
        What to say about it; empty: nothing.
    """

    name: str
    values: Mapping[str, Mapping[str, float | None]]
    split_fingerprint: str | None
    tolerances: Mapping[str, float] = field(default_factory=dict)
    runs: Mapping[str, Sequence[ReportRun]] = field(default_factory=dict)
    processor: Mapping[str, Any] = field(default_factory=dict)
    users: UserValues | None = None
    note: str = ""

    def tolerance(self, metric: str) -> float | None:
        """Return the allowed drop, None for a metric that is shown but not judged.

        Metrics that describe lists are judged only by a tolerance of their own.
        """
        if self.tolerances:
            return self.tolerances.get(metric)
        return None if is_descriptive(metric) else 0.0

    def is_comparable(self, runs: Iterable[ReportRun]) -> bool:
        """Tell whether runs with a result were judged on the baseline's rows, as far as known."""
        fingerprints = {run.split_fingerprint for run in runs if run.succeeded}
        return self.split_fingerprint is None or fingerprints <= {self.split_fingerprint}


def parse_tolerance(text: str) -> tuple[str, float]:
    """Read ``METRIC=D``, D at least 0.

    Raises
    ------
    InputError
        Not of that form, an unknown metric, or a D that is negative or no number.

    Examples
    --------
    >>> parse_tolerance("ndcg@10=0.005")
    ('ndcg@10', 0.005)
    """
    metric, equals, allowed = text.partition("=")
    metric = metric.strip()
    if not equals:
        raise InputError(
            f"tolerance '{shorten(text)}' is not of the form METRIC=D",
            "write e.g. --tolerance ndcg@10=0.005",
        )
    check_metric_name(metric)
    value = finite_number(allowed, f"tolerance '{shorten(text)}'")
    if value < 0:
        raise InputError(
            f"tolerance '{text}': {value:g} is negative",
            "give the allowed drop in the metric's bad direction, 0 or more",
        )
    return metric, value


def read_baseline(path: Path, tolerances: Mapping[str, float] | None = None) -> Baseline:
    """Read a baseline from a run folder or a report JSON.

    Raises
    ------
    InputError
        Neither of the two, damaged, a run that did not succeed, or a tolerance for a metric that
        the baseline does not have.
    """
    baseline = (_from_run if path.is_dir() else _from_report)(path, tolerances or {})
    known = {metric for values in baseline.values.values() for metric in values}
    for metric in baseline.tolerances:
        if metric not in known:
            raise unknown_name(f"metric in baseline {path}:", metric, known)
    return baseline


def _from_run(path: Path, tolerances: Mapping[str, float]) -> Baseline:
    run = read_report_run(path)
    if not run.succeeded:
        raise InputError(
            f"baseline {path}: the run is {run.state} and has no values",
            "name a run that succeeded",
        )
    run.check_judged(f"baseline {path}")
    values = {run.label: run.metrics}
    runs = {run.label: [run]}
    processor = _processor(run.environment)
    return Baseline(str(path), values, run.split_fingerprint, tolerances, runs, processor)


def _from_report(path: Path, tolerances: Mapping[str, float]) -> Baseline:
    report = read_json(path, remedy=_ANY_BASELINE)
    values: dict[str, dict[str, float | None]] = {}
    try:
        if report["schema"] != 1:
            raise InputError(
                f"baseline {path}: report schema {shorten(report['schema'])} is not known here",
                "write it again with this version: recsys-workbench eval --report FILE.json",
            )
        for row in report["summary"]:
            values.setdefault(_text(row["label"]), {})[_text(row["metric"])] = _number(row["mean"])
        found = report["protocol"]["fingerprint"]
        fingerprint = None if found is None else _text(found)
        processor = _processor(report.get("environment"))
        runs = [dict(run) for run in report.get("runs", ())]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"baseline {path}: not a report of schema 1 (problem: {shorten(error)})",
            _ANY_BASELINE,
        ) from None
    users = read_user_values(path, fingerprint, runs)
    note = ""
    if users is None:
        note = (
            f"There are no per-user values beside the baseline ({path_beside(path).name}), so"
            " its differences are not tested."
        )
    return Baseline(
        str(path), values, fingerprint, tolerances, processor=processor, users=users, note=note
    )


def _processor(environment: object) -> dict[str, str]:
    """Read the processor of environment.json; one of an earlier version does not say."""
    found = environment.get("processor") if isinstance(environment, dict) else None
    named = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in named if isinstance(value, str)}


#: parts of a processor as they are called in a sentence
_PARTS = {"machine": "architecture", "numpy": "NumPy", "blas": "BLAS"}


def baseline_note(
    baseline: Baseline, runs: Iterable[ReportRun], untested: Sequence[str]
) -> str | None:
    """Say what has to be known of a baseline to read its rows; None: nothing.

    Parameters
    ----------
    untested
        Metrics that `judge_baseline` could not test.
    """
    weights = untested_note(untested) if untested else ""
    said = [note for note in (processor_note(baseline, runs), baseline.note, weights) if note]
    return " ".join(said) or None


def processor_note(baseline: Baseline, runs: Iterable[ReportRun]) -> str | None:
    """Say how the processor of a baseline differs from that of runs; None: not, or not known."""
    for here in (_processor(run.environment) for run in runs if run.succeeded):
        differing = [
            f"{title} {baseline.processor[name]}, here {here[name]}"
            for name, title in _PARTS.items()
            if name in here and here[name] != baseline.processor.get(name, here[name])
        ]
        if differing:
            return (
                f"The baseline was computed on another processor ({'; '.join(differing)}): trained"
                " models may differ from it in late digits, deepwalk and word2vec visibly."
            )
    return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"'{shorten(value)}' is not text")
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not is_finite_number(value):
        raise TypeError(f"the mean '{shorten(value)}' is not a number")
    return value


def check_baseline(baseline: Baseline, labels: Iterable[str]) -> None:
    """Raise InputError when none of `labels` has a value in the baseline."""
    labels = list(labels)
    if not set(labels) & set(baseline.values):
        raise InputError(
            f"baseline {baseline.name} has label {', '.join(baseline.values) or '(none)'};"
            f" this report has {', '.join(labels)}",
            "values are compared label by label: choose a baseline that shares a label",
        )


def check_unseen(
    baseline: Baseline, label: str, lineage: Iterable[Mapping[str, Any]], split: str
) -> None:
    """Raise InputError for a baseline that was judged on rows which an update learns from.

    Parameters
    ----------
    lineage
        The runs before the update, as `Origin.lineage` has them.
    split
        Fingerprint of what the update is judged on.
    """
    for before in lineage:
        judged = baseline.split_fingerprint == before["split"] != split
        if judged and before["seen"]:
            raise seen_rows(label, baseline.name, before["seen"], before["judged"])


def judge_baseline(
    baseline: Baseline, groups: Mapping[str, Sequence[ReportRun]], metrics: Iterable[str]
) -> Judged:
    """Write a report row for each label and metric that the baseline has too.

    Parameters
    ----------
    groups
        Label -> its runs, failed ones included.
    metrics
        Metrics of the report, in the order of the rows.
    """
    check_baseline(baseline, groups)
    shared = {label: runs for label, runs in groups.items() if label in baseline.values}
    rows: dict[str, list[dict[str, Any]]] = {label: [] for label in shared}
    untested = []
    for metric in dict.fromkeys([*metrics, *baseline.tolerances]):
        labels = [label for label in shared if metric in baseline.values[label]]
        tests = [_test(baseline, label, _done(shared[label]), metric) for label in labels]
        if any(found.unweighed for found in tests):
            untested.append(metric)
        p_values = corrected([found.p_value for found in tests])
        for label, found, p_value in zip(labels, tests, p_values, strict=True):
            interval = list(found.test.ci95) if found.test else None
            tested = {"delta_ci95": interval, "p_value": p_value}
            rows[label].append(_row(baseline, label, metric, shared[label], tested))
    return Judged([row for label in shared for row in rows[label]], untested)


@dataclass(frozen=True)
class Judged:
    """Rows of a report, and the metrics whose users' values do not say what each user weighs."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)


def _test(baseline: Baseline, label: str, runs: Sequence[ReportRun], metric: str) -> Tested:
    """Test a metric of one label over the users that both sides have."""
    if baseline.users is None:
        return compare_users(runs, baseline.runs.get(label, []), metric)
    if not runs or not baseline.is_comparable(runs):
        return Tested()
    ours, theirs = user_means(runs, metric), baseline.users.of(label, metric)
    return compare_values(ours, theirs, mean_of(runs, metric), baseline.values[label][metric])


def _done(runs: Iterable[ReportRun]) -> list[ReportRun]:
    return [run for run in runs if run.succeeded]


def _row(
    baseline: Baseline,
    label: str,
    metric: str,
    runs: Sequence[ReportRun],
    tested: Mapping[str, Any],
) -> dict[str, Any]:
    value, before = mean_of(runs, metric), baseline.values[label][metric]
    delta = None
    if value is not None and before is not None and baseline.is_comparable(runs):
        delta = value - before
    tolerance = baseline.tolerance(metric)
    return {
        "label": label,
        "metric": metric,
        "value": value,
        "baseline": before,
        "delta": delta,
        **tested,
        "tolerance": tolerance,
        "passed": None if tolerance is None else _holds(metric, delta, before, tolerance),
    }


def _holds(metric: str, delta: float | None, before: float | None, tolerance: float) -> bool:
    if before is None:
        return True  # the baseline was not defined there, so nothing can be lost
    if delta is None:
        return False
    loss = -delta if higher_is_better(metric) else delta
    return loss <= tolerance + _ROUNDING
