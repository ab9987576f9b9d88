"""Coverage against ndcg: whether accuracy is bought with lists that are all alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError
from workbench.reports.pictures import drawing
from workbench.reports.pictures.cutoffs import cutoffs
from workbench.reports.pictures.subjects import Interval, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

#: where a name may stand beside its point, the best first: points to the right and up, alignment
_PLACES = (
    (6, 0, "left", "center"),
    (-6, 0, "right", "center"),
    (0, 6, "center", "bottom"),
    (0, -6, "center", "top"),
    (5, 5, "left", "bottom"),
    (-5, 5, "right", "bottom"),
    (5, -5, "left", "top"),
    (-5, -5, "right", "top"),
    (12, 16, "left", "bottom"),
    (-12, 16, "right", "bottom"),
    (12, -16, "left", "top"),
    (-12, -16, "right", "top"),
)
#: half of the side of a marker, and how far up a name needs no line to its point, in points
_MARKER, _NEAR = 4.0, 10


@dataclass(frozen=True)
class Point:
    """One name: share of the catalogue that is recommended, and accuracy."""

    name: str
    coverage: float
    ndcg: float
    interval: Interval | None


@dataclass(frozen=True)
class TradeOff:
    """What the picture shows at one cut-off; names that lack it, and why."""

    k: int
    points: Sequence[Point]
    left_out: Mapping[str, str] = field(default_factory=dict)


def read_tradeoff(subjects: Sequence[Subject]) -> TradeOff:
    """Read both metrics at the smallest cut-off that all have who have any.

    Raises
    ------
    InputError
        No subject has both at a cut-off that the others have.
    """
    both = {each.name: cutoffs(each, "coverage") & cutoffs(each, "ndcg") for each in subjects}
    having = [each for each in subjects if both[each.name]]
    shared = set.intersection(*(both[each.name] for each in having)) if having else set()
    if not shared:
        names = ", ".join(each.name for each in having or subjects)
        raise InputError(
            f"no coverage@k and ndcg@k of one k in common: {names}",
            "name recall or two-stage runs that were evaluated with the same --k",
        )
    k = min(shared)
    points = []
    for each in having:
        x, y = each.value(f"coverage@{k}"), each.value(f"ndcg@{k}")
        if x is not None and y is not None:
            points.append(Point(each.name, x, y, each.interval(f"ndcg@{k}")))
    left_out = {name: "no coverage@k and ndcg@k" for name, found in both.items() if not found}
    return TradeOff(k, points, left_out)


def draw_tradeoff(picture: TradeOff) -> Figure:
    """Draw a point for each name, with the interval of its accuracy."""
    figure = drawing.new_figure(2.7)
    axes = figure.subplots()
    for place, point in enumerate(picture.points):
        drawing.whiskers(axes, [point.coverage], [point.interval], drawing.GREY)
        look = drawing.look(place) | {"linestyle": "none"}
        axes.plot(point.coverage, point.ndcg, **look)
    axes.set(xlabel=f"coverage@{picture.k}", ylabel=f"ndcg@{picture.k}")
    axes.margins(0.12)
    axes.locator_params(nbins=6)
    figure.draw_without_rendering()  # what follows needs to know where the points are
    _write_names(axes, picture.points)
    return figure


def _write_names(axes: Axes, points: Sequence[Point]) -> None:
    """Write each name where it hides least of what is drawn already."""
    inside = axes.get_window_extent()
    taken = [box for point in points for box in _boxes(axes, point)]
    for point in points:
        tried = []
        for order, where in enumerate(_PLACES):
            text = _write(axes, point, where)
            box = text.get_window_extent()
            text.remove()
            tried.append((_hidden(box, taken, inside), order, box))
        _, order, box = min(tried, key=lambda each: each[:2])
        _write(axes, point, _PLACES[order])
        taken.append(box)


def _boxes(axes: Axes, point: Point) -> list[Bbox]:
    """Tell where the marker and the interval of a point are on the canvas."""
    from matplotlib.transforms import Bbox

    half = _MARKER * axes.figure.dpi / 72
    spans = [(point.ndcg, point.ndcg, half)]
    spans += [(*point.interval, 1.0)] if point.interval else []
    boxes = []
    for low, high, wide in spans:
        low_end, high_end = axes.transData.transform(
            [(point.coverage, low), (point.coverage, high)]
        )
        boxes.append(Bbox([low_end - wide, high_end + wide]))
    return boxes


def _write(axes: Axes, point: Point, where: tuple[int, int, str, str]) -> Any:
    """Write a name beside its point; where it is further away, a line leads to it."""
    right, up, ha, va = where
    line = {"arrowstyle": "-", "linewidth": 0.5, "color": drawing.GREY, "shrinkA": 0, "shrinkB": 3}
    return axes.annotate(
        point.name,
        (point.coverage, point.ndcg),
        (right, up),
        textcoords="offset points",
        ha=ha,
        va=va,
        fontsize=7.5,
        arrowprops=line if abs(up) > _NEAR else None,
    )


def _hidden(box: Bbox, taken: Sequence[Bbox], inside: Bbox) -> float:
    """Measure how much a text would cover, and how much of it would stand outside."""
    outside: float = box.width * box.height - _shared(box, inside)
    return outside + sum(_shared(box, other) for other in taken)


def _shared(one: Bbox, other: Bbox) -> float:
    width: float = min(one.x1, other.x1) - max(one.x0, other.x0)
    height: float = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(width, 0.0) * max(height, 0.0)
