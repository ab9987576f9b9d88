"""The row that others are compared with, and which these are."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.store.listing import RunSummary
from workbench.tui.view.choices import Options
from workbench.tui.view.compare import comparable
from workbench.tui.view.fold import Fold, fold_seeds, unfolded
from workbench.tui.view.significance import Members, Pair, pair_of


def baseline_of(runs: Sequence[RunSummary], options: Options) -> Fold | None:
    """Find the row of the pinned run, whether the filter shows it or not."""
    if options.baseline is None:
        return None
    pinned = next((run for run in runs if run.run_id == options.baseline), None)
    if pinned is None:
        return None
    if not options.fold_seeds:
        return Fold(pinned, (pinned,))
    alike = [run for run in runs if run.label == pinned.label]
    return next(fold for fold in fold_seeds(alike) if pinned in fold.members)


def comparisons_of(
    runs: Sequence[RunSummary], folds: Sequence[Fold], baseline: Fold | None, options: Options
) -> dict[Pair, tuple[Members, Members]]:
    """List what may be compared with the baseline: every row that there would be without a filter.

    Where a filter takes some seeds of a row, what is left of it stands for it.
    """
    if baseline is None or options.mode == "value":
        return {}
    able = [run for run in runs if comparable(run, baseline.run)]
    rows = {run.run_id: fold.members for fold in folds for run in fold.members}
    pinned = {run.run_id for run in baseline.members}
    found = {}
    for fold in fold_seeds(able) if options.fold_seeds else unfolded(able):
        if not pinned & {run.run_id for run in fold.members}:
            shown = {
                pair_of(rows[run.run_id], ()): rows[run.run_id]
                for run in fold.members
                if run.run_id in rows
            }
            for members in shown.values() or [fold.members]:
                found[pair_of(members, baseline.members)] = (members, baseline.members)
    return found
