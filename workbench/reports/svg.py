"""Small plots as inline SVG: text stays text, colours come from the page's style sheet.

Every function takes plain values and returns markup in which all data is escaped. Coordinates are
in units of the view box, about one CSS pixel each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from workbench.reports.metrics import number
from workbench.store.text import plain, width

_WIDTH, _LEFT, _RIGHT, _ROW = 640.0, 170.0, 78.0, 26.0
#: about how many cells of label text fit left of the bars
_LABEL_CELLS = 23


@dataclass(frozen=True)
class Bar:
    """One bar: a value with its confidence interval and the published figure."""

    label: str
    value: float
    interval: tuple[float, float] | None = None
    reference: float | None = None
    best: bool = False

    @property
    def _figures(self) -> list[float]:
        reference = [] if self.reference is None else [self.reference]
        return [self.value, *(self.interval or ()), *reference]

    @property
    def low(self) -> float:
        """The smallest figure that the bar shows."""
        return min(self._figures)

    @property
    def high(self) -> float:
        """The largest figure that the bar shows."""
        return max(self._figures)


def bars(metric: str, rows: Sequence[Bar], start: float = 0.0) -> Markup:
    """Draw horizontal bars, whiskers for intervals, a diamond for published figures.

    Parameters
    ----------
    start
        Value at the left end; figures below it are drawn there.
    """
    end = max(row.high for row in rows)
    scale = (_WIDTH - _LEFT - _RIGHT) / (end - start if end > start else 1.0)

    def place(value: float) -> float:
        return _LEFT + max(value - start, 0.0) * scale

    parts = []
    for position, row in enumerate(rows):
        middle = position * _ROW + _ROW / 2
        parts.append(_label(row.label, middle))
        kind = "bar best" if row.best else "bar"
        parts.append(
            f'<rect class="{kind}" x="{_LEFT}" y="{middle - 8:.1f}"'
            f' width="{place(row.value) - _LEFT:.1f}" height="16" rx="2"/>'
        )
        if row.interval is not None:
            low, high = (place(bound) for bound in row.interval)
            parts.append(
                f'<path class="whisker" d="M{low:.1f} {middle:.1f}H{high:.1f}'
                f'M{low:.1f} {middle - 4:.1f}v8M{high:.1f} {middle - 4:.1f}v8"/>'
            )
        if row.reference is not None:
            parts.append(
                f'<path class="mark" d="M{place(row.reference):.1f} {middle - 7:.1f}'
                f'l5 7l-5 7l-5 -7z"><title>published {number(row.reference)}</title></path>'
            )
        parts.append(_value(row, place(row.high) + 9, middle))
    return _figure(parts, len(rows) * _ROW, f"{metric} by label")


def _value(row: Bar, x: float, y: float) -> str:
    kind = "value best" if row.best else "value"
    return f'<text class="{kind}" x="{x:.1f}" y="{y + 4:.1f}">{number(row.value)}</text>'


def spread(metric: str, rows: Sequence[tuple[str, Sequence[float]]]) -> Markup:
    """Draw how a per-user metric is spread: nested bands of users and the median.

    Parameters
    ----------
    rows
        Label and 11 values: minimum, nine deciles, maximum.
    """
    low = min(deciles[0] for _, deciles in rows)
    high = max(deciles[-1] for _, deciles in rows)
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low if high > low else 1.0)
    parts = []
    for position, (label, deciles) in enumerate(rows):
        middle = position * _ROW + _ROW / 2
        parts.append(_label(label, middle))
        xs = [_LEFT + (value - low) * scale for value in deciles]
        parts.append(f'<path class="axis" d="M{xs[0]:.1f} {middle:.1f}H{xs[-1]:.1f}"/>')
        for inner in (1, 2, 3, 4):
            band = max(xs[10 - inner] - xs[inner], 1.0)
            parts.append(
                f'<rect class="band" x="{xs[inner]:.1f}" y="{middle - 7:.1f}"'
                f' width="{band:.1f}" height="14"/>'
            )
        parts.append(f'<path class="median" d="M{xs[5]:.1f} {middle - 9:.1f}v18"/>')
        parts.append(
            f'<text class="value" x="{_WIDTH - _RIGHT + 7}" y="{middle + 4:.1f}">'
            f"{number(deciles[5])}</text>"
        )
    bottom = len(rows) * _ROW + 14
    parts.append(f'<text class="tick" x="{_LEFT}" y="{bottom}">{number(low)}</text>')
    parts.append(f'<text class="tick end" x="{_WIDTH - _RIGHT}" y="{bottom}">{number(high)}</text>')
    return _figure(parts, bottom + 4, f"{metric} over users")


def curve(name: str, values: Sequence[float | None], *, higher: bool) -> Markup:
    """Draw one series by epoch, its best epoch marked; undefined values leave a gap.

    Returns
    -------
    Empty markup when no value is defined.
    """
    wide, tall, left, top, bottom = 300.0, 120.0, 56.0, 12.0, 20.0
    known = [(epoch, value) for epoch, value in enumerate(values) if value is not None]
    if not known:
        return Markup("")
    low, high = min(value for _, value in known), max(value for _, value in known)
    step = (wide - left - 10) / max(len(values) - 1, 1)
    scale = (tall - top - bottom) / (high - low if high > low else 1.0)

    def point(epoch: int, value: float) -> tuple[float, float]:
        return left + epoch * step, tall - bottom - (value - low) * scale

    path, before = "", -2
    for epoch, value in known:
        x, y = point(epoch, value)
        path += f"{'L' if epoch == before + 1 else 'M'}{x:.1f} {y:.1f}"
        before = epoch
    best = (max if higher else min)(known, key=lambda pair: pair[1])
    x, y = point(*best)
    floor = tall - bottom
    title = f"<title>epoch {best[0] + 1}: {number(best[1])}</title>"
    parts = [
        f'<path class="axis" d="M{left} {top}V{floor}H{wide - 10}"/>',
        f'<path class="line" d="{path}"/>',
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{title}</circle>',
        f'<text class="tick end" x="{left - 6}" y="{top + 4}">{number(high)}</text>',
        f'<text class="tick end" x="{left - 6}" y="{floor + 4}">{number(low)}</text>',
        f'<text class="tick" x="{left}" y="{tall - 4}">epoch 1</text>',
        f'<text class="tick end" x="{wide - 10}" y="{tall - 4}">{len(values)}</text>',
    ]
    return _figure(parts, tall, f"{name} by epoch", wide)


def _label(label: str, y: float) -> str:
    """Write a label right-aligned before the axis, cut to what fits; in full on hover."""
    text = plain(label)
    shown = text
    while width(shown) > _LABEL_CELLS:
        shown = shown.removesuffix("…")[:-1] + "…"
    return (
        f'<text class="label end" x="{_LEFT - 8}" y="{y + 4:.1f}">{escape(shown)}'
        f"<title>{escape(text)}</title></text>"
    )


def _figure(parts: Sequence[str], height: float, title: str, wide: float = _WIDTH) -> Markup:
    shown = escape(plain(title))
    return Markup(  # noqa: S704 - every text in parts and title was escaped above
        f'<svg role="img" viewBox="0 0 {wide:g} {height:g}" width="{wide:g}" height="{height:g}"'
        f' aria-label="{shown}">{"".join(parts)}</svg>'
    )
