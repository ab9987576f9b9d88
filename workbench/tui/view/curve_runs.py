"""Runs whose curves are drawn: seeds of one job together, the values there are, the kept epoch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.store.listing import RunSummary
from workbench.tui.view.format import run_look
from workbench.tui.view.live import Curves, curve_order

#: what jobs use, in the order of the charts, with the titles of these
USAGE = {
    "rows_per_second": "rows/s",
    "cpu_percent": "CPU %",
    "memory_mb": "memory MiB",
    "gpu_percent": "GPU %",
    "gpu_memory_mb": "GPU memory MiB",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn in one look: a run, or the seeds of a job.

    Parameters
    ----------
    run
        The run, or the first of the seeds.
    members
        Curves of the run, or of each seed.
    """

    run: RunSummary
    members: tuple[Curves, ...]

    @property
    def curves(self) -> Curves:
        """The curves of the run, or of the first of the seeds."""
        return self.members[0]


def same_job(run: RunSummary, runs: Sequence[RunSummary]) -> list[RunSummary]:
    """List the runs that differ from one in nothing but the seed, that one first.

    Of runs that ended well all settings are compared, of others those that were given. Where a
    seed was run again, the newest stands for it.
    """
    found = {run.seed: run}
    for other in runs:
        if other.label == run.label and other.state != "queued" and _job(other) == _job(run):
            found.setdefault(other.seed, other)
    return list(found.values())


def _job(run: RunSummary) -> tuple[object, ...]:
    ended = run.state == "succeeded"
    split = run.split_fingerprint if ended else ""
    return run.label, run.model, run.dataset, run.protocol, split, ended, run.params


def names_of(drawn: Sequence[Drawn]) -> list[str]:
    """List the values that there is a curve of: learning first, then what the job uses."""
    members = [curves for each in drawn for curves in each.members]
    learned = {name for curves in members for name in curves.series}
    used = {name for each in drawn for name in each.curves.usage}  # of the first of the seeds
    rest = sorted(used - USAGE.keys())
    order = [name for name in USAGE if name in used] + rest
    return sorted(learned, key=curve_order) + [name for name in order if name not in learned]


def marked_epoch(run: RunSummary, curves: Curves) -> int | None:
    """Find the report of the epoch that is kept: what was chosen, else the best so far."""
    if run.state == "succeeded":
        epochs = curves.places.get("epoch", ())
        place = None if curves.chosen is None else bisect_left(epochs, curves.chosen)
        return place + 1 if place is not None and place < len(epochs) else None
    monitor = run.params.get("monitor", curves.main_metric)
    return int(curves.best_of(monitor)[0]) if monitor in curves.series else None


def drawn_of(
    runs: Sequence[RunSummary],
    curves: Mapping[str, Curves],
    seeds: Mapping[str, Sequence[RunSummary]] = {},
) -> list[Drawn]:
    """Put runs and their curves together.

    Parameters
    ----------
    seeds
        By run id, the runs that are one line with it.
    """
    found, taken = [], set()
    for run in runs:
        if run.run_id not in taken:
            members = seeds.get(run.run_id, (run,))
            taken |= {member.run_id for member in members}
            read = [curves[m.run_id] for m in members if m.run_id in curves]
            shown = [each for each in read if each.reports] or read[:1] or [Curves()]
            found.append(Drawn(run, tuple(shown)))
    return found


def why_no_curve(runs: Sequence[RunSummary], known: Iterable[RunSummary]) -> str:
    """Say why runs have no curve, no more than is known of them.

    Parameters
    ----------
    known
        Other runs: the fields of one that ended well tell whether its model is trained in epochs.
    """
    epochs = {_in_epochs(run, known) for run in runs}
    if epochs == {False}:
        return "no curve: not trained in epochs"
    if any(run.state in ("queued", "running") for run in runs):
        return _NONE_YET if epochs == {True} else f"{_NONE_YET}; {_PERHAPS}"
    if any(run.problem for run in runs):
        return "no curve: damaged files"
    states = {run_look(run).word for run in runs if run.state != "succeeded"}
    if states:  # one that did not get so far may be trained in epochs
        return f"no curve: {' and '.join(sorted(states))} before the first epoch ended"
    if all(run.origin == "external" for run in runs):
        return "no curve: not trained here"
    return "no curve was kept"


_NONE_YET = "no curve yet"
_PERHAPS = "a model that is not trained in epochs has none"


def _in_epochs(run: RunSummary, known: Iterable[RunSummary]) -> bool | None:
    """Tell whether a run's model is trained in epochs; None where nothing tells."""
    if run.origin == "external":
        return None
    if _EPOCHS in run.params:
        return True
    alike = (run, *(other for other in known if other.model == run.model))
    whole = (
        one for one in alike if one.state == "succeeded" and one.origin == "own" and one.metrics
    )
    fields = next(whole, None)
    if fields is None or fields.stage == "two-stage":  # whose parts may be trained in epochs
        return None
    return _EPOCHS in fields.params


#: the field of models that are
_EPOCHS = "epochs"
