"""A run's metrics as lines: intervals, and how they differ from the baseline's, tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from recsys_core.evaluation.names import PARTS, split_part
from recsys_core.evaluation.tested import untested_note
from recsys_core.values import counted
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import at_main_cutoff, metric_names, name_of
from workbench.tui.view.compare import comparable, difference, look_of, sign_of
from workbench.tui.view.significance import Verdict, Verdicts
from workbench.tui.view.table import Cell, end_of, progress_text

Line = tuple[Cell, ...]

#: cells of a metric's value, of an interval, a difference, its interval, its p-value
_VALUE, _INTERVAL, _DIFFERENCE, _OF_DIFFERENCE, _P = 8, 18, 13, 20, 7


@dataclass(frozen=True, slots=True)
class Against:
    """What a run is held against.

    Parameters
    ----------
    baseline
        The pinned run, if any.
    tested
        By metric: the paired test of the difference, its p-value corrected.
    family
        How many runs the correction is over.
    testing
        Whether the test is still under way.
    seeds
        How many seeds the table folds with the run: their mean is tested, not this one alone.
    """

    baseline: RunSummary | None = None
    tested: Verdicts = field(default_factory=dict)
    family: int = 0
    testing: bool = False
    seeds: int = 1

    def other(self, run: RunSummary) -> RunSummary | None:
        """Return the baseline where it is another run."""
        same = self.baseline is None or self.baseline.run_id == run.run_id
        return None if same else self.baseline

    def comparable(self, run: RunSummary) -> RunSummary | None:
        """Return the baseline where it is another run of the same split, with the same metrics."""
        other = self.other(run)
        if other is None or not comparable(run, other) or _nothing_shared(run, other):
            return None
        return other

    def folds(self, run: RunSummary) -> bool:
        """Tell whether the table tests the mean of seeds of which the run is one."""
        other = self.comparable(run)
        return self.seeds > 1 and other is not None and bool(other.metrics and run.metrics)


NOTHING = Against()


def _nothing_shared(run: RunSummary, other: RunSummary) -> bool:
    """Tell whether both have metrics, but of different kinds: lists here, predictions there."""
    return bool(run.metrics and other.metrics) and other.metrics.keys().isdisjoint(run.metrics)


def result_title(run: RunSummary, against: Against) -> str:
    """Say what the result is held against, and how often it was tested."""
    other = against.other(run)
    if other is None:
        return "Result"
    if against.comparable(run) is None:
        same_rows = comparable(run, other) and _nothing_shared(run, other)
        why = "no metric in common" if same_rows else "not comparable"
        return f"Result, {why} with {plain(name_of(other))}"
    over = counted(against.family, "run")
    how = f"Holm over {over}" if against.tested else "not tested"
    if against.testing:
        how = "testing …"
    if against.folds(run):
        how = f"one of {against.seeds} seeds"
    return f"Result, against {plain(name_of(other))} ({how})"


def result_lines(run: RunSummary, against: Against, width: int) -> Iterator[Line]:
    """Say how the run ended, and list its metrics at the main cut-off."""
    look = show.run_look(run)
    if run.state != "succeeded" or run.refit_of:
        yield (Cell(f"{look.glyph} {end_of(run)}", look.style),)
    if run.state == "running":
        yield (Cell(progress_text(run), "running"),)
    names = _whole(run)
    if not names:
        return
    columns = _Columns(run, against, _name_width(names), width)
    if against.folds(run):
        yield (Cell("The table tests the mean of the seeds; f there unfolds them.", "muted"),)
    yield (Cell(columns.heading(), "muted"),)
    for name in at_main_cutoff(names):
        yield columns.line(name, plain(name))
    untested = [name for name in names if against.tested.get(name, ...) is None]
    if untested:
        yield from ((Cell(line, "muted"),) for line in wrap(untested_note(untested), width))
    for source in dict.fromkeys(figure.source for figure in run.published.values()):
        yield (Cell(f"published: {plain(source)}", "muted"),)


def cutoff_lines(run: RunSummary, against: Against, width: int) -> Iterator[Line]:
    """List the metrics at every K but the main one."""
    names = _whole(run)
    first = set(at_main_cutoff(names))
    for name in names:
        if name not in first:
            columns = _Columns(run, against, _name_width(names), width)
            yield columns.line(name, plain(name))


def part_lines(run: RunSummary, against: Against, width: int) -> Iterator[Line]:
    """List the metrics of stages and groups below what they are of; names are long here."""
    groups: dict[str, list[str]] = {}
    for name in metric_names([run]):
        if split_part(name)[0]:
            groups.setdefault(name.partition("/")[0], []).append(name)
    for group, names in groups.items():
        yield (Cell(f"{group}: {PARTS[group].partition(':')[0]}", "muted"),)
        titles = [plain(name.partition("/")[2]) for name in names]
        columns = _Columns(run, against, _name_width(titles) + 2, width)
        for name, title in zip(names, titles, strict=True):
            yield columns.line(name, f"  {title}")


def _whole(run: RunSummary) -> list[str]:
    """List the metrics of the run as a whole: not of a stage, nor of a group of users."""
    return [name for name in metric_names([run]) if not split_part(name)[0]]


def _name_width(names: Sequence[str]) -> int:
    return max(map(len, map(plain, names)))


class _Columns:
    """Writes metrics below each other, with as many intervals as have room."""

    def __init__(self, run: RunSummary, against: Against, names: int, width: int) -> None:
        self._run = run
        self._baseline = against.comparable(run)
        self._tested = against.tested
        self._names = names
        left = width - names - _VALUE - _DIFFERENCE - _OF_DIFFERENCE - _P
        self._test = left >= 0
        self._own = left >= _INTERVAL or self._baseline is None

    def heading(self) -> str:
        """Name the columns."""
        text = f"{'':<{self._names}}{'value':>{_VALUE}}"
        if self._own:
            text += f"  {'95 % interval':<{_INTERVAL - 2}}"
        if self._baseline is not None:
            text += f"  {'difference':<{_DIFFERENCE - 2}}"
            if self._test:
                text += f"  {'its 95 % interval':<{_OF_DIFFERENCE - 2}}{'p':>{_P}}"
        return text + ("  published" if self._run.published else "")

    def line(self, name: str, title: str) -> Line:
        """Write one metric."""
        run = self._run
        cells = [
            Cell(f"{title:<{self._names}}"),
            Cell(f"{show.metric(run.metrics[name]):>{_VALUE}}", "strong"),
        ]
        if self._own:
            interval = interval_text(run.ci95.get(name))
            cells.append(Cell(f"  {interval:<{_INTERVAL - 2}}", "muted"))
        if self._baseline is not None:
            cells += self._difference(name, self._baseline)
        if name in run.published:
            cells.append(Cell(f"  {show.metric(run.published[name].value)}", "muted"))
        return tuple(cells)

    def _difference(self, name: str, baseline: RunSummary) -> list[Cell]:
        found = difference(self._run, baseline, name, percent=False)
        if found is None:
            return [Cell(" " * (_DIFFERENCE + (_OF_DIFFERENCE + _P) * self._test))]
        tested = self._tested.get(name)
        sign = sign_of(tested)
        cells = [Cell(f"  {found.text + sign:<{_DIFFERENCE - 2}}", look_of(found, sign))]
        if self._test:
            of, p = "", ""
            if tested is not None:
                of, p = interval_text(tested.interval, "+"), p_text(tested)
            cells.append(Cell(f"  {of:<{_OF_DIFFERENCE - 2}}{p:>{_P}}", "muted"))
        return cells


def interval_text(bounds: Sequence[float] | None, sign: str = "") -> str:
    """Write an interval: ``0.2431 to 0.2671``; empty where there is none."""
    return " to ".join(f"{bound:{sign}.4f}" for bound in bounds) if bounds else ""


def p_text(tested: Verdict) -> str:
    """Write a p-value with three decimals, a very small one as ``< .001``."""
    return "< .001" if tested.p_value < 0.001 else f"{tested.p_value:.3f}"
