"""The table of jobs: what runs, what waits in its order, what has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from recsys_core.values import counted
from workbench.jobs.queue import blocking
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run, word_of
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.chart import MARKERS
from workbench.tui.view.job_rows import (
    BEST_TRIAL,
    INDENT,
    JobRow,
    SweepRow,
    fold_trials,
    sweep_cells,
    sweep_note,
)
from workbench.tui.view.live import Curves
from workbench.tui.view.queue import QueueState
from workbench.tui.view.sweeps import SweepView, twin_text
from workbench.tui.view.table import STAGES, Cell, Head, Row, Rows, Table, end_of, gap, reason_of

#: runs whose curves are drawn over each other
MOST_MARKED = len(MARKERS)
#: from this width on there is room for what was changed before the progress
WIDE = 110
#: mark, state and label always stay in sight
_FIXED = 3
_LABEL, _PARAMS, _PROGRESS, _RESULT = 22, 34, 19, 20
_BAR = 10
#: jobs, the first of them, that decide how wide the columns are and where they stand
_FIRST = 200
#: metrics of a finished run that stand for it, the first it has
_HEADLINES = ("ndcg@10", "auc")


@dataclass(frozen=True)
class JobsView:
    """All that the table shows.

    Parameters
    ----------
    marked
        Ids of the runs whose curves are drawn, in the order in which they were marked.
    curves
        By run id, for those that run or are drawn.
    unfolded
        Ids of the sweeps whose trials are shown.
    marked_sweep
        Id of the sweep that another one is held against.
    """

    runs: tuple[RunSummary, ...] = ()
    queue: QueueState = field(default_factory=QueueState)
    marked: tuple[str, ...] = ()
    curves: Mapping[str, Curves] = field(default_factory=dict)
    unfolded: frozenset[str] = frozenset()
    marked_sweep: str = ""


@dataclass(frozen=True, slots=True)
class _Column:
    key: str
    title: str
    width: int
    read: Callable[[RunSummary], Cell]
    right: bool = False


def in_order(runs: Sequence[RunSummary], queue: QueueState) -> list[RunSummary]:
    """Sort the jobs: those that run, those that wait as they will start, the last ended first."""
    by_id = {run.run_id: run for run in runs}
    running = [run for run in reversed(runs) if run.state == "running"]
    waiting = [by_id[run_id] for run_id, _ in queue.waiting if run_id in by_id]
    waiting = [run for run in waiting if run.state == "queued"]
    seen = {run.run_id for run in (*running, *waiting)}
    rest = [run for run in runs if run.run_id not in seen]
    rest.sort(key=lambda run: run.ended or run.created or 0.0, reverse=True)
    return [*running, *waiting, *rest]


def build_jobs(view: JobsView, width: int) -> tuple[Table, list[JobRow]]:
    """Lay out the jobs and sweeps; return the table and what its rows are, in order."""
    found = fold_trials(in_order(view.runs, view.queue), view.queue.sweeps, view.unfolded)
    columns = _columns(view, found[:_FIRST], width)
    note_from = next(i for i, column in enumerate(columns) if column.key == "progress")
    heads = tuple(Head(c.key, c.title, c.width, c.right) for c in columns)
    narrow = width < WIDE
    rows = Rows(found, lambda row: _row(row, columns, view, narrow=narrow))
    keys = tuple(row.run_id for row in found)
    return Table(heads, rows, keys, _FIXED, note_from), found


def _columns(view: JobsView, rows: Sequence[JobRow], width: int) -> list[_Column]:
    runs = [row for row in rows if isinstance(row, RunSummary)]
    sweeps = [row for row in rows if isinstance(row, SweepRow)]
    below = {run for row in sweeps for run in row.sweep.members}
    best = {row.best.run_id for row in sweeps if row.best is not None}

    def name(row: JobRow) -> str:
        if isinstance(row, SweepRow):
            return row.sweep.count
        named = plain(row.label or row.run_id)
        if row.run_id not in below:
            return named
        return f"{INDENT}{named} {BEST_TRIAL}" if row.run_id in best else INDENT + named

    label = max(8, min(max((cell_len(name(row)) for row in rows), default=0), _LABEL))
    fixed = [
        _Column("mark", "", 1, lambda run: _mark(run, view.marked)),
        _Column("state", "", 1, _state),
        _Column("label", "job", label, lambda run: Cell(name(run), _style(run, best))),
    ]
    progress = [
        _Column("progress", "progress", _PROGRESS, _progress),
        _Column("eta", "left", 8, _eta, right=True),
        _Column("result", "result", _RESULT, lambda run: _result(run, view.curves)),
        _Column("loss", "loss", 8, lambda run: _loss(run, view.curves), right=True),
    ]
    params = [
        _Column("params", "changed", _PARAMS, lambda run: Cell(changed(run, show.brief), "muted"))
    ]
    rest = [_Column("rate", "steps/s", 8, _rate, right=True)]
    data = _Column("data", "data", 13, lambda run: Cell(plain(run.dataset), "muted"))
    seed = _Column("seed", "seed", 5, lambda run: Cell(str(run.seed), "muted"), right=True)
    # before the progress: what a waiting job says there covers all that follows
    (fixed if _data_tell_apart(runs) else rest).append(data)
    (fixed if _seeds_tell_apart(runs) else rest).append(seed)
    if width < WIDE:
        return [*fixed, *progress, *params, *rest]
    # what no other column needs
    taken = sum(_cells(column) for column in (*fixed, *params, *progress, *rest))
    grown = replace(params[0], width=params[0].width + max(0, width - taken))
    return [*fixed, grown, *progress, *rest]


def _style(run: RunSummary, best: Collection[str]) -> str:
    return "best" if run.run_id in best else ""


def _data_tell_apart(runs: Iterable[RunSummary]) -> bool:
    """Tell whether jobs of one name are of different data sets."""
    data: dict[str, str] = {}
    return any(data.setdefault(run.label, run.dataset) != run.dataset for run in runs)


def _seeds_tell_apart(runs: Iterable[RunSummary]) -> bool:
    """Tell whether jobs of one name have different seeds."""
    seeds: dict[tuple[str, str], object] = {}
    return any(seeds.setdefault((run.label, run.dataset), run.seed) != run.seed for run in runs)


def _cells(column: _Column) -> int:
    return column.width + gap(Head(column.key, column.title, column.width, column.right))


def _row(row: JobRow, columns: Sequence[_Column], view: JobsView, *, narrow: bool) -> Row:
    if isinstance(row, SweepRow):
        found = sweep_cells(row, row.sweep.sweep_id == view.marked_sweep)
        cells = tuple(found.get(column.key, Cell()) for column in columns)
        noted = narrow or row.sweep.state == "failed"
        return Row(row.run_id, cells, sweep_note(row.sweep) if noted else None)
    return Row(row.run_id, tuple(column.read(row) for column in columns), _note(row, view))


def _mark(run: RunSummary, marked: Sequence[str]) -> Cell:
    if run.run_id not in marked:
        return Cell()
    return Cell(MARKERS[marked.index(run.run_id)], "accent")


def _state(run: RunSummary) -> Cell:
    look = show.run_look(run)
    return Cell(look.glyph, look.style)


def _note(run: RunSummary, view: JobsView) -> Cell | None:
    """Say what stands in the place of progress and result."""
    if run.state in ("running", "succeeded"):
        return None
    look = show.run_look(run)
    if run.state == "queued":
        return Cell(waiting_text(run, view), look.style)
    return Cell(end_of(run), look.style)


def waiting_text(run: RunSummary, view: JobsView) -> str:
    """Say when a job that waits will start: ``waits #2, priority 5, after mf``."""
    places = {run_id: place for place, (run_id, _) in enumerate(view.queue.waiting)}
    if run.run_id not in places:
        return "waits"
    entry = view.queue.waiting[places[run.run_id]][1]
    parts = [f"waits #{places[run.run_id] + 1}"]
    if entry.priority:
        parts.append(f"priority {entry.priority}")
    states = {other.run_id: other.state for other in view.runs}
    obstacle = blocking(entry, states)
    if obstacle is not None:
        names = {other.run_id: other.label for other in view.runs}
        parts.append(f"after {plain(names.get(obstacle[0], obstacle[0]))}")
    return ", ".join(parts)


def _progress(run: RunSummary) -> Cell:
    if run.state == "succeeded":
        took = show.seconds(run.ended - run.started) if run.ended and run.started else ""
        return Cell(f"done in {took}" if took else "done", "muted")
    progress = run.progress
    if progress is None:
        return Cell("starting", "running")
    if not progress.total:
        return Cell(STAGES.get(progress.stage, plain(progress.stage)), "running")
    share = progress.step / progress.total
    done = show.bar(share, _BAR).replace(" ", "░")
    return Cell(f"{plain(progress.stage)[:5]} {done} {min(share, 1):3.0%}", "running")


def _eta(run: RunSummary) -> Cell:
    progress = run.progress
    if progress is None or progress.eta is None:
        return Cell("")
    return Cell(clock(progress.eta))


def clock(seconds: float) -> str:
    """Write a duration as a clock does.

    Examples
    --------
    >>> clock(4.2), clock(192), clock(7384)
    ('0:04', '3:12', '2:03:04')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _rate(run: RunSummary) -> Cell:
    progress = run.progress
    if progress is None or progress.rate is None:
        return Cell("")
    return Cell(f"{progress.rate:,.0f}" if progress.rate >= 10 else f"{progress.rate:.2g}")


def _result(run: RunSummary, curves: Mapping[str, Curves]) -> Cell:
    """Show the test metric of a finished run, the best validation metric of one that runs."""
    for name in _HEADLINES:
        if name in run.metrics:
            return Cell(f"{name} {show.metric(run.metrics[name])}")
    if run.state == "succeeded" and run.refit_of:
        return Cell("fitted on all rows", "muted")  # and so not judged
    best = curves.get(run.run_id, Curves()).best
    if best is None:
        return Cell("")
    return Cell(f"valid {plain(best[0])} {show.metric(best[1])}", "muted")


def _loss(run: RunSummary, curves: Mapping[str, Curves]) -> Cell:
    if run.state == "succeeded":
        return Cell("")  # read for the one under the cursor alone: the others would seem without
    points = curves.get(run.run_id, Curves()).series.get("loss")
    return Cell(show.quantity(points[-1][1])) if points else Cell("")


def changed(run: RunSummary, write: Callable[[object], str] = show.parameter) -> str:
    """Write the model's fields that were given: ``dim=64  loss=bpr``; the others are defaults."""
    params = _given(run.folder) if run.state == "succeeded" else run.params
    return "  ".join(f"{plain(name)}={plain(write(value))}" for name, value in params.items())


@lru_cache(maxsize=1000)
def _given(folder: Path) -> Mapping[str, Any]:
    """Read what the job of a finished run gave its model; its result has every field."""
    try:
        params = Run(folder).spec.get("params")
    except StoreError:
        return {}
    return params if isinstance(params, dict) else {}


def counts(runs: Iterable[RunSummary]) -> str:
    """Count the jobs by state, those that run first."""
    found: Counter[str] = Counter(word_of(run.state, run.reason) for run in runs)
    order = sorted(show.STATES, key=lambda state: state != "running")
    looks = {state: show.state_look(state) for state in order if found[state]}
    parts = [f"{look.glyph} {found[state]} {look.word}" for state, look in looks.items()]
    return "   ".join(parts) or "no jobs yet: a adds one"


def facts(run: RunSummary) -> str:
    """Say which job it is."""
    data = f"{run.dataset} (synthetic)" if run.synthetic else run.dataset
    parts = [run.label, run.model if run.model != run.label else "", data, run.protocol]
    parts += [f"seed {run.seed}", run.run_id]
    return " · ".join(plain(fact) for fact in parts if fact)


def state_line(run: RunSummary, view: JobsView) -> str:
    """Say what is to be known beside the table."""
    if run.state == "queued":
        return waiting_text(run, view)
    reason = reason_of(run)
    if reason:
        return reason
    if twins := twin_text(view.queue.sweeps, run.run_id):
        return f"{changed(run)}  ({twins})"
    message = run.progress.message if run.progress else ""
    return plain(message) or changed(run) or "every field of the model has its default"


def queue_remark(queue: QueueState) -> str:
    """Say how far sweeps are, and how many jobs run at once."""
    active = [sweep.short for sweep in queue.sweeps if sweep.state == "active"]
    many = queue.parallel
    return "  ".join([*active, f"{counted(many, 'job')} at once"])


def why_not(run: RunSummary | None, action: str, sweep: SweepView | None = None) -> str:
    """Say why a command has no use for a job now; empty: its state is not the reason.

    Parameters
    ----------
    sweep
        The one whose row the cursor is on, instead of a job.
    """
    if sweep is not None:
        ended = action in ("cancel", "end_sweep")
        name = f"sweep {plain(sweep.name)}"
        return f"{name} has ended" if ended else f"{name} is not a job: t shows its trials"
    if action == "trials":
        return "only sweeps have trials to show"
    if action == "end_sweep":
        return "no sweep is under way here: put the cursor on one of its trials"
    if run is None:
        return "there is no job here; a adds one"
    if action in ("curve", "log_axis", "smooth", "fold"):
        return f"{plain(run.label)} has no curves to show"
    is_now = f"{plain(run.label or run.run_id)} is {show.run_look(run).word}"
    if action == "cancel":
        return f"{is_now}: there is nothing to cancel"
    if action == "requeue":
        hint = (
            "c cancels it" if run.state in ("running", "queued") else "only a job without a result"
        )
        return f"{is_now}: {hint}{'' if hint[0] == 'c' else ' can run again'}"
    if action in ("shift", "priority"):
        return f"{is_now}: only jobs that wait have a place in the queue"
    return ""
