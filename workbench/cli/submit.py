"""Checked job specs for the queue, from a model, a suite, a file or a job that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys_core.config import parse_config, parse_value, read_yaml
from recsys_core.data.dataset import PART
from recsys_core.data.load import dataset_names, raw_path
from recsys_core.data.registered import read_meta
from recsys_core.errors import InputError, unknown_name
from recsys_core.pipeline.needs import check_columns, lack_of_ratings
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.spec import JobSpec, current_spec
from recsys_core.pipeline.suites import load_suite
from recsys_core.protocols.registry import make_protocol
from recsys_core.reading import DamagedError
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.plan import Plan, plan_of_suite
from workbench.cli.specs import PROTOCOL, specs_of_model
from workbench.store.runs import Run, check_writable


def jobs_of_model(
    model: str,
    label: str,
    features: str | None,
    config: Path | None,
    options: JobOptions,
    settings: Settings,
) -> list[JobSpec]:
    """Make the job of one model, one per seed, where it can learn from the data set."""
    specs = specs_of_model(model, label, features, config, options, settings)
    check_writable(settings.runs_dir)
    for spec in specs:
        lack = _check_dataset(spec, settings.data_dir)
        if lack is not None:
            raise InputError(f"{spec.name}: {lack.problem}", lack.remedy)
    return specs


def jobs_of_suite(name: str, models: str | None, options: JobOptions, settings: Settings) -> Plan:
    """Make the jobs of a suite, without those that cannot learn from the data set."""
    suite = load_suite(name)
    if models is not None:
        suite = suite.select(label.strip() for label in models.split(","))
    plan = plan_of_suite(suite, options, settings, named=models is not None)
    found = {spec.name: _check_dataset(spec, settings.data_dir) for spec in plan.specs}
    return plan.without({label: error for label, error in found.items() if error is not None})


def spec_from_file(path: Path, options: JobOptions, settings: Settings) -> JobSpec:
    """Read a job from a file that somebody else may have written; nothing in it is executed.

    Raises
    ------
    InputError
        A field is unknown or wrong, or options were given that change the job.
    """
    if options != JobOptions(offline=options.offline, track=options.track):
        raise InputError(
            "--spec gives the job in full: --dataset, --set and the like are not allowed",
            "leave them out, or change the file",
        )
    spec = parse_config(JobSpec, read_yaml(path), str(path))
    _check(spec, settings.data_dir)
    return spec


def changed_spec(
    run: Run, fields: Mapping[str, Any], changes: Sequence[str], data_dir: Path
) -> JobSpec:
    """Change the job of a run that waits.

    Parameters
    ----------
    fields
        Fields of the spec, by name.
    changes
        ``FIELD=VALUE`` for the model, ``protocol.FIELD=VALUE`` for the protocol.
    """
    values: dict[str, Any] = {**current_spec(run.spec), **fields}
    if values.get("refit") and (changes or "seed" in fields):
        raise InputError(
            f"run {run.run_id} fits another run's job on all rows: its fields stay as they are",
            "change its place, label or threads; or train a new run, and refit that one",
        )
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
    _check(spec, data_dir)
    return spec


def _check(spec: JobSpec, data_dir: Path) -> None:
    make_protocol(spec.protocol)
    model_config(spec)
    lack = _check_dataset(spec, data_dir)
    if lack is not None:
        raise lack


def _check_dataset(spec: JobSpec, data_dir: Path) -> InputError | None:
    """Compare a job with what is known of its data set before it is read.

    Returns
    -------
    Why the model cannot learn from it; None where it can, or where only the rows will tell.

    Raises
    ------
    InputError
        The name is neither a data set nor a path, or the protocol cannot cut the set.
    """
    name = spec.dataset
    if name not in dataset_names(data_dir):
        if raw_path(name) is None:
            raise unknown_name("data set", name, dataset_names(data_dir))
        return None
    try:
        meta = read_meta(data_dir, name)
    except DamagedError:  # it is prepared again when the job begins
        return None
    if meta is None:
        return None
    explicit, timed = meta.get("explicit", True), meta.get("timed", True)
    parted = PART in meta.get("columns", {}).get("event", {})
    check_columns(spec, explicit=explicit, timed=timed, parted=parted)
    return lack_of_ratings(spec, explicit=explicit)
