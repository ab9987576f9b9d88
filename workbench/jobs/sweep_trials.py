"""What the trials of a sweep were and became, for whoever must load neither Optuna nor pydantic.

The driver writes it; of sweeps of earlier versions `python -m workbench.jobs.sweep_trials FOLDER`
does, once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_core.values import is_finite_number
from workbench.store.files import read_json, write_json
from workbench.store.kinds import (
    Kind,
    check,
    list_of,
    mapping,
    mapping_of,
    number,
    optional,
    text,
    whole,
)
from workbench.store.streams import open_streams

if TYPE_CHECKING:
    from workbench.jobs.sweep_study import Study, Trial

TRIALS = "trials.json"
_KINDS: dict[str, Kind] = {"trials": list_of(mapping), "importances": mapping_of(number)}
_TRIAL: dict[str, Kind] = {
    "number": whole,
    "state": text,
    "value": optional(number),
    "params": mapping,
    "run_id": text,
    "reason": text,
    "epoch": optional(whole),
    "same_as": optional(whole),
}


@dataclass(frozen=True, slots=True)
class TrialNote:
    """One trial.

    Parameters
    ----------
    state
        ``under way``, ``succeeded``, ``pruned``, ``failed`` or ``cancelled``.
    value
        The validation metric: of one that succeeded the result, of others the last known.
    run_id
        The run that did it; empty while there is none.
    epoch
        After which it was pruned.
    same_as
        The trial whose result it took, because it had the same values.
    """

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    run_id: str = ""
    reason: str = ""
    epoch: int | None = None
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class SweepTrials:
    """The trials that were begun, by number, and each field's share in how good they are."""

    trials: tuple[TrialNote, ...] = ()
    importances: Mapping[str, float] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Replace what the sweep's folder says."""
        trials = [asdict(trial) for trial in self.trials]
        write_json(folder / TRIALS, {"trials": trials, "importances": dict(self.importances)})


def read_trials(folder: Path) -> SweepTrials | None:
    """Read the trials of a sweep; None where nobody has written them yet.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    path = folder / TRIALS
    if not path.exists():
        return None
    values = read_json(path)
    check(values, _KINDS, path)
    for trial in values["trials"]:
        check(trial, _TRIAL, path, inside="trials: ")
    trials = (TrialNote(**{name: trial[name] for name in _TRIAL}) for trial in values["trials"])
    return SweepTrials(tuple(trials), values["importances"])


def notes_of(trials: Sequence[Trial]) -> tuple[TrialNote, ...]:
    """Take from Optuna's trials what is shown of them."""
    return tuple(
        TrialNote(
            trial.number,
            trial.state,
            trial.value if is_finite_number(trial.value) else None,
            trial.params,
            trial.run_id,
            str(trial.notes.get("reason", "")),
            trial.notes.get("pruned") if trial.state == "pruned" else None,
            trial.notes.get("same_as"),
        )
        for trial in trials
    )


def write_of(study: Study, folder: Path) -> None:
    """Write the trials of a sweep as Optuna has them now."""
    SweepTrials(notes_of(study.trials()), study.importances()).write(folder)


def main(folder: Path) -> int:
    """Write the trials of a sweep that a driver of an earlier version did."""
    from workbench.jobs.sweep import read_sweep
    from workbench.jobs.sweep_study import Study, damage_told

    sweep = read_sweep(folder)
    with damage_told(sweep):
        write_of(Study(sweep), folder)
    return 0


if __name__ == "__main__":
    open_streams()
    sys.exit(main(Path(sys.argv[1])))
