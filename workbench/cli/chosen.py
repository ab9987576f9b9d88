"""The runs that a command line names: found, finished, and on one data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recsys_core.errors import InputError
from workbench.cli.context import Settings
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.manage import resolve_run
from workbench.store.runs import Run

#: so many runs stand beside each other when none is named
_DEFAULT_RUNS = 3


def chosen_runs(settings: Settings, texts: Sequence[str]) -> list[Run]:
    """Find the runs that are named.

    Raises
    ------
    InputError
        One does not exist or did not succeed, or they are not on one data set.
    """
    runs = [_succeeded(find_run(settings, text)) for text in texts]
    for run in runs[1:]:
        ours, other = (one.metrics["dataset"] for one in (runs[0], run))
        if other["fingerprint"] != ours["fingerprint"]:
            raise InputError(
                f"run {run.run_id} is on data set '{other['name']}', "
                f"{runs[0].run_id} on '{ours['name']}'",
                "name runs on the same data",
            )
    return runs


def find_run(settings: Settings, text: str) -> Run:
    """Find a run by id, start or end of one, folder, or label, which means its newest success.

    Raises
    ------
    StoreError
        None or several fit.
    """
    try:
        return resolve_run(settings.runs_dir, text)
    except StoreError:
        named = [
            run
            for run in list_runs(settings.runs_dir)
            if run.state == "succeeded" and run.label == text
        ]
        if named:
            judged = (run for run in named if not run.refit_of)
            return Run(next(judged, named[0]).folder)
        raise


def newest_runs(settings: Settings) -> list[Run]:
    """Find the newest judged run of each of the latest labels, on the data set of the newest.

    Raises
    ------
    InputError
        There is no run that succeeded.
    """
    runs = list_runs(settings.runs_dir)
    done = [run for run in runs if run.state == "succeeded" and not run.refit_of]
    if not done:
        raise InputError(
            f"no run in {settings.runs_dir} has succeeded", "train one first, e.g. with eval"
        )
    newest = done[0]
    labels: dict[str, Run] = {}
    for run in done:
        if (run.dataset, run.protocol) == (newest.dataset, newest.protocol):
            labels.setdefault(run.label, Run(run.folder))
    return list(labels.values())[:_DEFAULT_RUNS]


def dataset_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Describe the data set that the runs share."""
    dataset: dict[str, Any] = runs[0].metrics["dataset"]
    return dataset


def _succeeded(run: Run) -> Run:
    state = run.status().state
    if state != "succeeded":
        raise InputError(f"run {run.run_id} is {state}: it has no model", "name one that succeeded")
    _ = run.metrics  # damage is told before anything is made of it
    return run
