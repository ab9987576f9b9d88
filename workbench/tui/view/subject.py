"""What the screens of users and items are about: a data set, and the runs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.store.items import BROWSE
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.store.users import Browse, User
from workbench.store.users_inspect import Inspection, explained, inspect

#: rankers have no list of their own and come last
_STAGES = ("two-stage", "recall", "ranking")


def dataset_names(runs: Sequence[RunSummary], data_dir: Path) -> list[str]:
    """List the prepared data sets, that of the newest result first."""
    used = [run.dataset for run in runs if run.state == "succeeded"]
    here = sorted(path.parent.name for path in data_dir.glob(f"*/{BROWSE}"))
    return [name for name in dict.fromkeys([*used, *here]) if name in here]


def runs_on(runs: Sequence[RunSummary], dataset: str) -> list[RunSummary]:
    """Find the newest result of each label on a data set, those with lists first, then by time.

    Only those of the newest one's protocol: lists judged on other rows do not stand side by side.
    """
    done = [run for run in runs if run.state == "succeeded" and run.dataset == dataset]
    found: dict[str, RunSummary] = {}
    for run in done:
        if run.protocol == done[0].protocol:
            found.setdefault(run.label, run)
    return sorted(found.values(), key=lambda run: [*_STAGES, run.stage].index(run.stage))


def whose(measured: tuple[str, Sequence[Run]], known: Sequence[RunSummary]) -> str:
    """Say whose metric a list of users has: ``ndcg@10 of ease, gain of mf over it``."""
    metric, runs = measured
    labels = {run.run_id: plain(run.label) for run in known}
    names = [labels[run.path.name] for run in runs if run.path.name in labels]
    if not metric or not names:
        return ""
    return f"{metric} of {names[0]}" + (f", gain of {names[1]} over it" if names[1:] else "")


# Work of other threads, each over a connection of its own


def read_lists(browse: Browse, user: User, runs: Sequence[Run], length: int) -> Inspection:
    """Read a user's history and the first items of the runs' lists."""
    with browse.again() as own:
        return replace(inspect(own, user, runs, length), browse=browse)


def read_reasons(inspection: Inspection) -> Inspection:
    """Find what speaks for the items of the lists."""
    with inspection.browse.again() as own:
        return replace(explained(replace(inspection, browse=own)), browse=inspection.browse)
