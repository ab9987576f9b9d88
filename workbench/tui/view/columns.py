"""Which columns a table of runs has, most useful first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from workbench.store.listing import RunSummary
from workbench.tui.view import format as show

Value = float | str | None

#: the order in which metrics help to judge a run; recall's and ranking's alternate, so that a
#: narrow screen shows the main ones of both
_METRIC_ORDER = (
    *("ndcg", "auc", "recall", "gauc", "hit", "logloss", "mrr", "map", "precision", "ece", "rmse"),
    *("coverage", "novelty", "diversity", "popularity", "gini"),
)
_MAIN_K = 10


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how to read a run's value and how to write it."""

    key: str
    title: str
    read: Callable[[RunSummary], Value]
    write: Callable[[float | str], str] = str
    numeric: bool = False
    metric: bool = False


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
        base = name.partition("@")[0].partition("/")[0]
        rank = _METRIC_ORDER.index(base) if base in _METRIC_ORDER else len(_METRIC_ORDER)
        return (0 if k is None or k == main else k, rank, name)

    return sorted(names, key=usefulness)


def at_main_cutoff(names: Sequence[str]) -> list[str]:
    """Leave out the metrics at other cut-offs than the main K."""
    main = _main_cutoff(names)
    return [name for name in names if _cutoff(name) in (None, main)]


def _main_cutoff(names: Iterable[str]) -> int:
    cutoffs = {k for name in names if (k := _cutoff(name)) is not None}
    return _MAIN_K if _MAIN_K in cutoffs else min(cutoffs, default=_MAIN_K)


def _cutoff(name: str) -> int | None:
    text = name.partition("@")[2]
    return int(text) if text.isdigit() else None


def metric_columns(runs: Sequence[RunSummary]) -> list[Column]:
    """Make a column for every metric that any of the runs has."""
    return [
        Column(name, name, _metric_reader(name), _write_metric, numeric=True, metric=True)
        for name in metric_names(runs)
    ]


def descriptive_columns(runs: Sequence[RunSummary]) -> list[Column]:
    """Make the columns that say what a run is; a model that equals every label is left out."""
    columns = [
        Column("model", "model", lambda run: run.model or None),
        Column("dataset", "data", _dataset),
        Column("protocol", "protocol", lambda run: run.protocol or None),
        Column("seed", "seed", lambda run: run.seed, _write_whole, numeric=True),
    ]
    if all(run.model == run.label for run in runs):
        return columns[1:]
    return columns


def cost_columns() -> list[Column]:
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


def parameter_columns(runs: Sequence[RunSummary]) -> list[Column]:
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
