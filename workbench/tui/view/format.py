"""Numbers, times and states as short text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size

from workbench.store.listing import RunSummary
from workbench.store.runs import word_of


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state is shown: a glyph, a word, and the style that supports them."""

    glyph: str
    word: str
    style: str


STATES: dict[str, StateLook] = {
    "queued": StateLook("◦", "queued", "muted"),
    "running": StateLook("▸", "running", "running"),
    "succeeded": StateLook("✔", "done", "good"),
    "failed": StateLook("✖", "failed", "bad"),
    "cancelled": StateLook("⊘", "cancelled", "muted"),
    "pruned": StateLook("⊖", "pruned", "muted"),
    "interrupted": StateLook("↯", "interrupted", "bad"),
}


def state_look(state: str) -> StateLook:
    """Return the look of a state; one that a later version wrote is shown by its name."""
    return STATES.get(state, StateLook("?", state or "unknown", "muted"))


def run_look(run: RunSummary) -> StateLook:
    """Return the look of a run's state; a trial that its sweep pruned has one of its own."""
    return state_look(word_of(run.state, run.reason))


def metric(value: float) -> str:
    """Write a metric with four decimals, so that a column lines up.

    Examples
    --------
    >>> metric(0.28714)
    '0.2871'
    """
    return f"{value:.4f}"


def quantity(value: float) -> str:
    """Write a value of unknown size: a loss with four decimals, a rate without.

    Examples
    --------
    >>> quantity(0.41), quantity(431022.7)
    ('0.4100', '431,023')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else metric(value)


def difference(value: float, baseline: float, *, percent: bool) -> str:
    """Write ``value - baseline`` with its sign, absolute or relative to the baseline.

    Examples
    --------
    >>> difference(0.30, 0.25, percent=False), difference(0.30, 0.25, percent=True)
    ('+0.0500', '+20.0%')
    """
    if not percent:
        return f"{value - baseline:+.4f}"
    if baseline == 0:
        return "-"
    return f"{(value - baseline) / abs(baseline) * 100:+.1f}%"


def seconds(value: float) -> str:
    """Write a duration briefly.

    Examples
    --------
    >>> seconds(0.042), seconds(7.31), seconds(192), seconds(7300)
    ('42 ms', '7.3 s', '3:12 min', '2:01 h')
    """
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    whole, unit = (value, "min") if value < 3600 else (value / 60, "h")
    return f"{int(whole // 60)}:{int(whole % 60):02d} {unit}"


def size(octets: int) -> str:
    """Write the size of a file.

    Examples
    --------
    >>> size(812), size(20_480), size(3_250_000)
    ('812 B', '20 kB', '3.2 MB')
    """
    if octets < 1000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1000:.0f} kB"
    return f"{octets / 1_000_000:.1f} MB"


def moment(value: float, now: float) -> str:
    """Write a time of today as hours and minutes, an earlier one as a date."""
    then, today = datetime.fromtimestamp(value), datetime.fromtimestamp(now)
    return then.strftime("%H:%M" if then.date() == today.date() else "%Y-%m-%d")


def parameter(value: object) -> str:
    """Write the value of a setting briefly.

    Examples
    --------
    >>> parameter(0.0010000), parameter(None), parameter([64, 32]), parameter(True)
    ('0.001', '-', '64, 32', 'yes')

    What is empty inside a setting is left out:

    >>> parameter([{"model": "item-cf", "run": "", "quota": 50}, {"model": "ease", "params": {}}])
    'model: item-cf, quota: 50; model: ease'
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        if not value:
            return "none"
        between = "; " if any(isinstance(entry, dict) for entry in value) else ", "
        return between.join(parameter(entry) for entry in value)
    if isinstance(value, dict):
        given = {key: entry for key, entry in value.items() if entry not in ("", {})}
        return ", ".join(f"{key}: {parameter(entry)}" for key, entry in given.items()) or "none"
    return str(value)


def brief(value: object) -> str:
    """Write the value of a setting with three digits, where it is one of many.

    Examples
    --------
    >>> brief(0.00485289), brief(54), brief("bpr")
    ('0.00485', '54', 'bpr')
    """
    return f"{value:.3g}" if isinstance(value, float) else parameter(value)


def stroke(share: float, width: int) -> str:
    """Draw a bar that leaves room above and below it, so that neighbours stay apart.

    Examples
    --------
    >>> stroke(0.5, 4), stroke(0.4, 4), stroke(0.0, 2)
    ('━━  ', '━╸  ', '  ')
    """
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(width)


def bar(share: float, width: int) -> str:
    """Draw a bar of `width` cells, filled to `share` (0 to 1) in steps of an eighth of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")).ljust(width)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut or fill `text` to exactly `width` cells; what is cut off leaves an ellipsis."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    space = " " * (width - length)
    return space + text if right else text + space
