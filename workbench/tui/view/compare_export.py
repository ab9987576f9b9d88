"""Compared runs as a table for a file: a row per metric and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import metric_names
from workbench.tui.view.compare import comparable, difference, look_of, sign_of
from workbench.tui.view.comparison import Comparison
from workbench.tui.view.fold import Fold
from workbench.tui.view.result import p_text
from workbench.tui.view.significance import Pair, Verdict, Verdicts
from workbench.tui.view.table import Cell, Head, Row, Table
from workbench.tui.view.texts import Exported

_HEADS = (
    Head("metric", "metric", 12),
    Head("run", "run", 24),
    Head("value", "value", 8, right=True),
    Head("difference", "difference", 12, right=True),
    Head("low", "its 95 % interval from", 22, right=True),
    Head("high", "to", 8, right=True),
    Head("p", "p", 7, right=True),
)


def exported(comparison: Comparison, tested: Mapping[Pair, Verdicts]) -> Exported:
    """Write all metrics of compared runs, with differences from the first one."""
    rows = tuple(
        _row(comparison, row, name, tested.get(comparison.pair(row), {}).get(name))
        for name in metric_names(comparison.runs)
        for row in comparison.rows
        if name in row.run.metrics
    )
    keys = tuple(row.key for row in rows)
    first = comparison.name(comparison.reference)
    about = f"{len(comparison.rows)} runs, differences from {first} ({comparison.over()})"
    more = {
        "reference": comparison.reference.run.run_id,
        "differences": [*_differences(comparison, tested)],
    }
    return Exported(Table(_HEADS, rows, keys, 2, 2), comparison.rows, about, more)


def _row(comparison: Comparison, row: Fold, name: str, verdict: Verdict | None) -> Row:
    reference = comparison.reference
    cells = [
        Cell(plain(name)),
        Cell(comparison.name(row)),
        Cell(show.metric(row.run.metrics[name])),
    ]
    found = None
    if row is not reference and comparable(row.run, reference.run):
        found = difference(row.run, reference.run, name, percent=False)
    if found is None:
        cells += [Cell("")] * 4
    else:
        sign = sign_of(verdict)
        cells.append(Cell(found.text + sign.strip(), look_of(found, sign)))
        cells += [Cell(f"{bound:.4f}") for bound in verdict.interval] if verdict else [Cell("")] * 2
        cells.append(Cell(p_text(verdict) if verdict else ""))
    return Row(f"{name} {comparison.name(row)}", tuple(cells))


def _differences(
    comparison: Comparison, tested: Mapping[Pair, Verdicts]
) -> Iterator[dict[str, Any]]:
    """Give differences and tests in full precision."""
    reference = comparison.reference.run
    for row in comparison.rows[1:]:
        verdicts = tested.get(comparison.pair(row), {})
        for name, value in row.run.metrics.items():
            if name in reference.metrics and comparable(row.run, reference):
                verdict = verdicts.get(name)
                yield {
                    "run_id": row.run.run_id,
                    "metric": name,
                    "delta": value - reference.metrics[name],
                    "delta_ci95": None if verdict is None else list(verdict.interval),
                    "p_value": None if verdict is None else verdict.p_value,
                }
