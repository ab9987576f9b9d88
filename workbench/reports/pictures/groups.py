"""Groups: where each run is good and where it is not: popular and rare items, kinds of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError
from recsys_core.evaluation.names import split_part
from workbench.reports.pictures import drawing
from workbench.reports.pictures.cutoffs import cutoffs
from workbench.reports.pictures.subjects import Interval, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: items by popularity: the part of the metric's name -> in words
_ITEMS = {"head": "popular", "mid": "medium", "tail": "rare"}
#: inches between two runs in a row, and at least for a row
_STEP, _ROW = 0.085, 0.18
#: inches above and below the rows of a panel
_AROUND = 0.5


@dataclass(frozen=True)
class Group:
    """A row: one group, with the value and the interval of each name that has one."""

    name: str
    values: Mapping[str, tuple[float, Interval | None]]


@dataclass(frozen=True)
class Family:
    """A panel: groups that divide the same thing, and the metric that judges them."""

    title: str
    metric: str
    groups: Sequence[Group]

    @property
    def names(self) -> frozenset[str]:
        """Names that have a value in any group."""
        return frozenset(name for group in self.groups for name in group.values)


@dataclass(frozen=True)
class Groups:
    """What the picture shows; names without groups, and why."""

    names: Sequence[str]
    families: Sequence[Family]
    left_out: Mapping[str, str] = field(default_factory=dict)


def read_groups(subjects: Sequence[Subject]) -> Groups:
    """Read recall of popular and rare items, and the segments of two-stage runs.

    Raises
    ------
    InputError
        No subject has any.
    """
    families = [*_popularity(subjects), *_segments(subjects)]
    shown = {name for family in families for name in family.names}
    if not shown:
        raise InputError(
            f"no run has metrics of groups: {', '.join(each.name for each in subjects)}",
            "name recall or two-stage runs",
        )
    names = [each.name for each in subjects if each.name in shown]
    left_out = {each.name: "no groups" for each in subjects if each.name not in shown}
    return Groups(names, families, left_out)


def _popularity(subjects: Sequence[Subject]) -> list[Family]:
    """Make a panel of items by popularity, at the smallest cut-off that all have who have any."""
    by_name = {each.name: cutoffs(each, "recall/tail") for each in subjects}
    having = [found for found in by_name.values() if found]
    shared = set.intersection(*having) if having else set()
    if not shared:
        return []
    k = min(shared)
    groups = [_group(words, f"recall/{part}@{k}", subjects) for part, words in _ITEMS.items()]
    return [Family("items", f"recall@{k}", [group for group in groups if group.values])]


def _segments(subjects: Sequence[Subject]) -> list[Family]:
    """Make a panel for each kind of segment: ``segment/genre=Horror/recall@10``."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for metric in sorted({name for each in subjects for name in each.metrics}):
        part, own = split_part(metric)
        kind, _, group = part.partition("/")
        title, is_group, value = group.partition("=")
        if kind == "segment" and is_group and own.startswith("recall@"):
            found.setdefault((title, own), {})[value] = metric
    return [
        Family(title, own, [_group(value, metric, subjects) for value, metric in values.items()])
        for (title, own), values in found.items()
    ]


def _group(name: str, metric: str, subjects: Sequence[Subject]) -> Group:
    values = {
        each.name: (value, each.interval(metric))
        for each in subjects
        if metric in each.metrics and (value := each.value(metric)) is not None
    }
    return Group(name, values)


def draw_groups(picture: Groups) -> Figure:
    """Draw a panel for each family: a row for each group, in it a marker for each name."""
    from matplotlib.lines import Line2D

    looks = {name: drawing.look(place) for place, name in enumerate(picture.names)}
    heights = [len(family.groups) * _row(family) for family in picture.families]
    columns = 3 if max(map(len, picture.names)) <= 12 else 2
    below = 0.1 + drawing.LINE * -(-len(picture.names) // columns)
    figure = drawing.new_figure(sum(heights) + _AROUND * len(heights) + below)
    panels = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
    for axes, family in zip(panels, picture.families, strict=True):
        _draw_family(axes, family, looks)
    handles = [Line2D([], [], **look | {"linestyle": "none"}) for look in looks.values()]
    drawing.legend(figure, handles, picture.names, columns)
    return figure


def _row(family: Family) -> float:
    """Height of a row, in inches."""
    return max(_ROW, _STEP * (len(family.names) + 1))


def _draw_family(axes: Axes, family: Family, looks: Mapping[str, dict[str, Any]]) -> None:
    names = [name for name in looks if name in family.names]
    step = _STEP / _row(family)
    for row, group in enumerate(family.groups):
        if row % 2 == 0:
            axes.axhspan(row - 0.5, row + 0.5, color=drawing.PALE, linewidth=0)
        for place, name in enumerate(names):
            if name in group.values:
                y = row + (place - (len(names) - 1) / 2) * step
                _draw_value(axes, y, *group.values[name], looks[name])
    drawing.row_labels(axes, [group.name for group in family.groups])
    axes.set_ylim(len(family.groups) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.locator_params(axis="x", nbins=6)
    axes.set_title(f"{family.title}: {family.metric}")


def _draw_value(
    axes: Axes, y: float, value: float, interval: Interval | None, look: dict[str, Any]
) -> None:
    if interval is not None:
        axes.plot(interval, (y, y), color=look["color"], linewidth=0.7, clip_on=False)
    axes.plot(value, y, **look | {"linestyle": "none", "markersize": 4, "clip_on": False})
