"""MLflow: a run of the experiment ``recsys-workbench``, on a server or in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from workbench.tracking.base import End, Point, Start

#: an answer that is late is none, and a folder is what was asked for
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}

#: name of the experiment, unless MLFLOW_EXPERIMENT_NAME says another
_EXPERIMENT = "recsys-workbench"
#: what a server takes at once
_METRICS, _PARAMS = 1_000, 100
_TAG = 4_000
#: characters that names may not hold
_FOREIGN = re.compile(r"[^\w\-./ :]")
_STATES = {"succeeded": "FINISHED", "failed": "FAILED"}
T = TypeVar("T")


class Tracker:
    """Tells an MLflow server; ``@`` may not stand in its names: ``ndcg@10`` is ``ndcg_at_10``."""

    def __init__(self, where: str) -> None:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        self._client = MlflowClient(where)
        self._run = ""

    def begin(self, start: Start, earlier: str) -> str:
        """Create a run, or go on with it."""
        self._run = earlier if earlier and self._is_there(earlier) else self._create(start)
        for params in _pieces(start.params.items(), _PARAMS):
            self._client.log_batch(self._run, params=[_param(*each) for each in params])
        return self._run

    def _is_there(self, run: str) -> bool:
        try:
            self._client.update_run(run, status="RUNNING")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # deleted there
                return False
            raise
        return True

    def _create(self, start: Start) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or _EXPERIMENT
        experiment = self._client.get_experiment_by_name(name)
        found = experiment.experiment_id if experiment else self._client.create_experiment(name)
        run = self._client.create_run(
            found,
            start_time=int(start.started * 1000),
            tags=dict(start.tags),
            run_name=start.label,
        )
        return str(run.info.run_id)

    def log(self, points: Sequence[Point]) -> None:
        """Add values of curves."""
        for piece in _pieces(points, _METRICS):
            metrics = [_metric(each.name, each.value, each.time, each.step) for each in piece]
            self._client.log_batch(self._run, metrics=metrics)

    def end(self, end: End) -> None:
        """Add metrics with their bounds, parameters, tags and files, and end the run."""
        values = {**end.metrics, **_bounds(end.intervals)}
        metrics = [_metric(name, value, end.ended, end.step) for name, value in values.items()]
        for piece in _pieces(metrics, _METRICS):
            self._client.log_batch(self._run, metrics=piece)
        for params in _pieces(end.params.items(), _PARAMS):
            known = self._client.get_run(self._run).data.params
            new = [_param(*each) for each in params if _name_of(each[0]) not in known]
            self._client.log_batch(self._run, params=new)
        tags = [RunTag(name, value[:_TAG]) for name, value in end.tags.items()]
        self._client.log_batch(self._run, tags=tags)
        for file in end.files:
            self._client.log_artifact(self._run, str(file))
        state = _STATES.get(end.state, "KILLED")
        self._client.set_terminated(self._run, state, int(end.ended * 1000))


def _bounds(intervals: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, (low, high) in intervals.items():
        found |= {f"{name}.low": low, f"{name}.high": high}
    return found


def _metric(name: str, value: float, at: float, step: int) -> Metric:
    return Metric(_name_of(name), value, int(at * 1000), step)


def _param(name: str, value: str) -> Param:
    return Param(_name_of(name), value)


def _name_of(name: str) -> str:
    return _FOREIGN.sub("_", name.replace("@", "_at_"))


def _pieces(values: Iterable[T], most: int) -> Iterator[list[T]]:
    rest = iter(values)
    while piece := list(islice(rest, most)):
        yield piece
