"""Markdown: a report to paste into an issue or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recsys_core.evaluation.names import higher_is_better
from workbench.reports import view
from workbench.reports.groups_view import tables, title
from workbench.reports.metrics import NONE, memory, number, p_text, seconds, signed
from workbench.reports.notes import notes
from workbench.reports.tables import Table
from workbench.store.text import plain

_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~#&]")
_PASSED = {True: "✓ met", False: "✗ **not met**", None: "not judged"}


def to_markdown(report: Mapping[str, Any]) -> str:
    """Write the report as GitHub-flavoured Markdown."""
    blocks = [f"# {text(view.title(report))}", text(view.verdict(report))]
    blocks.append("\n".join(f"- {text(note)}" for note in notes(report)))
    for table in view.stage_tables(report):
        blocks += _stage(table)
    blocks += _unfinished(view.unfinished(report))
    blocks += _gates(report["gates"])
    blocks += _baseline(report["baseline"])
    for groups in report.get("groups", ()):
        blocks += [f"## {text(title(groups))}", *_tables(tables(groups))]
    blocks.append(f"Exit code {report['exit_code']}.")
    return "\n\n".join(block for block in blocks if block) + "\n"


def to_markdown_of_groups(report: Mapping[str, Any]) -> str:
    """Write a report by groups as Markdown."""
    return "\n\n".join([f"# {text(title(report))}", *_tables(tables(report), "##")]) + "\n"


def _tables(found: Iterable[Table], level: str = "###") -> list[str]:
    """Write tables with their headings and notes."""
    blocks = []
    for one in found:
        blocks.append(f"{level} {text(one.title)}")
        blocks.append(_table([*map(text, one.headers)], [[*map(text, row)] for row in one.rows]))
        blocks.append("\n".join(f"- {text(note)}" for note in one.notes))
    return [block for block in blocks if block]


def text(value: object) -> str:
    r"""Escape what Markdown or HTML would take for markup; control characters become visible.

    Examples
    --------
    >>> print(text("<b>*Se7en*</b>"))
    \<b\>\*Se7en\*\</b\>
    """
    return _MARKUP.sub(r"\\\g<0>", plain(str(value)))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Lay out a table; the first `left` columns are text, the others figures."""
    lines = [header, [":--"] * left + ["--:"] * (len(header) - left), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _stage(table: view.StageTable) -> list[str]:
    blocks = [f"## {text(table.title)}"]
    for position, (heading, metrics) in enumerate(table.blocks):
        header = ["label", *(_heading(metric) for metric in metrics)]
        rows = [[text(row.label), *(_cell(row, name) for name in metrics)] for row in table.rows]
        if position == 0:
            header += ["fit", "peak memory"]
            for row, line in zip(table.rows, rows, strict=True):
                line += [seconds(row.fit_seconds), memory(row.peak_rss_mb)]
        blocks += [f"### {heading}"] if heading else []
        blocks.append(_table(header, rows))
    return blocks


def _heading(metric: str) -> str:
    return text(metric) + ("" if higher_is_better(metric) else " ↓")


def _cell(row: view.Row, metric: str) -> str:
    cell = row.cells.get(metric)
    if cell is None:
        return NONE
    shown = number(cell.mean)
    if cell.best:
        shown = f"**{shown}**"
    if cell.sd is not None:
        shown += f" ± {number(cell.sd)}"
    if cell.ci95 is not None:
        shown += f" \\[{number(cell.ci95[0])}, {number(cell.ci95[1])}\\]"
    if cell.reference is not None:
        shown += f" (published {number(cell.reference[0])})"
    return shown


def _unfinished(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    if not runs:
        return []
    rows = [
        [text(run["label"]), str(run["seed"]), run["status"], text(run["reason"] or NONE)]
        for run in runs
    ]
    return ["## Runs without a result", _table(["label", "seed", "status", "reason"], rows, 4)]


def _gates(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    if not gates:
        return []
    rows = [[text(gate["gate"]), _PASSED[gate["passed"]], number(gate["value"])] for gate in gates]
    return ["## Gates", _table(["gate", "verdict", "value"], rows, 2)]


def _baseline(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    header = ["label", "metric", "verdict", "value", "baseline", "delta", "tolerance", "p"]
    lines = [
        [
            text(row["label"]),
            text(row["metric"]),
            _PASSED[row["passed"]],
            number(row["value"]),
            number(row["baseline"]),
            signed(row["delta"]),
            NONE if row["tolerance"] is None else f"{row['tolerance']:g}",
            p_text(row["p_value"]),
        ]
        for row in rows
    ]
    return ["## Baseline", _table(header, lines, 3)]
