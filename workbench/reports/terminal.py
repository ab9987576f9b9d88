"""The report as a person reads it in a terminal; works at 80 columns, in pipes, without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from recsys_core.evaluation.names import higher_is_better, split_part
from recsys_core.evaluation.tested import untested_note
from recsys_core.values import counted
from workbench.reports import view
from workbench.reports.metrics import NONE, memory, number, p_text, seconds, signed
from workbench.reports.notes import notes
from workbench.store.comparing import another_split
from workbench.store.text import plain

#: cells between columns
_GAP = 2
#: a label longer than this is shortened when the terminal is narrow
_LABEL_CELLS = 24
#: more baseline rows than this are shortened to what matters
_MANY_ROWS = 12
#: cells of a comparison for metric and first run, and for each further run
_COMPARE_FIXED, _COMPARE_RUN = 27, 26
SIGNIFICANT = 0.05
#: nothing is said by colour alone
BEST, MET, MISSED = "✦", "✓", "✗"
_ASCII = str.maketrans({"✦": "*", "✓": "+", "✗": "x", "—": "-", "±": "~", "↓": "v", "…": "~"})


@dataclass(frozen=True)
class Column:
    """A column that may be shown: `place` orders columns, the list they stand in ranks them."""

    place: tuple[int, int]
    header: str
    cells: tuple[Text, ...]

    @property
    def width(self) -> int:
        """Cells that the column takes, padding included."""
        widths = [Text(self.header).cell_len, *(cell.cell_len for cell in self.cells)]
        return max(widths) + _GAP


def print_table(report: Mapping[str, Any], console: Console) -> None:
    """Print a report of schema 1.

    One table per stage with the columns that fit, most telling first; runs without a result, gates
    and baseline; notes on data and protocol; the verdict.
    """
    parts: list[RenderableType] = [_text(view.title(report), "bold")]
    tables = view.stage_tables(report)
    for table in tables:
        parts += [Text(), _stage(table, console.width)]
    for section in (
        _unfinished(view.unfinished(report)),
        _gates(report["gates"]),
        _baseline(report["baseline"]),
    ):
        if section is not None:
            parts += [Text(), section]
    parts.append(Text())
    for note in notes(report):
        parts.append(_note(note, "bold yellow" if note.startswith("SYNTHETIC") else "dim"))
    if any(cell.best for table in tables for row in table.rows for cell in row.cells.values()):
        parts.append(_note(f"{BEST} best of its column."))
    mark, style = (MISSED, "bold red") if report["exit_code"] else (MET, "bold green")
    parts.append(_text(f"{mark} {view.verdict(report)}", style))
    console.print(_Shown(Group(*parts)))


class _Shown:
    """A renderable, in ASCII where the terminal has nothing else."""

    def __init__(self, content: RenderableType) -> None:
        self.content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.content, options):
            text = segment.text
            if options.ascii_only:
                text = text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
            yield Segment(text, segment.style, segment.control)


def _text(value: object, style: str = "") -> Text:
    """Make text of data: no markup is read, control characters are visible."""
    return Text(plain(str(value)), style=style)


def _note(value: str, style: str = "dim") -> Padding:
    return Padding(_text(value, style), (0, 0, 0, 1), expand=False)


def _stage(table: view.StageTable, width: int) -> Table:
    labels = [_text(row.label, "bold") for row in table.rows]
    for label in labels:
        label.truncate(max(_LABEL_CELLS, width // 4), overflow="ellipsis")
    room = width - max(label.cell_len for label in labels) - _GAP
    shown: list[Column] = []
    for column in _candidates(table):
        if column.width <= room:
            shown.append(column)
            room -= column.width
    grid = _grid(table.title)
    grid.add_column("label", no_wrap=True)
    shown.sort(key=lambda column: column.place)
    for column in shown:
        grid.add_column(column.header, justify="right", no_wrap=True)
    for position, label in enumerate(labels):
        grid.add_row(label, *(column.cells[position] for column in shown))
    return grid


def _grid(title: str) -> Table:
    return Table(
        title=Text(title, style="bold", no_wrap=True, overflow="ignore"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),  # the box adds one cell
        header_style="dim",
    )


def _candidates(table: view.StageTable) -> list[Column]:
    """List columns in the order in which they get room.

    The spread over windows has none of its own: it stands behind the values.

    The first metrics, cost and what was published come before intervals and everything else. Where
    new items are ranked alone, that is said second.
    """
    values = [
        Column((place, 0), _heading(metric), tuple(_value(row, metric) for row in table.rows))
        for place, metric in enumerate(table.metrics)
        if not metric.startswith("spread/")
    ]
    alone = next((n for n, metric in enumerate(table.metrics) if split_part(metric)[0] == "new"), 0)
    if alone:
        values.insert(1, values.pop(alone))
    published, intervals = [], []
    for place, metric in enumerate(table.metrics):
        cells = [row.cells.get(metric) for row in table.rows]
        if any(cell and cell.reference for cell in cells):
            figures = tuple(_published(cell) for cell in cells)
            published.append(Column((place, 1), "published", figures))
        if any(cell and cell.ci95 for cell in cells):
            ranges = tuple(_interval(cell) for cell in cells)
            intervals.append(Column((place, 2), "95 % interval", ranges))
    after = len(table.metrics)
    fit = Column((after, 0), "fit", tuple(Text(seconds(row.fit_seconds)) for row in table.rows))
    peak = Column((after, 1), "memory", tuple(Text(memory(row.peak_rss_mb)) for row in table.rows))
    return [
        *values[:2],
        fit,
        *published[:1],
        *values[2:4],
        *published[1:],
        *intervals[:2],
        *values[4:8],
        peak,
        *values[8:],
        *intervals[2:],
    ]


def _heading(metric: str) -> str:
    return plain(metric) + ("" if higher_is_better(metric) else " ↓")


def _value(row: view.Row, metric: str) -> Text:
    cell = row.cells.get(metric)
    if cell is None:
        return Text(NONE, style="dim")
    text = Text(number(cell.mean))
    if cell.sd is not None:
        text.append(f" ±{number(cell.sd)}")
    if cell.best:
        text = Text(BEST, style="bold green").append(text)
        text.stylize("bold")
    return text


def _published(cell: view.Cell | None) -> Text:
    figure = cell.reference[0] if cell and cell.reference else None
    return Text(number(figure), style="dim")


def _interval(cell: view.Cell | None) -> Text:
    if cell is None or cell.ci95 is None:
        return Text(NONE, style="dim")
    low, high = cell.ci95
    return Text(f"[{number(low)}, {number(high)}]", style="dim")


def _unfinished(runs: Sequence[Mapping[str, Any]]) -> Table | None:
    if not runs:
        return None
    grid = _grid("Runs without a result")
    for header in ("label", "seed", "status"):
        grid.add_column(header, no_wrap=True)
    grid.add_column("reason", overflow="fold")
    for run in runs:
        status = _text(f"{MISSED} {run['status']}", "red")
        grid.add_row(_text(run["label"], "bold"), str(run["seed"]), status, _text(run["reason"]))
    return grid


def _verdict(passed: bool | None) -> Text:
    if passed is None:
        return Text("not judged", style="dim")
    return Text(f"{MET} met", "green") if passed else Text(f"{MISSED} not met", "red")


def _gates(gates: Sequence[Mapping[str, Any]]) -> Table | None:
    if not gates:
        return None
    grid = _grid("Gates")
    grid.add_column("gate", overflow="fold")
    grid.add_column("value", justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    for gate in gates:
        value = number(gate["value"])
        grid.add_row(_text(gate["gate"]), value, _verdict(gate["passed"]))
    return grid


def _baseline(rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """Show the rows that are judged; when there are many, those not met and one per label."""
    judged = [row for row in rows if row["passed"] is not None] or list(rows)
    if not judged:
        return None
    shown = judged
    if len(judged) > _MANY_ROWS:
        heads = {row["label"]: row for row in reversed(judged)}.values()
        shown = [row for row in judged if row["passed"] is False or any(row is x for x in heads)]
    grid = _grid("Baseline")
    grid.add_column("label", overflow="fold")
    grid.add_column("metric", no_wrap=True)
    for header in ("value", "baseline", "delta", "allowed", "p"):
        grid.add_column(header, justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    for row in shown:
        grid.add_row(
            _text(row["label"]),
            _text(row["metric"]),
            number(row["value"]),
            number(row["baseline"]),
            signed(row["delta"]),
            NONE if row["tolerance"] is None else f"{row['tolerance']:g}",
            p_text(row["p_value"]),
            _verdict(row["passed"]),
        )
    if len(shown) < len(judged):
        grid.caption = (
            f"and {counted(len(judged) - len(shown), 'more row')}, all met; --report has them"
        )
        grid.caption_justify = "left"
    return grid


def print_comparison(comparison: Mapping[str, Any], console: Console) -> None:
    """Print what `compare_runs` found: the runs, then as many of them side by side as fit."""
    runs = comparison["runs"]
    names = [_name(position) for position in range(len(runs))]
    legend = _grid("Runs")
    for header in ("", "label", "seed", "data, protocol", "run"):
        legend.add_column(header, overflow="fold")
    for name, run in zip(names, runs, strict=True):
        where = f"{run['dataset']}, {run['protocol']}"
        label = run["label"] + view.origin_mark(run)
        cells = (label, run["seed"], where, run["run_id"])
        legend.add_row(Text(name, style="bold"), *(_text(cell) for cell in cells))
    parts: list[RenderableType] = [legend]
    step = max(1, (console.width - _COMPARE_FIXED) // _COMPARE_RUN)
    for start in range(1, len(runs), step):
        others = range(start, min(start + step, len(runs)))
        parts += [Text(), _side_by_side(comparison, names, others)]
    if comparison["params"]:
        parts += [Text(), _params(comparison["params"], names)]
    parts.append(Text())
    parts += [_note(line) for line in _comparison_notes(comparison, names)]
    console.print(_Shown(Group(*parts)))


def _name(position: int) -> str:
    """Name runs A to Z, then by number."""
    return chr(ord("A") + position) if position < 26 else f"#{position + 1}"


def _side_by_side(comparison: Mapping[str, Any], names: Sequence[str], others: range) -> Table:
    grid = _grid("")
    grid.title = None
    grid.add_column("metric", no_wrap=True)
    grid.add_column(names[0], justify="right", no_wrap=True)
    for other in others:
        for header in (names[other], f"{names[other]} - {names[0]}", "p"):
            grid.add_column(header, justify="right", no_wrap=True)
    for row in comparison["metrics"]:
        cells = [_text(_heading(row["metric"])), Text(number(row["values"][0]["value"]))]
        for other in others:
            entry = row["values"][other]
            cells.append(Text(number(entry["value"])))
            cells += _difference(entry, higher=row["higher_is_better"])
        grid.add_row(*cells)
    return grid


def _difference(entry: Mapping[str, Any], *, higher: bool) -> list[Text]:
    """Write delta and p-value; a difference that is significant is bold and starred."""
    delta, p_value = entry["delta"], entry["p_value"]
    shown, significance = Text(signed(delta)), Text(p_text(p_value))
    if delta and p_value is not None and p_value < SIGNIFICANT:
        style = "bold green" if (delta > 0) == higher else "bold red"
        shown.stylize(style)
        significance = Text("*").append(significance)
    return [shown, significance]


def _params(params: Mapping[str, Sequence[Any]], names: Sequence[str]) -> Table:
    grid = _grid("Fields that differ")
    grid.add_column("field", no_wrap=True)
    for name in names:
        grid.add_column(name, overflow="fold")
    for field, values in params.items():
        grid.add_row(_text(field), *(_text(NONE if value is None else value) for value in values))
    return grid


def _comparison_notes(comparison: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    lines = ["* p < 0.05: paired test over users, Holm-corrected over the compared runs."]
    for name, run in zip(names, comparison["runs"], strict=True):
        if not run["comparable"]:
            where = f"{run['dataset']}, {run['protocol']}"
            lines.append(f"{MISSED} {another_split(name, where, names[0])}")
    if comparison["untested"]:
        lines.append(untested_note(comparison["untested"]))
    return lines
