"""Runs by groups of users, of items or of rows, from what their folders and the data set keep.

A group of *users* is judged by its users' values, whose mean is the metric in it. A group of
*items* is judged by the same lists as if only the relevant test items of the group were relevant;
users without one are left out. Of a *ranking* run it is the rows of these users, or of these items.
Nothing is trained or judged again, so that it works for every run there is.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, TypeVar

from recsys_core.errors import InputError
from workbench.store.files import StoreError
from workbench.store.groups_attributes import (
    ACTIVITY,
    POPULARITY,
    Attribute,
    Group,
    Grouping,
    find_attribute,
    popularity_grouping,
    read_attributes,
    read_grouping,
)
from workbench.store.groups_bias import BiasRow, popularity_bias
from workbench.store.groups_cells import (
    SMALL,
    Cell,
    Gap,
    Key,
    Sample,
    cells_of,
    corrected,
    gap_of,
    over_runs,
)
from workbench.store.groups_kept import Events, Kept
from workbench.store.groups_samples import (
    chosen_metrics,
    group_samples,
    metrics_of_groups,
)
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse

__all__ = [
    "ACTIVITY",
    "POPULARITY",
    "SMALL",
    "Attribute",
    "BiasRow",
    "Cell",
    "Gap",
    "Group",
    "GroupMatrix",
    "GroupReader",
    "GroupRow",
    "read_attributes",
]

#: runs, groupings and matrices that are kept in memory
_RUNS, _GROUPINGS, _MATRICES = 4, 16, 32
#: relative difference of means that were summed in another order
_SAME = 1e-9
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group.

    Parameters
    ----------
    n
        Users that are judged: of an item group those with a relevant test item, or a row, of it.
    cells
        By run id and metric; only what has a value.
    """

    group: Group
    n: int
    cells: Mapping[Key, Cell]

    @property
    def small(self) -> bool:
        """Whether there are too few users for a test."""
        return self.n < SMALL


@dataclass(frozen=True, slots=True)
class GroupMatrix:
    """Groups by runs and metrics.

    Parameters
    ----------
    runs
        Run ids; differences are from the first.
    overall
        All users together, with the run's own interval as far as it reports one; p-values are
        corrected over the runs alone.
    rows
        A group each. P-values of a metric are corrected by Holm's method over the groups and the
        runs together, without small groups, which are not tested.
    gaps
        Between the groups of users, by run id and metric; without small, ``unknown`` and ``rest``
        groups. Empty for items and where a user may be in several groups.
    notes
        Sentences on how the groups were made, and on what is missing.
    """

    attribute: Attribute
    runs: tuple[str, ...]
    metrics: tuple[str, ...]
    overall: GroupRow
    rows: tuple[GroupRow, ...]
    gaps: Mapping[Key, Gap]
    notes: tuple[str, ...] = ()


class GroupReader:
    """Makes matrices and keeps what it read; may be used by several threads, one after another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._attributes: tuple[str, list[Attribute]] = ("", [])
        self._kept: OrderedDict[Any, Kept] = OrderedDict()
        self._events: dict[object, Events] = {}
        self._groupings: OrderedDict[Any, Grouping] = OrderedDict()
        self._matrices: OrderedDict[Any, GroupMatrix] = OrderedDict()

    def attributes(self, browse: Browse) -> list[Attribute]:
        """List what can divide the users and the items of a set."""
        with self._lock:
            return self._attributes_of(browse)

    def _attributes_of(self, browse: Browse) -> list[Attribute]:
        if self._attributes[0] != browse.fingerprint:
            self._attributes = browse.fingerprint, read_attributes(browse)
        return self._attributes[1]

    def metrics(self, browse: Browse, runs: Sequence[Run], by: str) -> list[str]:
        """List the metrics that runs have in the groups of an attribute."""
        with self._lock:
            attribute = find_attribute(self._attributes_of(browse), by)
            return metrics_of_groups([self._kept_of(browse, run) for run in runs], attribute)

    def matrix(
        self, browse: Browse, runs: Sequence[Run], by: str, metrics: Sequence[str] = ()
    ) -> GroupMatrix:
        """Judge runs of one split by the groups of one attribute.

        Parameters
        ----------
        browse
            The data set of the runs.
        runs
            That succeeded, judged on one split, all on lists or all on rows; the first is what the
            others are compared with.
        by
            ``activity``, ``popularity`` or an attribute of the data set: see `attributes`.
        metrics
            Which; the usual ones without.

        Raises
        ------
        InputError
            An attribute or a metric that there is not, runs that cannot be compared.
        StoreError
            A file is missing or damaged, or the data set is another one by now.
        """
        check_runs(browse, runs)
        with self._lock:
            attribute = find_attribute(self._attributes_of(browse), by)
            kept = [self._kept_of(browse, run) for run in runs]
            chosen = chosen_metrics(kept, attribute, metrics)
            key = tuple(map(_version, runs)), browse.fingerprint, attribute, chosen

            def made() -> GroupMatrix:
                return _matrix(browse, kept, self._grouping(browse, attribute, kept[0]), chosen)

            return _remembered(self._matrices, key, _MATRICES, made)

    def popularity_bias(
        self, browse: Browse, runs: Sequence[Run], by: str = "", k: int = 10
    ) -> tuple[BiasRow, ...]:
        """Compare how popular lists and histories are: of all users, then of each group.

        Parameters
        ----------
        by
            ``activity`` or an attribute of users; empty: all users alone.
        k
            Items of a list that count.

        Raises
        ------
        InputError
            A ranking run, which has no lists, or an attribute of items.
        """
        check_runs(browse, runs)
        if runs[0].metrics["stage"] == "ranking":
            raise InputError(
                f"run {runs[0].run_id} predicts rows and has no lists whose popularity could be"
                " compared",
                "name recall or two-stage runs",
            )
        with self._lock:
            attribute = find_attribute(self._attributes_of(browse), by) if by else None
            if attribute is not None and attribute.side == "item":
                raise InputError(
                    f"'{by}' divides items; popularity bias is about users", "name one of users"
                )
            kept = [self._kept_of(browse, run) for run in runs]
            grouping = self._grouping(browse, attribute, kept[0]) if attribute else None
            strata = self._grouping(browse, POPULARITY, kept[0])
            return popularity_bias(browse, kept, grouping, k, strata.members[-1])

    def _kept_of(self, browse: Browse, run: Run) -> Kept:
        key = _version(run), browse.fingerprint
        return _remembered(self._kept, key, _RUNS, lambda: Kept(run, browse, self._events))

    def _grouping(self, browse: Browse, attribute: Attribute, kept: Kept) -> Grouping:
        split = _split_of(kept.run) if attribute == POPULARITY else ""

        def made() -> Grouping:
            if attribute == POPULARITY:
                return _by_popularity(browse, kept)
            return read_grouping(browse, attribute)

        return _remembered(
            self._groupings, (browse.fingerprint, attribute, split), _GROUPINGS, made
        )


def check_runs(browse: Browse, runs: Sequence[Run]) -> None:
    """Raise InputError where runs are not of this data set, or not of one split."""
    if not runs:
        raise InputError(
            "groups need at least one run", "name runs: see recsys-workbench runs list"
        )
    for run in runs:
        result = run.metrics
        if result.get("refit_of"):
            raise InputError(
                f"run {run.run_id} was fitted on all rows and not judged",
                f"name the run that it is a refit of: {result['refit_of']}",
            )
        if result["dataset"]["fingerprint"] != browse.fingerprint:
            raise StoreError(
                f"data set '{browse.name}' is not the one that run {run.run_id} was judged on",
                "choose the run's --data-dir, or train again",
            )
        if _split_of(run) != _split_of(runs[0]):
            raise InputError(
                f"runs {runs[0].run_id} and {run.run_id} were judged on different splits",
                "name runs of one data set and protocol",
            )
        if (result["stage"] == "ranking") != (runs[0].metrics["stage"] == "ranking"):
            raise InputError(
                f"runs {runs[0].run_id} and {run.run_id} have no metric in common: one makes lists,"
                " the other predicts rows",
                "name runs of one stage",
            )


def _split_of(run: Run) -> str:
    return str(run.metrics["protocol"].get("fingerprint", ""))


def _version(run: Run) -> tuple[str, int, int]:
    """Name a run's results as they are now: another file is read anew."""
    path = run.path / RESULTS
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def _remembered(known: OrderedDict[Any, V], key: Any, most: int, make: Callable[[], V]) -> V:
    """Return what is kept under `key`, made if it is not; what was not asked for longest goes."""
    if key not in known:
        known[key] = make()
        if len(known) > most:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def _by_popularity(browse: Browse, kept: Kept) -> Grouping:
    from recsys_core.data.dataset import tie_rank_of
    from recsys_core.evaluation.popularity import STRATA, cut_by_popularity

    rows = kept.events(browse).train_rows
    return popularity_grouping(
        cut_by_popularity(rows, tie_rank_of(browse.fingerprint, len(rows))), STRATA
    )


def _matrix(
    browse: Browse, kept: Sequence[Kept], grouping: Grouping, metrics: Sequence[str]
) -> GroupMatrix:
    ids = tuple(one.run.run_id for one in kept)
    found = [group_samples(browse, one, grouping, metrics) for one in kept]
    every = cells_of(ids, metrics, [whole for whole, _ in found], tested=True)
    _take_own_intervals(every, kept)
    overall = GroupRow(
        Group("all", "value", kept[0].n_users), len(kept[0].judged), over_runs(every, metrics, ids)
    )
    cells: dict[tuple[int, str, str], Cell] = {}
    sizes = []
    for place in range(len(grouping.groups)):
        samples = [groups[place] for _, groups in found]
        n = max((len(one.users) for mine in samples for one in mine.values()), default=0)
        sizes.append(n)
        mine = cells_of(ids, metrics, samples, tested=n >= SMALL)
        cells |= {(place, *key): cell for key, cell in mine.items()}
    for metric in metrics:  # a family: all groups and all runs
        family = [key for key in cells if key[2] == metric]
        cells.update(zip(family, corrected([cells[key] for key in family]), strict=True))
    rows = tuple(
        GroupRow(
            group,
            sizes[place],
            {(run, metric): cell for (at, run, metric), cell in cells.items() if at == place},
        )
        for place, group in enumerate(grouping.groups)
    )
    gaps = _gaps(ids, metrics, grouping, [groups for _, groups in found])
    return GroupMatrix(
        grouping.attribute, ids, tuple(metrics), overall, rows, gaps, _notes(kept, grouping)
    )


def _take_own_intervals(cells: dict[Key, Cell], kept: Sequence[Kept]) -> None:
    """Give what is of all users the interval that the run reports: two would be one too many."""
    for one in kept:
        metrics, reported = one.run.metrics["metrics"], one.run.metrics.get("ci95") or {}
        for key, cell in cells.items():
            run_id, metric = key
            if run_id != one.run.run_id or cell.value is None or not reported.get(metric):
                continue
            if math.isclose(cell.value, metrics[metric], rel_tol=_SAME):  # not so over windows
                low, high = reported[metric]
                cells[key] = replace(cell, interval=(low, high))


def _gaps(
    ids: Sequence[str],
    metrics: Sequence[str],
    grouping: Grouping,
    samples: Sequence[Sequence[Mapping[str, Sample]]],
) -> dict[Key, Gap]:
    if grouping.attribute.side == "item" or grouping.overlapping:
        return {}
    gaps = {}
    for run_id, groups in zip(ids, samples, strict=True):
        for metric in metrics:
            named = [
                (group.name, mine[metric])
                for group, mine in zip(grouping.groups, groups, strict=True)
                if group.kind in ("value", "range") and metric in mine
            ]
            gap = gap_of(metric, named)
            if gap is not None:
                gaps[run_id, metric] = gap
    return gaps


def _notes(kept: Iterable[Kept], grouping: Grouping) -> tuple[str, ...]:
    notes = [grouping.note] if grouping.note else []
    if any(one.windows for one in kept):
        notes.append(
            "judged in several test windows: a user counts once, with the mean over the windows"
        )
    return tuple(notes)
