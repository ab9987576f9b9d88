"""What the trials of a sweep were and became, for whoever must load neither Optuna nor pydantic.

The driver writes it (`sweep_notes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
