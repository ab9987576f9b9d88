"""The plots of a sweep's page, as pieces of text in so many cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from rich.cells import cell_len

from workbench.jobs.sweep_trials import TrialNote
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.chart import MARKERS, Axes, Piece, Point, Series, draw_plot
from workbench.tui.view.format import fit
from workbench.tui.view.job_rows import BEST_TRIAL
from workbench.tui.view.scatter import Dot, Scale, draw_scatter
from workbench.tui.view.sweep_page import SweepPage

Lines = list[list[Piece]]
#: marks of the trials of this sweep and the other: of few, and of many
_FEW, _MANY = ("•", "∘"), ("", "·")
#: marks of the best trial and the one under the cursor
_BEST, _CURSOR = BEST_TRIAL, "◆"
#: trials up to which each gets a cell of its own
_MOST_FEW = 60
#: colours: of this sweep, of the other, of the best, of the trial under the cursor
_THIS, _OTHER, _FOUND, _HERE = 0, 2, 1, 3


@dataclass(frozen=True)
class Plot:
    """A title, and what is drawn below it.

    Parameters
    ----------
    what
        Equal where the same is drawn.
    draw
        Gives the lines for a width and a height.
    """

    title: str
    what: tuple[object, ...]
    draw: Callable[[int, int], Lines] = field(compare=False)


def plots_of(page: SweepPage, other: SweepPage | None, cursor: int | None) -> list[Plot]:
    """List the plots, those that say most first.

    Parameters
    ----------
    other
        A sweep beside it.
    cursor
        Number of the trial that is highlighted.
    """
    both = (page,) if other is None else (page, other)
    looks = zip((_THIS, _OTHER), both, strict=False)
    marks = "  ".join(f"{MARKERS[look]} {each.name}" for look, each in looks)
    names = f": {marks}" if other is not None else ""
    metric = plain(page.sweep.metric)
    when = "so far" if page.sweep.state == "active" else "after each trial"
    plots = [Plot(f"best {metric} {when}{names}", both, partial(_best_so_far, both))]
    if other is not None:
        plots.append(Plot("best trials", both, partial(_best_trials, page, other)))
    plots.append(Plot("importance of fields", both[:1], partial(_importances, page)))
    for name in page.fields:
        what = (*both, name, cursor)
        title = f"{metric} by {plain(name)}"
        plots.append(Plot(title, what, partial(_by_field, both, name, cursor)))
    return plots


def best_so_far(page: SweepPage) -> list[Point]:
    """Return the best value after each trial, as steps: the trials without a result add nothing."""
    points: list[Point] = []
    for trial in page.done:
        value = trial.value
        assert value is not None
        if points:
            before = points[-1][1]
            points.append((trial.number, before))
            value = max(before, value) if page.upward else min(before, value)
        points.append((trial.number, value))
    if points and page.found.trials:
        points.append((page.found.trials[-1].number, points[-1][1]))
    return points


def _best_so_far(pages: Sequence[SweepPage], width: int, height: int) -> Lines:
    looks = (_THIS, _OTHER)
    series = [Series(best_so_far(page), look) for page, look in zip(pages, looks, strict=False)]
    if not any(line.points for line in series):
        return _words("no result yet", width)
    return draw_plot(series, width, height, Axes(unit="trial"))


def _importances(page: SweepPage, width: int, height: int) -> Lines:
    """Draw a bar per field, the longest first."""
    shares = page.found.importances
    if not shares:
        return _words("shown once five trials have different results", width)
    fields = page.fields[:height]
    label = min(max(cell_len(plain(name)) for name in fields), max(6, width // 2))
    room = max(2, width - label - 7)
    most = max(shares.values()) or 1.0
    lines: Lines = []
    for name in fields:
        share = shares.get(name, 0.0)
        bar = show.stroke(share / most, room)
        lines.append(
            [Piece(f"{fit(plain(name), label)} "), Piece(bar, _THIS), Piece(f" {share:4.0%}")]
        )
    if len(page.fields) > height:
        lines[-1] = [Piece(f"and {len(page.fields) - height + 1} more fields")]
    return lines


def _by_field(
    pages: Sequence[SweepPage], name: str, cursor: int | None, width: int, height: int
) -> Lines:
    """Draw the metric against a field: of two sweeps, both; the best and the cursor stand out."""
    first = pages[0]
    shared = [page for page in pages if page is first or _alike(first, page, name)]
    marks = _FEW if sum(len(page.done) for page in shared) <= _MOST_FEW else _MANY
    dots: list[Dot] = []
    marked: list[Dot] = []
    for page, look, mark in zip(shared, (_THIS, _OTHER), marks, strict=False):
        for trial in page.done:
            dot = _dot(page, name, trial, look, mark)
            dots.append(dot)
            if page is first and trial.number == cursor:
                marked.append(Dot(dot.x, dot.y, _HERE, _CURSOR))
            if page.best is trial:
                marked.insert(0, Dot(dot.x, dot.y, _FOUND, _BEST))
    if not dots:
        return _words("no result yet", width)
    log, names = first.scale(name)
    return draw_scatter([*dots, *marked], width, height, Scale(log, names))


def _alike(first: SweepPage, page: SweepPage, name: str) -> bool:
    """Tell whether another sweep searched a field on the same kind of scale."""
    return name in page.sweep.spaces and page.scale(name) == first.scale(name)


def _dot(page: SweepPage, name: str, trial: TrialNote, look: int, mark: str) -> Dot:
    assert trial.value is not None
    return Dot(page.place(name, trial), trial.value, look, mark)


def _best_trials(page: SweepPage, other: SweepPage, width: int, height: int) -> Lines:
    """Write the best trials of two sweeps beside each other; what differs is marked."""
    fields = list(dict.fromkeys([*page.fields, *other.fields]))
    rows = [("", *(f"{MARKERS[look]} {p.name}" for look, p in ((_THIS, page), (_OTHER, other))))]
    rows.append((plain(page.sweep.metric), *(_best_value(each) for each in (page, other))))
    rows += [
        ("trial", *(str(p.best.number) if p.best else "-" for p in (page, other))),
        *((plain(name), *(_field_value(p, name) for p in (page, other))) for name in fields),
    ]
    label = min(max(cell_len(row[0]) for row in rows), max(6, width // 3))
    room = max(4, (width - label - 2) // 2)
    return [
        [
            Piece(f"{fit(name, label)} "),
            Piece(fit(left, room), _THIS),
            Piece(" " + fit(right, room), _OTHER),
        ]
        for name, left, right in rows[:height]
    ]


def _best_value(page: SweepPage) -> str:
    best = page.best
    return show.metric(best.value) if best is not None and best.value is not None else "-"


def _field_value(page: SweepPage, name: str) -> str:
    """Write the value of the best trial; of a field that was not searched what the job sets."""
    best = page.best
    if best is not None and name in best.params:
        return plain(show.brief(best.params[name]))
    given = (page.sweep.spec.get("params") or {}).get(name)
    return plain(show.brief(given)) if given is not None else "default"


def _words(text: str, width: int) -> Lines:
    return [[Piece(fit(text, width))]]
