"""What a driver writes down of its sweep for those that do not load Optuna.

``python -m workbench.jobs.sweep_notes SWEEP_FOLDER`` does so for a sweep of an earlier version.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from recsys_core.values import is_finite_number
from workbench.jobs.sweep import read_sweep
from workbench.jobs.sweep_progress import SweepProgress, Twin
from workbench.jobs.sweep_study import Study, Trial, damage_told
from workbench.jobs.sweep_trials import SweepTrials, TrialNote
from workbench.store.streams import open_streams

#: seconds after which values of running trials, and the time that was spent, are written again
_PAUSE = 2.0
#: seconds after which the importances are estimated again: that takes long
_ESTIMATE = 20.0


class Notes:
    """Writes progress and trials of one sweep, where they have changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._noted: tuple[tuple[int, int], int, float] | None = None
        self._at = 0.0
        self._importances: dict[str, float] = {}
        self._estimated_at = -_ESTIMATE

    def write(
        self, study: Study, done: tuple[int, int], told: int, spent: float, *, last: bool
    ) -> None:
        """Replace the notes.

        Parameters
        ----------
        done
            Trials that were begun, and that are under way: at once where they have changed.
        told
            Values of epochs that running trials have told; these, and the seconds that were
            `spent`, now and then.
        last
            Whether the sweep ends now.
        """
        noted, moment = self._noted, time.monotonic()
        if not last:
            same = noted is not None and done == noted[0]
            if noted == (done, told, spent) or (same and moment - self._at < _PAUSE):
                return
        trials = study.trials()
        changed = last or noted is None or (done, told) != noted[:2]
        if changed:
            SweepTrials(notes_of(trials), self._importances).write(self._folder)
        _progress(study, trials, spent).write(self._folder)
        self._noted, self._at = (done, told, spent), moment
        if changed and (last or moment - self._estimated_at >= _ESTIMATE):
            self._estimate(study, trials)

    def _estimate(self, study: Study, trials: Sequence[Trial]) -> None:
        """Add the importances: what loads for them takes seconds, and the best trial is known."""
        before, self._importances = self._importances, study.importances()
        self._estimated_at = time.monotonic()
        if self._importances != before:
            SweepTrials(notes_of(trials), self._importances).write(self._folder)


def _progress(study: Study, trials: Sequence[Trial], spent: float) -> SweepProgress:
    best = study.best()
    return SweepProgress(
        sum(trial.state != "under way" for trial in trials),
        (best.number, best.value) if best and best.value is not None else None,
        tuple(
            Twin(trial.number, trial.notes["same_as"], trial.run_id)
            for trial in trials
            if "same_as" in trial.notes
        ),
        sum(trial.state == "pruned" for trial in trials),
        round(spent, 1),
    )


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


def main(folder: Path) -> int:
    """Write the trials of a sweep that a driver of an earlier version did."""
    sweep = read_sweep(folder)
    with damage_told(sweep):
        study = Study(sweep)
        SweepTrials(notes_of(study.trials()), study.importances()).write(folder)
    return 0


if __name__ == "__main__":
    open_streams()
    sys.exit(main(Path(sys.argv[1])))
