"""`compare RUN RUN --users`: who gains and who loses most from one run to another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from recsys_core.errors import InputError, unknown_name
from recsys_core.evaluation.names import higher_is_better, is_descriptive
from recsys_core.values import counted
from workbench.cli.chosen import chosen_runs, dataset_of
from workbench.cli.context import Settings
from workbench.cli.table import print_json
from workbench.reports.folder import read_report_run
from workbench.reports.metrics import headline_first
from workbench.store.packed import metric_names
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_gains import Changed, Changes, changes_of_users


def compare_users(settings: Settings, texts: Sequence[str], metric: str, as_json: bool) -> None:
    """Print the users whose metric changes most from the first run to the second.

    Parameters
    ----------
    metric
        Empty: the most telling one that both have.

    Raises
    ------
    InputError
        Not two runs, runs judged on different splits or on no user in common, or a metric that
        they do not have of each user.
    """
    runs = chosen_runs(settings, texts)
    first, second = _two_on_one_split(runs)
    metric = _shared_metric(first, second, metric)
    dataset = dataset_of(runs)
    with Browse(settings.data_dir, dataset["name"], dataset["fingerprint"]) as browse:
        found = changes_of_users(browse, first, second, metric)
        if not found.deltas:
            raise InputError(
                f"{first.run_id} and {second.run_id} have no user in common for {metric}",
                "name runs that judged the same users",
            )
    content = _content(found, first, second, metric)
    if as_json:
        print_json(content)
    else:
        _print(content)


def _two_on_one_split(runs: Sequence[Run]) -> tuple[Run, Run]:
    if len(runs) != 2:
        raise InputError(f"--users compares two runs, not {len(runs)}", "name exactly two")
    first, second = runs
    for run in (first, second):
        read_report_run(run.path).check_judged("compare")
    if first.metrics["protocol"]["fingerprint"] != second.metrics["protocol"]["fingerprint"]:
        raise InputError(
            f"{first.run_id} and {second.run_id} were judged on different splits",
            "name runs with the same data set and protocol",
        )
    return first, second


def _shared_metric(first: Run, second: Run, metric: str) -> str:
    ours, theirs = (set(metric_names(run.path / RESULTS)) for run in (first, second))
    shared = [name for name in headline_first(ours & theirs) if not is_descriptive(name)]
    if not shared:
        raise InputError(
            f"{first.run_id} and {second.run_id} have no metric of users in common",
            "name two runs of the same stage",
        )
    if metric and metric not in ours & theirs:
        raise unknown_name("metric of users", metric, shared)
    return metric or shared[0]


def _content(found: Changes, first: Run, second: Run, metric: str) -> dict[str, Any]:
    sign = 1 if higher_is_better(metric) else -1
    better = sum(delta * sign > 0 for delta in found.deltas)
    worse = sum(delta * sign < 0 for delta in found.deltas)
    return {
        "metric": metric,
        "runs": [first.run_id, second.run_id],
        "labels": [first.metrics["label"], second.metrics["label"]],
        "users": len(found.deltas),
        "better": better,
        "worse": worse,
        "equal": len(found.deltas) - better - worse,
        "gain": [_listed(one) for one in found.gain],
        "loss": [_listed(one) for one in found.loss],
    }


def _listed(changed: Changed) -> dict[str, Any]:
    user = changed.user
    return {
        "user_id": user.user_id,
        "events": user.events,
        "attributes": dict(user.attributes),
        "first": changed.first,
        "second": changed.second,
        "delta": changed.delta,
    }


def _print(content: dict[str, Any]) -> None:
    from workbench.cli.table import print_table

    one, two = before, after = content["labels"]
    if one == two:  # a model before and after a change
        before, after = content["runs"]
        one, two = "first", "second"
    sys.stdout.write(
        f"{content['metric']} of {counted(content['users'], 'user')}, from {before} to {after}: "
        f"{content['better']} better, {content['worse']} worse, {content['equal']} equal\n"
    )
    for title, name in (("gain most", "gain"), ("lose most", "loss")):
        sys.stdout.write(f"\n{title}\n")
        print_table(
            ("user", "events", one, two, "delta", "who"),
            [
                (
                    *(row[key] for key in ("user_id", "events", "first", "second", "delta")),
                    ", ".join(map(str, row["attributes"].values())),
                )
                for row in content[name]
            ],
        )
