"""Suites: a data set, a protocol and the jobs to compare under it, as YAML."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from recsys_core.config import Config, parse_config, read_yaml
from recsys_core.errors import unknown_name
from recsys_core.pipeline.spec import JobSpec, specs_per_seed
from recsys_core.registry import model_names


class Reference(Config):
    """A published figure for a label and a metric."""

    value: float = Field(description="The published value.")
    source: str = Field(description="Who published it, and where.")
    note: str = Field(
        "",
        max_length=500,
        description="What is not comparable, e.g. that the model was told the time of the event "
        "it predicts, or that the figure is the best of a grid; empty: nothing known.",
    )

    @property
    def cited(self) -> str:
        """The source, and what is not comparable."""
        return f"{self.source} ({self.note})" if self.note else self.source


class SuiteJob(Config):
    """One line of a suite: a model under a label."""

    model: str = Field(description="Registered model name.")
    label: str = Field("", max_length=200, description="Name in reports; empty: the model's name.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="The model's fields that differ from their defaults."
    )
    features: str | None = Field(
        None,
        max_length=4096,
        description="Feature schema, for models that read features; null: the model's default.",
    )

    @property
    def name(self) -> str:
        """The label, or the model's name where there is none."""
        return self.label or self.model


class Suite(Config):
    """Models that are compared on the same rows."""

    name: str = Field(description="Name to give to `--suite`.")
    title: str = Field("", description="One-line description.")
    dataset: str = Field(max_length=4096, description="Registered data set name, or a path.")
    protocol: dict[str, Any] = Field(description="The protocol's name and parameters.")
    ks: tuple[int, ...] = Field((10, 20, 50), description="Cut-offs K of the top-K metrics.")
    seeds: tuple[int, ...] = Field(
        (0,),
        min_length=1,
        description="Random seeds; one run per seed, or a single one where the "
        "seed does not matter.",
    )
    jobs: tuple[SuiteJob, ...] = Field(min_length=1, description="What to run, in this order.")
    references: dict[str, dict[str, Reference]] = Field(
        default_factory=dict, description="Published figures: label -> metric -> figure."
    )

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        names = [job.name for job in self.jobs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"label '{name}' is used twice; give each job its own label")
        for label in self.references:
            if label not in names:
                raise ValueError(f"references name label '{label}', which no job has")
        return self

    @property
    def labels(self) -> list[str]:
        """Labels of the jobs, in order."""
        return [job.name for job in self.jobs]

    def select(self, labels: Iterable[str]) -> Suite:
        """Keep the jobs with these labels; a name that is no label is taken as a model name.

        Raises
        ------
        InputError
            A name is neither a label of the suite nor a registered model.
        """
        by_label = {job.name: job for job in self.jobs}
        jobs = []
        for label in dict.fromkeys(labels):
            if label not in by_label and label not in model_names():
                raise unknown_name("label or model", label, {*by_label, *model_names()})
            jobs.append(by_label.get(label) or SuiteJob(model=label))
        names = {job.name for job in jobs}
        references = {label: ref for label, ref in self.references.items() if label in names}
        return self.model_copy(update={"jobs": tuple(jobs), "references": references})

    def specs(self, **shared: Any) -> list[JobSpec]:
        """Write out one spec per job and seed, jobs first, so that seeds of a job stand together.

        Parameters
        ----------
        shared
            Fields of JobSpec that hold for all, e.g. ``threads=2``.

        Raises
        ------
        InputError
            A job names no registered model, or a value is wrong.
        """
        return [
            spec
            for job in self.jobs
            for spec in specs_per_seed(
                {
                    "dataset": self.dataset,
                    "protocol": self.protocol,
                    "model": job.model,
                    "params": job.params,
                    "features": job.features,
                    "label": job.name,
                    "ks": self.ks,
                    **shared,
                },
                self.seeds,
                f"suite {self.name}, {job.name}",
            )
        ]


def _folder() -> Path:
    return Path(str(resources.files("recsys_core.pipeline") / "suites"))


def suite_names() -> list[str]:
    """List the packaged suites."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def load_suite(name_or_path: str) -> Suite:
    """Read a packaged suite by name, or any suite from a YAML file.

    Raises
    ------
    InputError
        No such suite or file, or a wrong field (named, with the nearest valid one).
    """
    if name_or_path in suite_names():
        path = _folder() / f"{name_or_path}.yaml"
    elif name_or_path.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
    else:
        raise unknown_name("suite", name_or_path, [*suite_names(), "a path ending in .yaml"])
    return parse_config(Suite, read_yaml(path), f"suite {path.name}")
