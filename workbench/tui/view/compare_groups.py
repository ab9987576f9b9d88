"""Compared runs by groups of users or items: a group each, the runs beside each other.

`read_compared_groups` is work of another thread, over a connection of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap

from rich.cells import cell_len

from recsys_core.errors import InputError
from recsys_core.values import sentence
from workbench.store.groups import SMALL, Attribute, GroupMatrix, GroupReader, GroupRow
from workbench.store.groups_cells import Cell as Value
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.store.users import Browse
from workbench.tui.view.compare import CHANCE, SIGNIFICANT
from workbench.tui.view.comparison import LEAST, NAMES, Comparison, Read, refusals
from workbench.tui.view.detail import Section
from workbench.tui.view.format import fit
from workbench.tui.view.groups import (
    Line,
    browse_of,
    choice_line,
    difference_look,
    number_text,
)
from workbench.tui.view.table import Cell

#: cells of a name at least and at most, of a number of users
_LEAST_NAME, _MOST_NAME, _USERS = 5, 22, 7
_GAP = 2
READING = Section("Groups", ((Cell("reading …", "muted"),),))


@dataclass(frozen=True, slots=True)
class ComparedGroups:
    """What is known of the groups of compared runs.

    Parameters
    ----------
    attributes
        All that there are; empty where the data set cannot be read.
    by
        The one that is asked for.
    matrix
        None where there is nothing to show.
    problems
        Why there is nothing, or not of every run.
    """

    attributes: Sequence[Attribute] = ()
    by: Attribute | None = None
    matrix: GroupMatrix | None = None
    problems: Sequence[str] = field(default_factory=tuple)


def read_compared_groups(
    reader: GroupReader, data_dir: Path, runs: Sequence[Run], attribute: int, metric: str
) -> ComparedGroups:
    """Read the groups of one attribute, by its place; what cannot be read is said.

    Parameters
    ----------
    runs
        The reference first.
    metric
        Which; empty: what is usual.
    """
    try:
        with browse_of(data_dir, runs[0]) as browse:
            attributes = tuple(reader.attributes(browse))
            by = attributes[attribute % len(attributes)]
            try:
                return ComparedGroups(attributes, by, _matrix(reader, browse, runs, by, metric))
            except InputError as error:
                some, problems = _readable(reader, browse, runs, by, metric)
                if len(some) < LEAST:
                    return ComparedGroups(attributes, by, problems=problems or [_line(error)])
            return ComparedGroups(
                attributes, by, _matrix(reader, browse, some, by, metric), problems
            )
    except InputError as error:
        return ComparedGroups(problems=[_line(error)])


def _matrix(
    reader: GroupReader, browse: Browse, runs: Sequence[Run], by: Attribute, metric: str
) -> GroupMatrix:
    if metric and metric not in reader.metrics(browse, runs, by.name):
        raise InputError(f"There is no {metric} of groups by {by.name}.")
    return reader.matrix(browse, runs, by.name, [metric] if metric else ())


def _readable(
    reader: GroupReader, browse: Browse, runs: Sequence[Run], by: Attribute, metric: str
) -> tuple[list[Run], list[str]]:
    """Leave out runs that cannot be read beside the reference; say why, each reason once."""
    some, problems = [runs[0]], []
    for run in runs[1:]:
        try:
            _matrix(reader, browse, [runs[0], run], by, metric)
        except InputError as error:
            problems.append(_line(error))
        else:
            some.append(run)
    return some, list(dict.fromkeys(problems))


def _line(error: InputError) -> str:
    return plain_lines(str(error)).replace("\n", ": ")


def not_compared_section(
    comparison: Comparison, read: Mapping[str, Read], width: int
) -> Section | None:
    """Say why no run has groups that can be held against the reference's."""
    lines = _muted((plain(why) for why in refusals(comparison, read)), width)
    return Section("Groups", tuple(lines)) if lines else None


def compared_groups_section(groups: ComparedGroups, comparison: Comparison, width: int) -> Section:
    """Draw the groups, and below them how they were made and what is missing."""
    lines: list[Line] = []
    if groups.by is not None:
        lines.append(choice_line(groups.attributes, groups.by, width))
    if groups.matrix is None:
        title = "Groups" if groups.by is None else f"Groups by {plain(groups.by.name)}"
        return Section(title, (*lines, *_muted(groups.problems, width)))
    table = _Columns(groups.matrix, comparison, width)
    lines += table.lines()
    lines += _muted([*_said(groups.matrix, comparison), *groups.problems], width)
    return Section(_title(groups.matrix, comparison), tuple(lines))


def _title(matrix: GroupMatrix, comparison: Comparison) -> str:
    metric = matrix.metrics[0]
    tests = sum(
        row.cells.get((run, metric), Value()).p_value is not None
        for row in matrix.rows
        for run in matrix.runs
    )
    reference = comparison.name(comparison.reference)
    what = f"Groups: {plain(metric)} by {plain(matrix.attribute.name)}"
    how = f"Holm over {tests}" if tests else "no group tested"
    return f"{what}, differences from {reference} ({how})"


def _said(matrix: GroupMatrix, comparison: Comparison) -> Iterator[str]:
    cells = [cell for row in (*matrix.rows, matrix.overall) for cell in row.cells.values()]
    if any(cell.sign for cell in cells):
        yield f"{SIGNIFICANT} significant, {CHANCE} may be chance."
    if any(row.small for row in matrix.rows):
        yield f"few: under {SMALL} users, not tested."
    folded = [
        NAMES[place]
        for place, row in enumerate(comparison.rows)
        if len(row.members) > 1 and row.run.run_id in matrix.runs
    ]
    if folded:
        yield f"{', '.join(folded)}: the newest seed alone."
    yield from map(sentence, matrix.notes)


def _muted(sentences: Iterable[str], width: int) -> list[Line]:
    return [
        (Cell(line, "muted"),)
        for sentence in sentences
        for line in wrap(sentence, max(20, width - 1))
    ]


class _Columns:
    """Lays out groups; the values of all but the reference are there when there is room."""

    def __init__(self, matrix: GroupMatrix, comparison: Comparison, width: int) -> None:
        self._matrix, self._metric = matrix, matrix.metrics[0]
        self._rows = (*matrix.rows, matrix.overall)
        places = {row.run.run_id: place for place, row in enumerate(comparison.rows)}
        self._runs = [(run, places[run]) for run in matrix.runs]
        cells = [self._cell(row, run) for row in self._rows for run in matrix.runs]
        self._value = max(len(number_text(cell.value)) for cell in cells) + _GAP
        self._difference = max(len(self._look(cell)[0]) for cell in cells) + 1 + _GAP
        names = [matrix.attribute.name, *(row.group.name for row in self._rows)]
        longest = min(_MOST_NAME, max(cell_len(plain(name)) for name in names))
        others = len(matrix.runs) - 1
        room = width - _USERS - self._value - others * self._difference
        self._values = room - longest >= others * self._value
        self._name = longest if self._values else max(_LEAST_NAME, min(longest, room))

    def _cell(self, row: GroupRow, run: str) -> Value:
        return row.cells.get((run, self._metric), Value())

    def _look(self, cell: Value, *, small: bool = False) -> tuple[str, str]:
        return difference_look(cell, self._metric, small=small)

    def lines(self) -> Iterator[Line]:
        """Write the groups, then all users, below the heads of the columns."""
        yield self._head()
        for row in self._rows:
            yield self._line(row, few=row.small and row is not self._matrix.overall)

    def _head(self) -> Line:
        name = fit(plain(self._matrix.attribute.name), self._name)
        cells = [Cell(f"{name}{'users':>{_USERS}}", "muted")]
        first = NAMES[self._runs[0][1]]
        for column, (_, place) in enumerate(self._runs):
            if column == 0 or self._values:
                cells.append(Cell(f"{NAMES[place]:>{self._value}}", f"look-{place}"))
            if column:
                text = f"{NAMES[place]} - {first}"
                cells.append(Cell(f"{'':{_GAP}}{text:<{self._difference - _GAP}}", f"look-{place}"))
        return tuple(cells)

    def _line(self, row: GroupRow, *, few: bool) -> Line:
        n = f"few {row.n}" if few else f"{row.n:,}"
        cells = [Cell(fit(plain(row.group.name), self._name)), Cell(f"{n:>{_USERS}}", "muted")]
        for column, (run, _) in enumerate(self._runs):
            cell = self._cell(row, run)
            if column == 0 or self._values:
                value = f"{number_text(cell.value):>{self._value}}"
                cells.append(Cell(value, "muted" if few else "strong"))
            if column:
                text, style = self._look(cell, small=few)
                shown = f"{text}{cell.sign}"
                cells.append(Cell(f"{'':{_GAP}}{shown:<{self._difference - _GAP}}", style))
        return tuple(cells)
