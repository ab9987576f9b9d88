"""Sweeps as their drivers leave them, for tests that look at screens: written, not trained."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from tests.tui.folders import write_run
from workbench.jobs import queue_files
from workbench.jobs.queue import Entry
from workbench.jobs.sweep import Sweep
from workbench.jobs.sweep_progress import SWEEPS, SweepProgress, SweepState, Twin
from workbench.jobs.sweep_space import Space
from workbench.jobs.sweep_trials import SweepTrials, TrialNote

LOSSES = ("bpr", "bce", "sampled-softmax")
SPACES = {
    "learning_rate": Space("log", 1e-4, 0.1),
    "dim": Space("log", 16, 256, whole=True),
    "loss": Space("choice", choices=LOSSES),
}
PRUNED = (
    "pruned at epoch 5: ndcg@10 0.0512, worse than the median of the sweep's other trials there"
)


def quality(rate: float, dim: int, loss: str) -> float:
    """Be best at a rate of 0.01 with 128 dimensions."""
    off = 0.02 * abs(math.log10(rate) + 2) + 0.004 * abs(math.log2(dim) - 7)
    return round(0.128 - off - 0.01 * LOSSES.index(loss), 6)


def trial_of(number: int) -> TrialNote:
    """A trial whose values are spread over the spaces; 4 was pruned, 6 is a twin, 8 failed."""
    rate = 10 ** (-4 + 3 * (number * 0.618 % 1))
    dim = round(16 * 2 ** (4 * (number * 0.382 % 1)))
    loss = LOSSES[number % 3]
    params = {"learning_rate": rate, "dim": dim, "loss": loss}
    trial = TrialNote(number, "succeeded", quality(rate, dim, loss), params)
    if number % 10 == 4:
        return replace(trial, state="pruned", value=0.0512, reason=PRUNED, epoch=5)
    if number % 10 == 8:
        return replace(trial, state="failed", value=None, reason="training diverged")
    return trial


def write_sweep(
    runs: Path,
    trials: int = 12,
    *,
    wanted: int = 0,
    state: SweepState = "done",
    name: str = "mf",
    first: int = 10,
    running: bool = False,
    shift: float = 0.0,
) -> Sweep:
    """Write a sweep and the runs of its trials.

    Parameters
    ----------
    first
        Number of the first run.
    running
        Whether one more trial is under way.
    shift
        Is added to the results.
    """
    (runs / queue_files.QUEUE).mkdir(parents=True, exist_ok=True)
    folder = runs / SWEEPS / f"20260302-0930{first:02d}-{name}-0001"
    folder.mkdir(parents=True)
    notes: list[TrialNote] = []
    for number in range(trials + running):
        note = trial_of(number)
        if note.value is not None:
            note = replace(note, value=round(note.value + shift, 6))
        if number == trials:
            note = replace(note, state="under way", value=None, reason="", epoch=None)
        if number == 6:
            run_id = notes[3].run_id
            note = replace(notes[3], number=6, same_as=3, run_id=run_id)
        else:
            note = replace(note, run_id=_write_run(runs, note, name, first).name)
        notes.append(note)
    done = [note for note in notes if note.state == "succeeded" and note.value is not None]
    best = max(done, key=lambda note: note.value or 0.0, default=None)
    spec = {"model": "mf", "dataset": "ml-100k", "label": name, "params": {"epochs": 20}, "seed": 0}
    spec["protocol"] = {"name": "user-timeline"}
    entry = Entry("", "")
    sweep = Sweep(folder, spec, SPACES, {}, entry, "ndcg@10", wanted or trials, 1.0, state)
    sweep = replace(sweep, pruner="median", budget=1800.0)
    sweep.write()
    shares = {"learning_rate": 0.71, "loss": 0.21, "dim": 0.08} if len(done) > 4 else {}
    SweepTrials(tuple(notes), shares).write(folder)
    SweepProgress(
        trials,
        (best.number, best.value) if best and best.value is not None else None,
        tuple(Twin(n.number, n.same_as, n.run_id) for n in notes if n.same_as is not None),
        sum(note.state == "pruned" for note in notes),
        754.0,
    ).write(folder)
    return sweep


def _write_run(runs: Path, note: TrialNote, name: str, first: int) -> Path:
    state = {"under way": "running", "pruned": "cancelled"}.get(note.state, note.state)
    status = {"reason": note.reason or None}
    if state == "running":
        from workbench.store.process import ProcessIdentity

        me = ProcessIdentity.current()
        status |= {"pid": me.pid, "process_started": me.started, "boot_id": me.boot_id}  # type: ignore[dict-item]
    metrics = {"ndcg@10": (note.value or 0.0) - 0.01}
    label = f"{name}-{note.number}"
    return write_run(
        runs,
        label,
        model="mf",
        number=first + note.number,
        state=state,
        metrics=metrics,
        params={**note.params, "epochs": 20},
        status=status,
    )
