"""What lists show of one run, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.store.annotations import (
    Annotations,
    Published,
    parse_annotations,
    read_annotations,
)
from workbench.store.events import last_event
from workbench.store.files import StoreError, damaged
from workbench.store.metrics_json import seen_splits, updated_from
from workbench.store.runs import EVENTS, SPEC, Run, State

#: what stands behind the label of a run that was fitted on all rows and not judged
ALL_ROWS = "(all rows)"
#: what stands behind the label of a run that started from what an earlier one has learned
UPDATED = "(updated)"


def marked(label: str, refit_of: str | None, updated_from: str | None) -> str:
    """Put behind a label what is special about the run."""
    marks = (ALL_ROWS if refit_of else "", UPDATED if updated_from else "")
    return " ".join(filter(None, (label, *marks)))


@dataclass(frozen=True, slots=True)
class Progress:
    """The last event of a run that is under way; rate in steps per second, eta in seconds."""

    stage: str
    step: int = 0
    total: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    rate: float | None = None
    eta: float | None = None
    epoch: int | None = None


@dataclass  # not frozen: ten thousand of them take 80 ms less; nothing changes one
class RunSummary:
    """One run in a list.

    Parameters
    ----------
    run_id
        The folder's name.
    state
        As it is now: `running` becomes `interrupted` when its process is gone.
    split_fingerprint
        Runs with the same one are comparable; empty when it is not known yet.
    origin
        ``own``, or ``external`` where the scores come from a file.
    reuse_key
        Empty until the run succeeded.
    refit_of
        Id of the run that this one fits on all rows, without judging it; else empty.
    updated_from
        Id of the run that this one updates; else empty.
    seen
        Fingerprints of the splits that runs before it were judged on, some rows of which it has
        learned from, separated by blanks; else empty.
    params
        Every field of the model once the run succeeded, before that those that were given.
    metrics, ci95
        By metric name, intervals as (low, high); undefined values (null) are left out.
    created, started, ended
        Seconds since 1970.
    annotations
        What annotations.json says.
    progress
        The last event while the run is under way.
    problem
        What is wrong with the folder's files, one line; empty when they read well.
    """

    run_id: str
    runs_dir: Path
    state: State = "queued"
    reason: str = ""
    label: str = ""
    model: str = ""
    stage: str = ""
    origin: str = "own"
    dataset: str = ""
    synthetic: bool = False
    protocol: str = ""
    seed: int = 0
    split_fingerprint: str = ""
    reuse_key: str = ""
    refit_of: str = ""
    updated_from: str = ""
    seen: str = ""
    fit_seconds: float | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    problem: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    ci95: Mapping[str, Sequence[float]] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress | None = None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.runs_dir / self.run_id

    @property
    def tags(self) -> tuple[str, ...]:
        """Words that people gave it."""
        return tuple(self.annotations.get("tags", ()))

    @property
    def note(self) -> str:
        """What people wrote about it."""
        return str(self.annotations.get("note", ""))

    @property
    def published(self) -> Mapping[str, Published]:
        """Published figures by metric."""
        return parse_annotations(self.annotations, self.folder).published


class JsonMapping(Mapping[str, Any]):
    """A mapping that is parsed when it is first looked at: lists of runs show few of them."""

    __slots__ = ("_text", "_value")

    def __init__(self, text: str) -> None:
        self._text = text
        self._value: dict[str, Any] | None = None

    def _parsed(self) -> dict[str, Any]:
        if self._value is None:
            self._value = json.loads(self._text)
        return self._value

    def __getitem__(self, key: str) -> Any:
        return self._parsed()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed())

    def __len__(self) -> int:
        return len(self._parsed())

    def __repr__(self) -> str:
        return repr(self._parsed())


def read_summary(folder: Path) -> RunSummary:
    """Read one run folder; what is damaged makes it a failed run with a `problem`."""
    run = Run(folder)
    annotations, complaint = _annotations(folder)
    described: dict[str, Any] = {}
    try:
        status = run.status()
        described = _result(run) if status.state == "succeeded" else _plan(run)
    except StoreError as error:
        problem = error.problem
        with suppress(StoreError):  # what was asked for may be told all the same
            described = _plan(run)
        return RunSummary(
            folder.name,
            folder.parent,
            "failed",
            reason=problem,
            created=_age(folder),
            problem=problem,
            annotations=annotations,
            **described,
        )
    return RunSummary(
        run_id=folder.name,
        runs_dir=folder.parent,
        state=status.state,
        reason=status.reason or "",
        created=status.created,
        started=status.started,
        ended=status.ended,
        problem=complaint,
        annotations=annotations,
        progress=_progress(run) if status.state == "running" else None,
        **described,
    )


def _annotations(folder: Path) -> tuple[dict[str, Any], str]:
    """Read annotations.json as plain values; damage is told and costs nothing else."""
    try:
        found = read_annotations(folder)
    except StoreError as error:
        return {}, error.problem
    return ({}, "") if found == Annotations() else (found.plain(), "")


def _age(folder: Path) -> float | None:
    with suppress(OSError):
        return folder.stat().st_mtime
    return None


def _result(run: Run) -> dict[str, Any]:
    """Describe a run that succeeded, by its metrics.json."""
    result = run.metrics
    if not (run.path / SPEC).exists():  # without it nobody can tell what the result is of
        raise damaged(run.path / SPEC, "the file is missing")
    dataset, protocol = result["dataset"], result["protocol"]
    return {
        "label": result["label"],
        "model": result["model"],
        "stage": result["stage"],
        "origin": result.get("origin", "own"),
        "dataset": dataset["name"],
        "synthetic": dataset["synthetic"],
        "protocol": protocol["name"],
        "seed": result["seed"],
        "split_fingerprint": protocol["fingerprint"],
        "reuse_key": result["reuse_key"],
        "refit_of": result.get("refit_of") or "",
        "updated_from": updated_from(result),
        "seen": " ".join(seen_splits(result)),
        "fit_seconds": result["fit_seconds"],
        "params": result["params"],
        "metrics": _known(result["metrics"]),
        "ci95": {k: v for k, v in result["ci95"].items() if v and None not in v},
    }


def _plan(run: Run) -> dict[str, Any]:
    """Describe a run without a result, by its spec."""
    spec = run.spec
    protocol = spec.get("protocol", {}).get("name")
    model, dataset = spec.get("model", ""), spec.get("dataset", "")
    return {
        "label": spec.get("label") or model,
        "model": model,
        "dataset": dataset,
        "synthetic": dataset == "sample",
        "protocol": protocol if isinstance(protocol, str) else "",
        "seed": spec.get("seed", 0),
        "refit_of": _run_in(spec, "refit"),
        "updated_from": _run_in(spec, "update"),
        "params": spec.get("params") or {},
    }


def _run_in(spec: Mapping[str, Any], field: str) -> str:
    """Name the run that a job refits or updates."""
    found = spec.get(field)
    parent = found.get("run") if isinstance(found, dict) else None
    return parent if isinstance(parent, str) else ""


def _progress(run: Run) -> Progress | None:
    """Say how far a run is."""
    event = last_event(run.path / EVENTS)
    if event is None:
        return None
    shown = {name: event[name] for name in Progress.__dataclass_fields__ if name in event}
    return Progress(**shown | {"metrics": _known(event["metrics"])})


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    """Leave out what is not defined."""
    return {name: float(value) for name, value in values.items() if value is not None}
