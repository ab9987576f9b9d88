"""What lists show of one run, read from its folder."""

from __future__ import annotations

import json
import math
import os
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
from workbench.store.files import StoreError
from workbench.store.runs import EVENTS, METRICS, Run, State

#: bytes of events.jsonl read to find its last line
_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Progress:
    """The last event of a run that is under way; rate in steps a second, eta in seconds."""

    stage: str
    step: int = 0
    total: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    rate: float | None = None
    eta: float | None = None


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
    reuse_key
        Empty until the run succeeded.
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
    dataset: str = ""
    synthetic: bool = False
    protocol: str = ""
    seed: int = 0
    split_fingerprint: str = ""
    reuse_key: str = ""
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
    try:
        status = run.status()
        described = _result(run) if status.state == "succeeded" else _plan(run)
    except StoreError as error:
        problem = error.problem
        return RunSummary(
            folder.name,
            folder.parent,
            "failed",
            reason=problem,
            created=_age(folder),
            problem=problem,
            annotations=annotations,
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
        progress=last_event(folder / EVENTS) if status.state == "running" else None,
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
    try:
        return {
            "label": result["label"],
            "model": result["model"],
            "stage": result["stage"],
            "dataset": result["dataset"]["name"],
            "synthetic": bool(result["dataset"]["synthetic"]),
            "protocol": result["protocol"]["name"],
            "seed": result["seed"],
            "split_fingerprint": result["protocol"]["fingerprint"],
            "reuse_key": result["reuse_key"],
            "fit_seconds": _number(result["fit_seconds"]),
            "params": dict(result["params"]),
            "metrics": _numbers(result["metrics"]),
            "ci95": {k: list(v) for k, v in result["ci95"].items() if v and None not in v},
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        path = run.path / METRICS
        raise StoreError(f"{path}: damaged: {type(error).__name__} {error}") from None


def _plan(run: Run) -> dict[str, Any]:
    """Describe a run without a result, by its spec."""
    spec = run.spec
    protocol = spec.get("protocol")
    params = spec.get("params")
    model, dataset = str(spec.get("model", "")), str(spec.get("dataset", ""))
    seed = spec.get("seed")
    return {
        "label": str(spec.get("label") or model),
        "model": model,
        "dataset": dataset,
        "synthetic": dataset == "sample",
        "protocol": str(protocol.get("name", "")) if isinstance(protocol, dict) else "",
        "seed": seed if isinstance(seed, int) else 0,
        "params": params if isinstance(params, dict) else {},
    }


def last_event(path: Path) -> Progress | None:
    """Return the last complete line of a file that another process appends to."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, TypeError, AttributeError):
            event = json.loads(line)
            total = event.get("total")
            return Progress(
                stage=str(event.get("stage", "")),
                step=int(event.get("step", 0)),
                total=total if isinstance(total, int) else None,
                metrics=_numbers(event.get("metrics") or {}),
                message=str(event.get("message", "")),
                rate=_number(event.get("rate")),
                eta=_number(event.get("eta")),
            )
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _numbers(values: Mapping[str, object]) -> dict[str, float]:
    pairs = ((key, _number(value)) for key, value in values.items())
    return {key: number for key, number in pairs if number is not None}
