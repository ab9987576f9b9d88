"""The rows of the screen Jobs: jobs, and sweeps with their trials folded below them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.sweeps import SweepView
from workbench.tui.view.table import Cell

#: sign of a sweep whose trials are folded, or shown
_FOLDED, _OPEN = "+", "-"
#: sign of the sweep that another one is held against
MARKED = "●"
#: before the label of a trial below its sweep
INDENT = "  "
#: after the label of the best trial, as in the plots of its sweep
BEST_TRIAL = "★"
_BAR = 10
_STYLES = {"active": "running", "done": "good", "cancelled": "muted", "failed": "bad"}
_WORDS = {"active": "", "done": "", "cancelled": "cancelled", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class SweepRow:
    """A sweep among the jobs, and its trials in the order of the jobs."""

    sweep: SweepView
    trials: tuple[RunSummary, ...] = ()
    is_open: bool = False

    @property
    def run_id(self) -> str:
        """The key of the row; no run has such an id."""
        return f"/{self.sweep.sweep_id}"

    @property
    def under_way(self) -> bool:
        """Whether one of its trials runs or waits."""
        return any(run.state in ("running", "queued") for run in self.trials)

    @property
    def best(self) -> RunSummary | None:
        """The run of the best trial, as far as it is there."""
        best = self.sweep.progress.best
        members = self.sweep.members
        if best is None:
            return None
        return next((run for run in self.trials if members[run.run_id] == best[0]), None)


JobRow = RunSummary | SweepRow


def fold_trials(
    runs: Sequence[RunSummary], sweeps: Sequence[SweepView], unfolded: Collection[str]
) -> list[JobRow]:
    """Put each sweep where the first of its trials stands, and the trials below it if unfolded.

    A sweep between two trials comes first, an ended one whose runs are gone last.

    Parameters
    ----------
    runs
        The jobs in their order.
    unfolded
        Ids of sweeps.
    """
    sweep_of = {run_id: sweep.sweep_id for sweep in sweeps for run_id in sweep.members}
    trials: dict[str, list[RunSummary]] = {sweep.sweep_id: [] for sweep in sweeps}
    for run in runs:
        if run.run_id in sweep_of:
            trials[sweep_of[run.run_id]].append(run)
    made = {
        sweep.sweep_id: SweepRow(sweep, tuple(trials[sweep.sweep_id]), sweep.sweep_id in unfolded)
        for sweep in sweeps
    }
    between = [row for row in made.values() if row.sweep.state == "active" and not row.under_way]
    in_place = [made[sweep_of[run.run_id]] if run.run_id in sweep_of else run for run in runs]
    rows: list[JobRow] = []
    seen: set[str] = set()
    for row in (*between, *in_place, *made.values()):
        if row.run_id not in seen:
            seen.add(row.run_id)
            rows.append(row)
            if isinstance(row, SweepRow) and row.is_open:
                rows += row.trials
    return rows


def sweep_cells(row: SweepRow, marked: bool) -> Mapping[str, Cell]:
    """Write a sweep into the columns of jobs, by key."""
    sweep, progress = row.sweep, row.sweep.progress
    style = _STYLES[sweep.state]
    done = show.bar(progress.ended / max(1, sweep.trials), _BAR).replace(" ", "░")
    word = "done" if sweep.state == "done" else _WORDS[sweep.state]
    share = f"{done} {progress.ended / max(1, sweep.trials):3.0%}"
    best = ""
    if progress.best:  # the trials below it show what they reached on test rows
        best = f"valid {plain(sweep.metric)} {show.metric(progress.best[1])}"
    runs = [run for run in row.trials if run.dataset]
    return {
        "mark": Cell(MARKED, "accent") if marked else Cell(_OPEN if row.is_open else _FOLDED),
        "state": Cell("≈", style),
        "label": Cell(sweep.count, "strong"),
        "progress": Cell(word or share, style if sweep.state == "active" else "muted"),
        "result": Cell(best),
        "params": Cell(values_text(sweep.values), "muted"),
        "data": Cell(plain(runs[0].dataset) if runs else "", "muted"),
    }


def sweep_note(sweep: SweepView) -> Cell:
    """Say what there is room for on a narrow terminal: ``best valid 0.1191  dim=64``."""
    parts = [_WORDS[sweep.state]]
    if sweep.progress.best:
        parts.append(f"best valid {show.metric(sweep.progress.best[1])}")
        parts.append(values_text(sweep.values))
    elif sweep.state == "active":
        parts.append("no result yet")
    if sweep.reason:
        parts.append(plain(sweep.reason))
    return Cell("  ".join(filter(None, parts)), "bad" if sweep.state == "failed" else "")


def values_text(values: Mapping[str, Any]) -> str:
    """Write values of fields: ``dim=64  loss=bpr``."""
    return "  ".join(f"{plain(name)}={plain(show.brief(x))}" for name, x in values.items())


def sweep_facts(row: SweepRow) -> tuple[str, str]:
    """Say in two lines which sweep it is, and what is best so far."""
    sweep, progress = row.sweep, row.sweep.progress
    parts = [f"sweep of {plain(sweep.name)}", f"{progress.ended} of {sweep.trials} trials"]
    if progress.pruned:
        parts.append(f"{progress.pruned} pruned")
    if progress.twins:
        parts.append(f"{len(progress.twins)} not run again")
    parts += [f"validation {plain(sweep.metric)}", sweep.sweep_id]
    return " · ".join(parts), _best_text(sweep)


def _best_text(sweep: SweepView) -> str:
    best = sweep.progress.best
    if best is None:
        return plain(sweep.reason) or "no trial has a result yet"
    text = f"best {show.metric(best[1])} by trial {best[0]}  {values_text(sweep.values)}"
    return f"{plain(sweep.reason)} · {text}" if sweep.reason else text
