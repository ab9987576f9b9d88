"""A run by groups, as lines: a group each, with a cursor to choose one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from recsys_core.errors import InputError
from recsys_core.evaluation.names import higher_is_better
from recsys_core.values import sentence
from workbench.store.groups import (
    SMALL,
    Attribute,
    BiasRow,
    GroupMatrix,
    GroupReader,
    GroupRow,
)
from workbench.store.groups_cells import Cell as Value
from workbench.store.groups_cells import Gap
from workbench.store.items import BROWSE
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.store.users import Browse
from workbench.tui.view import format as show
from workbench.tui.view.columns import name_of
from workbench.tui.view.compare import CHANCE, difference_of
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell
from workbench.tui.view.users import fit

Line = tuple[Cell, ...]
#: cells of a name at most, of a number of users, a value, a difference, its sign
_NAME, _USERS, _VALUE, _DIFFERENCE, _SIGN = 22, 7, 8, 11, 4
#: of what is there when there is room: the interval of a difference and of a value, a bar
_OF_DIFFERENCE, _INTERVAL, _BAR = 20, 19, 12
#: of the cursor
_CURSOR = 2


@dataclass(frozen=True, slots=True)
class Groups:
    """What was read of a run: the attributes that there are, and the groups of one.

    Parameters
    ----------
    run, baseline
        The run, and what it is compared with, if anything.
    bias
        Popularity of all users' lists; None of a run without lists.
    """

    run: RunSummary
    baseline: RunSummary | None
    attributes: tuple[Attribute, ...]
    matrix: GroupMatrix
    bias: BiasRow | None

    def value(self, row: GroupRow, metric: str) -> Value:
        """Look up the run's value in a group."""
        return row.cells.get((self.run.run_id, metric), Value())


def read_groups(
    reader: GroupReader,
    data_dir: Path,
    run: RunSummary,
    baseline: RunSummary | None,
    attribute: int,
) -> Groups:
    """Read the groups of one attribute, by its place; in a thread, over a connection of its own.

    Raises
    ------
    InputError
        The data set is not there or another one by now, or a file is damaged.
    """
    runs = [Run(one.folder) for one in (baseline, run) if one is not None]
    with browse_of(data_dir, runs[-1]) as browse:
        attributes = tuple(reader.attributes(browse))
        by = attributes[attribute % len(attributes)].name
        matrix = reader.matrix(browse, runs, by)
        bias = None
        if run.stage != "ranking":
            (bias,) = reader.popularity_bias(browse, runs[-1:])
        return Groups(run, baseline, attributes, matrix, bias)


def browse_of(data_dir: Path, run: Run) -> Browse:
    """Open a run's data set, which its groups are made of.

    Raises
    ------
    InputError
        The data set is not there or another one by now, or a file is damaged.
    """
    dataset = run.metrics["dataset"]
    if not (data_dir / str(dataset["name"]) / BROWSE).exists():
        raise InputError(
            f"They need data set '{dataset['name']}', which is not in the data folder."
        )
    return Browse(data_dir, str(dataset["name"]), str(dataset["fingerprint"]))


def groups_section(
    groups: Groups, metric: int, cursor: int, width: int, *, focused: bool
) -> Section:
    """Draw the groups.

    Parameters
    ----------
    metric
        Place of the metric that bars and differences are of.
    cursor
        Place of the group that is chosen; drawn when the keys go there.
    """
    matrix = groups.matrix
    shown = matrix.metrics[metric % len(matrix.metrics)]
    columns = _Columns(groups, shown, width)
    choice = choice_line(groups.attributes, matrix.attribute, width)
    lines = [choice, (Cell(columns.heading(), "muted"),)]
    for place, row in enumerate(matrix.rows):
        here = focused and place == cursor
        lines.append((Cell("▸ " if here else "  ", "accent"), *columns.line(row, strong=here)))
    lines.append((Cell("  "), *columns.line(matrix.overall)))
    lines += [(Cell(line, "muted"),) for line in _said(groups, shown, width)]
    return Section(_title(groups, shown), tuple(lines))


def _title(groups: Groups, metric: str) -> str:
    what = f"Groups: {metric} by {plain(groups.matrix.attribute.name)}"
    if groups.baseline is None:
        return what
    tested = sum(not row.small for row in groups.matrix.rows)
    how = f"Holm over {tested}" if tested else "no group tested"
    return f"{what}, against {plain(name_of(groups.baseline))} ({how})"


def choice_line(attributes: Sequence[Attribute], shown: Attribute, width: int) -> Line:
    """Name what groups there are; brackets are around those that are shown."""
    cells: list[Cell] = [Cell("by ", "muted")]
    room = width - 3
    for attribute in attributes:
        name = plain(attribute.name)
        here = attribute == shown
        text = f"[{name}] " if here else f"{name} "
        if len(text) > room:
            break
        room -= len(text)
        cells.append(Cell(text, "accent" if here else "muted"))
    return tuple(cells)


def _said(groups: Groups, metric: str, width: int) -> Iterator[str]:
    """Say what is remarkable, then how it was made."""
    matrix = groups.matrix
    gap = matrix.gaps.get((groups.run.run_id, metric))
    sentences = [_of_gap(gap, metric)] if gap else []
    if groups.bias is not None and (bias := groups.bias.bias.get(groups.run.run_id)):
        lift = "" if bias.lift.value is None else f", lift {bias.lift.value:+.2f}"
        sentences.append(
            f"Popularity: {bias.lists:,.0f} train rows per listed item, {bias.histories:,.0f} per"
            f" item of the histories{lift}; tail items: {100 * (bias.tail_lists.value or 0):.1f}%"
            f" of the lists, {100 * bias.tail_histories:.1f}% of the histories."
        )
    if any(row.small for row in matrix.rows):
        sentences.append(f"few: under {SMALL} users, not tested and in no gap.")
    sentences += map(sentence, matrix.notes)
    for text in sentences:
        yield from wrap(text, max(20, width - 1))


def _of_gap(gap: Gap, metric: str) -> str:
    best = gap.largest if gap.worst == gap.smallest else gap.smallest
    low, high = gap.interval
    chance = ", which may be chance" if gap.sign == CHANCE else ""
    return (
        f"{metric} is worst for {plain(gap.worst)}, best for {plain(best)}. The gap is"
        f" {gap.value:.4f}, 95 % interval {low:.4f} to {high:.4f} over all pairs{chance}."
    )


class _Columns:
    """Lays out as much of a group as has room."""

    def __init__(self, groups: Groups, metric: str, width: int) -> None:
        self._groups, self._metric = groups, metric
        rows = (*groups.matrix.rows, groups.matrix.overall)
        names = max(len(plain(row.group.name)) for row in rows)
        self._name = min(_NAME, max(names, len(groups.matrix.attribute.name)))
        compared = groups.baseline is not None
        left = width - _CURSOR - self._name - _USERS - _VALUE - _SIGN - _DIFFERENCE * compared
        wanted = [_OF_DIFFERENCE] * compared + [_BAR, _INTERVAL]
        fits = []
        for cells in wanted:
            fits.append(left >= cells)
            left -= cells if left >= cells else 0
        self._of_difference = compared and fits[0]
        self._bar, self._interval = fits[-2:]
        others = [name for name in groups.matrix.metrics if name != metric]
        self._others = others[: max(0, left) // _wide(others)] if others else []
        values = [groups.value(row, metric).value or 0.0 for row in rows]
        self._most = max(map(abs, values)) or 1.0

    def heading(self) -> str:
        """Name the columns."""
        text = f"{'':{_CURSOR}}{fit(plain(self._groups.matrix.attribute.name), self._name)}"
        text += f"{'users':>{_USERS}}{'value':>{_VALUE}}"
        text += f"{'':{_BAR}}" if self._bar else ""
        text += f"  {'95 % interval':<{_INTERVAL - 2}}" if self._interval else ""
        if self._groups.baseline is not None:
            text += f" {'difference':<{_DIFFERENCE + _SIGN - 1}}"
            text += f"  {'its 95 % interval':<{_OF_DIFFERENCE - 2}}" if self._of_difference else ""
        else:
            text += " " * _SIGN
        return text + "".join(f"{name:>{_wide(self._others)}}" for name in self._others)

    def line(self, row: GroupRow, *, strong: bool = False) -> Line:
        """Write a group."""
        value = self._groups.value(row, self._metric)
        name = fit(plain(row.group.name), self._name)
        cells = [
            Cell(name, "strong" if strong else ""),
            Cell(f"{row.n:>{_USERS},}", "muted"),
            Cell(f"{number_text(value.value):>{_VALUE}}", "strong"),
        ]
        if self._bar:
            share = abs(value.value or 0.0) / self._most
            cells.append(Cell("  " + show.stroke(share, _BAR - 2), "running"))
        if self._interval:
            cells.append(Cell(f"  {_bounds(value.interval):<{_INTERVAL - 2}}", "muted"))
        small = "few" if row.small else ""
        if self._groups.baseline is None:
            cells.append(Cell(f" {small:<{_SIGN - 1}}", "muted"))
        else:
            cells += self._difference(value, small)
        for other in self._others:
            text = number_text(self._groups.value(row, other).value)
            cells.append(Cell(f"{text:>{_wide(self._others)}}", "muted"))
        return tuple(cells)

    def _difference(self, value: Value, small: str) -> list[Cell]:
        text, style = difference_look(value, self._metric, small=bool(small))
        sign = value.sign or (f" {small}" if small else "")
        cells = [Cell(f" {text + sign:<{_DIFFERENCE + _SIGN - 1}}", style)]
        if self._of_difference:
            bounds = _bounds(value.difference_interval, "+")
            cells.append(Cell(f"  {bounds:<{_OF_DIFFERENCE - 2}}", "muted"))
        return cells


def difference_look(value: Value, metric: str, *, small: bool) -> tuple[str, str]:
    """Write a difference, and choose its style: one that may be chance has no colour."""
    if value.difference is None:
        return "", ""
    found = difference_of(value.difference, higher=higher_is_better(metric))
    return found.text, found.style if value.sign != CHANCE and not small else "muted"


def _wide(names: Sequence[str]) -> int:
    """Cells of a column of another metric."""
    return max([_VALUE, *(len(name) + 2 for name in names)])


def number_text(value: float | None) -> str:
    """Write a value, or that there is none."""
    return "-" if value is None else show.metric(value)


def _bounds(interval: tuple[float, float] | None, sign: str = "") -> str:
    return " to ".join(f"{bound:{sign}.4f}" for bound in interval) if interval else ""
