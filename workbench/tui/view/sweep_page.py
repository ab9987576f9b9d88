"""The page of one sweep, worked out from what its driver wrote down."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from recsys_core.evaluation.names import higher_is_better
from workbench.jobs.sweep import Sweep, read_sweep
from workbench.jobs.sweep_progress import SweepProgress, read_progress
from workbench.jobs.sweep_trials import SweepTrials, TrialNote, read_trials
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.table import Cell, Head, Row, Rows, Table, gap

#: cells of the metric, of a choice at most, of a remark at least, of the sign beside a title
_VALUE, _FIELD, _LEAST, _ARROW = 8, 18, 12, 1
#: of a remark that can be read
_READABLE = 36
#: cells from which the heading of the metric says that it is of validation rows
_WIDE = 140
#: sign and trial
_FIXED = 2
#: the states of trials as those of runs are shown, and where they stand by default
_LOOKS = {"under way": "running", "succeeded": "succeeded", "waits": "queued"}
_PLACES = {"succeeded": 0, "under way": 1, "pruned": 2}


@dataclass(frozen=True)
class SweepPage:
    """A sweep with its trials.

    Parameters
    ----------
    known
        Whether its trials are written down; those of an earlier version are not at first.
    """

    sweep: Sweep
    progress: SweepProgress = field(default_factory=SweepProgress)
    found: SweepTrials = field(default_factory=SweepTrials)
    known: bool = True

    @property
    def name(self) -> str:
        """Label or model."""
        return plain(self.sweep.name)

    @cached_property
    def upward(self) -> bool:
        """Whether a larger value of the metric is better."""
        return higher_is_better(self.sweep.metric)

    @cached_property
    def fields(self) -> list[str]:
        """The fields that are searched, the most important first."""
        shares = self.found.importances
        return sorted(self.sweep.spaces, key=lambda name: -shares.get(name, 0.0))

    @cached_property
    def done(self) -> list[TrialNote]:
        """The trials with a result, by number."""
        return [t for t in self.found.trials if t.state == "succeeded" and t.value is not None]

    @cached_property
    def best(self) -> TrialNote | None:
        """The best trial, of equals the first."""
        return min(self.done, key=lambda trial: self._rank(trial), default=None)

    def _rank(self, trial: TrialNote) -> float:
        value = trial.value if trial.value is not None else math.nan
        if math.isnan(value):
            return math.inf
        return -value if self.upward else value

    def in_order(self) -> list[TrialNote]:
        """Sort the trials: the best result first, then those under way, then those without one."""
        return sorted(
            self.found.trials,
            key=lambda t: (_PLACES.get(t.state, 3), self._rank(t), t.number),
        )

    def sorted_by(self, column: str, *, descending: bool) -> list[TrialNote]:
        """Sort the trials by a column; those that have nothing there come last."""
        if column == self.sweep.metric:
            key: Callable[[TrialNote], Any] = lambda t: t.value  # noqa: E731
        elif column in self.sweep.spaces:
            key = lambda t: t.params.get(column)  # noqa: E731
        else:
            key = {"trial": lambda t: t.number, "state": lambda t: t.state}.get(
                column, lambda t: _remark(t)
            )
        trials = list(self.found.trials)
        there = [t for t in trials if key(t) is not None]
        number = all(isinstance(key(t), int | float) for t in there)
        there.sort(key=key if number else lambda t: _text(key(t)), reverse=descending)
        return there + [t for t in trials if key(t) is None]

    def scale(self, name: str) -> tuple[bool, tuple[str, ...]]:
        """Tell whether a field is searched on a logarithmic scale, or the names of its choices."""
        space = self.sweep.spaces[name]
        return space.kind == "log", tuple(plain(_text(choice)) for choice in space.choices)

    def place(self, name: str, trial: TrialNote) -> float:
        """Return a trial's value of a field as a number; NaN where it has none."""
        value = trial.params.get(name)
        space = self.sweep.spaces[name]
        if space.kind == "choice":
            return float(space.choices.index(value)) if value in space.choices else math.nan
        return float(value) if isinstance(value, int | float) else math.nan


def read_page(folder: Path) -> SweepPage:
    """Read a sweep with its trials.

    Raises
    ------
    StoreError
        There is none, or a file is damaged.
    """
    found = read_trials(folder)
    sweep, progress = read_sweep(folder), read_progress(folder)
    return SweepPage(sweep, progress, found or SweepTrials(), found is not None)


def _text(value: Any) -> str:
    """Write a choice as text: numbers in a list or None, too."""
    return value if isinstance(value, str) else json.dumps(value)


def build_trials(
    page: SweepPage, trials: Sequence[TrialNote], width: int, sort: tuple[str, bool] | None
) -> Table:
    """Lay out the trials of a sweep.

    Parameters
    ----------
    trials
        In the order in which they are shown.
    width
        Cells of the table.
    """
    metric = page.sweep.metric
    # results, on the other screens, are of test rows; where it is narrow, `best_line` says it
    title = plain(f"valid {metric}" if width >= _WIDE else metric)
    heads = [
        Head("state", "", 1),
        Head("trial", "trial", 5 + _ARROW, right=True),
        Head(metric, title, max(_VALUE, cell_len(title) + _ARROW), right=True),
        *(_field_head(page, name) for name in page.fields),
    ]
    run = max([len("run"), *(cell_len(plain(trial.run_id)) for trial in trials)])
    remark = max([_LEAST, *(cell_len(_remark(trial)) for trial in trials)])
    left = width - sum(head.width + gap(head) for head in heads)
    # beside the run where both can be read: Enter leads to it anyway
    room = left - run - 2 if left - run - 2 >= min(remark, _READABLE) else left
    heads += [Head("remark", "remark", max(_LEAST, min(remark, room))), Head("run", "run", run)]
    best = page.best
    rows = Rows(trials, lambda trial: _row(page, trial, best))
    keys = tuple(str(trial.number) for trial in trials)
    sort = sort or (metric, page.upward)
    return Table(tuple(heads), rows, keys, _FIXED, _FIXED, sort)


def _field_head(page: SweepPage, name: str) -> Head:
    number = page.sweep.spaces[name].kind != "choice"
    texts = (show.brief(trial.params.get(name)) for trial in page.found.trials)
    title = cell_len(plain(name)) + _ARROW
    longest = max([title, *(cell_len(plain(text)) for text in texts)])
    return Head(name, plain(name), min(longest, max(_FIELD, title)), right=number)


def _row(page: SweepPage, trial: TrialNote, best: TrialNote | None) -> Row:
    look = show.state_look(_LOOKS.get(trial.state, trial.state))
    is_best = best is not None and trial.number == best.number
    quiet = "" if trial.state in ("succeeded", "under way") else "muted"
    value = show.metric(trial.value) if trial.value is not None else ""
    return Row(
        str(trial.number),
        (
            Cell(look.glyph, look.style),
            Cell(str(trial.number), quiet),
            Cell(value, "best" if is_best else quiet),
            *(Cell(plain(show.brief(trial.params.get(name))), quiet) for name in page.fields),
            Cell("best" if is_best else _remark(trial), "best" if is_best else "muted"),
            Cell(plain(trial.run_id), "muted"),
        ),
    )


def _remark(trial: TrialNote) -> str:
    """Say what became of a trial, where that is not just its result."""
    if trial.same_as is not None:
        return f"not run again: same values as {trial.same_as}"
    if trial.state == "pruned":
        return plain(trial.reason) if trial.reason else "pruned"
    if trial.state == "succeeded":
        return ""
    reason = plain(trial.reason)
    if not reason or trial.state in reason:
        return reason or trial.state
    return f"{trial.state}: {reason}"


def headline(page: SweepPage) -> tuple[str, list[str]]:
    """Write the title line: how far it is, and what else is to be known, as far as it fits."""
    sweep, progress = page.sweep, page.progress
    words = {"active": "under way", "done": "done"}
    state = words.get(sweep.state, sweep.state)
    reason = f": {plain(sweep.reason)}" if sweep.reason else ""
    what = f"≈ {page.name} {progress.ended}/{sweep.trials}  {state}{reason}"
    parts = []
    if sweep.pruner != "none":
        parts.append(f"pruner {sweep.pruner}: {progress.pruned} pruned")
    if sweep.budget is not None:
        parts.append(f"{progress.spent / 60:.1f} of {sweep.budget / 60:.4g} min")
    if progress.twins:
        parts.append(f"{len(progress.twins)} not run again")
    return what, [*parts, plain(sweep.spec["dataset"])]


def best_line(page: SweepPage) -> str:
    """Say what is best: ``best validation ndcg@10 0.1191 by trial 7: dim=64  loss=bpr``."""
    best = page.best
    metric = plain(page.sweep.metric)
    if not page.known:
        return "reading its trials …"
    if best is None or best.value is None:
        return f"no trial has a result yet; judged by {metric} on validation rows"
    values = "  ".join(f"{plain(n)}={plain(show.brief(best.params[n]))}" for n in page.fields)
    return f"best validation {metric} {show.metric(best.value)} by trial {best.number}: {values}"
