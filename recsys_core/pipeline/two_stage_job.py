"""A two-stage job: the recommender as a whole, and what each of its parts contributes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np

from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config
from recsys_core.errors import InputError
from recsys_core.evaluation.intervals import mean_intervals
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.evaluation.segments import segment_metrics
from recsys_core.events import OnEvent
from recsys_core.pipeline.result import KEPT_ITEMS, Judged, Recommendations
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.timings import request_timings
from recsys_core.protocols.numbering import Numbering
from recsys_core.protocols.split import Split
from recsys_core.recall.shared.validation import Validation
from recsys_core.registry import Stage, model_info
from recsys_core.run_folder import MODEL, read_result
from recsys_core.two_stage.anatomy import CUTOFF, part_metrics
from recsys_core.two_stage.channels import channel_schema, check_channel
from recsys_core.two_stage.config import NONE, ChannelConfig, TwoStageConfig
from recsys_core.two_stage.cuts import later
from recsys_core.two_stage.model import Saved, TwoStage
from recsys_core.two_stage.ranker_choice import check_ranker, ranker_schema


class TwoStageJob:
    """Fits a two-stage recommender and judges it and its parts."""

    def __init__(self, spec: JobSpec, config: Config, split: Split, runtime: Runtime) -> None:
        assert isinstance(config, TwoStageConfig)
        check_parts(config, split)
        self._numbering = Numbering.of(split)
        split = self._split = self._numbering.split(split)
        config, saved = use_runs(config, split)
        if split.cut is not None and config.inner.split == "auto":  # as it was for that split
            by_time = later(split.cut.train, split.cut.valid)
            changes = {"split": "time" if by_time else "folds"}
            config = config.model_copy(update={"inner": config.inner.model_copy(update=changes)})
        self._model = TwoStage(config, runtime, saved, spec.refit.epochs if spec.refit else {})

    def fit(self, on_event: OnEvent) -> None:
        """Fit channels and ranker."""
        self._model.fit(self._split.train, valid=self._split.valid, on_event=on_event)

    def evaluate(self, ks: Sequence[int]) -> Judged:
        """Judge lists, parts and segments on the test rows."""
        split, model = self._split, self._model
        users = np.unique(split.test.user)
        histories = split.requests(users)
        width = max(KEPT_ITEMS, *ks)
        started = time.perf_counter()
        top = model.recommend(users, max(width, model.config.merge.size), histories=histories)
        seconds = time.perf_counter() - started
        kept = Recommendations(
            users,
            self._numbering.in_whole(top.items[:, :KEPT_ITEMS]),
            top.scores[:, :KEPT_ITEMS],
            model.channel_names,
            top.sources[:, :KEPT_ITEMS],
        )
        whole = evaluate_recommendations(users, top.items[:, :width], split, ks)
        judged = np.searchsorted(users, whole.users)
        parts = part_metrics(
            model, whole.users, histories.take(judged), top.items[judged], split.test
        )
        for metric in (f"ndcg@{CUTOFF}", f"recall@{CUTOFF}"):
            if metric in whole.user_metrics:
                parts[f"gain/{metric}"] = whole.user_metrics[metric] - parts[f"merge/{metric}"]
        metrics = {
            **whole.metrics,
            **{name: float(values.mean()) for name, values in parts.items()},
            **segment_metrics(whole, top.items[judged], split),
        }
        evaluation = replace(whole, metrics=metrics, ci95={**whole.ci95, **mean_intervals(parts)})
        timings = request_timings(model, users, histories, KEPT_ITEMS, seconds)
        return Judged(evaluation, recommendations=kept, timings=timings)

    def on(self, split: Split) -> TwoStageJob:
        """Give the same model, to be judged on the test rows of another split."""
        other = copy(self)
        other._split = self._numbering.split(split)
        return other

    def save(self, folder: Path) -> None:
        """Write the model."""
        self._model.save(folder)

    def validation(self) -> dict[str, float]:
        """Judge on the validation rows, as one that knows the train rows alone."""
        return Validation(self._split.valid)(self._model)

    @property
    def model(self) -> TwoStage:
        """The recommender."""
        return self._model

    @property
    def curve(self) -> list[dict[str, float]]:
        """Loss and ndcg@10 of the ranker's epochs."""
        return self._model.curve

    @property
    def chosen_epochs(self) -> dict[str, int]:
        """Epochs after which validation rows found channels and ranker best."""
        return self._model.chosen_epochs


def check_models(config: TwoStageConfig) -> None:
    """Check the models of a two-stage job, as far as it can be done without the data.

    Raises
    ------
    InputError
        A channel is no recall model, the ranker no ranking model, or a field is wrong.
    """
    for channel in config.channels:
        if channel.model:
            check_channel(channel, channel.params)
    if config.ranker.model != NONE and not config.ranker.run:
        check_ranker(config.ranker)


def check_parts(config: TwoStageConfig, split: Split) -> None:
    """Check the runs and features of a two-stage job, before anything is fitted.

    Raises
    ------
    InputError
        As `use_runs` and `ranker_schema`.
    """
    resolved, saved = use_runs(config, split)
    check_models(resolved)
    for channel in resolved.channels:
        if channel.name not in saved.channels:
            channel_schema(channel, split.dataset)
    if saved.ranker is None:
        ranker_schema(resolved.ranker, split.dataset)


def use_runs(config: TwoStageConfig, split: Split) -> tuple[TwoStageConfig, Saved]:
    """Replace run folders by their models and parameters, and say where the fitted ones lie.

    Raises
    ------
    InputError
        No such run, one of another stage, or one of other data or another split: it might have
        learned from rows that are to be judged here.
    """
    channels, folders = [], {}
    for channel in config.channels:
        if channel.run:
            folder = Path(channel.run)
            model, params = _model_of(folder, "recall", split)
            folders[channel.name] = folder / MODEL
            known = {"model": model, "params": params, "run": "", "label": channel.name}
            channel = ChannelConfig.model_validate({**channel.model_dump(), **known})
        channels.append(channel)
    ranker, trained = config.ranker, None
    if ranker.run:
        folder = Path(ranker.run)
        model, params = _model_of(folder, "ranking", split)
        trained = folder / MODEL
        ranker = ranker.model_copy(update={"model": model, "params": params, "run": ""})
    changes = {"channels": tuple(channels), "ranker": ranker}
    return config.model_copy(update=changes), Saved(folders, trained)


def _model_of(folder: Path, stage: Stage, split: Split) -> tuple[str, dict[str, object]]:
    """Read model and parameters of a run of the wanted stage on the same split."""
    result = read_result(folder)
    if result["stage"] != stage:
        raise InputError(
            f"run {folder.name} is a {result['stage']} run, a {stage} run is needed here",
            "name another run",
        )
    found = result["protocol"]["fingerprint"]
    if found != split.fingerprint:
        raise InputError(
            f"run {folder.name} learned from another split ({found}, here {split.fingerprint}): "
            "it may know rows that are to be judged",
            "name a run of the same data set and protocol, or give model instead of run",
        )
    model_info(result["model"])
    return result["model"], result["params"]
