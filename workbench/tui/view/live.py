"""Learning curves and logs of runs, read on from where the last look ended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from recsys_core.evaluation.names import ROW_METRICS, TOPK_METRICS, higher_is_better
from workbench.store.files import StoreError, open_regular
from workbench.store.listing import RunSummary
from workbench.store.runs import EVENTS, LOG, Run
from workbench.tui.view.chart import Point

#: entries of a curve that are no result
NO_SERIES = ("epoch", "step", "rows_per_second")
#: validation metrics in the order in which they say most
_ORDER = ("ndcg@10", "auc", "recall@10", "gauc", "hit@10", "logloss", "mrr@10")


@dataclass(frozen=True, slots=True)
class Curves:
    """What a run has reported epoch by epoch, by name.

    ``loss`` is that of the training rows; metrics such as ``ndcg@10`` are of the validation rows.
    """

    epochs: int = 0
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)

    @property
    def best(self) -> tuple[str, float] | None:
        """The main validation metric and its best value so far; None without validation."""
        names = [name for name in self.series if is_metric(name)]
        if not names:
            return None
        name = min(names, key=curve_order)
        choose = max if higher_is_better(name) else min
        return name, choose(value for _, value in self.series[name])


def is_metric(name: str) -> bool:
    """Tell whether a name of a curve is a metric of the validation rows."""
    base = name.partition("@")[0]
    return base in TOPK_METRICS or base.partition("/")[0] in ROW_METRICS


def curve_order(name: str) -> tuple[int, int, str]:
    """Sort key: the loss first, then validation metrics as the results have them, then others."""
    if name == "loss":
        return 0, 0, name
    place = _ORDER.index(name) if name in _ORDER else len(_ORDER)
    return (1 if is_metric(name) else 2), place, name


class _Reading:
    """How far the events of one run folder have been read."""

    def __init__(self) -> None:
        self.inode = 0
        self.offset = 0
        self.steps: dict[object, int] = {}
        self.series: dict[str, list[Point]] = {}

    def take(self, events: Iterable[Mapping[str, Any]]) -> bool:
        """Add epochs; an epoch that was reported before is replaced. Tell whether there are new."""
        new = False
        for event in events:
            metrics = event.get("metrics")
            if event.get("stage") == "fit" and isinstance(metrics, dict):
                values = {k: v for k, v in metrics.items() if _is_value(k, v)}
                if values:
                    self._add(event.get("step"), values)
                    new = True
        return new

    def _add(self, step: object, values: Mapping[str, float]) -> None:
        epoch = self.steps.setdefault(step, len(self.steps) + 1)
        for name, value in values.items():
            points = self.series.setdefault(name, [])
            while points and points[-1][0] >= epoch:
                points.pop()
            points.append((epoch, float(value)))


class CurveReader:
    """Reads the curves of some runs, again and again."""

    def __init__(self) -> None:
        self._readings: dict[str, _Reading] = {}
        self._curves: dict[str, Curves] = {}

    def refresh(self, runs: Iterable[RunSummary]) -> dict[str, Curves]:
        """Return the curves by run id; those that have not changed are the same objects."""
        return {run.run_id: self._of(run) for run in runs}

    def _of(self, run: RunSummary) -> Curves:
        if run.state == "succeeded":
            key = f"{run.run_id} done"
            if key not in self._curves:
                self._curves[key] = finished_curves(run)
            return self._curves[key]
        with suppress(OSError):
            self._read_on(run)
        return self._curves.get(run.run_id, Curves())

    def _read_on(self, run: RunSummary) -> None:
        found = (run.folder / EVENTS).stat()
        reading = self._readings.setdefault(run.run_id, _Reading())
        if found.st_ino != reading.inode or found.st_size < reading.offset:
            self._readings[run.run_id] = reading = _Reading()  # the job began anew
            reading.inode = found.st_ino
            self._curves.pop(run.run_id, None)
        if found.st_size > reading.offset:
            events, reading.offset = Run(run.folder).events(reading.offset)
            if reading.take(events):
                copies = {name: tuple(points) for name, points in reading.series.items()}
                self._curves[run.run_id] = Curves(len(reading.steps), copies)


def finished_curves(run: RunSummary) -> Curves:
    """Take the curves of a run that succeeded from its result."""
    try:
        curve = Run(run.folder).metrics.get("curve")
    except StoreError:
        return Curves()
    points = [point for point in curve if isinstance(point, dict)] if curve else []
    series: dict[str, list[Point]] = {}
    for number, point in enumerate(points, 1):
        for name, value in point.items():
            if _is_value(name, value):
                series.setdefault(name, []).append((number, float(value)))
    return Curves(len(points), series)


def _is_value(name: str, value: object) -> bool:
    return name not in NO_SERIES and isinstance(value, int | float) and not isinstance(value, bool)


def log_tail(run: RunSummary, size: int = 4000) -> str:
    """Read the end of a run's log, whole lines; empty where there is none."""
    try:
        with open_regular(run.folder / LOG, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - size))
            text = file.read(size)
    except OSError:
        return ""
    if end > size:
        text = text[text.find(b"\n") + 1 :]
    return text.decode(errors="replace")
