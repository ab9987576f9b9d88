"""What a sweep is and how far, for whoever must load neither Optuna nor pydantic.

The driver writes how far it is; `read_head` reads what lists show of the sweep itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from workbench.store.files import read_json, write_json
from workbench.store.kinds import Kind, check, list_of, mapping, number, optional, text, whole

SWEEPS = ".sweeps"
DEFINITION, PROGRESS = "sweep.json", "progress.json"
SweepState = Literal["active", "done", "cancelled", "failed"]
#: Optuna's rules by which a trial is ended that is worse than others
Pruner = Literal["none", "median", "halving", "hyperband"]
_HEAD: dict[str, Kind] = {
    "spec": mapping,
    "metric": text,
    "trials": whole,
    "state": lambda value: value in get_args(SweepState),
    "reason": text,
}
_KINDS: dict[str, Kind] = {
    "ended": whole,
    "best": optional(mapping),
    "twins": list_of(mapping),
}
_LATER: dict[str, Kind] = {"pruned": whole, "spent": number}
_TWIN: dict[str, Kind] = {"trial": whole, "same_as": whole, "run_id": text}
_BEST: dict[str, Kind] = {"trial": whole, "value": number}


@dataclass(frozen=True, slots=True)
class Twin:
    """A trial that took the result of an earlier one with the same values."""

    trial: int
    same_as: int
    run_id: str


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far it is.

    Parameters
    ----------
    ended
        Trials that ended, with or without a result.
    best
        Number and validation metric of the best trial; None before there is one.
    pruned
        Trials that were ended because others were better.
    spent
        Seconds in which a trial ran, of the sweep's budget.
    """

    ended: int = 0
    best: tuple[int, float] | None = None
    twins: tuple[Twin, ...] = ()
    pruned: int = 0
    spent: float = 0.0

    def write(self, folder: Path) -> None:
        """Replace what the sweep's folder says."""
        best = {"trial": self.best[0], "value": self.best[1]} if self.best else None
        twins = [
            {"trial": twin.trial, "same_as": twin.same_as, "run_id": twin.run_id}
            for twin in self.twins
        ]
        values = {"ended": self.ended, "best": best, "twins": twins, "pruned": self.pruned}
        write_json(folder / PROGRESS, {**values, "spent": self.spent})


def read_progress(folder: Path) -> SweepProgress:
    """Read how far a sweep is; nothing where its driver has not written yet.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    path = folder / PROGRESS
    if not path.exists():
        return SweepProgress()
    values = read_json(path)
    check(values, _KINDS, path)
    check(values, _LATER, path, required=False)
    best, twins = values["best"], values["twins"]
    if best is not None:
        check(best, _BEST, path, inside="best.")
    for twin in twins:
        check(twin, _TWIN, path, inside="twins: ")
    return SweepProgress(
        values["ended"],
        (best["trial"], best["value"]) if best else None,
        tuple(Twin(twin["trial"], twin["same_as"], twin["run_id"]) for twin in twins),
        values.get("pruned", 0),
        values.get("spent", 0.0),
    )


@dataclass(frozen=True, slots=True)
class SweepHead:
    """What lists show of a sweep."""

    name: str
    metric: str
    trials: int
    state: SweepState
    reason: str


def read_head(folder: Path) -> SweepHead:
    """Read what lists show of a sweep.

    Raises
    ------
    StoreError
        There is none, or it is damaged.
    """
    path = folder / DEFINITION
    values = read_json(path)
    check(values, _HEAD, path)
    spec = values["spec"]
    name = str(spec.get("label") or spec.get("model") or folder.name)
    return SweepHead(name, values["metric"], values["trials"], values["state"], values["reason"])
