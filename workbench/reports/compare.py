"""Two or more runs side by side: values, difference to the first, significance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recsys_core.errors import InputError
from recsys_core.evaluation.names import higher_is_better
from workbench.reports.folder import ReportRun
from workbench.reports.metrics import headline_first
from workbench.reports.paired import Tested, compare_users, corrected
from workbench.store.comparing import differing, without_result


def compare_runs(runs: Sequence[ReportRun]) -> dict[str, Any]:
    """Compare runs with the first of them.

    Returns
    -------
    ``runs``: one object per run, in order: ``run_id``, ``label``, ``model``, ``origin``,
    ``updated_from``, ``seed``, ``dataset``, ``protocol``, ``split_fingerprint``, ``comparable``
    (judged on the same split as the first).
    ``metrics``: one object per metric: ``metric``, ``higher_is_better`` and ``values``, one object
    per run: ``value``, ``ci95``, ``delta``, ``delta_ci95``, ``p_value`` (paired test over users,
    Holm over the compared runs of the metric), ``users``; null for the first run, where there is
    no value, and for runs that are not comparable.
    ``params``: the fields that differ: name -> one value per run.
    ``untested``: metrics whose difference has no test although there are values of users: those do
    not say what each user weighs.

    Raises
    ------
    InputError
        Fewer than two runs, a run without a result, or an update and a run whose test rows it
        learned from.
    """
    if len(runs) < 2:
        raise InputError(
            "compare needs at least two runs", "name another run: see recsys-workbench runs list"
        )
    for run in runs:
        if not run.succeeded:
            raise without_result(run.run_id, run.state)
        run.check_judged("compare")
        for other in runs:
            run.check_unseen(other)
    first = runs[0]
    names = headline_first({metric for run in runs for metric in run.metrics})
    tests = {
        metric: [compare_users([run], [first], metric) for run in runs[1:]] for metric in names
    }
    return {
        "runs": [_describe(run, first) for run in runs],
        "metrics": [_compare(metric, runs, tests[metric]) for metric in names],
        "params": _differing_params(runs),
        "untested": [name for name in names if any(found.unweighed for found in tests[name])],
    }


def _describe(run: ReportRun, first: ReportRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "label": run.label,
        "model": run.model,
        "origin": run.result.get("origin", "own"),
        "updated_from": run.updated_from,
        "seed": run.seed,
        "dataset": run.result.get("dataset", {}).get("name"),
        "protocol": run.result.get("protocol", {}).get("name"),
        "split_fingerprint": run.split_fingerprint,
        "comparable": run.split_fingerprint == first.split_fingerprint,
    }


def _compare(metric: str, runs: Sequence[ReportRun], tests: Sequence[Tested]) -> dict[str, Any]:
    first = runs[0]
    p_values = corrected([found.p_value for found in tests])
    values = [_value(first, metric)]
    for run, found, p_value in zip(runs[1:], tests, p_values, strict=True):
        entry = _value(run, metric)
        base = first.metrics.get(metric)
        if run.split_fingerprint == first.split_fingerprint and None not in (base, entry["value"]):
            entry["delta"] = entry["value"] - base
        if found.test is not None:
            interval, users = list(found.test.ci95), found.test.n
            entry |= {"delta_ci95": interval, "p_value": p_value, "users": users}
        values.append(entry)
    return {"metric": metric, "higher_is_better": higher_is_better(metric), "values": values}


def _value(run: ReportRun, metric: str) -> dict[str, Any]:
    return {
        "value": run.metrics.get(metric),
        "ci95": run.result.get("ci95", {}).get(metric),
        "delta": None,
        "delta_ci95": None,
        "p_value": None,
        "users": None,
    }


def _differing_params(runs: Sequence[ReportRun]) -> dict[str, list[Any]]:
    params = [
        {"model": run.model, "seed": run.seed, **run.result.get("params", {})} for run in runs
    ]
    return differing(params)
