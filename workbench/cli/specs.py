"""From a command line to jobs: the specs of one model, or of a suite, as the options change them.

What can be known without the data is checked here, before anything is made or started.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from recsys_core.config import parse_config, parse_value, read_yaml
from recsys_core.errors import InputError, unknown_name
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.spec import JobSpec, specs_per_seed
from recsys_core.pipeline.suites import Suite
from recsys_core.protocols.registry import make_protocol
from recsys_core.registry import model_info
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.references import with_run_folders

#: the key of `--set` that means the protocol
PROTOCOL = "protocol"
#: options that say which processes do a job, named as its fields
_PROCESSES = ("threads", "nproc", "device")


def specs_of_model(
    model: str,
    label: str,
    features: str | None,
    config: Path | None,
    options: JobOptions,
    settings: Settings,
) -> list[JobSpec]:
    """Make the job of one model, one per seed.

    Raises
    ------
    InputError
        Something on the line or in the file is wrong.
    """
    model_info(model)  # the nearest name, before anything else is looked at
    params = read_yaml(config) if config else {}
    protocol = _named_protocol(options)
    name = label or model
    changes = [_labelled(change, name) for change in options.changes]
    _apply(changes, {name: params, PROTOCOL: protocol})
    values: dict[str, Any] = {
        "dataset": "ml-100k" if options.dataset is None else options.dataset,
        "protocol": protocol,
        "model": model,
        "params": params,
        "features": features,
        "label": name,
        **_given(options, _PROCESSES),
    }
    if options.ks is not None:
        values["ks"] = options.ks
    specs = specs_per_seed(values, options.seeds or (0,), f"job {model}")
    return [checked(spec, settings) for spec in specs]


def protocol_of(options: JobOptions) -> dict[str, Any]:
    """Make the protocol of scores from elsewhere, as ``--set protocol.FIELD=VALUE`` changes it.

    Raises
    ------
    InputError
        A change is of something else, or the protocol is wrong.
    """
    protocol = _named_protocol(options)
    _apply(options.changes, {PROTOCOL: protocol})
    make_protocol(protocol)
    return protocol


def _named_protocol(options: JobOptions) -> dict[str, Any]:
    return {"name": "user-timeline" if options.protocol is None else options.protocol}


def specs_of_suite(suite: Suite, options: JobOptions, settings: Settings) -> list[JobSpec]:
    """Make the jobs of a suite that `changed_suite` gave.

    Raises
    ------
    InputError
        The protocol, or a field of a model, is wrong.
    """
    specs = suite.specs(**_given(options, _PROCESSES))
    return [checked(spec, settings) for spec in specs]


def changed_suite(suite: Suite, options: JobOptions) -> Suite:
    """Let the options replace what the suite says."""
    values = suite.model_dump()
    if options.dataset is not None:
        values["dataset"] = options.dataset
    if options.protocol not in (None, suite.protocol.get("name")):
        values["protocol"] = {"name": options.protocol}
    if options.ks is not None:
        values["ks"] = options.ks
    if options.seeds is not None:
        values["seeds"] = options.seeds
    targets: dict[str, dict[str, Any]] = {
        job.name: dumped["params"] for job, dumped in zip(suite.jobs, values["jobs"], strict=True)
    }
    _apply(options.changes, {**targets, PROTOCOL: values["protocol"]})
    if values["dataset"] != suite.dataset or values["protocol"] != suite.protocol:
        values["references"] = {}  # published for other rows
    return parse_config(Suite, values, f"suite {suite.name}")


def checked(spec: JobSpec, settings: Settings) -> JobSpec:
    """Check protocol and model, and name the runs that it takes models from by their folders.

    Raises
    ------
    InputError
        A name or a field is wrong, or there is no such run.
    """
    make_protocol(spec.protocol)
    model_config(spec)
    return with_run_folders(spec, settings.runs_dir)


def changed_job(spec: JobSpec, names: Iterable[str], options: JobOptions) -> JobSpec:
    """Let the options of these names, where they are given, replace fields of a run's job.

    Raises
    ------
    InputError
        The model cannot be trained so.
    """
    given = _given(options, names)
    changed = parse_config(JobSpec, {**spec.model_dump(), **given}, f"job {spec.name}")
    model_config(changed)
    return changed


def _given(options: JobOptions, names: Iterable[str]) -> dict[str, Any]:
    """Pick the options that are on the line; what the others mean, the fields of a job say."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _labelled(change: str, label: str) -> str:
    """Put the only label before a field, where it does not stand there."""
    key = change.partition("=")[0]
    if "=" not in change:
        raise InputError(
            f"--set '{change}' is not of the form FIELD=VALUE", "write e.g. --set epochs=5"
        )
    return change if key.startswith((f"{PROTOCOL}.", f"{label}.")) else f"{label}.{change}"


def _apply(changes: Iterable[str], targets: Mapping[str, dict[str, Any]]) -> None:
    """Set ``LABEL.FIELD=VALUE`` in the fields of that label, or of the protocol."""
    for text in changes:
        label, field, value = parse_change(text)
        if label not in targets:
            raise unknown_name(f"label in --set '{text}':", label, targets)
        targets[label][field] = value


def parse_change(text: str) -> tuple[str, str, Any]:
    """Read ``LABEL.FIELD=VALUE``.

    Raises
    ------
    InputError
        It is not of that form.

    Examples
    --------
    >>> parse_change("mf.learning_rate=1e-3")
    ('mf', 'learning_rate', 0.001)
    """
    key, equals, value = text.partition("=")
    label, dot, field = key.strip().rpartition(".")
    if not (equals and dot and label and field):
        raise InputError(
            f"--set '{text}' is not of the form LABEL.FIELD=VALUE",
            "write e.g. --set mf.epochs=5, or --set protocol.relevance=3",
        )
    return label, field, parse_value(value)
