"""Options that `eval` and `train` share, gathered into one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from recsys_core.compute.devices import DEVICES, is_device
from recsys_core.errors import InputError, shorten
from workbench.cli.completing import dataset_names, fields_to_set, model_names, runs_and_labels

#: digits of a whole number in a list, leading zeros included
_DIGITS = 20


def _whole_numbers(minimum: int) -> Callable[..., tuple[int, ...] | None]:
    """Build the callback that reads ``10,20,50``; repeats are dropped."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        words = [word.strip() for word in value.split(",")]
        for word in words:
            digits = word.isascii() and word.isdecimal() and len(word) <= _DIGITS
            if not (digits and minimum <= int(word) < 2**31):
                raise click.BadParameter(
                    f"'{shorten(word)}' is not a whole number from {minimum} to {2**31 - 1}",
                    ctx,
                    param,
                )
        return tuple(dict.fromkeys(int(word) for word in words))

    return read


@dataclass(frozen=True)
class JobOptions:
    """What was asked for on the line; None and empty mean: as the suite says."""

    dataset: str | None = None
    protocol: str | None = None
    ks: tuple[int, ...] | None = None
    changes: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    threads: int | None = None
    nproc: int | None = None
    device: str | None = None
    offline: bool = False
    fresh: bool = False
    gates: tuple[str, ...] = ()
    baseline: str | None = None
    tolerances: tuple[str, ...] = ()
    reports: tuple[Path, ...] = ()
    track: tuple[str, ...] = ()
    quiet: bool = False
    plain: bool = False
    estimate: bool = False
    as_json: bool = False


def refuse_any(values: Iterable[Any], problem: str, remedy: str) -> None:
    """Raise InputError if one of the options that do not go with another one was given.

    Parameters
    ----------
    values
        What the options have; None and empty ones were not given.
    """
    if any(value is not None and value not in ("", ()) for value in values):
        raise InputError(problem, remedy)


#: which model a job trains, or the run that it repeats or updates
_MODEL_OPTIONS = [
    click.option(
        "--model",
        metavar="NAME",
        shell_complete=model_names,
        help="Model to train: see models list.",
    ),
    click.option("--config", type=Path, metavar="FILE", help="YAML file with fields of the model."),
    click.option(
        "--features",
        metavar="NAME|FILE",
        help="Feature schema: what the model reads of users, items and rows.",
    ),
    click.option("--label", default="", help="Name in reports.  [default: the model's name]"),
    click.option(
        "--refit",
        metavar="RUN",
        shell_complete=runs_and_labels,
        help="Fit the model of a run on all rows, test rows included, with the epochs that it "
        "chose.",
    ),
    click.option(
        "--from",
        "origin",
        metavar="RUN",
        shell_complete=runs_and_labels,
        help="Update a run with the events of --dataset: start from what it has learned.",
    ),
]
#: what decides on which rows a job is judged, and by what
_SPLIT_OPTIONS = [
    click.option(
        "--dataset",
        metavar="NAME|PATH",
        shell_complete=dataset_names,
        help="Registered data set, or a path.",
    ),
    click.option(
        "--protocol", metavar="NAME", help="How the data is split and models are evaluated."
    ),
    click.option(
        "--k",
        "ks",
        callback=_whole_numbers(1),
        metavar="K,K",
        help="Cut-offs K of the top-K metrics.",
    ),
]
_OFFLINE = click.option("--offline", is_flag=True, help="Never download a data set.")


def _targets(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Check each ``NAME:WHERE``; folders become absolute paths, repeats are dropped."""
    from workbench.tracking.targets import parse_target

    return tuple(dict.fromkeys(str(parse_target(text)) for text in value))


_TRACK = click.option(
    "--track",
    multiple=True,
    callback=_targets,
    metavar="NAME:WHERE",
    help="Tell a tracker of the runs: tensorboard:FOLDER or mlflow:URI. Repeatable.",
)


def _device(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_device(value):
        raise click.BadParameter(f"'{shorten(value)}' is not a device; choose {DEVICES}.")
    return value


#: what decides a job
_SPEC_OPTIONS = [
    *_SPLIT_OPTIONS,
    click.option(
        "--seeds", callback=_whole_numbers(0), metavar="N,N", help="Random seeds; one run per seed."
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        help="CPU threads of each process.  [default: all]",
    ),
    click.option(
        "--nproc",
        type=click.IntRange(1, 1024),
        help="Processes that train and evaluate each model together.  [default: 1]",
    ),
    click.option(
        "--device",
        callback=_device,
        metavar="auto|cpu|cuda[:N]",
        help="Where torch models train; auto: a GPU when there is one; N: which of several.  "
        "[default: cpu]",
    ),
    _OFFLINE,
    _TRACK,
]

#: what to do with it
_RESULT_OPTIONS = [
    click.option("--fresh", is_flag=True, help="Run again instead of reusing earlier runs."),
    click.option(
        "--gate",
        "gates",
        multiple=True,
        metavar="LABEL:METRIC>=VALUE",
        help="Exit with 1 unless this holds (mean over seeds). Repeatable.",
    ),
    click.option(
        "--baseline",
        metavar="RUN|REPORT",
        help="Exit with 1 if a metric is worse than in this run or JSON report.",
    ),
    click.option(
        "--tolerance",
        "tolerances",
        multiple=True,
        metavar="METRIC=D",
        help="How much worse than --baseline a metric may be; if given, only the named "
        "metrics are checked. "
        "Repeatable.",
    ),
    click.option(
        "--report",
        "reports",
        multiple=True,
        type=Path,
        metavar="FILE",
        help="Write a report: .json, .md, .html, .csv or .xml (JUnit). Repeatable.",
    ),
    click.option("--quiet", is_flag=True, help="Print only results and errors, no progress."),
    click.option("--plain", is_flag=True, help="Print progress as lines of text."),
]

#: what it would take
_ESTIMATE_OPTIONS = [
    click.option(
        "--estimate",
        is_flag=True,
        help="Print the time and memory that the jobs would take, and do none of them.",
    ),
    click.option("--json", "as_json", is_flag=True, help="With --estimate: print JSON."),
]


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options; the command gets them as `options`."""
    return _packed(command, [*_SPEC_OPTIONS, *_RESULT_OPTIONS, *_ESTIMATE_OPTIONS])


def score_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those of the shared options that are not about training, as `options`."""
    return _packed(command, [*_SPLIT_OPTIONS, _OFFLINE, *_RESULT_OPTIONS])


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those of the shared options that decide a job; the command gets them as `options`."""
    return _packed(command, _SPEC_OPTIONS)


def _packed(command: Callable[..., Any], options: list[Callable[..., Any]]) -> Callable[..., Any]:
    names = [field.name for field in fields(JobOptions)]

    @wraps(command)
    def packed(**values: Any) -> Any:
        given = JobOptions(**{name: values.pop(name) for name in names if name in values})
        if given.as_json and not given.estimate:
            raise click.UsageError("--json needs --estimate; a report is --report FILE.json")
        if given.track:
            from workbench.tracking.targets import check_installed, parse_target

            for target in given.track:
                check_installed(parse_target(target))
        return command(options=given, **values)

    for option in reversed(options):
        packed = option(packed)
    return packed


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what one job trains."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command


def set_option(metavar: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--set`, whose keys differ between commands."""
    return click.option(
        "--set",
        "changes",
        multiple=True,
        metavar=metavar,
        shell_complete=fields_to_set,
        help="Change a field of a model; protocol.FIELD=VALUE for the protocol. Repeatable.",
    )
