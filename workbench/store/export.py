"""Tables to files: CSV, JSON, and parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.store import results
from workbench.store.files import replacing
from workbench.store.runs import RESULTS, Run
from workbench.store.summary import RunSummary
from workbench.store.text import plain

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
#: tables that can be exported: one line per run and metric, and those of results.sqlite
TABLES = ("metrics", "user_metrics", "recommendations", "rows")
_METRICS = (
    "run_id",
    "state",
    "label",
    "model",
    "stage",
    "dataset",
    "protocol",
    "seed",
    "metric",
    "value",
    "ci95_low",
    "ci95_high",
)
Rows = Iterable[Sequence[Any]]


def metrics_table(runs: Iterable[RunSummary]) -> tuple[list[str], Rows]:
    """Put the metrics of all runs into one table, one row per run and metric."""

    def rows() -> Iterator[Sequence[Any]]:
        for run in runs:
            named = [getattr(run, name) for name in _METRICS[:8]]
            for metric, value in run.metrics.items():
                low, high = run.ci95.get(metric, (None, None))
                yield *named, metric, value, low, high

    return list(_METRICS), rows()


def results_table(runs: Sequence[Run], name: str) -> tuple[list[str], Rows]:
    """Put one table of the runs' results.sqlite below each other.

    Raises
    ------
    StoreError
        A run has no results.
    """
    tables = [(run, *results.table(run.path / RESULTS, name)) for run in runs]

    def rows() -> Iterator[Sequence[Any]]:
        for run, _, content in tables:
            for row in content:
                yield run.run_id, *row

    return ["run_id", *(tables[0][1] if tables else [])], rows()


def export(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """Write a table to `path`, in the format of its extension.

    Raises
    ------
    InputError
        Another extension, parquet without pyarrow, or a place that cannot be written.
    """
    writer = check_export_path(path)
    with replacing(path) as partial:
        writer(partial, columns, rows)


def check_export_path(path: Path) -> Callable[[Path, Sequence[str], Rows], None]:
    """Return the writer for the extension of `path`, or say that there is none."""
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"{path}: unknown extension", f"valid: {', '.join(_WRITERS)}")
    return _WRITERS[path.suffix.lower()]


def _write_csv(path: Path, columns: Sequence[str], rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([spreadsheet_cell(value) for value in row] for row in rows)


def spreadsheet_cell(value: Any) -> Any:
    """Keep text text: a spreadsheet takes a leading = + - @ for a formula; numbers are none.

    Examples
    --------
    >>> spreadsheet_cell("-0.0742"), spreadsheet_cell("-1+2"), spreadsheet_cell("=1")
    ('-0.0742', "'-1+2", "'=1")
    """
    if not isinstance(value, str):
        return value
    text = plain(value)
    if _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _write_json(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """Write a list of objects, one per line."""
    with path.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for row in rows:
            file.write(separator + json.dumps(dict(zip(columns, row, strict=True))))
            separator = ",\n"
        file.write("\n]\n" if separator != "[\n" else "[]\n")


def load_pyarrow(path: Path) -> Any:
    """Import pyarrow, with its parquet, to write a file.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"{path}: parquet needs the package pyarrow",
            "pip install 'recsys-workbench[parquet]', or write .csv",
        ) from None
    return pyarrow


def _write_parquet(path: Path, columns: Sequence[str], rows: Rows) -> None:
    pyarrow = load_pyarrow(path)
    content = list(rows)
    values = {name: [row[place] for row in content] for place, name in enumerate(columns)}
    pyarrow.parquet.write_table(pyarrow.table(values), path)


_WRITERS: dict[str, Callable[[Path, Sequence[str], Rows], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
}
