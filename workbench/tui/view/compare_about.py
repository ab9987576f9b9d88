"""What compared runs are: which, in which settings and data they differ, their learning curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from rich.cells import cell_len

from workbench.store.comparing import differing
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.braille import GRID
from workbench.tui.view.chart import MARKERS, Axes, Piece, Series, draw_plot
from workbench.tui.view.columns import name_of
from workbench.tui.view.comparison import NAMES, Comparison, Read, refusals
from workbench.tui.view.detail import Section
from workbench.tui.view.format import fit
from workbench.tui.view.live import Curves, common_unit, curve_order, titled
from workbench.tui.view.runs_table import BASELINE
from workbench.tui.view.table import Cell

Line = tuple[Cell, ...]
_GAP = 2
#: cells that a value of a setting, and the name of one, may have in a column
_LEAST_VALUE, _MOST_VALUE = 9, 28
#: cells and lines of a chart
_CHART_LEAST, _CHART_MOST, _CHART_HEIGHT, _CHART_GAP = 36, 64, 9, 3


def runs_section(comparison: Comparison, read: Mapping[str, Read], width: int) -> Section:
    """Say which runs are compared, and which of them cannot be, and why."""
    rows = []
    for place, row in enumerate(comparison.rows):
        run = row.run
        seeds = " ".join(str(member.seed) for member in row.members)
        cost = "" if run.fit_seconds is None else f"fit {show.seconds(run.fit_seconds)}"
        look = show.state_look(run.state)
        rows.append(
            (
                f"{NAMES[place]} {plain(name_of(run))}",
                f"{BASELINE} baseline" if comparison.pinned and place == 0 else "",
                f"{look.glyph} {plain(run.stage) or look.word}",
                "" if run.model == run.label else plain(run.model),
                f"mean of seeds {seeds}" if len(row.members) > 1 else f"seed {seeds}",
                cost,
                plain(run.run_id),
            )
        )
    lines: list[Line] = [
        (Cell(cells[0][:2], f"look-{place}"), Cell(cells[0][2:]), Cell(cells[1], "muted"))
        for place, cells in enumerate(_aligned(rows, width))
    ]
    for why in refusals(comparison, read):
        first, *more = wrap(plain(why), max(1, width - 2)) or [""]
        lines.append((Cell("✖ ", "bad"), Cell(first)))
        lines += [(Cell(f"  {line}"),) for line in more]
    return Section("Runs", tuple(lines))


def _aligned(rows: Sequence[Sequence[str]], width: int) -> Iterator[tuple[str, str]]:
    """Align columns, without those that are empty; the first one stands by itself."""
    used = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(cell_len, column)) + _GAP for column in used]
    for cells in zip(*used, strict=True):
        texts = [fit(cell, cells_of) for cell, cells_of in zip(cells, widths, strict=True)]
        rest = "".join(texts[1:]).rstrip()
        room = width - widths[0]
        yield texts[0], rest if cell_len(rest) <= room else fit(rest, max(1, room))


def settings_section(comparison: Comparison, width: int) -> Section:
    """List the settings that differ, as `compare` does."""
    rows = [{"model": run.model, "seed": run.seed} | dict(run.params) for run in comparison.runs]
    return _differences("Settings that differ", rows, "All settings are the same.", width)


def data_section(comparison: Comparison, read: Mapping[str, Read], width: int) -> Section:
    """List what differs in data and protocol; most often nothing does."""
    rows = [_about_data(run, read.get(run.run_id, Read()).result) for run in comparison.runs]
    same = "All runs have the same data set, protocol and test rows."
    return _differences("Data and protocol", rows, same, width)


def _about_data(run: RunSummary, result: Mapping[str, Any]) -> dict[str, Any]:
    dataset, protocol = result.get("dataset", {}), result.get("protocol", {})
    found = {
        "data set": run.dataset,
        "its fingerprint": dataset.get("fingerprint"),
        "protocol": run.protocol,
        **protocol.get("parameters", {}),
        **{f"{part} rows": protocol.get(part) for part in ("train", "valid", "test")},
        "split": run.split_fingerprint or None,
        "updated from": run.updated_from or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _differences(title: str, rows: Sequence[Mapping[str, Any]], same: str, width: int) -> Section:
    found = differing(rows)
    if not found:
        return Section(title, ((Cell(same, "muted"),),))
    texts = {
        plain(name): ["·" if value is None else plain(show.parameter(value)) for value in values]
        for name, values in found.items()
    }
    names = max(map(cell_len, texts)) + _GAP
    room = max(_LEAST_VALUE, (width - names) // len(rows) - _GAP)
    longest = [
        max([1, *(cells for each in texts.values() if (cells := cell_len(each[place])) <= room)])
        for place in range(len(rows))
    ]
    heads = [Cell(fit(NAMES[place], size + _GAP), f"look-{place}") for place, size in _put(longest)]
    lines: list[Line] = [(Cell(" " * names), *heads)]
    for name, values in texts.items():
        lines += _setting(name, values, names, longest, width)
    return Section(title, tuple(lines))


def _put(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    return enumerate(min(_MOST_VALUE, size) for size in sizes)


def _setting(
    name: str, values: Sequence[str], names: int, sizes: Sequence[int], width: int
) -> Iterator[Line]:
    """Write a setting in columns, or the values below each other where one is long."""
    limits = [size for _, size in _put(sizes)]
    title = Cell(fit(name, names), "muted")
    if all(cell_len(value) <= size for value, size in zip(values, limits, strict=True)):
        cells = [
            Cell(fit(value, size + _GAP), "faint" if value == "·" else "")
            for value, size in zip(values, limits, strict=True)
        ]
        yield title, *cells
        return
    for place, value in enumerate(values):
        if value != "·":
            letter = Cell(f"{NAMES[place]} ", f"look-{place}")
            yield title, letter, Cell(fit(value, max(4, width - names - 2)).rstrip())
            title = Cell(" " * names)


def curve_section(comparison: Comparison, read: Mapping[str, Read], width: int) -> Section | None:
    """Lay the learning curves over each other, a chart for each value; None where none has any."""
    curves = [read.get(run.run_id, Read()).curves for run in comparison.runs]
    names = sorted({name for one in curves for name in one.series}, key=curve_order)
    if not names or width < _CHART_LEAST:
        return None
    across = max(1, min(len(names), width // _CHART_LEAST))
    size = min(_CHART_MOST, width // across - _CHART_GAP)
    lines: list[Line] = [_legend(comparison, curves)]
    for start in range(0, len(names), across):
        charts = [_chart(name, curves, size) for name in names[start : start + across]]
        lines += [
            tuple(cell for part in parts for cell in part) for parts in zip(*charts, strict=True)
        ]
    return Section("Learning curves", tuple(lines))


def _legend(comparison: Comparison, curves: Sequence[Curves]) -> Line:
    cells = []
    for place, row in enumerate(comparison.rows):
        if curves[place].series:
            cells.append(Cell(f"{MARKERS[place]} {comparison.name(row)}   ", f"look-{place}"))
    without = [NAMES[place] for place, one in enumerate(curves) if not one.series]
    if without:
        cells.append(Cell(f"{', '.join(without)}: no curve", "muted"))
    return tuple(cells)


def _chart(name: str, curves: Sequence[Curves], width: int) -> list[Line]:
    """Draw the curves of one value, with its name above them."""
    unit = common_unit(one for one in curves if name in one.series)
    series = [
        Series(points, look)
        for look, one in enumerate(curves)
        if (points := one.points(name, unit))
    ]
    title = titled(name)
    plot = draw_plot(series, width, _CHART_HEIGHT, Axes(unit=unit))
    gap = Cell(" " * _CHART_GAP)
    return [
        (Cell(fit(title, width), "strong"), gap),
        *((*map(_cell, line), Cell(" " * (width - _cells(line))), gap) for line in plot),
    ]


def _cell(piece: Piece) -> Cell:
    if piece.look == GRID:
        return Cell(piece.text, "faint")
    return Cell(piece.text, "muted" if piece.look < 0 else f"look-{piece.look}")


def _cells(line: Sequence[Piece]) -> int:
    return sum(len(piece.text) for piece in line)
