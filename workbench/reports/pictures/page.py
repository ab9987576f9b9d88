"""The pictures of a report in HTML, as elements of its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from recsys_core.errors import InputError
from workbench.reports.folder import ReportRun
from workbench.reports.pictures import drawing, forest
from workbench.reports.pictures.kinds import KINDS
from workbench.reports.pictures.subjects import each_label
from workbench.store.files import StoreError

#: metrics of the baseline that get a picture
_FORESTS = 2
NOTES = {
    "forest": "Lines: 95 % interval of the difference over users. Full squares: p < 0.05 (paired "
    "test over users, Holm-corrected over the labels); hollow ones: not.",
    "reliability": "On the dotted line, predicted probabilities are as large as the share of "
    "positive rows. Hatched: where the predictions lie. ECE: mean distance from that line.",
    "recall": "Recall of longer lists. Whiskers: 95 % interval over users; with several seeds, one "
    "standard deviation.",
    "coverage": "Right: more of the catalogue is recommended. Up: better lists.",
    "groups": "Lines: 95 % interval over users; with several seeds, one standard deviation.",
}


@dataclass(frozen=True)
class Inline:
    """A picture of a page."""

    title: str
    note: str
    svg: Markup


def stage_pictures(runs: Sequence[ReportRun]) -> list[Inline]:
    """Draw what the runs of one stage have the values for, labels compared with the first."""
    subjects = each_label(runs)
    found = []
    for name, kind in KINDS.items():
        try:
            shown = kind.read(subjects)
        except StoreError:
            raise
        except InputError:  # other stages have such a picture
            continue
        title = f"Differences from {subjects[0].name}" if name == "forest" else kind.shows
        found.append(_inline(title, NOTES[name], kind.draw, shown))
    return found


def baseline_pictures(rows: Sequence[Mapping[str, Any]]) -> list[Inline]:
    """Draw the differences from the baseline: of the metrics that are judged, else of any."""
    judged = [row["metric"] for row in rows if row["tolerance"] is not None]
    metrics = dict.fromkeys(judged or [row["metric"] for row in rows])
    forests = [found for name in metrics if (found := forest.of_baseline(rows, name))]
    return [
        _inline(
            f"Differences from the baseline: {each.metric}",
            f"{NOTES['forest']} Dotted: as far as the tolerance allows.",
            forest.draw_forest,
            each,
        )
        for each in forests[:_FORESTS]
    ]


def _inline(title: str, note: str, draw: Callable[[Any], Any], shown: object) -> Inline:
    with drawing.style(text=True):
        svg = drawing.to_inline(draw(shown), title)
    return Inline(title, note, Markup(svg))  # noqa: S704 - matplotlib escaped its texts
