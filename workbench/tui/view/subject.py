"""What the screens of users and items are about: a data set, and the runs on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.store.items import BROWSE
from workbench.store.listing import RunSummary

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
    return sorted(found.values(), key=lambda run: _STAGES.index(run.stage))
