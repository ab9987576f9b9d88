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
from workbench.store import results
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_find import Found, find_users
from workbench.store.users_question import Question

#: users listed at either end
SHOWN = 10


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
        found = find_users(browse, Question(order=("gain", metric)), [first, second])
        if not found.users:
            raise InputError(
                f"{first.run_id} and {second.run_id} have no user in common for {metric}",
                "name runs that judged the same users",
            )
        content = _content(browse, found, first, second, metric)
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
    ours, theirs = (set(results.metric_names(run.path / RESULTS)) for run in (first, second))
    shared = [name for name in headline_first(ours & theirs) if not is_descriptive(name)]
    if not shared:
        raise InputError(
            f"{first.run_id} and {second.run_id} have no metric of users in common",
            "name two runs of the same stage",
        )
    if metric and metric not in ours & theirs:
        raise unknown_name("metric of users", metric, shared)
    return metric or shared[0]


def _content(browse: Browse, found: Found, first: Run, second: Run, metric: str) -> dict[str, Any]:
    sign = 1 if higher_is_better(metric) else -1
    better = sum(value * sign > 0 for value in found.values)
    worse = sum(value * sign < 0 for value in found.values)
    before, after = (results.user_metric(run.path / RESULTS, metric) for run in (first, second))

    def listed(places: Sequence[int], wanted: int) -> list[dict[str, Any]]:
        places = [place for place in places if found.values[place] * sign * wanted > 0]
        users = browse.users([found.users[place] for place in places])
        return [
            {
                "user_id": user.user_id,
                "events": user.events,
                "attributes": dict(user.attributes),
                "first": before[user.number],
                "second": after[user.number],
                "delta": found.values[place],
            }
            for user, place in zip(users, places, strict=True)
        ]

    n = len(found.users)
    return {
        "metric": metric,
        "runs": [first.run_id, second.run_id],
        "labels": [first.metrics["label"], second.metrics["label"]],
        "users": n,
        "better": better,
        "worse": worse,
        "equal": n - better - worse,
        "gain": listed(range(min(SHOWN, n)), 1),
        "loss": listed(range(n - 1, max(-1, n - 1 - SHOWN), -1), -1),
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
