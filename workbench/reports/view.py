"""What people see of a report, before any format: tables by stage, seeds folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recsys_core.evaluation.names import higher_is_better, is_descriptive, split_part
from recsys_core.values import counted
from workbench.reports.folder import mean
from workbench.reports.metrics import headline_first
from workbench.reports.notes import cited

STAGES = {
    "recall": "Recall (candidate generation)",
    "two-stage": "Two-stage",
    "ranking": "Ranking",
}

#: headings for the parts of a run
PART_HEADINGS = {
    "channel": "Channels alone",
    "candidates": "Candidates, before and after ranking",
    "merge": "Candidates, before and after ranking",
    "gain": "Candidates, before and after ranking",
    "oracle": "Candidates, before and after ranking",
    "segment": "Segments",
    "new": "New items alone",
    "spread": "Over windows: standard deviation",
    "window": "Window from",
}


@dataclass(frozen=True)
class Cell:
    """One metric of one label.

    Parameters
    ----------
    mean, sd
        Over seeds; `sd` is None with one seed. With several windows `sd` is over these.
    ci95
        Over users; None with several seeds, whose spread is `sd`.
    reference
        The published figure and its source.
    best
        Whether no other label of the table is better; never with a single label.
    """

    mean: float | None
    sd: float | None = None
    ci95: tuple[float, float] | None = None
    reference: tuple[float, str] | None = None
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One label: its runs that have a result, folded over seeds."""

    label: str
    model: str
    seeds: tuple[int, ...]
    cells: Mapping[str, Cell]
    fit_seconds: float | None
    peak_rss_mb: float | None
    runs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class StageTable:
    """The labels of one stage, which share their metrics."""

    stage: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """The stage's name for people."""
        return STAGES.get(self.stage, self.stage)

    @property
    def blocks(self) -> list[tuple[str, tuple[str, ...]]]:
        """Metrics in groups that fit side by side, each with a heading; the first is the main one.

        One group a cut-off K, one for the metrics of popular and rare items, and one for those
        that describe its lists; a ranking stage has one group without a heading.
        """
        groups: dict[str, list[str]] = {}
        for metric in self.metrics:
            part, own = split_part(metric)
            if part:
                kind, _, window = part.partition("/")
                heading = PART_HEADINGS[kind]
                heading += f" {window}" if kind == "window" else ""
                groups.setdefault(heading, []).append(metric)
                continue
            kind, _, cutoff = own.partition("@")
            heading = f"Lists of {cutoff}" if cutoff else ""
            if is_descriptive(metric):
                heading += ": what is in them"
            elif cutoff and "/" in kind:
                heading += ": popular and rare items apart"
            groups.setdefault(heading, []).append(metric)
        if not groups:  # runs that were not judged
            return [("", ())]
        return [(heading, tuple(metrics)) for heading, metrics in groups.items()]


def stage_tables(report: Mapping[str, Any]) -> list[StageTable]:
    """Fold the runs of a report into one table per stage, labels in the order of the report."""
    done = [run for run in report["runs"] if run["status"] == "succeeded"]
    summary = {(row["label"], row["metric"]): row for row in report["summary"]}
    tables = []
    for stage in dict.fromkeys([*STAGES, *(run["stage"] for run in done)]):
        runs = [run for run in done if run["stage"] == stage]
        if runs:
            tables.append(_stage_table(stage, runs, summary))
    return tables


def _stage_table(
    stage: str,
    runs: Sequence[Mapping[str, Any]],
    summary: Mapping[tuple[str, str], Mapping[str, Any]],
) -> StageTable:
    metrics = tuple(headline_first({metric for run in runs for metric in run["metrics"]}))
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault(run["label"], []).append(run)
    best = _best_values(metrics, groups, summary)
    rows = []
    for label, group in groups.items():
        cells = {
            metric: _cell(
                group,
                summary[label, metric],
                best[metric],
                summary.get((label, f"spread/{metric}"), {}).get("mean"),
            )
            for metric in metrics
            if (label, metric) in summary
        }
        rows.append(
            Row(
                label=label,
                model=group[0]["model"],
                seeds=tuple(run["seed"] for run in group),
                cells=cells,
                fit_seconds=mean([run["fit_seconds"] for run in group]),
                peak_rss_mb=mean([run["peak_rss_mb"] for run in group]),
                runs=group,
            )
        )
    return StageTable(stage, metrics, tuple(rows))


def _best_values(
    metrics: Sequence[str],
    groups: Mapping[str, Any],
    summary: Mapping[tuple[str, str], Mapping[str, Any]],
) -> dict[str, float | None]:
    """Find each metric's best mean; None where there is nothing to compare."""
    best: dict[str, float | None] = {}
    for metric in metrics:
        rows = [summary[label, metric] for label in groups if (label, metric) in summary]
        means = [row["mean"] for row in rows if row["mean"] is not None]
        choose = max if higher_is_better(metric) else min
        best[metric] = choose(means) if len(means) > 1 and len(set(means)) > 1 else None
    return best


def _cell(
    group: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    best: float | None,
    spread: float | None,
) -> Cell:
    metric = row["metric"]
    interval = group[0]["ci95"].get(metric) if len(group) == 1 else None
    if interval is not None and None in interval:
        interval = None
    figure = group[0]["reference"].get(metric)
    return Cell(
        mean=row["mean"],
        sd=row["sd"] if spread is None else spread,
        ci95=tuple(interval) if interval else None,
        reference=(figure["value"], cited(figure)) if figure else None,
        best=best is not None and row["mean"] == best,
    )


def unfinished(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the runs without a result."""
    return [run for run in report["runs"] if run["status"] != "succeeded"]


def title(report: Mapping[str, Any]) -> str:
    """Name suite, data set and protocol."""
    dataset, protocol = report["dataset"]["name"], report["protocol"]["name"]
    return f"{report['suite']} on {dataset}, {protocol}"


def verdict(report: Mapping[str, Any]) -> str:
    """Say in a sentence what the exit code stands for."""
    judged = [row for row in [*report["gates"], *report["baseline"]] if row["passed"] is not None]
    missed = sum(not row["passed"] for row in judged)
    runs, broken = report["runs"], len(unfinished(report))
    said = []
    if broken:
        word = "interrupted: " if report["exit_code"] == 130 else ""
        said.append(f"{word}{broken} of {counted(len(runs), 'run')} without a result")
    if missed:
        said.append(f"{missed} of {counted(len(judged), 'condition')} not met")
    elif judged:
        said.append(
            "the condition is met" if len(judged) == 1 else f"all {len(judged)} conditions met"
        )
    text = "; ".join(said) or "all runs succeeded"
    return f"{text[0].upper()}{text[1:]}."


def origin_mark(run: Mapping[str, Any]) -> str:
    """Mark the label of a run whose scores come from elsewhere."""
    return " (external)" if run.get("origin") == "external" else ""
