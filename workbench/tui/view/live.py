"""Learning curves and logs of runs, read on from where the last look ended."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal, get_args

from recsys_core.evaluation.names import higher_is_better, row_metrics, topk_metrics
from recsys_core.values import is_finite_number
from workbench.store.files import StoreError, open_regular
from workbench.store.listing import RunSummary
from workbench.store.runs import EVENTS, LOG, Run
from workbench.store.text import plain
from workbench.tui.view.chart import Point

#: entries of a curve that are no result; the last one is told beside what the job uses
NO_SERIES = ("epoch", "step", "rows_per_second")
#: seconds without any word of a job in which it did not run: it was interrupted and resumed
_PAUSE = 60.0
_RATE = NO_SERIES[-1]
#: what x may count, the most telling first: steps are batches in one model, passes in another
Unit = Literal["epoch", "step"]
UNITS: tuple[Unit, ...] = get_args(Unit)
#: validation metrics in the order in which they say most
_ORDER = ("ndcg@10", "auc", "recall@10", "gauc", "hit@10", "logloss", "mrr@10")


@dataclass(frozen=True, slots=True)
class Curves:
    """What a run has reported again and again, by name.

    ``loss`` is that of the training rows; metrics such as ``ndcg@10`` are of the validation rows.

    Parameters
    ----------
    series
        Points (number of the report, value).
    places
        Where each report was made, in every unit that is known of all of them.
    usage
        Points (seconds that the job has worked, value) of what it uses.
    times
        Seconds that the job had worked at each report.
    chosen
        The epoch whose model is kept, where the run says so.
    """

    reports: int = 0
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    places: Mapping[Unit, Sequence[float]] = field(default_factory=dict)
    usage: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    times: Sequence[float] = ()
    chosen: int | None = None

    def points(self, name: str, unit: Unit) -> list[Point]:
        """Return the points of a name, x in `unit`; without such places none."""
        places = self.places.get(unit, ())
        return [(places[int(n) - 1], y) for n, y in self.series.get(name, ()) if n <= len(places)]

    @property
    def best(self) -> tuple[str, float] | None:
        """The main validation metric and its best value so far; None without validation."""
        name = self.main_metric
        return (name, self.best_of(name)[1]) if name else None

    @property
    def main_metric(self) -> str:
        """The validation metric that says most; empty without validation."""
        names = [name for name in self.series if is_metric(name)]
        return min(names, key=curve_order, default="")

    def best_of(self, name: str) -> Point:
        """Return the best value of a validation metric so far, the first of equal ones."""
        choose = max if higher_is_better(name) else min
        return choose(self.series[name], key=itemgetter(1))


def common_unit(curves: Iterable[Curves]) -> Unit:
    """Choose what x counts where curves lie over each other: epochs, if all of them know theirs."""
    known = [one.places.keys() for one in curves if one.reports]
    return next((unit for unit in UNITS if all(unit in keys for keys in known)), UNITS[-1])


def is_metric(name: str) -> bool:
    """Tell whether a name of a curve is a metric of the validation rows."""
    base = name.partition("@")[0]
    return base in topk_metrics() or base.partition("/")[0] in row_metrics()


def titled(name: str) -> str:
    """Title the chart of a curve: the test rows have metrics of the same names."""
    return f"{plain(name)} (validation)" if is_metric(name) else plain(name)


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
        self.steps: list[float] = []
        self.epochs: list[float | None] = []
        self.times: list[float] = []
        self.series: dict[str, list[Point]] = {}
        self.usage: dict[str, list[Point]] = {}
        self._worked = 0.0
        self._told: float | None = None

    def take(self, events: Iterable[Mapping[str, Any]]) -> bool:
        """Add reports; one that was made before is replaced. Tell whether there are new."""
        new = False
        for event in events:
            self._pass(event["time"])
            metrics = event["metrics"]
            used = event["usage"]
            if event["stage"] == "fit" and metrics:
                values = {k: v for k, v in metrics.items() if _is_value(k, v)}
                # values beside no step are a remark, e.g. how well an index finds
                if values and (event["step"] or event["total"]):
                    self._add(event["step"], event["epoch"], values)
                    used = {**used, _RATE: metrics.get(_RATE)}
                    new = True
            for name, value in used.items():
                if is_finite_number(value):
                    self.usage.setdefault(name, []).append((self._worked, float(value)))
                    new = True
        return new

    def _pass(self, time: float | None) -> None:
        """Note the time of an event; what was between two runs of a job does not count."""
        if time is not None:
            passed = 0.0 if self._told is None else time - self._told
            self._worked += passed if 0 < passed <= _PAUSE else 0.0
            self._told = time

    def _add(self, step: float, epoch: float | None, values: Mapping[str, float]) -> None:
        place = bisect_left(self.steps, step)  # a job that went back makes its reports again
        self.steps[place:], self.epochs[place:] = [step], [epoch]
        self.times[place:] = [self._worked]
        for points in self.series.values():
            while points and points[-1][0] > place:
                points.pop()
        for name, value in values.items():
            self.series.setdefault(name, []).append((place + 1, float(value)))

    def curves(self) -> Curves:
        """Return what there is so far."""
        series = {name: tuple(points) for name, points in self.series.items() if points}
        usage = {name: tuple(points) for name, points in self.usage.items()}
        known: dict[Unit, Sequence[float]] = {"step": tuple(self.steps)}
        if None not in self.epochs:
            known["epoch"] = tuple(epoch for epoch in self.epochs if epoch is not None)
        return Curves(len(self.steps), series, known, usage, tuple(self.times))


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
                self._curves[run.run_id] = reading.curves()


def finished_curves(run: RunSummary) -> Curves:
    """Take the curves of a run that succeeded from its result, their places from its events.

    Without its events what the result says holds: it has one report per epoch.
    """
    try:
        result = Run(run.folder).metrics
    except StoreError:
        return Curves()
    chosen = result.get("chosen_epochs")
    epochs = chosen if isinstance(chosen, dict) else {}
    # of a two-stage run the curve is that of its ranker
    return curves_of(result.get("curve"), reported(run), epochs.get("model", epochs.get("ranker")))


def reported(run: RunSummary) -> Curves:
    """Read all that a run has reported so far."""
    reading = _Reading()
    with suppress(OSError):
        reading.take(Run(run.folder).events()[0])
    return reading.curves()


def curves_of(curve: object, told: Curves, chosen: object = None) -> Curves:
    """Put a result's curve where the reports stand.

    Parameters
    ----------
    chosen
        The epoch whose model was kept.
    """
    points = (
        [point for point in curve if isinstance(point, dict)] if isinstance(curve, list) else []
    )
    found: dict[str, list[Point]] = {}
    for number, point in enumerate(points, 1):
        for name, value in point.items():
            if _is_value(name, value):
                found.setdefault(name, []).append((number, float(value)))
    same = told.reports == len(points)
    # what is no result, such as the learning rate, was told all the same
    series: dict[str, Sequence[Point]] = {**(told.series if same else {}), **found}
    return Curves(
        len(points),
        series,
        (told.places if same else {}) or {"epoch": range(1, len(points) + 1)},
        told.usage,
        told.times if same else (),
        chosen if isinstance(chosen, int) else None,
    )


def _is_value(name: str, value: object) -> bool:
    return name not in NO_SERIES and is_finite_number(value)


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
