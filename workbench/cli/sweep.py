"""`queue add --sweep` and `queue sweep`: search over a model's fields."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, get_args

import click

from recsys_core.errors import InputError
from workbench.cli.context import Settings, pass_settings
from workbench.cli.place import DURATION, limit
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
from workbench.jobs.sweep_budget import spent_seconds
from workbench.jobs.sweep_end import end_sweep
from workbench.jobs.sweep_progress import Pruner
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
    click.option(
        "--pruner",
        type=click.Choice(get_args(Pruner)),
        help="With --sweep: end trials that are worse than others after as many epochs: than the "
        "median (median), or than the best third (halving, hyperband).  [default: none]",
    ),
    click.option(
        "--budget",
        callback=DURATION,
        metavar="TIME",
        help="With --sweep: begin no trial after its trials have run so long, e.g. 90m.",
    ),
]


@dataclass(frozen=True)
class SweepOptions:
    """How far a sweep goes; None where it was not said."""

    trials: int | None = None
    pruner: Pruner | None = None
    budget: float | None = None

    def check_sweep(self, spaces: Sequence[str]) -> None:
        """Raise InputError for what is said of a sweep where there is none."""
        for name, value in vars(self).items():
            if value is not None and not spaces:
                raise InputError(f"--{name} is for a sweep", "add --sweep FIELD=SPACE")


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a sweep; the command gets ``spaces`` and ``sweeping``."""

    @wraps(command)
    def bundled(
        *arguments: Any,
        trials: int | None,
        pruner: Pruner | None,
        budget: float | None,
        **others: Any,
    ) -> Any:
        return command(*arguments, sweeping=SweepOptions(trials, pruner, budget), **others)

    wrapped: Callable[..., Any] = bundled
    for option in reversed(_SWEEP_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def add_sweep(
    settings: Settings,
    specs: Sequence[JobSpec],
    spaces: Sequence[str],
    options: SweepOptions,
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
        trials=options.trials or _TRIALS,
        pruner=options.pruner or "none",
        budget=limit(options.budget),
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
    "--budget",
    callback=DURATION,
    metavar="TIME",
    help="Continue until its trials have run so long in total; none: without a limit.",
)
@click.option(
    "--cancel", "cancelled", is_flag=True, help="End the sweep; its finished trials are kept."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def sweep_command(
    settings: Settings,
    name: str | None,
    trials: int | None,
    budget: float | None,
    cancelled: bool,
    as_json: bool,
) -> None:
    """List sweeps, or show one: the best trial, the importance of each field, every trial."""
    changes = _changes(trials, budget)
    option = f"--{next(iter(changes), 'trials')}"
    if name is None:
        if cancelled or changes:
            raise InputError(
                f"--cancel and {option} need a sweep", "see: recsys-workbench queue sweep"
            )
        _list(settings, as_json)
        return
    sweep = resolve_sweep(settings.runs_dir, name)
    if cancelled and changes:
        raise InputError(f"--cancel and {option} contradict each other", "leave one of them out")
    if cancelled:
        cancel_sweeps(settings, [sweep])
    elif changes:
        change_sweep(sweep, state="active", reason="", **changes)
        if not is_paused(settings.runs_dir):
            ensure_supervisor(settings.runs_dir)
    else:
        _show(sweep, as_json)


def _changes(trials: int | None, budget: float | None) -> dict[str, Any]:
    """Collect what a sweep is to be given that goes on."""
    changes: dict[str, Any] = {} if trials is None else {"trials": trials}
    return changes if budget is None else changes | {"budget": limit(budget)}


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
        "pruner": sweep.pruner,
        "budget_seconds": sweep.budget,
        "spent_seconds": spent_seconds(sweep),
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
        f"{_ended(shown)} of {sweep.trials} trials, judged by {sweep.metric} on validation rows"
        f"{_limits(sweep, shown)}\n"
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
        ("trial", "state", sweep.metric, *fields, "run", "reason"),
        [
            (
                trial["number"],
                trial["state"],
                trial["value"],
                *(_value(trial["params"].get(field)) for field in fields),
                trial["run_id"],
                plain(trial["reason"]),
            )
            for trial in shown["trials"]
        ],
    )


def _limits(sweep: Sweep, shown: dict[str, Any]) -> str:
    """Say who ends trials, and what is left of the time: ``; pruner median: 3 pruned``."""
    text = ""
    if sweep.pruner != "none":
        pruned = sum(trial["state"] == "pruned" for trial in shown["trials"])
        text += f"; pruner {sweep.pruner}: {pruned} pruned"
    if sweep.budget is not None:
        spent, budget = shown["spent_seconds"] / 60, sweep.budget / 60
        text += f"; {spent:.1f} of {budget:.4g} min spent"
    return text


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
