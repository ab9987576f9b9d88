"""Runs by groups as JSON (groups.schema.json)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.reports.folder import ReportRun
from workbench.store.groups import SMALL, Attribute, BiasRow, GroupMatrix, GroupReader, GroupRow
from workbench.store.groups_attributes import find_attribute, read_attributes
from workbench.store.groups_cells import Cell
from workbench.store.runs import Run
from workbench.store.users import Browse

SCHEMA = 1
#: what is said of a run
_OF_RUN = ("label", "model", "stage", "seed")


def build_groups(
    browse: Browse,
    runs: Sequence[Run],
    by: Sequence[str],
    metrics: Sequence[str] = (),
    k: int = 10,
) -> dict[str, Any]:
    """Judge runs by groups.

    Parameters
    ----------
    runs
        The first is what the others are compared with.
    by
        Names of attributes; all there are without.
    metrics
        Of each attribute that has them; the main one without.
    k
        Items of a list whose popularity counts.

    Returns
    -------
    As groups.schema.json says; plain values without NaN.

    Raises
    ------
    InputError
        An unknown attribute or metric, runs that cannot be compared, a file that is damaged.
    """
    reader = GroupReader()
    names = by or _having(reader, browse, runs, metrics)
    found = [_attribute(reader, browse, runs, name, metrics) for name in names]
    first = runs[0].metrics
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "dataset": {
            "name": browse.name,
            "fingerprint": browse.fingerprint,
            "synthetic": browse.synthetic,
        },
        "protocol": {name: first["protocol"].get(name) for name in ("name", "fingerprint")},
        "small": SMALL,
        "runs": [
            {"run_id": run.run_id, **{name: run.metrics[name] for name in _OF_RUN}} for run in runs
        ],
        "attributes": found,
        "popularity_bias": [],
    }
    if first["stage"] != "ranking":
        users = [one["attribute"] for one in found if one["side"] == "user"]
        report["popularity_bias"] = [
            {
                "attribute": name,
                "k": k,
                "groups": [_bias(row) for row in reader.popularity_bias(browse, runs, name, k)],
            }
            for name in users or [""]
        ]
    return report


def groups_of_report(
    data_dir: Path, runs: Sequence[ReportRun], by: Sequence[str]
) -> list[dict[str, Any]]:
    """Judge the runs of a report by groups: those of lists, then those of predicted rows.

    Of each label it is the run of the first seed; the first label is what the others are compared
    with.

    Raises
    ------
    InputError
        As `build_groups`.
    """
    found = []
    for ranking in (False, True):
        first: dict[str, ReportRun] = {}
        for run in sorted(runs, key=lambda run: run.seed):
            judged = run.succeeded and not run.refit_of
            if judged and (run.result["stage"] == "ranking") is ranking:
                first.setdefault(run.label, run)
        labels = [label for label in dict.fromkeys(run.label for run in runs) if label in first]
        if not labels:
            continue
        dataset = first[labels[0]].result["dataset"]
        with Browse(data_dir, dataset["name"], dataset["fingerprint"]) as browse:
            report = build_groups(browse, [Run(first[label].path) for label in labels], by)
        for label, row in zip(labels, report["runs"], strict=True):
            row["label"] = label
        found.append(report)
    return found


def check_attributes(data_dir: Path, name: str, by: Sequence[str]) -> None:
    """Raise InputError for an attribute that a data set does not have."""
    with Browse(data_dir, name) as browse:
        attributes = read_attributes(browse)
    for attribute in by:
        find_attribute(attributes, attribute)


def _having(
    reader: GroupReader, browse: Browse, runs: Sequence[Run], metrics: Sequence[str]
) -> list[str]:
    """List the attributes whose groups have all the metrics; all attributes where none has."""
    names = [found.name for found in reader.attributes(browse)]
    having = [name for name in names if {*metrics} <= {*reader.metrics(browse, runs, name)}]
    return having or names


def _attribute(
    reader: GroupReader, browse: Browse, runs: Sequence[Run], name: str, metrics: Sequence[str]
) -> dict[str, Any]:
    matrix = reader.matrix(browse, runs, name, metrics)
    wanted = matrix.metrics if metrics else matrix.metrics[:1]
    if not metrics:
        matrix = reader.matrix(browse, runs, name, wanted)
    attribute: Attribute = matrix.attribute
    return {
        "attribute": attribute.name,
        "side": attribute.side,
        "metrics": list(wanted),
        "overall": _row(matrix, matrix.overall),
        "groups": [_row(matrix, row) for row in matrix.rows],
        "gaps": [
            {
                "run_id": run_id,
                "metric": metric,
                "gap": gap.value,
                "ci95": list(gap.interval),
                "p_value": gap.p_value,
                "largest": gap.largest,
                "smallest": gap.smallest,
                "worst": gap.worst,
                "groups": gap.groups,
            }
            for (run_id, metric), gap in matrix.gaps.items()
        ],
        "notes": list(matrix.notes),
    }


def _row(matrix: GroupMatrix, row: GroupRow) -> dict[str, Any]:
    return {
        "group": row.group.name,
        "kind": row.group.kind,
        "n": row.n,
        "small": row.small,
        "values": [
            {"run_id": run_id, "metric": metric, **_cell(row.cells.get((run_id, metric), Cell()))}
            for run_id in matrix.runs
            for metric in matrix.metrics
        ],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value,
        "ci95": _bounds(cell.interval),
        "delta": cell.difference,
        "delta_ci95": _bounds(cell.difference_interval),
        "p_value": cell.p_value,
    }


def _bounds(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _bias(row: BiasRow) -> dict[str, Any]:
    return {
        "group": row.group.name,
        "n": row.n,
        "values": [
            {
                "run_id": run_id,
                "lists": bias.lists,
                "histories": bias.histories,
                "lift": bias.lift.value,
                "lift_ci95": _bounds(bias.lift.interval),
                "tail_lists": bias.tail_lists.value,
                "tail_lists_ci95": _bounds(bias.tail_lists.interval),
                "tail_histories": bias.tail_histories,
            }
            for run_id, bias in row.bias.items()
        ],
    }
