"""A report by groups as people see it: tables, in a terminal, in Markdown and on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recsys_core.evaluation.names import higher_is_better
from recsys_core.values import counted
from workbench.reports.metrics import NONE, number, signed
from workbench.reports.tables import Table

#: a p-value below it is more than chance
LEVEL = 0.05


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Lay the report out: a table for each attribute and metric, then popularity bias."""
    found = [
        _table(report, attribute, metric)
        for attribute in report["attributes"]
        for metric in attribute["metrics"]
    ]
    return found + [_bias_table(report, bias) for bias in report["popularity_bias"]]


def title(report: Mapping[str, Any]) -> str:
    """Name what the groups are of."""
    runs = ", ".join(run["label"] for run in report["runs"])
    made_up = " (synthetic)" if report["dataset"]["synthetic"] else ""
    where = f"{report['dataset']['name']}{made_up}, {report['protocol']['name']}"
    return f"{runs} by groups: {where}"


def _labels(report: Mapping[str, Any]) -> dict[str, str]:
    """Name each run by its label, and its seed where a label is there twice."""
    labels = [run["label"] for run in report["runs"]]
    return {
        run["run_id"]: run["label"]
        if labels.count(run["label"]) == 1
        else f"{run['label']} seed {run['seed']}"
        for run in report["runs"]
    }


def _table(report: Mapping[str, Any], attribute: Mapping[str, Any], metric: str) -> Table:
    labels = _labels(report)
    first, *others = labels
    headers = [attribute["attribute"], "users", labels[first], "95 % interval"]
    for run_id in others:
        headers += [labels[run_id], f"- {labels[first]}", "its 95 % interval"]
    rows = []
    for row in (*attribute["groups"], attribute["overall"]):
        of = {one["run_id"]: one for one in row["values"] if one["metric"] == metric}
        few = " (few)" if row["small"] else ""
        cells = [row["group"], f"{row['n']:,}{few}", number(of[first]["value"])]
        cells.append(_interval(of[first]["ci95"]))
        for run_id in others:
            one = of[run_id]
            cells += [number(one["value"]), signed(one["delta"]) + _sign(one["p_value"])]
            cells.append(_interval(one["delta_ci95"]))
        rows.append(tuple(cells))
    worse = "" if higher_is_better(metric) else ", less is better"
    notes = [_of_gap(gap, labels, metric) for gap in attribute["gaps"] if gap["metric"] == metric]
    notes += [f"{note}." for note in attribute["notes"]]
    if others:
        large = sum(not row["small"] for row in attribute["groups"])
        notes.append(
            "* more than chance, ~ may be chance: paired test over users, Holm over"
            f" {counted(large, 'group')} and {counted(len(others), 'run')}."
        )
    if any(row["small"] for row in attribute["groups"]):
        notes.append(f"(few): under {report['small']} users, not tested and in no gap.")
    return Table(
        f"{metric} by {attribute['attribute']}{worse}", tuple(headers), tuple(rows), tuple(notes)
    )


def _of_gap(gap: Mapping[str, Any], labels: Mapping[str, str], metric: str) -> str:
    chance = "" if gap["p_value"] < LEVEL else ", which may be chance"
    worst = f"{metric} is worst for {gap['worst']}"
    best = gap["largest"] if gap["worst"] == gap["smallest"] else gap["smallest"]
    return (
        f"{labels[gap['run_id']]}: {worst}, best for {best}. The gap is {number(gap['gap'])},"
        f" 95 % interval {_interval(gap['ci95'])} over all pairs of {gap['groups']} groups{chance}."
    )


def _bias_table(report: Mapping[str, Any], bias: Mapping[str, Any]) -> Table:
    labels = _labels(report)
    headers = ["group", "users", "run", "lists", "histories", "lift", "95 % interval"]
    headers += ["tail in lists", "in histories"]
    rows = [
        (
            row["group"],
            f"{row['n']:,}" + (" (few)" if row["n"] < report["small"] else ""),
            labels[one["run_id"]],
            number(one["lists"], 1),
            number(one["histories"], 1),
            signed(one["lift"]),
            _interval(one["lift_ci95"]),
            number(one["tail_lists"]),
            number(one["tail_histories"]),
        )
        for row in bias["groups"]
        for one in row["values"]
    ]
    of = f" by {bias['attribute']}" if bias["attribute"] else ""
    of_k = f"among the first {bias['k']} and among the user's known events"
    notes = (
        f"lists, histories: mean train rows of an item {of_k}; lift: lists / histories - 1.",
        "tail: items after the most popular ones that have two thirds of the train rows.",
    )
    return Table(f"popularity bias{of}", tuple(headers), tuple(rows), notes)


def _interval(bounds: Sequence[float] | None) -> str:
    return NONE if bounds is None else f"[{number(bounds[0])}, {number(bounds[1])}]"


def _sign(p_value: float | None) -> str:
    return "" if p_value is None else "*" if p_value < LEVEL else "~"
