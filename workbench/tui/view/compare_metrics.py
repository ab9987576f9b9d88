"""The metrics of compared runs: values, differences from the reference, intervals as a forest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len

from recsys_core.evaluation.names import higher_is_better, split_part
from recsys_core.evaluation.tested import untested_note
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import at_main_cutoff, metric_names
from workbench.tui.view.compare import SIGNIFICANT, comparable, difference, look_of, sign_of
from workbench.tui.view.comparison import Comparison
from workbench.tui.view.detail import Section
from workbench.tui.view.fold import Fold
from workbench.tui.view.forest import MAYBE, PENDING, SURE, UNTESTED, ZERO, Scale
from workbench.tui.view.format import fit
from workbench.tui.view.result import interval_text, p_text
from workbench.tui.view.significance import Pair, Verdict, Verdicts
from workbench.tui.view.table import Cell

Line = tuple[Cell, ...]
#: cells of a value, a difference, its interval, its p-value; of a label and of a plot at least
_VALUE, _DIFFERENCE, _INTERVAL, _P = 8, 12, 19, 7
_LEAST_LABEL, _LEAST_PLOT, _GOOD_PLOT = 8, 13, 20
#: more cells make labels and plots no better
_MOST_LABEL, _MOST_PLOT = 24, 61
_GAP = 2
#: the family is made of several tests, which take a while
TESTING = "testing …"


def main_metrics(comparison: Comparison) -> list[str]:
    """List the metrics at the main cut-off, of the runs as a whole."""
    return at_main_cutoff(_whole(comparison))


def metric_section(
    comparison: Comparison,
    tested: Mapping[Pair, Verdicts],
    alone: Mapping[Pair, Verdicts],
    width: int,
) -> Section:
    """List the metrics at the main cut-off.

    Parameters
    ----------
    tested
        The tests, corrected; empty until all of the family are made.
    alone
        The tests of the page as far as they are made: intervals are known before p-values.
    """
    names, main = _whole(comparison), main_metrics(comparison)
    table = _Table(comparison, tested, alone, _Widths.of(main, comparison, width))
    how = TESTING if comparison.family and not tested else comparison.over()
    title = f"Metrics, differences from {comparison.name(comparison.reference)} ({how})"
    return Section(title, (*table.lines(main), *_legend(alone, names, width)))


def other_sections(
    comparison: Comparison,
    tested: Mapping[Pair, Verdicts],
    alone: Mapping[Pair, Verdicts],
    width: int,
) -> dict[str, Section]:
    """List the metrics at other cut-offs, and those of stages, like `metric_section`."""
    whole = _whole(comparison)
    first = {*whole, *(name for name in _all(comparison) if name.startswith("segment/"))}
    names = {
        "cutoffs": [name for name in whole if name not in main_metrics(comparison)],
        "stages": [name for name in _all(comparison) if name not in first],
    }
    titles = {"cutoffs": "Other cut-offs", "stages": "Stages"}
    found = {}
    for key, some in names.items():
        table = _Table(comparison, tested, alone, _Widths.of(some, comparison, width))
        found[key] = Section(titles[key], tuple(table.lines(some)))
    return found


def _all(comparison: Comparison) -> list[str]:
    return metric_names(comparison.runs)


def _whole(comparison: Comparison) -> list[str]:
    return [name for name in _all(comparison) if not split_part(name)[0]]


def _heading(metric: str) -> str:
    return plain(metric) + ("" if higher_is_better(metric) else " ↓")


@dataclass(frozen=True, slots=True)
class _Widths:
    """Cells of the columns; 0: there is no room for it."""

    metric: int
    label: int
    interval: int
    p: int
    plot: int

    @classmethod
    def of(cls, names: Sequence[str], comparison: Comparison, width: int) -> _Widths:
        metric = max((len(_heading(name)) for name in names), default=0) + _GAP
        longest = max(cell_len(comparison.name(row)) for row in comparison.rows)
        room = width - metric - _VALUE - _DIFFERENCE - 2 * _GAP
        fixed = _P + _GAP + _LEAST_PLOT
        label = max(_LEAST_LABEL, min(longest, _MOST_LABEL, room - fixed))
        left = room - label
        p = _P + _GAP if left >= _P else 0
        interval = _INTERVAL + _GAP
        if left - p - interval < _GOOD_PLOT:  # the plot says the same
            interval = 0
        plot = left - interval - p
        return cls(metric, label, interval, p, min(_MOST_PLOT, plot) if plot >= _LEAST_PLOT else 0)


class _Table:
    """Writes the rows of each metric below each other, the reference first, with one scale."""

    def __init__(
        self,
        comparison: Comparison,
        tested: Mapping[Pair, Verdicts],
        alone: Mapping[Pair, Verdicts],
        widths: _Widths,
    ) -> None:
        self._comparison = comparison
        self._tested = tested
        self._alone = alone
        self._widths = widths

    def lines(self, names: Sequence[str]) -> Iterator[Line]:
        """Write metrics below the heads of the columns."""
        if names:
            yield self._head()
        for name in names:
            yield from self._metric(name)

    def _head(self) -> Line:
        widths = self._widths
        text = f"{'':<{widths.metric + widths.label}}{'value':>{_VALUE + _GAP}}"
        text += f"  {'difference':<{_DIFFERENCE}}"
        if widths.interval:
            text += f"{'its 95 % interval':<{widths.interval}}"
        if widths.p:
            text += f"{'p':>{widths.p - _GAP}}"
        return (Cell(text.rstrip(), "muted"),)

    def _metric(self, name: str) -> Iterator[Line]:
        reference = self._comparison.reference
        base = reference.run.metrics.get(name)
        others = [
            row
            for row in self._comparison.rows[1:]
            if name in row.run.metrics and comparable(row.run, reference.run)
        ]
        bounds: list[float] = []
        for row in others:
            if base is None:
                break
            bounds.append(row.run.metrics[name] - base)
            verdict = self._verdict(row, name)
            bounds += verdict.interval if verdict is not None else ()
        scale = Scale.around(bounds, self._widths.plot)
        title = _heading(name)
        for place, row in enumerate(self._comparison.rows):
            if name not in row.run.metrics:
                continue
            yield tuple(self._row(place, row, name, title, scale if bounds else None))
            title = ""

    def _row(
        self, place: int, row: Fold, name: str, title: str, scale: Scale | None
    ) -> Iterator[Cell]:
        widths = self._widths
        yield Cell(f"{title:<{widths.metric}}", "strong")
        letter, label = self._comparison.name(row).split(" ", 1)
        yield Cell(f"{letter} ", f"look-{place}")
        yield Cell(fit(label, widths.label - 2))
        yield Cell(f"{show.metric(row.run.metrics[name]):>{_VALUE + _GAP}}")
        if place == 0:
            if scale is not None and widths.plot:
                room = _GAP + _DIFFERENCE + widths.interval + widths.p
                yield Cell(f"{'':<{room}}{scale.axis()}", "muted")
            return
        reference = self._comparison.reference
        found = difference(row.run, reference.run, name, percent=False)
        if found is None or scale is None or not comparable(row.run, reference.run):
            return
        verdict = self._verdict(row, name)
        final = self._tested.get(self._comparison.pair(row), {}).get(name)
        sign = sign_of(final)
        look = look_of(found, sign)
        yield Cell(f"  {found.text + sign:<{_DIFFERENCE}}", look)
        if widths.interval:
            text = interval_text(verdict.interval, "+") if verdict else ""
            yield Cell(f"{text:<{widths.interval}}", "muted")
        if widths.p:
            text = p_text(final) if final else ""
            yield Cell(f"{text:>{widths.p - _GAP}}{'':<{_GAP}}", "muted")
        if widths.plot:
            delta = row.run.metrics[name] - reference.run.metrics[name]
            interval = verdict.interval if verdict is not None else None
            bar = scale.bar(self._mark(row, verdict, sign), delta, interval)
            before, zero, after = bar.partition(ZERO)
            yield from (Cell(before, look), Cell(zero, "muted"), Cell(after, look))

    def _mark(self, row: Fold, verdict: Verdict | None, sign: str) -> str:
        if self._comparison.pair(row) not in self._alone:
            return PENDING
        if verdict is None:
            return UNTESTED
        return SURE if sign == SIGNIFICANT else MAYBE

    def _verdict(self, row: Fold, name: str) -> Verdict | None:
        return self._alone.get(self._comparison.pair(row), {}).get(name)


def _legend(alone: Mapping[Pair, Verdicts], names: Sequence[str], width: int) -> Iterator[Line]:
    """Say what the signs mean, and why some differences have no test."""
    text = f"{SURE} * significant, p < .05  {MAYBE} ~ may be chance  {UNTESTED} no test"
    for line in wrap(f"{text}: no values of users", width):
        yield (Cell(line, "muted"),)
    untested = [
        name for name in names if any(found.get(name, ...) is None for found in alone.values())
    ]
    if untested:
        yield from ((Cell(line, "muted"),) for line in wrap(untested_note(untested), width))
