"""What the screens of users and items are about: a data set, and the runs on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from workbench.store.files import StoreError
from workbench.store.items import BROWSE
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.store.users import Browse, User
from workbench.store.users_inspect import Inspection, explained, inspect
from workbench.tui.view.choices import Choice, Options
from workbench.tui.view.columns import names_apart

#: rankers have no list of their own and come last
_STAGES = ("two-stage", "recall", "ranking")
#: runs that are shown without being named one by one
_PAIR, MOST = 2, 3


def dataset_names(runs: Sequence[RunSummary], data_dir: Path) -> list[str]:
    """List the prepared data sets, that of the newest result first."""
    used = [run.dataset for run in runs if run.state == "succeeded"]
    here = sorted(path.parent.name for path in data_dir.glob(f"*/{BROWSE}"))
    return [name for name in dict.fromkeys([*used, *here]) if name in here]


def choose(
    runs: Sequence[RunSummary],
    dataset: str,
    usable: Callable[[RunSummary], bool],
    kept: Choice,
    options: Options,
) -> tuple[list[RunSummary], Choice]:
    """Choose the runs that are shown on a data set, and list those that there are to choose from.

    What was chosen stays while the runs are there, whatever else ends. Else it is the baseline and
    the marked runs of Results, a baseline alone beside the best; else the best ones.
    """
    done = [run for run in runs if run.state == "succeeded" and run.dataset == dataset]
    by_id = {run.run_id: run for run in done}
    named = [run_id for run_id in (options.baseline, *_marked(done, options)) if run_id in by_id]
    of = tuple(dict.fromkeys(run_id for run_id in named if run_id and usable(by_id[run_id])))
    stay = [run_id for run_id in kept.runs if run_id in by_id and usable(by_id[run_id])]
    if kept.of != of:
        stay, kept = list(of), Choice(of=of)
    first = by_id[stay[0]] if stay else None
    stay = [run_id for run_id in stay if first and by_id[run_id].protocol == first.protocol][:MOST]
    pool = [run for run in runs_on(done, first) if run.run_id in stay or usable(run)]
    pool += [by_id[run_id] for run_id in stay if by_id[run_id] not in pool]
    if not kept.asked and len(stay) < _PAIR:
        judged = (run for run in best_first(pool) if not run.refit_of)
        others = [run.run_id for run in judged if run.run_id not in stay]
        stay += others[: _PAIR - len(stay) if stay else MOST]
    return pool, Choice(tuple(stay), of, kept.asked and bool(stay))


def _marked(done: Sequence[RunSummary], options: Options) -> list[str]:
    return [run.run_id for run in reversed(done) if run.run_id in options.marked]


def runs_on(done: Sequence[RunSummary], first: RunSummary | None) -> list[RunSummary]:
    """Find the newest result of each label, those with lists first, then by time.

    Only those of one protocol, that of `first` or of the newest: lists judged on other rows do not
    stand side by side. Of a label that a refit shares, the judged run stands.
    """
    protocol = first.protocol if first else done[0].protocol if done else ""
    found: dict[str, RunSummary] = {}
    for run in sorted(done, key=lambda run: bool(run.refit_of)):
        if run.protocol == protocol:
            found.setdefault(run.label, run)
    return sorted(found.values(), key=lambda run: [*_STAGES, run.stage].index(run.stage))


def best_first(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Sort by the main metric; rankers have no lists of their own and come last."""

    def key(run: RunSummary) -> tuple[bool, float]:
        return run.stage == "ranking", -run.metrics.get("ndcg@10", run.metrics.get("auc", -1.0))

    return sorted(runs, key=key)


def chips(chosen: Sequence[RunSummary], told: Sequence[str] = ()) -> str:
    """Name the runs that are shown: ``[ease] ndcg@10  [mf] gain over it  [icf]``.

    Parameters
    ----------
    told
        What a list of users has of each, as far as it has something.
    """
    notes = [*told, *[""] * len(chosen)]
    names = apart(chosen).values()
    return "  ".join(
        f"[{plain(name)}] {note}".rstrip() for name, note in zip(names, notes, strict=False)
    )


def apart(chosen: Sequence[RunSummary]) -> dict[str, str]:
    """Name runs by run id; those of one label by what tells them apart, such as the seed."""
    names = names_apart((run.label, run.seed, run.run_id) for run in chosen)
    return {run.run_id: name for run, name in zip(chosen, names, strict=True)}


# Work of other threads, each over a connection of its own


def read_lists(
    browse: Browse, user: User, runs: Sequence[Run], length: int
) -> tuple[Inspection, list[StoreError]]:
    """Read a user's history and the first items of the runs' lists; what is damaged is left out."""
    problems: list[StoreError] = []
    with browse.again() as own:
        try:
            return replace(inspect(own, user, runs, length), browse=browse), problems
        except StoreError:  # of which run?
            good = [run for run in runs if _reads(own, user, run, problems)]
            return replace(inspect(own, user, good, length), browse=browse), problems


def _reads(browse: Browse, user: User, run: Run, problems: list[StoreError]) -> bool:
    try:
        inspect(browse, user, [run], 1)
    except StoreError as error:
        problems.append(error)
        return False
    return True


def read_reasons(inspection: Inspection) -> Inspection:
    """Find what speaks for the items of the lists."""
    with inspection.browse.again() as own:
        return replace(explained(replace(inspection, browse=own)), browse=inspection.browse)
