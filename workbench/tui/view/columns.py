"""Which columns a table of runs has, most useful first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.store.listing import RunSummary
from workbench.store.summary import marked
from workbench.tui.view import format as show

Value = float | str | None

#: metrics of lists and of rows in the order in which they help to judge, then what lists are like
_LISTS = ("ndcg", "recall", "hit", "mrr", "map", "precision")
_ROWS = ("auc", "gauc", "logloss", "ece", "rmse")
_BEYOND = (
    *("coverage", "novelty", "diversity", "popularity", "gini"),
    *("recall/head", "recall/mid", "recall/tail"),
)
_MAIN_K = 10
#: whole numbers below this are what they are as floats, too
_EXACT = 2**53
#: digits of a K, and more
_LONGEST_K = 10
#: names of metrics that were taken apart before; they are asked for again and again
_NAMES = 4096


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how to read a run's value and how to write it."""

    key: str
    title: str
    read: Callable[[RunSummary], Value]
    write: Callable[[float | str], str] = str
    numeric: bool = False
    metric: bool = False

    def differs(self, runs: Iterable[RunSummary]) -> bool:
        """Tell whether runs differ in it; none is a value as well."""
        return len({self.read(run) for run in runs}) > 1


def name_of(run: RunSummary) -> str:
    """Return the run's label, marked where it is no usual run; a damaged run goes by its id."""
    name = run.label or run.run_id
    if run.origin == "external":
        return f"{name} (external)"
    return marked(name, run.refit_of, run.updated_from)


def names_apart(runs: Iterable[tuple[str, int | None, str]]) -> list[str]:
    """Tell runs of one label apart: by their seed, else by the end of their id.

    Parameters
    ----------
    runs
        Label, seed and run id of each.

    Examples
    --------
    >>> names_apart([("mf", 0, "x-mf-aa01"), ("mf", 1, "x-mf-aa02"), ("ease", 0, "x-ease-aa03")])
    ['mf seed 0', 'mf seed 1', 'ease']
    >>> names_apart([("mf", 0, "x-mf-aa01"), ("mf", 0, "x-mf-aa02")])
    ['mf aa01', 'mf aa02']
    """
    found = list(runs)
    labels = Counter(label for label, _, _ in found)
    seeds = Counter((label, seed) for label, seed, _ in found)
    names = []
    for label, seed, run_id in found:
        more = f" seed {seed}" if seeds[label, seed] == 1 else f" {run_id.rpartition('-')[2]}"
        names.append(label + more if labels[label] > 1 else label)
    return names


def metric_names(runs: Sequence[RunSummary], first: int | None = None) -> list[str]:
    """List the metrics that any run has: first those at the main K, then the other cut-offs.

    The main K is `first`, else 10, or the smallest when no run has it. Metrics of rows (ranking)
    stand together, before those of lists where most runs have them.
    """
    names = {name for run in runs for name in run.metrics}
    main = first or main_cutoff(names)
    bases = [{_base(name) for name in run.metrics} for run in runs]
    ranking = sum(not found.isdisjoint(_ROWS) for found in bases)
    rows_first = ranking > sum(not found.isdisjoint(_LISTS) for found in bases)
    order = (*_ROWS, *_LISTS, *_BEYOND) if rows_first else (*_LISTS, *_ROWS, *_BEYOND)

    def usefulness(name: str) -> tuple[int, int, str]:
        k = cutoff_of(name)
        rank = order.index(_base(name)) if _base(name) in order else len(order)
        return (0 if k is None or k == main else k, rank, name)

    return sorted(names, key=usefulness)


@lru_cache(maxsize=_NAMES)
def _base(name: str) -> str:
    """Take a metric without its K; a task's stands with that of the main task."""
    base = name.partition("@")[0]
    return base if base in _BEYOND else base.partition("/")[0]


def at_main_cutoff(names: Sequence[str]) -> list[str]:
    """Leave out the metrics at other cut-offs than the main K."""
    main = main_cutoff(names)
    return [name for name in names if cutoff_of(name) in (None, main)]


def cutoffs_of(runs: Iterable[RunSummary]) -> list[int]:
    """List the K that any run was judged at, the smallest first."""
    found = {cutoff_of(name) for run in runs for name in run.metrics}
    return sorted(k for k in found if k is not None)


def main_cutoff(names: Iterable[str]) -> int:
    """Choose the K whose metrics stand for the others."""
    cutoffs = {k for name in names if (k := cutoff_of(name)) is not None}
    return _MAIN_K if _MAIN_K in cutoffs else min(cutoffs, default=_MAIN_K)


@lru_cache(maxsize=_NAMES)
def cutoff_of(name: str) -> int | None:
    """Return the K in the name of a metric, or of its column; None where it has none."""
    text = name.partition("@")[2]
    return int(text) if text.isdecimal() and len(text) < _LONGEST_K else None


def at_cutoff(columns: Sequence[Column], cutoff: int | None) -> list[Column]:
    """Leave out the columns of metrics at other cut-offs; None: than the main K, 0: of none."""
    kept = set(names_at([column.key for column in columns], cutoff))
    return [column for column in columns if column.key in kept]


def names_at(names: Sequence[str], cutoff: int | None) -> list[str]:
    """Leave out the metrics at other cut-offs; None: than the main K, 0: of none."""
    ks = {k for name in names if (k := cutoff_of(name)) is not None}
    wanted = cutoff if cutoff in ks else main_cutoff(names)
    return [name for name in names if cutoff == 0 or cutoff_of(name) in (None, wanted)]


@dataclass(frozen=True, slots=True)
class AllColumns:
    """Every column there is: what a run is, its metrics with published figures, its cost."""

    about: list[Column]
    metrics: list[Column]
    cost: list[Column]

    def all(self) -> list[Column]:
        """List them."""
        return [*self.about, *self.metrics, *self.cost]


def all_columns(
    runs: Sequence[RunSummary],
    seeds: Mapping[str, int] | None,
    *,
    published: bool,
    cutoff: int | None,
) -> AllColumns:
    """Make the columns that any of the runs has a value for.

    Parameters
    ----------
    seeds
        How many seeds a row folds, by run id; None where rows are not folded.
    published
        Whether published figures stand beside the metrics.
    cutoff
        The K whose metrics come first; None or 0: the main one.
    """
    about = _descriptive_columns(runs, seeds) + _parameter_columns(runs) + _tags(runs)
    metrics = _metric_columns(runs, cutoff)
    if published:
        metrics = _with_published(metrics, runs)
    return AllColumns(about, metrics, _cost_columns())


def in_order(
    columns: Sequence[Column], order: Sequence[str], hidden: Collection[str]
) -> list[Column]:
    """Leave out columns that are hidden; those that `order` names come first."""
    left = [column for column in columns if column.key not in hidden]
    places = {key: place for place, key in enumerate(order)}
    return sorted(left, key=lambda column: places.get(column.key, len(places)))


def telling_apart(
    columns: Sequence[Column],
    runs: Sequence[RunSummary],
    room: int,
    cells: Callable[[Column], int],
) -> list[Column]:
    """Choose columns in which runs of one name differ: the narrowest, as many as have room.

    Parameters
    ----------
    cells
        What a column takes of `room`.
    """
    alike: dict[str, list[RunSummary]] = {}
    for run in runs:
        alike.setdefault(name_of(run), []).append(run)
    groups = [group for group in alike.values() if len(group) > 1]
    able = [column for column in columns if any(map(column.differs, groups))]
    chosen = []
    for column in sorted(able, key=cells):
        room -= cells(column)
        if room >= 0:
            chosen.append(column)
    return [column for column in columns if column in chosen]


def _metric_columns(runs: Sequence[RunSummary], cutoff: int | None) -> list[Column]:
    """Make a column for every metric that any of the runs has."""
    return [
        Column(name, name, _metric_reader(name), _write_metric, numeric=True, metric=True)
        for name in metric_names(runs, cutoff)
    ]


def _with_published(columns: Sequence[Column], runs: Sequence[RunSummary]) -> list[Column]:
    """Put the figures that were published for a metric behind it."""
    names = {name for run in runs if run.annotations for name in run.published}
    found = []
    for column in columns:
        found.append(column)
        if column.key in names:
            key = f"published {column.key}"
            read = _published_reader(column.key)
            found.append(Column(key, "published", read, _write_metric, numeric=True))
    return found


def _descriptive_columns(
    runs: Sequence[RunSummary], seeds: Mapping[str, int] | None
) -> list[Column]:
    """Make the columns that say what a run is; a model that equals every label is left out."""
    seed = Column("seed", "seed", lambda run: run.seed, _write_whole, numeric=True)
    if seeds is not None:
        seed = Column("seed", "seeds", lambda run: seeds[run.run_id], _write_whole, numeric=True)
    columns = [
        Column("model", "model", lambda run: run.model or None),
        Column("dataset", "data", _dataset),
        Column("protocol", "protocol", lambda run: run.protocol or None),
        seed,
    ]
    if all(run.model == run.label for run in runs):
        return columns[1:]
    return columns


def _tags(runs: Sequence[RunSummary]) -> list[Column]:
    if any(run.tags for run in runs if run.annotations):
        return [Column("tags", "tags", lambda run: " ".join(run.tags) or None)]
    return []


def _cost_columns() -> list[Column]:
    """Make the columns that say what a run cost and when it was made."""
    now = time.time()
    return [
        Column("fit", "fit", lambda run: run.fit_seconds, _write_seconds, numeric=True),
        Column(
            "made",
            "made",
            lambda run: run.created,
            lambda value: show.moment(float(value), now),
            numeric=True,
        ),
    ]


#: parameters of scores from elsewhere that are no settings: another column tells the stage, and
#: the digest of the file says nothing to a reader
_OF_SCORES = ("content", "stage")


def _parameter_columns(runs: Sequence[RunSummary]) -> list[Column]:
    """Make a column for every parameter in which two runs of one model differ.

    Those with the most values come first: what a sweep tried.
    """
    seen: dict[tuple[str, str], str] = {}
    values: dict[str, set[str]] = {}
    differing: set[str] = set()
    for run in runs:
        for name, value in run.params.items():
            if run.origin == "external" and name in _OF_SCORES:
                continue
            text = show.parameter(value)
            values.setdefault(name, set()).add(text)
            if seen.setdefault((run.model, name), text) != text:
                differing.add(name)
    names = sorted(differing, key=lambda name: (-len(values[name]), name))
    return [_parameter_column(name, runs) for name in names]


def _parameter_column(name: str, runs: Sequence[RunSummary]) -> Column:
    """Make the column of a parameter: numbers are aligned and sorted as numbers."""
    values = [run.params[name] for run in runs if name in run.params]
    numeric = all(_is_exact(value) for value in values if value is not None)

    def read(run: RunSummary) -> Value:
        if name not in run.params:
            return None
        value = run.params[name]
        return float(value) if numeric and value is not None else show.parameter(value)

    def write(value: float | str) -> str:
        return value if isinstance(value, str) else show.parameter(_whole(value))

    return Column(f"param {name}", name, read, write, numeric=numeric)


def _is_exact(value: object) -> bool:
    """Tell whether it is a number that a float holds to the last digit."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < _EXACT
    return isinstance(value, float)


def _whole(value: float) -> float:
    """Write 64 rather than 64.0."""
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def common_settings(
    columns: Sequence[Column],
    runs: Sequence[RunSummary],
    room: int,
    cells: Callable[[Column], int],
) -> list[Column]:
    """Choose parameters that at least half of the runs have, as many as there is room for."""
    chosen = []
    for column in columns:
        had = sum(column.read(run) is not None for run in runs)
        if column.key.startswith("param ") and 2 * had >= len(runs):
            room -= cells(column)
            if room < 0:
                break
            chosen.append(column)
    return chosen


def without_unchanged(columns: Sequence[Column], runs: Sequence[RunSummary]) -> list[Column]:
    """Leave out the columns in which all runs agree.

    Runs without a value do not count, but for tags: having none tells them from those with some.
    """
    if len(runs) < 2:
        return list(columns)
    kept = []
    for column in columns:
        values = {value for run in runs if (value := column.read(run)) is not None}
        told_by_none = column.key == "tags" and column.differs(runs)
        if len(values) > 1 or told_by_none:
            kept.append(column)
    return kept


def _dataset(run: RunSummary) -> str | None:
    return f"{run.dataset} (synthetic)" if run.synthetic else run.dataset or None


def _metric_reader(name: str) -> Callable[[RunSummary], Value]:
    return lambda run: run.metrics.get(name)


def _published_reader(name: str) -> Callable[[RunSummary], Value]:
    def read(run: RunSummary) -> Value:
        figure = run.published.get(name) if run.annotations else None
        return figure.value if figure else None

    return read


def _write_metric(value: float | str) -> str:
    return show.metric(float(value))


def _write_seconds(value: float | str) -> str:
    return show.seconds(float(value))


def _write_whole(value: float | str) -> str:
    return str(int(value))
