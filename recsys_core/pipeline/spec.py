"""A job in full: data, protocol, model, seed. The same spec gives the same metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from recsys_core.compute.devices import DEVICES, is_device
from recsys_core.config import Config, parse_config
from recsys_core.registry import EXTERNAL, Stage, model_info, model_names

Metric = str
#: what `Refit.epochs` calls the model of a run with a single one
WHOLE_MODEL = "model"


class Refit(Config):
    """What a run that was judged before has chosen, to fit the same on all rows."""

    run: str = Field(min_length=1, max_length=255, description="Id of the run that was judged.")
    data: str = Field(max_length=255, description="Fingerprint of its data set.")
    epochs: dict[str, int] = Field(
        default_factory=dict,
        description="Epochs after which its validation rows found it best, by part: model, or "
        "ranker and channel/LABEL of a two-stage run.",
    )
    calibrations: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Maps of a ranking run's log odds, by task, that its validation rows taught.",
    )

    @field_validator("epochs")
    @classmethod
    def _positive(cls, epochs: dict[str, int]) -> dict[str, int]:
        if any(count < 1 for count in epochs.values()):
            raise ValueError("every number of epochs must be at least 1")
        return epochs


class Update(Config):
    """The run that a job updates with the events of another data set."""

    run: str = Field(min_length=1, max_length=255, description="Id of the run that is updated.")
    folder: str = Field(
        min_length=1, max_length=4096, description="Its folder, where its model lies."
    )
    key: str = Field(
        min_length=1, max_length=255, description="Its reuse key, by which it is told from others."
    )


class JobSpec(Config):
    """One model to train and evaluate on one data set under one protocol."""

    dataset: str = Field(
        max_length=4096, description="Registered name, e.g. ml-1m, or a path to import from."
    )
    protocol: dict[str, Any] = Field(
        default_factory=lambda: {"name": "user-timeline"},
        description="The protocol's name, and its parameters that differ from their defaults.",
    )
    model: str = Field(description="Registered model name, e.g. item-cf.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="The model's fields that differ from their defaults."
    )
    features: str | None = Field(
        None,
        max_length=4096,
        description="A packaged feature schema or a YAML file, for models that read features; "
        "null: the model's default.",
    )
    label: str = Field("", max_length=200, description="Name in reports; empty: the model's name.")
    ks: tuple[int, ...] = Field((10, 20, 50), description="Cut-offs K of the top-K metrics.")
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Random seed of initial weights, row order and sampling."
    )
    threads: int | None = Field(
        None, ge=1, le=1024, description="CPU threads of the job; null: all cores."
    )
    nproc: int = Field(
        1,
        ge=1,
        le=1024,
        description="Processes that train and evaluate the model together, each with its own "
        "threads.",
    )
    device: str = Field(
        "cpu",
        max_length=8,
        description="Where torch models train: auto (a GPU when there is one), cpu, cuda, or "
        "cuda:N for the GPU of number N.",
    )
    refit: Refit | None = Field(
        None, description="Fit on all rows what an earlier run chose; nothing is judged."
    )
    update: Update | None = Field(
        None,
        description="Start from what an earlier run has learned, and learn what is new; null: "
        "start anew.",
    )

    @field_validator("ks")
    @classmethod
    def _positive_and_sorted(cls, ks: tuple[int, ...]) -> tuple[int, ...]:
        if not ks or min(ks) < 1 or max(ks) >= 2**31:
            raise ValueError("every K must be at least 1, and below 2^31")
        return tuple(sorted(set(ks)))

    @field_validator("device")
    @classmethod
    def _can_be_a_device(cls, device: str) -> str:
        if not is_device(device):
            raise ValueError(f"must be {DEVICES}")
        return device

    @model_serializer(mode="wrap")
    def _one_process_as_ever(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what says nothing, so that jobs and their keys stay what they were."""
        values: dict[str, Any] = write(self)
        if values.get("nproc") == 1:
            del values["nproc"]
        return values

    @property
    def name(self) -> str:
        """The label, or the model's name where there is none."""
        return self.label or self.model


def stage_of(spec: JobSpec) -> Stage:
    """Tell the stage of a job: its model's, or what its file of scores is for.

    Raises
    ------
    InputError
        There is no such model.
    """
    if spec.model != EXTERNAL:
        return model_info(spec.model).stage
    return "ranking" if spec.params.get("stage") == "ranking" else "recall"


def specs_per_seed(values: Mapping[str, Any], seeds: Sequence[int], where: str) -> list[JobSpec]:
    """Write out the jobs of one model, one per seed.

    A model that is the same for every seed has one job, with the first.

    Parameters
    ----------
    values
        Fields of JobSpec, without the seed.
    where
        What is being configured, for the message.

    Raises
    ------
    InputError
        There is no such model, or a value is wrong.
    """
    kept = seeds[:1] if model_info(values["model"]).deterministic else seeds
    return [parse_config(JobSpec, {**values, "seed": seed}, where) for seed in kept]


def read_stored(values: Mapping[str, Any], where: str) -> JobSpec:
    """Read the job of a run folder, which an earlier version may have written.

    Raises
    ------
    InputError
        It is damaged.
    """
    return parse_config(JobSpec, current_spec(values), where)


def current_spec(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write a stored job with the names that the fields of its models have today."""
    found: dict[str, Any] = _current(dict(values))
    return found


def _current(value: Any) -> Any:
    """Rename fields wherever there is a model with params: in a job, a channel, a ranker."""
    if isinstance(value, list):
        return [_current(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _current(each) for name, each in value.items()}
    if found.get("params") and isinstance(found["params"], dict):
        model = found.get("model")
        if model in model_names():
            config = model_info(str(model)).cls.Config
            if issubclass(config, Config):
                found["params"] = config.current(found["params"])
    return found
