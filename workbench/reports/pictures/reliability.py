"""Reliability diagram: whether rows that are predicted with p turn out positive with p."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recsys_core.errors import InputError
from recsys_core.evaluation.rows import ECE_BINS
from workbench.reports.folder import ReportRun
from workbench.reports.metrics import number
from workbench.reports.pictures import drawing
from workbench.reports.pictures.subjects import Subject
from workbench.store import results
from workbench.store.runs import RESULTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: panels side by side
_COLUMNS = 3
#: the bins of the metric `ece`
_BINNED = f"""
SELECT min(CAST(score * {ECE_BINS} AS INTEGER), {ECE_BINS - 1}) AS bin,
       count(*), avg(score), avg(label > 0), min(score), max(score)
FROM rows GROUP BY bin ORDER BY bin
"""  # noqa: S608 - a number


@dataclass(frozen=True)
class Bin:
    """Rows whose predicted probability lies in one bin."""

    number: int
    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Panel:
    """The bins of one run, and its expected calibration error."""

    name: str
    bins: Sequence[Bin]

    @property
    def rows(self) -> int:
        """Rows in all bins."""
        return sum(each.rows for each in self.bins)

    @property
    def ece(self) -> float:
        """Mean distance of the observed from the predicted share, weighted by rows."""
        gaps = (each.rows * abs(each.observed - each.predicted) for each in self.bins)
        return math.fsum(gaps) / self.rows


@dataclass(frozen=True)
class Reliability:
    """What the picture shows; names without probabilities, and why."""

    panels: Sequence[Panel]
    left_out: Mapping[str, str] = field(default_factory=dict)


def read_reliability(subjects: Sequence[Subject]) -> Reliability:
    """Bin the test rows of each subject's first seed by their predicted probability.

    Raises
    ------
    InputError
        No subject has any.
    """
    panels, left_out = [], {}
    for subject in subjects:
        bins, why = _bins(subject.runs[0])
        if why:
            left_out[subject.name] = why
        else:
            panels.append(Panel(subject.name, bins))
    if not panels:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise InputError(
            f"no run has predicted probabilities of rows: {reasons}",
            "a reliability diagram is for ranking runs: lr, deepfm, ...",
        )
    return Reliability(panels, left_out)


def _bins(run: ReportRun) -> tuple[list[Bin], str]:
    """Read the bins of a run, or why it has none."""
    if run.result.get("stage") != "ranking":
        return [], f"a {run.result.get('stage')} run predicts no probabilities"
    path = run.path / RESULTS
    found = results.query(path, _BINNED) if path.is_file() else []
    if not found:
        return [], "its scored rows were removed"
    if found[0][4] < 0 or max(row[5] for row in found) > 1:
        return [], "scores outside 0 to 1 are not probabilities"
    return [Bin(*row[:4]) for row in found], ""


def draw_reliability(picture: Reliability) -> Figure:
    """Draw a panel for each run: a line that should be the diagonal, above the share of rows."""
    panels = picture.panels
    across = min(len(panels), _COLUMNS)
    down = math.ceil(len(panels) / across)
    side = {1: 2.4, 2: 1.36, 3: 0.89}[across]
    figure = drawing.new_figure(0.42 + down * (side + 0.24))
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(grid.flat):
        if place < len(panels):
            _draw_panel(axes, panels[place])
        else:
            axes.set_axis_off()
            grid.flat[place - across].tick_params(labelbottom=True)
    figure.supxlabel("predicted probability", fontsize=8)
    figure.supylabel("share of positive rows", fontsize=8)
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    shares = [each.rows / panel.rows for each in panel.bins]
    axes.bar(
        [(each.number + 0.5) / ECE_BINS for each in panel.bins],
        [share * 0.3 / max(shares) for share in shares],
        width=1 / ECE_BINS,
        color=drawing.PALE,
        edgecolor=drawing.GREY,
        hatch="////",
        linewidth=0.5,
    )
    axes.plot((0, 1), (0, 1), color="black", linewidth=0.8, linestyle=(0, (1, 1.5)))
    axes.plot(
        [each.predicted for each in panel.bins],
        [each.observed for each in panel.bins],
        color="black",
        marker="o",
        markersize=3,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")
    axes.set_xticklabels(("0", "0.5", "1"))
    axes.set_yticklabels(("0", "0.5", "1"))
    axes.set_title(panel.name)
    axes.text(0.04, 0.94, f"ECE {number(panel.ece)}", va="top", fontsize=7)
