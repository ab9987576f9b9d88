"""One HTML page that opens offline: no script, no external file, light and dark, printable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from recsys_core.evaluation.names import higher_is_better, row_metrics, topk_metrics
from workbench.reports import svg, view
from workbench.reports.folder import ReportRun
from workbench.reports.groups_view import tables as group_tables
from workbench.reports.groups_view import title as groups_title
from workbench.reports.metrics import NONE, headline_first, memory, number, p_text, seconds, signed
from workbench.reports.notes import notes
from workbench.reports.pictures import drawing
from workbench.reports.pictures.page import Inline, baseline_pictures, stage_pictures
from workbench.reports.tables import Table
from workbench.store.text import plain

#: metrics that get a bar chart, from the first cut-off of a stage
_CHARTS = 2
#: AUC of a constant scorer
_CHANCE = 0.5


def render(report: Mapping[str, Any], runs: Sequence[ReportRun] = ()) -> str:
    """Write the report as one HTML page.

    Parameters
    ----------
    runs
        Those of the report, which pictures are drawn of.
    """
    environment = _environment()
    environment.filters |= {
        "number": number,
        "signed": signed,
        "seconds": seconds,
        "p": p_text,
        "memory": memory,
        "better": higher_is_better,
        "meaning": meaning,
    }
    template = environment.from_string(_read("report.html.j2"))
    tables = view.stage_tables(report)
    trouble = drawing.problem()
    done = [run for run in runs if run.succeeded and trouble is None]

    def pictures(stage: str) -> list[Inline]:
        mine = [run for run in done if run.result.get("stage") == stage]
        return stage_pictures(mine) if mine else []

    of_baseline = [] if trouble else baseline_pictures(report["baseline"])
    return template.render(
        style=Markup(_read("report.css")),  # noqa: S704 - a file of this package
        report=report,
        title=view.title(report),
        verdict=view.verdict(report),
        notes=notes(report),
        unfinished=view.unfinished(report),
        stages=[
            (table, _bar_charts(table), _spread(table), _curves(table), pictures(table.stage))
            for table in tables
        ],
        baseline_pictures=of_baseline,
        groups=[(groups_title(one), group_tables(one)) for one in report.get("groups", ())],
        pictures_need=trouble,
        glossary=_glossary(tables),
    )


def render_tables(title: str, tables: Sequence[Table]) -> str:
    """Write tables as one HTML page."""
    template = _environment().from_string(_read("tables.html.j2"))
    style = Markup(_read("report.css"))  # noqa: S704 - a file of this package
    return template.render(style=style, title=title, tables=tables)


def _environment() -> Environment:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.finalize = _show
    return environment


def _read(name: str) -> str:
    return resources.files("workbench.reports").joinpath(name).read_text(encoding="utf-8")


def _show(value: Any) -> Any:
    """Make whatever the template prints safe to show; jinja2 then escapes it."""
    if isinstance(value, Markup):
        return value
    return NONE if value is None else plain(str(value))


def meaning(metric: str) -> str:
    """Look up what a metric means; empty for one that is not known."""
    name = metric.partition("@")[0]
    known = {**topk_metrics(), **row_metrics()}
    return known.get(name, known.get(name.partition("/")[0], ""))


def _bar_charts(table: view.StageTable) -> list[tuple[str, str, Markup]]:
    """Draw the first metrics: name, a note on the axis, plot."""
    charts = []
    for metric in table.blocks[0][1][:_CHARTS]:
        rows = []
        for row in table.rows:
            cell = row.cells.get(metric)
            if cell is not None and cell.mean is not None:
                rows.append(_bar(row.label, cell.mean, cell))
        if rows:
            start = _CHANCE if _is_auc(metric) and min(bar.low for bar in rows) > _CHANCE else 0.0
            note = f"bars start at {start:g}, chance" if start else ""
            charts.append((metric, note, svg.bars(metric, rows, start)))
    return charts


def _bar(label: str, value: float, cell: view.Cell) -> svg.Bar:
    """Make a bar whose whiskers are the interval over users, or one sd over seeds."""
    interval = cell.ci95
    if cell.sd is not None:
        interval = (value - cell.sd, value + cell.sd)
    reference = cell.reference[0] if cell.reference else None
    return svg.Bar(label, value, interval, reference, cell.best)


def _is_auc(metric: str) -> bool:
    return metric.partition("/")[0] in {"auc", "gauc"}


def _spread(table: view.StageTable) -> tuple[str, Markup] | None:
    """Draw the spread over users, of the first seed, for the metric that most labels have."""
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for row in table.rows:
        for metric, deciles in row.runs[0]["user_deciles"].items():
            found.setdefault(metric, []).append((row.label, deciles))
    if not found:
        return None
    metric = max(found, key=lambda name: len(found[name]))
    return metric, svg.spread(metric, found[metric])


def _curves(table: view.StageTable) -> list[tuple[str, list[tuple[str, Markup]]]]:
    """Draw the learning curves of each label's first seed, one plot a series."""
    found = []
    for row in table.rows:
        epochs = row.runs[0]["curve"]
        names = dict.fromkeys(name for epoch in epochs for name in epoch)
        plots = [
            (name, plot)
            for name in names
            if (plot := svg.curve(name, [e.get(name) for e in epochs], higher=_higher(name)))
        ]
        if plots:
            found.append((row.label, plots))
    return found


def _higher(series: str) -> bool:
    """Tell the better direction of a curve's series, e.g. ``loss`` or ``valid/auc``."""
    return higher_is_better(series.removeprefix("valid/"))


def _glossary(tables: Iterable[view.StageTable]) -> list[tuple[str, str]]:
    names = {name.partition("@")[0] for table in tables for name in table.metrics}
    return [(name, meaning(name)) for name in headline_first(names)]
