"""Recall against k: how much longer lists find."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recsys_core.errors import InputError
from workbench.reports.pictures import drawing
from workbench.reports.pictures.subjects import Interval, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: intervals of more lines than this would hide one another
_WITH_INTERVALS = 4


@dataclass(frozen=True)
class Line:
    """Recall of one name at each of the picture's cut-offs."""

    name: str
    values: Sequence[float]
    intervals: Sequence[Interval | None]


@dataclass(frozen=True)
class Cutoffs:
    """What the picture shows; names without these cut-offs, and why."""

    ks: Sequence[int]
    lines: Sequence[Line]
    left_out: Mapping[str, str] = field(default_factory=dict)


def read_cutoffs(subjects: Sequence[Subject]) -> Cutoffs:
    """Read recall at the cut-offs that all have who have any.

    Raises
    ------
    InputError
        They share fewer than two.
    """
    left_out = {each.name: "no recall@k" for each in subjects if not cutoffs(each, "recall")}
    having = [each for each in subjects if each.name not in left_out]
    ks = sorted(set.intersection(*(cutoffs(each, "recall") for each in having))) if having else []
    if not having:
        raise InputError(
            f"no run has recall@k: {', '.join(each.name for each in subjects)}",
            "name recall or two-stage runs",
        )
    if len(ks) < 2:
        shared = f"only recall@{ks[0]}" if ks else "no recall@k"
        raise InputError(
            f"a line needs two cut-offs in common; {', '.join(each.name for each in having)}:"
            f" {shared}",
            "evaluate them with more: --k 5,10,20,50",
        )
    lines = []
    for each in having:
        names = [f"recall@{k}" for k in ks]
        values = [value for name in names if (value := each.value(name)) is not None]
        lines.append(Line(each.name, values, [each.interval(name) for name in names]))
    return Cutoffs(ks, lines, left_out)


def cutoffs(subject: Subject, metric: str) -> set[int]:
    """List the cut-offs at which a subject has a metric."""
    found = (re.fullmatch(rf"{metric}@(\d{{1,9}})", name) for name in subject.metrics)
    return {int(match[1]) for match in found if match}


def draw_cutoffs(picture: Cutoffs) -> Figure:
    """Draw a line for each name, which stands at its end."""
    height = max(2.6, 0.8 + len(picture.lines) * drawing.LINE)
    figure = drawing.new_figure(height)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xticks(picture.ks, [str(k) for k in picture.ks])
    axes.minorticks_off()
    for place, line in enumerate(picture.lines):
        look = drawing.look(place)
        axes.plot(picture.ks, line.values, **look)
        if len(picture.lines) <= _WITH_INTERVALS:
            drawing.whiskers(axes, picture.ks, line.intervals, look["color"])
    axes.margins(x=0.04)
    axes.set(xlabel="k", ylabel="recall@k")
    _name_ends(axes, picture, drawing.LINE / (height - 0.6))
    return figure


def _name_ends(axes: Axes, picture: Cutoffs, gap: float) -> None:
    """Write each name beside the end of its line, with its marker, none over another."""
    bottom, top = axes.get_ylim()
    ends = [(line.values[-1] - bottom) / (top - bottom) for line in picture.lines]
    for place, y in enumerate(drawing.apart(ends, gap)):
        look = drawing.look(place) | {"linestyle": "none"}
        axes.plot(1.09, y, transform=axes.transAxes, clip_on=False, **look)
        axes.annotate(
            "",
            (picture.ks[-1], ends[place]),
            (1.07, y),
            xycoords=("data", "axes fraction"),
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": drawing.GREY},
            annotation_clip=False,
        )
        axes.text(1.13, y, picture.lines[place].name, transform=axes.transAxes, va="center")
