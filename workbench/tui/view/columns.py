"""Which columns a table of runs has, most useful first."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.store.listing import RunSummary
from workbench.tui.view import format as show

Value = float | str | None

#: the order in which metrics help to judge a run; recall's and ranking's alternate, so that a
#: narrow screen shows the main ones of both
_METRIC_ORDER = (
    *("ndcg", "auc", "recall", "gauc", "hit", "logloss", "mrr", "map", "precision", "ece", "rmse"),
    *("coverage", "novelty", "diversity", "popularity", "gini"),
    *("recall/head", "recall/mid", "recall/tail"),
)
_MAIN_K = 10
#: digits of a K, and more
_LONGEST_K = 10


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
    """Return the run's label; a damaged run goes by its id."""
    return run.label or run.run_id


def metric_names(runs: Iterable[RunSummary]) -> list[str]:
    """List the metrics that any run has: first those at the main K, then the other cut-offs.

    The main K is 10, or the smallest when no run has it.
    """
    names = {name for run in runs for name in run.metrics}
    main = _main_cutoff(names)

    def usefulness(name: str) -> tuple[int, int, str]:
        k = _cutoff(name)
        return (0 if k is None or k == main else k, _rank(name.partition("@")[0]), name)

    return sorted(names, key=usefulness)


def _rank(name: str) -> int:
    """Place a metric without its K; a task's stands with that of the main task."""
    known = (each for each in (name, name.partition("/")[0]) if each in _METRIC_ORDER)
    return next(map(_METRIC_ORDER.index, known), len(_METRIC_ORDER))


def at_main_cutoff(names: Sequence[str]) -> list[str]:
    """Leave out the metrics at other cut-offs than the main K."""
    main = _main_cutoff(names)
    return [name for name in names if _cutoff(name) in (None, main)]


def _main_cutoff(names: Iterable[str]) -> int:
    cutoffs = {k for name in names if (k := _cutoff(name)) is not None}
    return _MAIN_K if _MAIN_K in cutoffs else min(cutoffs, default=_MAIN_K)


def _cutoff(name: str) -> int | None:
    text = name.partition("@")[2]
    return int(text) if text.isdecimal() and len(text) < _LONGEST_K else None


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
    runs: Sequence[RunSummary], seeds: Mapping[str, int] | None = None, *, published: bool = True
) -> AllColumns:
    """Make the columns that any of the runs has a value for.

    Parameters
    ----------
    seeds
        How many seeds a row folds, by run id; None where rows are not folded.
    published
        Whether published figures stand beside the metrics.
    """
    about = _descriptive_columns(runs, seeds) + _parameter_columns(runs)
    metrics = _metric_columns(runs)
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


def _metric_columns(runs: Sequence[RunSummary]) -> list[Column]:
    """Make a column for every metric that any of the runs has."""
    return [
        Column(name, name, _metric_reader(name), _write_metric, numeric=True, metric=True)
        for name in metric_names(runs)
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
    if any(run.tags for run in runs if run.annotations):
        columns.append(Column("tags", "tags", lambda run: " ".join(run.tags) or None))
    if all(run.model == run.label for run in runs):
        return columns[1:]
    return columns


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


def _parameter_columns(runs: Sequence[RunSummary]) -> list[Column]:
    """Make a column for every parameter in which two runs of one model differ."""
    seen: dict[tuple[str, str], str] = {}
    differing: dict[str, None] = {}
    for run in runs:
        for name, value in run.params.items():
            text = show.parameter(value)
            if seen.setdefault((run.model, name), text) != text:
                differing[name] = None
    return [Column(f"param {name}", name, _parameter_reader(name)) for name in sorted(differing)]


def without_unchanged(columns: Sequence[Column], runs: Sequence[RunSummary]) -> list[Column]:
    """Leave out the columns in which all runs agree; runs without a value do not count."""
    if len(runs) < 2:
        return list(columns)
    kept = []
    for column in columns:
        values = {value for run in runs if (value := column.read(run)) is not None}
        if len(values) > 1:
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


def _parameter_reader(name: str) -> Callable[[RunSummary], Value]:
    def read(run: RunSummary) -> Value:
        return show.parameter(run.params[name]) if name in run.params else None

    return read


def _write_metric(value: float | str) -> str:
    return show.metric(float(value))


def _write_seconds(value: float | str) -> str:
    return show.seconds(float(value))


def _write_whole(value: float | str) -> str:
    return str(int(value))
