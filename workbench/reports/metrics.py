"""How metrics are ordered and written wherever a report is shown."""

from __future__ import annotations

from collections.abc import Iterable

from recsys_core.evaluation.names import split_part
from recsys_core.values import p_value_text

#: shown where there is no value
NONE = "—"

#: the most telling first; top-K metrics at the smallest K come before the larger ones
_ORDER = (
    "ndcg",
    "recall",
    "auc",
    "gauc",
    "logloss",
    "ece",
    "rmse",
    "hit",
    "coverage",
    "mrr",
    "map",
    "precision",
    "novelty",
    "diversity",
    "popularity",
    "gini",
)


#: digits of a K, and more
_LONGEST_K = 10


def headline_first(metrics: Iterable[str]) -> list[str]:
    """Sort metric names by how much they say: K ascending, then by kind; parts come last.

    Examples
    --------
    >>> headline_first(["recall@20", "coverage@10", "recall@10", "ndcg@10"])
    ['ndcg@10', 'recall@10', 'coverage@10', 'recall@20']
    """
    return sorted(metrics, key=_rank)


def _rank(metric: str) -> tuple[bool, str, int, str, int, str]:
    part, own = split_part(metric)
    name, _, k = own.partition("@")
    kind, _, task = name.partition("/")
    position = _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
    cutoff = int(k) if k.isdecimal() and len(k) < _LONGEST_K else 0
    return (bool(part), part, cutoff, task, position, metric)


def number(value: float | None, digits: int = 4) -> str:
    """Write a value for people: four decimals, fewer for large ones, a dash for none.

    Examples
    --------
    >>> number(0.25), number(12.3456), number(None)
    ('0.2500', '12.346', '—')
    """
    if value is None:
        return NONE
    if abs(value) >= 10:
        digits = max(digits - 1, 0)
    return f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """Write a difference with its sign.

    Examples
    --------
    >>> signed(0.0123), signed(-0.5), signed(0.0)
    ('+0.0123', '-0.5000', '0.0000')
    """
    if value is None:
        return NONE
    return f"{value:+.4f}" if value else "0.0000"


def seconds(value: float | None) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(0.001), seconds(0.04), seconds(3.21), seconds(75), seconds(3725)
    ('<0.01 s', '0.04 s', '3.2 s', '1 min 15 s', '1 h 02 min')
    """
    if value is None:
        return NONE
    if value < 0.005:
        return "<0.01 s"
    if value < 59.95:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def memory(megabytes: float | None) -> str:
    """Write an amount of memory."""
    return NONE if megabytes is None else f"{megabytes:,.0f} MB"


def p_text(p_value: float | None) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_text(0.0312), p_text(1e-9), p_text(None)
    ('0.031', '<0.001', '—')
    """
    return NONE if p_value is None else p_value_text(p_value)
