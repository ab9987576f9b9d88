"""Descriptive plots of a data set: how ratings, events of items and users, and times are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.reports.data import what_events_are
from workbench.tui.view import format as show
from workbench.tui.view.chart import Axes, Series
from workbench.tui.view.data import compact, whole
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell

#: label and count of a bar
Bar = tuple[str, int]
_LONGEST_BAR = 40


def rating_section(about: Mapping[str, Any], width: int, height: int) -> Section:
    """Draw how often each rating was given."""
    levels = about["ratings"]
    if not levels:
        nothing = "no ratings, no labels: every event counts as 1"
        return Section("events", ((Cell(nothing, "muted"),),))
    found = [(f"{level['rating']:g}", level["count"]) for level in levels]
    title = "labels" if about.get("labelled") else "ratings"
    return Section(title, bars(found, width, height - 1))


def length_section(about: Mapping[str, Any], width: int, height: int) -> Section:
    """Draw how many users have how many events."""
    found = []
    for each in about["plots"]["history_length"]:
        least, most = each["least"], each["most"]
        found.append((f"{least}" if least == most else f"{least}-{most}", each["users"]))
    return Section("users by their events", bars(found, width, height - 1))


def bars(values: Sequence[Bar], width: int, height: int) -> tuple[tuple[Cell, ...], ...]:
    """Draw a bar a line with its count; neighbours are put together where there are too many.

    Examples
    --------
    >>> for line in bars([("1", 2), ("2", 2), ("3", 8)], 13, 2):
    ...     print("".join(cell.text for cell in line))
    1-2 ━━      4
      3 ━━━━    8
    """
    together = -(-len(values) // max(1, height))
    groups = [values[start : start + together] for start in range(0, len(values), together)]
    merged = [(_label(group), sum(count for _, count in group)) for group in groups]
    label = max(len(text) for text, _ in merged)
    number = max(6, *(len(compact(count)) for _, count in merged)) - 2
    room = max(2, min(_LONGEST_BAR, width - label - number - 2))
    most = max(count for _, count in merged) or 1
    return tuple(
        (
            Cell(f"{text:>{label}} ", "muted"),
            Cell(show.stroke(count / most, room), "running"),
            Cell(f" {compact(count):>{number}}"),
        )
        for text, count in merged
    )


def _label(group: Sequence[Bar]) -> str:
    first, last = group[0][0], group[-1][0]
    return first if first == last else f"{first.partition('-')[0]}-{last.rpartition('-')[2]}"


def popularity_plot(about: Mapping[str, Any]) -> tuple[str, list[Series], Axes]:
    """Draw the long tail: events of the items from the best known to the least."""
    points = [(each["rank"], each["events"]) for each in about["plots"]["item_popularity"]]
    axes = Axes(log=True, number=whole, ends=("rank 1", f"{points[-1][0]:,}"))
    return "events of items by rank, log", [Series(points)], axes


def time_plot(about: Mapping[str, Any]) -> tuple[str, list[Series], Axes]:
    """Draw how many ratings there were in equal periods."""
    periods = about["plots"]["ratings_over_time"]
    word = what_events_are(about)
    if periods is None:
        return f"{word} over time: no times", [], Axes()
    counts = periods["counts"]
    ends = about["time"]["first"][:7], about["time"]["last"][:7]
    title = f"{word} per {_period(periods['days'])}"
    return title, [Series(list(enumerate(map(float, counts))))], Axes(number=compact, ends=ends)


def _period(days: float) -> str:
    """Name the width of a period.

    Examples
    --------
    >>> _period(0.05), _period(3.6), _period(17.3), _period(120.0)
    ('1.2 hours', '3.6 days', '17 days', '17 weeks')
    """
    if days < 1:
        return f"{days * 24:.1f} hours"
    if days < 60:
        return f"{days:.1f} days" if days < 10 else f"{days:.0f} days"
    return f"{days / 7:.0f} weeks"
