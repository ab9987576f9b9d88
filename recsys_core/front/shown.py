"""Tables as a notebook and a terminal show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from recsys_core.evaluation.names import split_part

Row = Sequence[str]


def as_text(headers: Row, rows: Sequence[Row]) -> str:
    """Lay out a table in columns, the first to the left, the others to the right.

    Examples
    --------
    >>> print(as_text(("metric", "value"), [("ndcg@10", "0.1")]))
    metric   value
    ndcg@10    0.1
    """
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = []
    for row in (headers, *rows):
        cells = [
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_html(title: str, headers: Row, rows: Sequence[Row]) -> str:
    """Write a table for a notebook."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in headers)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    lines = "<br>".join(map(escape, title.splitlines()))
    return f"<p>{lines}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def telling(metrics: Iterable[str]) -> list[str]:
    """Pick the metrics to show first: those of the smallest K, and those without one.

    Examples
    --------
    >>> telling(["ndcg@20", "ndcg@10", "merge/ndcg@10", "auc"])
    ['ndcg@10', 'auc']
    """
    whole = [metric for metric in metrics if not split_part(metric)[0]]
    ks = [int(metric.rpartition("@")[2]) for metric in whole if "@" in metric]
    return [m for m in whole if "@" not in m or int(m.rpartition("@")[2]) == min(ks)]


def number(value: float, form: str = ".4f") -> str:
    """Write a value with four decimals; a dash where it is not defined."""
    return "—" if value != value else f"{value:{form}}"


def between(interval: tuple[float, float] | None) -> str:
    """Write an interval; nothing where there is none."""
    return "" if interval is None else f"{number(interval[0])} to {number(interval[1])}"
