"""What Optuna knows of a sweep: which values to try next, which trials are hopeless, the best."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError, OperationalError

from recsys_core.evaluation.names import higher_is_better
from recsys_core.reading import NOT_REGULAR
from workbench.jobs.queue import Entry
from workbench.jobs.queue_files import changing, ring
from workbench.jobs.space import combinations
from workbench.jobs.sweep import STUDY, Sweep
from workbench.jobs.sweep_progress import SWEEPS, Pruner
from workbench.jobs.sweep_space import Space
from workbench.store.files import damaged, explain
from workbench.store.runs import new_folder_name

_NAME = "sweep"
_REMEDY = "begin another sweep: queue add --sweep; the runs of its trials are intact"
#: trials before one is compared with the median of the others, and epochs before it is
_STARTUP_TRIALS, _WARMUP_EPOCHS = 5, 2
#: of so many trials that came as far the best one goes on
_REDUCTION = 3
#: seconds to wait for somebody else's change
_SQLITE_TIMEOUT = 30.0
#: how trials are shown
STATES = {
    TrialState.RUNNING: "under way",
    TrialState.COMPLETE: "succeeded",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.WAITING: "waits",
}


@dataclass(frozen=True)
class Trial:
    """One trial as it is known now.

    Parameters
    ----------
    value
        The validation metric: of one that succeeded the result, of others the last known.
    notes
        ``run_id``, ``reason`` and the like, by name.
    """

    number: int
    state: str
    value: float | None
    params: dict[str, Any]
    notes: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The run that did it; empty while there is none."""
        return str(self.notes.get("run_id", ""))


class Study:
    """The search of one sweep, in a file of its folder; made where it is not there."""

    def __init__(self, sweep: Sweep) -> None:
        path = sweep.folder / STUDY
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise damaged(path, NOT_REGULAR, _REMEDY)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        url = URL.create("sqlite", database=str(path.absolute()))
        storage = optuna.storages.RDBStorage(
            url.render_as_string(), engine_kwargs={"connect_args": {"timeout": _SQLITE_TIMEOUT}}
        )
        self._sweep = sweep
        #: number -> Optuna's id of a trial, which never changes: to find one reads all of them
        self._ids: dict[int, int] = {}
        self._study = optuna.create_study(
            storage=storage,
            study_name=_NAME,
            direction="maximize" if higher_is_better(sweep.metric) else "minimize",
            pruner=optuna.pruners.NopPruner(),  # what is tried next does not depend on it
            load_if_exists=True,
        )
        self._pruner = _pruner(sweep.pruner)
        if sweep.start:
            start = {field: _coded(sweep.spaces[field], x) for field, x in sweep.start.items()}
            self._study.enqueue_trial(start, skip_if_exists=True)

    def trials(self) -> list[Trial]:
        """List the trials that were begun, by number."""
        found = self._study.get_trials(deepcopy=False)
        return [self._shown(trial) for trial in found if trial.state != TrialState.WAITING]

    def begin(self) -> Trial:
        """Choose the values of the next trial.

        The choice depends on the trials before it and the seed alone: a sweep that was interrupted
        goes on as an undisturbed one, as far as trials end in the same order.
        """
        untried = self._untried()
        if untried is not None:
            self._study.enqueue_trial(untried)
        number = len(self.trials())
        seed = int(self._sweep.spec.get("seed", 0)) * 100_003 + number
        self._study.sampler = optuna.samplers.TPESampler(seed=seed)
        spaces = self._sweep.spaces
        trial = self._study.ask({field: _distribution(space) for field, space in spaces.items()})
        return self._shown(self._frozen(trial.number))

    def _untried(self) -> dict[str, Any] | None:
        """Find a combination that was not tried, where there are no more of them than trials.

        Random values would leave out a third of them.
        """
        spaces = self._sweep.spaces
        count = combinations(spaces.values())
        if count is None or count > self._sweep.trials:
            return None
        known = self._study.get_trials(deepcopy=False)
        if any(trial.state == TrialState.WAITING for trial in known):
            return None
        tried = {tuple(trial.params.get(field) for field in spaces) for trial in known}
        every = ([_coded(space, x) for x in space.values or ()] for space in spaces.values())
        untried = next((values for values in product(*every) if values not in tried), None)
        return dict(zip(spaces, untried, strict=True)) if untried is not None else None

    def twin(self, trial: Trial) -> Trial | None:
        """Find a trial that succeeded with the same values."""
        for other in self.trials():
            if other.state == "succeeded" and other.params == trial.params:
                return other
        return None

    def note(self, number: int, **notes: Any) -> None:
        """Keep something with a trial."""
        trial = self._live(number)
        for name, value in notes.items():
            trial.set_user_attr(name, value)

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Tell the validation value of an epoch; return whether the trial is hopeless."""
        trial = self._frozen(number)
        if epoch not in trial.intermediate_values:
            self._live(number).report(value, epoch)
            trial = self._frozen(number)
        return self._pruner.prune(self._study, trial)

    def succeed(self, number: int, value: float) -> None:
        """Note the result of a trial."""
        self._study.tell(number, value)

    def prune(self, number: int) -> None:
        """Note that a trial was ended because it was hopeless."""
        self._study.tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, reason: str, *, cancelled: bool = False) -> None:
        """Note that a trial has no result."""
        self.note(number, reason=reason, **({"cancelled": True} if cancelled else {}))
        self._study.tell(number, state=TrialState.FAIL)

    def best(self) -> Trial | None:
        """Find the trial with the best result; None before there is one."""
        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return self._shown(self._study.best_trial) if done else None

    def importances(self) -> dict[str, float]:
        """Estimate each field's share in how good a trial is (PED-ANOVA), the largest first.

        The best tenth of the trials is compared with all, and at least five, or half of them: one
        trial alone would make all fields equally important. Empty before there are enough results
        to tell.
        """
        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len({trial.value for trial in done}) < _STARTUP_TRIALS:
            return {}
        best = max(0.1, min(0.5, _STARTUP_TRIALS / len(done)))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=best)
        shares = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return {name: float(share) for name, share in shares.items()}

    def _frozen(self, number: int) -> FrozenTrial:
        trial = self._study.get_trials(deepcopy=False)[number]
        self._ids[number] = trial._trial_id
        return trial

    def _live(self, number: int) -> optuna.Trial:
        if number not in self._ids:
            self._frozen(number)
        return optuna.Trial(self._study, self._ids[number])

    def _shown(self, trial: FrozenTrial) -> Trial:
        last = trial.last_step
        known = trial.value if last is None else trial.intermediate_values[last]
        value = trial.value if trial.state == TrialState.COMPLETE else known
        spaces = self._sweep.spaces
        params = {field: _decoded(spaces[field], x) for field, x in trial.params.items()}
        notes = dict(trial.user_attrs)
        asked = trial.state == TrialState.FAIL and notes.get("cancelled")
        return Trial(
            trial.number, "cancelled" if asked else STATES[trial.state], value, params, notes
        )


@contextmanager
def damage_told(sweep: Sweep) -> Iterator[None]:
    """Name Optuna's file where it cannot be read inside the block.

    Raises
    ------
    DamagedFileError
        It is damaged; a full disk or a lock that is held is another error.
    """
    try:
        yield
    except OperationalError:
        raise
    except DatabaseError as error:
        raise damaged(sweep.folder / STUDY, str(error.orig), _REMEDY) from error


def _pruner(name: Pruner) -> optuna.pruners.BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(_STARTUP_TRIALS, _WARMUP_EPOCHS)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(reduction_factor=_REDUCTION)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(reduction_factor=_REDUCTION)
    return optuna.pruners.NopPruner()


def _distribution(space: Space) -> BaseDistribution:
    if space.kind == "choice":
        return CategoricalDistribution([_coded(space, value) for value in space.choices])
    if space.whole:
        return IntDistribution(int(space.low), int(space.high), log=space.kind == "log")
    return FloatDistribution(space.low, space.high, log=space.kind == "log")


def _coded(space: Space, value: Any) -> Any:
    """Write a choice as text: Optuna takes no lists."""
    return json.dumps(value) if space.kind == "choice" else value


def _decoded(space: Space, value: Any) -> Any:
    return json.loads(value) if space.kind == "choice" else value


def params_of(sweep: Sweep, trial: Trial) -> Mapping[str, Any]:
    """Give the model's fields of a trial."""
    return {**sweep.spec.get("params", {}), **trial.params}


def create_sweep(
    runs_dir: Path,
    spec: Mapping[str, Any],
    spaces: Mapping[str, Space],
    *,
    start: Mapping[str, Any],
    entry: Entry,
    metric: str,
    trials: int,
    pruner: Pruner = "none",
    budget: float | None = None,
) -> Sweep:
    """Write down a sweep; its trials begin once a supervisor looks after the queue.

    Raises
    ------
    StoreError
        The runs folder cannot be written.
    """
    created = time.time()
    label = str(spec.get("label") or spec["model"])
    folder = runs_dir / SWEEPS / new_folder_name(created, label, "sweep")
    sweep = Sweep(
        *(folder, dict(spec), dict(spaces), dict(start), entry, metric, trials, created),
        pruner=pruner,
        budget=budget,
    )
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise explain(error, runs_dir, "--runs-dir") from error
    Study(sweep)  # its file is whole before anybody looks for it
    with changing(runs_dir):
        sweep.write()
        ring(runs_dir)
    return sweep
