"""`run(spec)`: load, split, fit, evaluate. Every way of working calls this one function."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from recsys_core.compute.blocks import telling
from recsys_core.compute.devices import resolve_device
from recsys_core.compute.earlier import Earlier
from recsys_core.compute.ranks import ALONE, Ranks
from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.config import Config, parse_config
from recsys_core.data.load import load_dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.result import Evaluation
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.pipeline.environment import (
    code_fingerprint,
    describe_environment,
    package_versions,
    peak_memory_mb,
    reset_peak_memory,
)
from recsys_core.pipeline.feature_schemas import job_schema, resolved_schemas
from recsys_core.pipeline.judges import judges_at_work
from recsys_core.pipeline.modules_behind import modules_behind
from recsys_core.pipeline.ranks import check_nproc, gathered, job_threads
from recsys_core.pipeline.result import Judged, RunResult
from recsys_core.pipeline.serves import cannot_serve
from recsys_core.pipeline.spec import WHOLE_MODEL, JobSpec, stage_of
from recsys_core.pipeline.stage_jobs import Job, make_job
from recsys_core.pipeline.update import Origin, find_origin
from recsys_core.pipeline.windows import together, window_folder
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split, require_one_window
from recsys_core.recall.shared.validation import METRIC as RECALL_METRIC
from recsys_core.registry import EXTERNAL, model_info, reads_features
from recsys_core.run_folder import CHECKPOINT, MODEL
from recsys_core.training.config import TrainingConfig
from recsys_core.training.gpu_memory import said_when_full


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
    check_nproc(spec, config, info)
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
            "train and evaluate it on the current data first, then refit that run",
        )
    refusal = cannot_serve(spec, config, split)
    if refusal is not None:
        raise refusal
    if reads_features(info):
        job_schema(spec, info, split.dataset)
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
    left_out = {"label", "params", "protocol", "dataset", "update"}
    if spec.refit is None:
        left_out.add("refit")
    content = {
        **spec.model_dump(mode="json", exclude=left_out),
        "params": config.model_dump(mode="json"),
        "device": _device_of(spec, config),
        "threads": job_threads(spec),
        "split": split.fingerprint,
        "schemas": [schema.model_dump(mode="json") for schema in schemas],
        "code": code_fingerprint(spec.model, modules_behind(spec, schemas)),
        "packages": package_versions(),
        **({"update": spec.update.key} if spec.update else {}),
    }
    return hash_of(content)


def _device_of(spec: JobSpec, config: Config) -> str:
    """Say what an outcome depends on: whether a GPU computes, not which one."""
    learns = isinstance(config, TrainingConfig) or stage_of(spec) == "two-stage"
    return resolve_device(spec.device).partition(":")[0] if learns else "cpu"


def hash_of(content: Mapping[str, Any]) -> str:
    """Hash what decides an outcome."""
    text = json.dumps(content, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def run(
    spec: JobSpec,
    *,
    data_dir: Path,
    out_dir: Path | None = None,
    split: Split | None = None,
    origin: Origin | None = None,
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
    origin
        Of an update: the outcome of `find_origin(spec, split, data_dir)`, likewise.
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
    with gathered(spec, split, data_dir) as ranks:
        return run_among(
            ranks,
            spec,
            split,
            data_dir=data_dir,
            out_dir=out_dir,
            origin=origin,
            on_event=on_event,
        )


def run_among(
    ranks: Ranks,
    spec: JobSpec,
    split: Split,
    *,
    data_dir: Path,
    out_dir: Path | None = None,
    origin: Origin | None = None,
    on_event: OnEvent = ignore,
) -> RunResult:
    """Do a rank's part of `run`; the first one's result is that of the job."""
    checkpoint = out_dir / CHECKPOINT if out_dir else None
    save_to = out_dir / MODEL if out_dir else None
    if spec.update is not None:
        origin = origin or find_origin(spec, split, data_dir)
        for line in origin.said():
            on_event(Event("fit", message=line))
    found = {}
    for date, window in (split.windows or {"": split}).items():
        own = window_folder(checkpoint, date)
        earlier = origin.earlier if origin is not None else None
        fitted = fit_job(
            spec, window, checkpoint=own, earlier=earlier, ranks=ranks, on_event=on_event
        )
        found[date] = judge_job(fitted, spec, save_to=save_to, on_event=on_event)
    if not ranks.first:
        return next(iter(found.values()))
    if origin is not None:
        found[""] = replace(found[""], updated_from=origin.content())
        if save_to is not None:
            origin.save(save_to)
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
    ranks
        The processes that fitted it together; they judge it together, too.
    """

    spec: JobSpec
    split: Split
    params: dict[str, Any]
    device: str
    job: Job
    fit_seconds: float
    ranks: Ranks = ALONE


def fit_job(
    spec: JobSpec,
    split: Split,
    *,
    checkpoint: Path | None = None,
    earlier: Earlier | None = None,
    ranks: Ranks = ALONE,
    on_event: OnEvent = ignore,
) -> FittedJob:
    """Train one model on the train rows of a split; the first half of `run`.

    Parameters
    ----------
    checkpoint
        Where to keep what training needs to go on; None: nowhere.
    earlier
        Of an update: what the run that is updated has learned, from `find_origin`.
    ranks
        The processes that fit it together, from `gathered`.

    Raises
    ------
    InputError
        The spec does not fit the data, or the split has several windows: `run` fits a model for
        each.
    """
    require_one_window(split, "a model is fitted on")
    config = model_config(spec)
    runtime = replace(runtime_of(spec, checkpoint, earlier), ranks=ranks)
    with limited_threads(job_threads(spec)):
        job = make_job(spec, config, split, runtime)
        started = time.perf_counter()
        on_event(Event("fit", message=f"fitting {spec.name}"))
        with said_when_full(spec.name):
            job.fit(on_event)
        seconds = time.perf_counter() - started
    params = config.model_dump(mode="json")
    return FittedJob(spec, split, params, runtime.device, job, seconds, ranks)


def runtime_of(
    spec: JobSpec, checkpoint: Path | None = None, earlier: Earlier | None = None
) -> Runtime:
    """Say where and how the model of a job runs.

    Raises
    ------
    InputError
        A GPU was asked for and torch sees none.
    """
    return Runtime(
        seed=spec.seed,
        device=resolve_device(spec.device),
        checkpoint=checkpoint,
        stop_after=spec.refit.epochs.get(WHOLE_MODEL) if spec.refit else None,
        earlier=earlier,
    )


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
    with limited_threads(job_threads(spec)):
        started = time.perf_counter()
        judged = Judged(Evaluation.nothing())
        if spec.refit is None:
            on_event(Event("evaluate", message=f"evaluating {spec.name}"))
            with telling(on_event, "evaluate"), judges_at_work(on_event):
                judged = job.evaluate(spec.ks)
        tell_problems(judged.evaluation, on_event)
        evaluated = time.perf_counter()
        if save_to is not None:
            job.save(save_to)
        validation = job.validation()
        memory = sum(fitted.ranks.tell_all(peak_memory_mb()))
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
        peak_rss_mb=memory,
    )


def tell_problems(evaluation: Evaluation, on_event: OnEvent) -> None:
    """Say which metrics have no value, and why."""
    for metric, problem in evaluation.problems.items():
        on_event(Event("evaluate", message=f"metric {metric} has no value: {problem}"))


def job_environment(spec: JobSpec, split: Split, device: str) -> dict[str, Any]:
    """Describe what a job's outcome depends on beside the spec, as environment.json has it."""
    model = None if spec.model == EXTERNAL else spec.model
    return {
        **describe_environment(model, job_threads(spec), device),
        "dataset_fingerprint": split.dataset.fingerprint,
        "split_fingerprint": split.fingerprint,
    }
