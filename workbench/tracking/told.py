"""A run folder in a tracker's words: parameters, tags, points of curves, the result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from recsys_core.run_folder import ENVIRONMENT, METRICS, SPEC
from workbench.reports.build import build_report
from workbench.reports.folder import read_report_run
from workbench.reports.markdown import to_markdown
from workbench.reports.write import write_report
from workbench.store.runs import Run, Status
from workbench.tracking.base import End, Point, Start

#: characters of a parameter's value that are sent
_LONGEST = 500
#: fields of a job that say nothing of it
_NO_PARAMETERS = ("label", "dataset", "model")


def start_of(run: Run, status: Status) -> Start:
    """Say what is known of a run when it begins."""
    spec = run.spec
    label = str(spec.get("label") or spec.get("model", ""))
    tags = {
        "run_id": run.run_id,
        "label": label,
        "model": str(spec.get("model", "")),
        "dataset": str(spec.get("dataset", "")),
        "protocol": str((spec.get("protocol") or {}).get("name", "")),
    }
    named = {name: value for name, value in spec.items() if name not in _NO_PARAMETERS}
    params = {**{name: tags[name] for name in ("model", "dataset")}, **dict(_flat(named))}
    return Start(run.run_id, label, params, tags, status.started or status.created or 0.0)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Name values inside others with dots; what is not set is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{name}.{place}")
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        yield name, text[:_LONGEST]


def points_of_events(events: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Make points of the values in events; those that are not defined are left out."""
    return [
        Point(
            f"{event['stage']}/{name}",
            event["step"] if event["epoch"] is None else event["epoch"],
            float(value),
            event["time"] or 0.0,
        )
        for event in events
        for name, value in event["metrics"].items()
        if value is not None
    ]


def end_of(run: Run, status: Status, folder: Path) -> End:
    """Say what came of a run.

    Parameters
    ----------
    folder
        Where the report may be written.
    """
    ended = status.ended or status.started or status.created or 0.0
    if status.state != "succeeded":
        tags = {"state": status.state, **({"reason": status.reason} if status.reason else {})}
        return End(status.state, ended, tags=tags, files=_files(run.path, (SPEC, ENVIRONMENT)))
    result = run.metrics
    report = build_report([read_report_run(run.path)], suite=run.run_id)
    write_report(report, folder / "report.html")
    return End(
        status.state,
        ended,
        step=len(result.get("curve") or ()),
        params=dict(_flat(result["params"], "params")),
        tags={"state": status.state, **_tags(result)},
        metrics={name: value for name, value in result["metrics"].items() if value is not None},
        intervals={
            name: (low, high)
            for name, (low, high) in result["ci95"].items()
            if low is not None and high is not None
        },
        summary=to_markdown(report),
        files=[folder / "report.html", *_files(run.path, (METRICS, SPEC, ENVIRONMENT))],
    )


def _tags(result: Mapping[str, Any]) -> dict[str, str]:
    """Give what the result says of the run, beside its values."""
    found = {
        "stage": result["stage"],
        "dataset_fingerprint": result["dataset"]["fingerprint"],
        "split_fingerprint": result["protocol"]["fingerprint"],
        "fit_seconds": result["fit_seconds"],
        "refit_of": result.get("refit_of"),
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _files(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]
