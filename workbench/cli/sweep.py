"""`queue add --sweep` and `queue sweep`: search over a model's fields."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from recsys_core.errors import InputError
from workbench.cli.context import Settings, pass_settings
from workbench.cli.table import ago, print_table
from workbench.jobs.queue import Entry
from workbench.jobs.queue_files import is_paused
from workbench.jobs.service import ensure_supervisor
from workbench.jobs.sweep import (
    Sweep,
    change_sweep,
    list_sweeps,
    read_sweeps,
    resolve_sweep,
)
from workbench.jobs.sweep_end import end_sweep
from workbench.store.files import StoreError
from workbench.store.text import plain

if TYPE_CHECKING:
    from recsys_core.pipeline.spec import JobSpec
    from workbench.jobs.sweep_study import Trial

_TRIALS = 20
_MOST_TRIALS = 100_000

_SWEEP_OPTIONS = [
    click.option(
        "--sweep",
        "spaces",
        multiple=True,
        metavar="FIELD[=SPACE]",
        help="Search this field of the model: log(1e-4,1e-1), float(0,1), int(32,256) or "
        "choice(a,b); if no space is given, between the field's own bounds. Repeatable.",
    ),
    click.option(
        "--trials",
        type=click.IntRange(1, _MOST_TRIALS),
        help=f"With --sweep: how many jobs to try.  [default: {_TRIALS}]",
    ),
]


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a sweep."""
    for option in reversed(_SWEEP_OPTIONS):
        command = option(command)
    return command


def add_sweep(
    settings: Settings,
    specs: Sequence[JobSpec],
    spaces: Sequence[str],
    trials: int | None,
    entry: Entry,
) -> None:
    """Write down a sweep over the fields of one job, and print its id.

    Raises
    ------
    InputError
        Several jobs, no such field, or a space that does not fit it.
    """
    from recsys_core.pipeline.run import model_config, validation_metric
    from workbench.jobs.sweep_space import read_spaces
    from workbench.jobs.sweep_study import create_sweep

    if len(specs) != 1:
        raise InputError("a sweep searches for one job", "give one --model and one of --seeds")
    spec = specs[0]
    config = model_config(spec)
    found = read_spaces(spaces, spec.model, config)
    twice = [field for field in found if field in spec.params]
    if twice:
        raise InputError(
            f"field '{twice[0]}' is both given and searched", "leave out one of --set and --sweep"
        )
    before = {field: getattr(config, field) for field in found}
    sweep = create_sweep(
        settings.runs_dir,
        spec.model_dump(mode="json"),
        found,
        start={field: value for field, value in before.items() if found[field].holds(value)},
        entry=entry,
        metric=validation_metric(spec),
        trials=trials or _TRIALS,
    )
    sys.stdout.write(f"{sweep.sweep_id}\n")


@click.command("sweep")
@click.argument("name", metavar="[SWEEP]", required=False)
@click.option(
    "--trials",
    type=click.IntRange(1, _MOST_TRIALS),
    help="Continue until there are this many trials in total.",
)
@click.option(
    "--cancel", "cancelled", is_flag=True, help="End the sweep; its finished trials are kept."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def sweep_command(
    settings: Settings, name: str | None, trials: int | None, cancelled: bool, as_json: bool
) -> None:
    """List sweeps, or show one: the best trial, the importance of each field, every trial."""
    if name is None:
        if cancelled or trials is not None:
            raise InputError(
                "--cancel and --trials need a sweep", "see: recsys-workbench queue sweep"
            )
        _list(settings, as_json)
        return
    sweep = resolve_sweep(settings.runs_dir, name)
    if cancelled and trials is not None:
        raise InputError("--cancel and --trials contradict each other", "leave one of them out")
    if cancelled:
        cancel_sweeps(settings, [sweep])
    elif trials is not None:
        change_sweep(sweep, state="active", reason="", trials=trials)
        if not is_paused(settings.runs_dir):
            ensure_supervisor(settings.runs_dir)
    else:
        _show(sweep, as_json)


def cancel_sweeps(settings: Settings, sweeps: Sequence[Sweep] | None = None) -> None:
    """Begin no more trials of sweeps (None: of all), and cancel those under way."""
    if sweeps is None:
        sweeps = list_sweeps(settings.runs_dir)
    for sweep in sweeps:
        if end_sweep(sweep.folder):
            ensure_supervisor(settings.runs_dir)


def _list(settings: Settings, as_json: bool) -> None:
    sweeps, errors = read_sweeps(settings.runs_dir)
    shown = []
    for sweep in sweeps:
        try:
            shown.append(_read(sweep))
        except StoreError as error:
            errors.append(error)
            shown.append(_describe(sweep) | {"state": "damaged", "reason": error.problem})
    for each in errors:
        sys.stderr.write(f"{plain(each.problem)}\n{each.remedy}\n")
    if as_json:
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        return
    if not sweeps and not errors:
        sys.stderr.write(
            "no sweeps; begin one: recsys-workbench queue add --model NAME --sweep FIELD=SPACE\n"
        )
        return
    rows = [
        (
            entry["sweep_id"],
            entry["state"],
            entry["model"],
            entry["dataset"],
            f"{_ended(entry)}/{entry['trials_wanted']}",
            entry["metric"],
            entry["best"] and entry["best"]["value"],
            ago(sweep.created),
        )
        for sweep, entry in zip(sweeps, shown, strict=True)
    ]
    heads = ("sweep", "state", "model", "data set", "trials", "validation", "best", "created")
    print_table(heads, rows)


def _ended(entry: dict[str, Any]) -> int:
    return sum(trial["state"] != "under way" for trial in entry["trials"])


def _describe(sweep: Sweep) -> dict[str, Any]:
    """Say what stands in its own file, as JSON has it."""
    return {
        "sweep_id": sweep.sweep_id,
        "state": sweep.state,
        "reason": sweep.reason,
        "model": sweep.spec["model"],
        "dataset": sweep.spec["dataset"],
        "metric": sweep.metric,
        "trials_wanted": sweep.trials,
        "spaces": {field: str(space) for field, space in sweep.spaces.items()},
        "best": None,
        "importances": {},
        "trials": [],
    }


def _read(sweep: Sweep) -> dict[str, Any]:
    """Add what Optuna knows.

    Raises
    ------
    StoreError
        Its file is damaged.
    """
    from workbench.jobs.sweep_study import Study, damage_told

    with damage_told(sweep):
        study = Study(sweep)
        best = study.best()
        return _describe(sweep) | {
            "best": best and _trial_json(sweep, best),
            "importances": study.importances(),
            "trials": [_trial_json(sweep, trial) for trial in study.trials()],
        }


def _trial_json(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    given_up = trial.state == "under way" and sweep.state == "cancelled"
    return {
        "number": trial.number,
        "state": "cancelled" if given_up else trial.state,
        "value": trial.value,
        "params": trial.params,
        "run_id": trial.run_id,
        "reason": str(trial.notes.get("reason", "")),
    }


def _show(sweep: Sweep, as_json: bool) -> None:
    shown = _read(sweep)
    if as_json:
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        return
    state = sweep.state + (f": {plain(sweep.reason)}" if sweep.reason else "")
    sys.stdout.write(
        f"sweep of {plain(sweep.name)} on {plain(sweep.spec['dataset'])}, {state}: "
        f"{_ended(shown)} of {sweep.trials} trials, judged by {sweep.metric} on validation rows\n"
    )
    best = shown["best"]
    if best is not None:
        settings = "".join(f" --set {field}={_exact(x)}" for field, x in best["params"].items())
        sys.stdout.write(
            f"best: {best['value']:.4f} by run {best['run_id']}\n     {plain(settings.strip())}\n"
        )
    sys.stdout.write("\n")
    shares = shown["importances"]
    print_table(
        ("field", "searched", "importance"),
        [(field, text, shares.get(field)) for field, text in shown["spaces"].items()],
    )
    sys.stdout.write("\n")
    fields = list(sweep.spaces)
    print_table(
        ("trial", "state", sweep.metric, *fields, "run"),
        [
            (
                trial["number"],
                trial["state"],
                trial["value"],
                *(_value(trial["params"].get(field)) for field in fields),
                trial["run_id"],
            )
            for trial in shown["trials"]
        ],
    )


def _exact(value: Any) -> str:
    """Write a field's value so that `--set` reads it back.

    Examples
    --------
    >>> _exact(0.0123456789), _exact("bpr"), _exact([64, 32]), _exact(None)
    ('0.0123456789', 'bpr', '[64,32]', 'null')
    """
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _value(value: Any) -> str:
    """Write a field's value in short: ``0.0123457``."""
    return f"{value:.6g}" if isinstance(value, float) else _exact(value)
