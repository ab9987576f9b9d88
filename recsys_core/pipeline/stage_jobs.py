"""Jobs by stage: how a recall or ranking model is fitted and judged; `two_stage_job` has both."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config
from recsys_core.data.dataset import event_counts
from recsys_core.evaluation.names import higher_is_better
from recsys_core.evaluation.new_items import with_new_items
from recsys_core.evaluation.predictions import evaluate_predictions, evaluate_ratings
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.evaluation.result import Evaluation
from recsys_core.events import OnEvent
from recsys_core.features.known import Known
from recsys_core.pipeline.feature_schemas import describe_schema, job_schema
from recsys_core.pipeline.result import KEPT_ITEMS, Judged, Recommendations, ScoredRows
from recsys_core.pipeline.spec import WHOLE_MODEL, JobSpec
from recsys_core.pipeline.timings import request_timings
from recsys_core.protocols.numbering import Numbering
from recsys_core.protocols.split import Split
from recsys_core.recall.shared.spread import recommend_together
from recsys_core.recall.shared.validation import METRIC as RECALL_METRIC
from recsys_core.recall.shared.validation import Validation
from recsys_core.registry import model_info, reads_features
from recsys_core.training.config import TrainingConfig


class Job(Protocol):
    """What `run` asks of the model of a stage."""

    @property
    def model(self) -> Any:
        """The fitted recall, ranking or two-stage model."""
        ...

    @property
    def curve(self) -> list[dict[str, float]]:
        """One dict per epoch."""
        ...

    @property
    def chosen_epochs(self) -> dict[str, int]:
        """Epochs after which validation rows found it best, by part, where they chose."""
        ...

    def fit(self, on_event: OnEvent) -> None:
        """Learn from train rows."""
        ...

    def evaluate(self, ks: Sequence[int]) -> Judged:
        """Judge on test rows, lists at the cut-offs K."""
        ...

    def on(self, split: Split) -> Job:
        """Give the same model, to be judged on the test rows of another split."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model."""
        ...

    def validation(self) -> dict[str, float]:
        """Give the validation metric."""
        ...


def make_job(spec: JobSpec, config: Config, split: Split, runtime: Runtime) -> Job:
    """Make what fits and judges the model of a spec."""
    stage = model_info(spec.model).stage
    if stage == "ranking":
        return _RankingJob(spec, config, split, runtime)
    if stage == "recall":
        return _RecallJob(spec, config, split, runtime)
    from recsys_core.pipeline.two_stage_job import TwoStageJob  # torch is slow to import

    return TwoStageJob(spec, config, split, runtime)


class _RecallJob:
    """Fits a recall model and judges its lists."""

    def __init__(self, spec: JobSpec, config: Config, split: Split, runtime: Runtime) -> None:
        self._numbering, self._ranks = Numbering.of(split), runtime.ranks
        self._split = self._numbering.split(split)
        info = model_info(spec.model)
        self._schema = None
        if reads_features(info):
            self._schema = job_schema(spec, info, split.dataset)
        more = () if self._schema is None else (self._schema,)
        self._model = info.cls(config, runtime, *more)

    def fit(self, on_event: OnEvent) -> None:
        self._model.fit(self._split.train, valid=self._split.valid, on_event=on_event)

    def evaluate(self, ks: Sequence[int]) -> Judged:
        split = self._split
        tested = event_counts(split.test.user, split.dataset.n_users)
        users = np.flatnonzero(tested).astype(np.int32)
        histories = split.requests(users)
        started = time.perf_counter()
        width = max(KEPT_ITEMS, *ks)
        top = recommend_together(self._model, users, width, self._ranks, histories)
        seconds = time.perf_counter() - started
        if not self._ranks.first and split.train.new_items is None:
            return Judged(Evaluation.nothing())  # the first one judges all lists
        listed = self._numbering.in_whole(top.items[:, :KEPT_ITEMS])
        kept = Recommendations(users, listed, top.scores[:, :KEPT_ITEMS])
        evaluation = evaluate_recommendations(users, top.items, split, ks)
        if split.train.new_items is not None:
            judged = histories.take(np.searchsorted(users, evaluation.users))
            among = self._model.among(split.train.new_items)
            new = recommend_together(among, evaluation.users, max(ks), self._ranks, judged)
            evaluation = with_new_items(evaluation, new.items, split, ks)
        if not self._ranks.first:
            return Judged(Evaluation.nothing())
        timings = request_timings(self._model, users, histories, KEPT_ITEMS, seconds)
        features = {} if self._schema is None else describe_schema(self._schema, towers=True)
        return Judged(evaluation, recommendations=kept, timings=timings, features=features)

    def on(self, split: Split) -> Job:
        other = copy(self)
        other._split = self._numbering.split(split)
        return other

    def save(self, folder: Path) -> None:
        self._model.save(folder)

    def validation(self) -> dict[str, float]:
        # the fitted model, asked as one that knows the train rows alone
        return Validation(self._split.valid, self._ranks)(self._model)

    @property
    def model(self) -> Any:
        return self._model

    @property
    def curve(self) -> list[dict[str, float]]:
        return getattr(self._model, "curve", [])

    @property
    def chosen_epochs(self) -> dict[str, int]:
        return chosen_by(self._model.config, self.curve)


class _RankingJob:
    """Fits a ranking model and judges its predictions of the test rows."""

    def __init__(self, spec: JobSpec, config: Config, split: Split, runtime: Runtime) -> None:
        from recsys_core.ranking.ranker import Ranker

        self._spec, self._split, self._ranks = spec, split, runtime.ranks
        schema = job_schema(spec, model_info(spec.model), split.dataset)
        self._ranker = Ranker(spec.model, config, schema, runtime)

    def fit(self, on_event: OnEvent) -> None:
        calibrations = self._spec.refit.calibrations if self._spec.refit else None
        self._ranker.fit(self._split, on_event, calibrations)

    def evaluate(self, ks: Sequence[int]) -> Judged:
        from recsys_core.ranking.rows import ranking_rows

        rows = ranking_rows(self._split, "test")
        test = rows.queries
        labels = self._ranker.tasks.labels_of(rows).numpy()
        scores = self._ranker.score(test, Known.of(self._split.known), self._ranks)
        if not self._ranks.first:
            return Judged(Evaluation.nothing())  # the first one judges all rows
        first, *others = [
            evaluate_predictions(test.user, test.item, labels[:, k], scores[:, k], self._split)
            if task.binary
            else evaluate_ratings(test.user, labels[:, k], scores[:, k])
            for k, task in enumerate(self._ranker.tasks.all)
        ]
        for task, other in zip(self._ranker.tasks.all[1:], others, strict=True):
            first = first.with_task(task.name, other)
        scored = ScoredRows(test.user, test.item, labels[:, 0], scores[:, 0])
        features = describe_schema(self._ranker.schema, towers=False)
        return Judged(first, rows=scored, importance=self._ranker.importance, features=features)

    def on(self, split: Split) -> Job:
        other = copy(self)
        other._split = split
        return other

    def save(self, folder: Path) -> None:
        self._ranker.save(folder)

    def validation(self) -> dict[str, float]:
        return _best(self._ranker.curve, self._ranker.config.monitor)

    @property
    def model(self) -> Any:
        return self._ranker

    @property
    def curve(self) -> list[dict[str, float]]:
        return self._ranker.curve

    @property
    def chosen_epochs(self) -> dict[str, int]:
        return chosen_by(self._ranker.config, self.curve)


def chosen_by(config: Config, curve: Sequence[Mapping[str, float | None]]) -> dict[str, int]:
    """Tell after how many epochs a model's validation rows found it best, where they chose."""
    if not isinstance(config, TrainingConfig):
        return {}
    from recsys_core.training.trainer import (
        chosen_epoch,  # loads torch, which the others never need
    )

    chosen = chosen_epoch(curve, getattr(config, "monitor", RECALL_METRIC))
    return {} if chosen is None else {WHOLE_MODEL: chosen}


def _best(curve: list[dict[str, float]], metric: str) -> dict[str, float]:
    """Give the value of the epoch that training kept; empty without validation rows."""
    values = [epoch[metric] for epoch in curve if metric in epoch]
    pick = max if higher_is_better(metric) else min
    return {metric: pick(values)} if values else {}
