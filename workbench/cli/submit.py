"""Checked job specs for the queue, from a model, a suite, a file or a job that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recsys_core.config import parse_config, parse_value, read_yaml
from recsys_core.data.store import dataset_names
from recsys_core.errors import InputError, unknown_name
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.suites import Suite, load_suite
from recsys_core.protocols.catalogue import make_protocol
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.plan import PROTOCOL, make_plan
from workbench.cli.train import labelled, suite_of_model
from workbench.store.runs import Run


def specs_of_model(
    model: str,
    label: str,
    features: str | None,
    config: Path | None,
    options: JobOptions,
    settings: Settings,
) -> list[JobSpec]:
    """Make the job of one model, one a seed."""
    suite = suite_of_model(model, label, features, config)
    options = replace(options, changes=tuple(labelled(x, suite) for x in options.changes))
    return _planned(suite, options, settings)


def specs_of_suite(
    name: str, models: str | None, options: JobOptions, settings: Settings
) -> list[JobSpec]:
    """Make the jobs of a suite."""
    suite = load_suite(name)
    if models is not None:
        suite = suite.select(label.strip() for label in models.split(","))
    return _planned(suite, options, settings)


def _planned(suite: Suite, options: JobOptions, settings: Settings) -> list[JobSpec]:
    specs = make_plan(suite, options, settings).specs
    _check_dataset(specs[0].dataset, settings.data_dir)
    return specs


def spec_from_file(path: Path, options: JobOptions, settings: Settings) -> JobSpec:
    """Read a job from a file that somebody else may have written; nothing in it is executed.

    Raises
    ------
    InputError
        A field is unknown or wrong, or options were given that change the job.
    """
    if options != JobOptions(offline=options.offline):
        raise InputError(
            "--spec gives the job in full: no --dataset, --set and the like",
            "leave them out, or change the file",
        )
    spec = parse_config(JobSpec, read_yaml(path), str(path))
    _check(spec)
    _check_dataset(spec.dataset, settings.data_dir)
    return spec


def changed_spec(run: Run, fields: Mapping[str, Any], changes: Sequence[str]) -> JobSpec:
    """Change the job of a run that waits.

    Parameters
    ----------
    fields
        Fields of the spec, by name.
    changes
        ``FIELD=VALUE`` for the model, ``protocol.FIELD=VALUE`` for the protocol.
    """
    values: dict[str, Any] = {**run.spec, **fields}
    targets = {name: dict(values.get(name) or {}) for name in ("params", PROTOCOL)}
    for text in changes:
        key, equals, value = text.partition("=")
        prefix, dot, field = key.strip().rpartition(".")
        if not equals or not field or (dot and prefix != PROTOCOL):
            raise InputError(
                f"--set '{text}' is not of the form FIELD=VALUE",
                "write e.g. --set epochs=5, or --set protocol.relevance=3",
            )
        targets[PROTOCOL if dot else "params"][field] = parse_value(value)
    spec = parse_config(JobSpec, {**values, **targets}, f"run {run.run_id}")
    _check(spec)
    return spec


def _check(spec: JobSpec) -> None:
    make_protocol(spec.protocol)
    model_config(spec)


def _check_dataset(name: str, data_dir: Path) -> None:
    """Raise InputError for a name that is neither a data set nor a path."""
    if name not in dataset_names(data_dir) and not Path(name).expanduser().exists():
        raise unknown_name("data set", name, dataset_names(data_dir))
