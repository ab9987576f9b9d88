"""`run(spec)`: load, split, fit, evaluate. Every way of working calls this one function."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import default_threads, limited_threads
from recsys_core.config import Config, parse_config
from recsys_core.data.load import load_dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.extended import metric_modules
from recsys_core.evaluation.names import higher_is_better
from recsys_core.evaluation.new_items import with_new_items
from recsys_core.evaluation.predictions import evaluate_predictions, evaluate_ratings
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.evaluation.result import Evaluation
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.extensions import is_own
from recsys_core.features.known import Known
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.statistics import STATISTICS
from recsys_core.pipeline.environment import (
    code_fingerprint,
    describe_environment,
    package_versions,
    peak_memory_mb,
    reset_peak_memory,
)
from recsys_core.pipeline.feature_schemas import (
    describe_schema,
    feature_schema,
    resolved_schemas,
)
from recsys_core.pipeline.result import KEPT_ITEMS, Judged, Recommendations, RunResult, ScoredRows
from recsys_core.pipeline.serves import cannot_serve
from recsys_core.pipeline.spec import WHOLE_MODEL, JobSpec, stage_of
from recsys_core.pipeline.timings import request_timings
from recsys_core.pipeline.windows import together, window_folder
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split, require_one_window
from recsys_core.recall.shared.validation import METRIC as RECALL_METRIC
from recsys_core.recall.shared.validation import Validation
from recsys_core.registry import EXTERNAL, model_info, model_names, reads_features
from recsys_core.run_folder import CHECKPOINT, MODEL


def model_config(spec: JobSpec) -> Config:
    """Validate the model's fields.

    Raises
    ------
    InputError
        Unknown model or field, a bad value, or features given to a model that takes none.
    """
    info = model_info(spec.model)
    if spec.features is not None and not reads_features(info):
        raise InputError(
            f"{spec.name}: {spec.model} takes no feature schema",
            "write it into a channel or into ranker"
            if info.stage == "two-stage"
            else "remove 'features', or use a ranking model or one of the towers, e.g. youtube-dnn",
        )
    config_class: type[Config] = info.cls.Config
    config = parse_config(config_class, spec.params, f"model {spec.model}")
    if info.stage == "two-stage":
        from recsys_core.pipeline.two_stage_job import check_models  # torch is slow to import
        from recsys_core.two_stage.config import TwoStageConfig

        assert isinstance(config, TwoStageConfig)
        check_models(config)
    return config


def check_split(spec: JobSpec, split: Split) -> None:
    """Check what a job asks of its data, before it starts.

    Raises
    ------
    InputError
        A feature reads a column that is not there, a two-stage job names a run of another split or
        stage, or the model cannot serve the users or items that the protocol asks for.
    """
    config, info = model_config(spec), model_info(spec.model)
    if spec.refit is not None and spec.refit.data != split.dataset.fingerprint:
        raise InputError(
            f"data set '{split.dataset.name}' is not the one run {spec.refit.run} chose its epochs "
            "on",
            "train and judge it on the data of today first, then refit that run",
        )
    refusal = cannot_serve(spec, config, split)
    if refusal is not None:
        raise refusal
    if reads_features(info):
        feature_schema(info, spec.features, split.dataset)
    elif info.stage == "two-stage":
        from recsys_core.pipeline.two_stage_job import check_parts
        from recsys_core.two_stage.config import TwoStageConfig

        assert isinstance(config, TwoStageConfig)
        check_parts(config, split)


def check_ks(ks: Sequence[int], split: Split) -> None:
    """Raise InputError when a K is larger than the catalogue."""
    largest, catalogue = max(ks), int(split.catalogue.sum())
    if largest > catalogue:
        raise InputError(
            f"k {largest} is larger than the catalogue of {split.dataset.name}: {catalogue} items",
            f"choose cut-offs up to {catalogue} with --k",
        )


def validation_metric(spec: JobSpec) -> str:
    """Name the metric of the validation rows that chooses a model's epochs and parameters."""
    metric: str = getattr(model_config(spec), "monitor", RECALL_METRIC)
    return metric


def load_split(
    spec: JobSpec, *, data_dir: Path, offline: bool = False, on_event: OnEvent = ignore
) -> Split:
    """Load the data set and cut it as the protocol says."""
    protocol = make_protocol(spec.protocol)
    on_event(Event("load", message=f"loading {spec.dataset}"))
    dataset = load_dataset(spec.dataset, data_dir, offline=offline, on_event=on_event)
    on_event(Event("split", message=f"splitting by {spec.protocol['name']}"))
    return protocol.split(dataset) if spec.refit is None else protocol.whole(dataset)


def reuse_key(spec: JobSpec, split: Split) -> str:
    """Hash of all that decides the outcome: a run with the same key need not run again.

    The label is not part of it, nor is a default that was written out. The features are: a schema
    file may have been edited under its old name.
    """
    config = model_config(spec)
    schemas = resolved_schemas(spec, config, split.dataset)
    left_out = {"label", "params", "protocol", "dataset", *(() if spec.refit else ("refit",))}
    content = {
        **spec.model_dump(mode="json", exclude=left_out),
        "params": config.model_dump(mode="json"),
        "threads": spec.threads or default_threads(),
        "split": split.fingerprint,
        "schemas": [schema.model_dump(mode="json") for schema in schemas],
        "code": code_fingerprint(spec.model, _modules_behind(spec, schemas)),
        "packages": package_versions(),
    }
    text = json.dumps(content, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _modules_behind(spec: JobSpec, schemas: list[FeatureSchema]) -> tuple[str, ...]:
    """Name the modules of what takes part beside the model, of which extensions may be.

    The models inside the model, the statistics that are read, the protocol and the metrics.
    """
    read = {feature.reads for schema in schemas for feature in schema.features}
    statistics = [each for name, each in STATISTICS.items() if name in read]
    inner = {model_info(name).cls.__module__ for name in _models_inside(spec.params)}
    found = {*inner, *(each.compute.__module__ for each in statistics)}
    return tuple(sorted({*(name for name in found if not is_own(name)), *judging_modules(spec)}))


def judging_modules(spec: JobSpec) -> tuple[str, ...]:
    """Name the modules of extensions that judge a job: of the protocol and the metrics."""
    judged = metric_modules("rows" if stage_of(spec) == "ranking" else "lists")
    protocol = type(make_protocol(spec.protocol)).__module__
    return tuple(sorted(name for name in {*judged, protocol} if not is_own(name)))


def _models_inside(value: Any) -> Iterator[str]:
    """Find the names of models at any depth of a configuration: ``{model: NAME}``."""
    if isinstance(value, Mapping):
        if isinstance(value.get("model"), str) and value["model"] in model_names():
            yield value["model"]
        value = value.values()
    if isinstance(value, Collection) and not isinstance(value, str):
        for each in value:
            yield from _models_inside(each)


def run(
    spec: JobSpec,
    *,
    data_dir: Path,
    out_dir: Path | None = None,
    split: Split | None = None,
    offline: bool = False,
    on_event: OnEvent = ignore,
) -> RunResult:
    """Train and evaluate one model; one that is refitted on all rows is not evaluated.

    Parameters
    ----------
    data_dir
        Where prepared data sets lie.
    out_dir
        Where to put ``model/`` and, while training, ``checkpoint/``; None keeps neither.
    split
        The outcome of `load_split(spec)`, when the caller has it already.
    offline
        Never download a data set.

    Raises
    ------
    InputError
        The spec or the data is wrong.
    """
    model_config(spec)  # a mistake is found before the data are loaded
    reset_peak_memory()
    if split is None:
        split = load_split(spec, data_dir=data_dir, offline=offline, on_event=on_event)
    checkpoint = out_dir / CHECKPOINT if out_dir else None
    save_to = out_dir / MODEL if out_dir else None
    found = {}
    for date, window in (split.windows or {"": split}).items():
        own = window_folder(checkpoint, date)
        fitted = fit_job(spec, window, checkpoint=own, on_event=on_event)
        found[date] = judge_job(fitted, spec, save_to=save_to, on_event=on_event)
    return together(found, split) if split.windows else found[""]


@dataclass(frozen=True)
class FittedJob:
    """A job that has learned from its train rows.

    Parameters
    ----------
    params
        Every field of the model, defaults included.
    job
        The model, as its stage is judged.
    """

    spec: JobSpec
    split: Split
    params: dict[str, Any]
    device: str
    job: Job
    fit_seconds: float


def fit_job(
    spec: JobSpec, split: Split, *, checkpoint: Path | None = None, on_event: OnEvent = ignore
) -> FittedJob:
    """Train one model on the train rows of a split; the first half of `run`.

    Parameters
    ----------
    checkpoint
        Where to keep what training needs to go on; None: nowhere.

    Raises
    ------
    InputError
        The spec does not fit the data, or the split has several windows: `run` fits a model for
        each.
    """
    require_one_window(split, "a model is fitted on")
    config = model_config(spec)
    runtime = Runtime(
        seed=spec.seed,
        device=_resolve_device(spec.device),
        checkpoint=checkpoint,
        stop_after=spec.refit.epochs.get(WHOLE_MODEL) if spec.refit else None,
    )
    with limited_threads(spec.threads or default_threads()):
        job = _make_job(spec, config, split, runtime)
        started = time.perf_counter()
        on_event(Event("fit", message=f"fitting {spec.name}"))
        job.fit(on_event)
        seconds = time.perf_counter() - started
    params = config.model_dump(mode="json")
    return FittedJob(spec, split, params, runtime.device, job, seconds)


def judge_job(
    fitted: FittedJob,
    spec: JobSpec,
    *,
    save_to: Path | None = None,
    on_event: OnEvent = ignore,
) -> RunResult:
    """Judge a fitted job on the test rows of its split, unless it is a refit; the rest of `run`.

    Parameters
    ----------
    spec
        That of the job, perhaps with other cut-offs.
    save_to
        Where to write the model; None: nowhere.
    """
    job, split = fitted.job, fitted.split
    with limited_threads(spec.threads or default_threads()):
        started = time.perf_counter()
        judged = Judged(Evaluation.nothing())
        if spec.refit is None:
            on_event(Event("evaluate", message=f"evaluating {spec.name}"))
            judged = job.evaluate(spec.ks)
        for metric, problem in judged.evaluation.problems.items():
            on_event(Event("evaluate", message=f"metric {metric} has no value: {problem}"))
        evaluated = time.perf_counter()
        if save_to is not None:
            job.save(save_to)
        validation = job.validation()
    return RunResult(
        spec=spec,
        stage=model_info(spec.model).stage,
        params=fitted.params,
        split=split,
        environment=job_environment(spec, split, fitted.device),
        judged=judged,
        validation=validation,
        curve=job.curve,
        chosen_epochs=job.chosen_epochs if spec.refit is None else {},
        fit_seconds=fitted.fit_seconds,
        eval_seconds=evaluated - started,
        peak_rss_mb=peak_memory_mb(),
    )


def job_environment(spec: JobSpec, split: Split, device: str) -> dict[str, Any]:
    """Describe what a job's outcome depends on beside the spec, as environment.json has it."""
    model = None if spec.model == EXTERNAL else spec.model
    return {
        **describe_environment(model, spec.threads or default_threads(), device),
        "dataset_fingerprint": split.dataset.fingerprint,
        "split_fingerprint": split.fingerprint,
    }


class Job(Protocol):
    """What `run` asks of a stage."""

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

    def save(self, folder: Path) -> None:
        """Write the model."""
        ...

    def validation(self) -> dict[str, float]:
        """Give the validation metric."""
        ...


def _make_job(spec: JobSpec, config: Config, split: Split, runtime: Runtime) -> Job:
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
        self._split = split
        info = model_info(spec.model)
        self._schema = None
        if reads_features(info):
            self._schema = feature_schema(info, spec.features, split.dataset)
        more = () if self._schema is None else (self._schema,)
        self._model = info.cls(config, runtime, *more)

    def fit(self, on_event: OnEvent) -> None:
        self._model.fit(self._split.train, valid=self._split.valid, on_event=on_event)

    def evaluate(self, ks: Sequence[int]) -> Judged:
        split = self._split
        users = np.unique(split.test.user)
        histories = split.known.histories().take(users)
        started = time.perf_counter()
        top = self._model.recommend(users, max(KEPT_ITEMS, *ks), histories=histories)
        seconds = time.perf_counter() - started
        kept = Recommendations(users, top.items[:, :KEPT_ITEMS], top.scores[:, :KEPT_ITEMS])
        evaluation = evaluate_recommendations(users, top.items, split, ks)
        if split.train.new_items is not None:
            judged = histories.take(np.searchsorted(users, evaluation.users))
            among = self._model.among(split.train.new_items)
            new = among.recommend(evaluation.users, max(ks), histories=judged)
            evaluation = with_new_items(evaluation, new.items, split, ks)
        timings = request_timings(self._model, users, histories, KEPT_ITEMS, seconds)
        features = {} if self._schema is None else describe_schema(self._schema, towers=True)
        return Judged(evaluation, recommendations=kept, timings=timings, features=features)

    def save(self, folder: Path) -> None:
        self._model.save(folder)

    def validation(self) -> dict[str, float]:
        # the fitted model, asked as one that knows the train rows alone
        return Validation(self._split.valid)(self._model)

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

        self._spec, self._split = spec, split
        schema = feature_schema(model_info(spec.model), spec.features, split.dataset)
        self._ranker = Ranker(spec.model, config, schema, runtime)

    def fit(self, on_event: OnEvent) -> None:
        calibrations = self._spec.refit.calibrations if self._spec.refit else None
        self._ranker.fit(self._split, on_event, calibrations)

    def evaluate(self, ks: Sequence[int]) -> Judged:
        from recsys_core.ranking.rows import ranking_rows

        rows = ranking_rows(self._split, "test")
        test = rows.queries
        labels = self._ranker.tasks.labels_of(rows).numpy()
        scores = self._ranker.score(test, Known.of(self._split.known))
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
    from recsys_core.training.trainer import TrainingConfig, chosen_epoch  # torch is slow to import

    if not isinstance(config, TrainingConfig):
        return {}
    chosen = chosen_epoch(curve, getattr(config, "monitor", RECALL_METRIC))
    return {} if chosen is None else {WHOLE_MODEL: chosen}


def _best(curve: list[dict[str, float]], metric: str) -> dict[str, float]:
    """Give the value of the epoch that training kept; empty without validation rows."""
    values = [epoch[metric] for epoch in curve if metric in epoch]
    pick = max if higher_is_better(metric) else min
    return {metric: pick(values)} if values else {}


def _resolve_device(device: str) -> str:
    if device == "cpu":
        return device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError("device 'cuda': torch sees no GPU on this machine", "use cpu or auto")
    return "cpu"
