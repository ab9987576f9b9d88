"""Write a report in the format that the file's extension names, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.reports.folder import ReportRun
from workbench.reports.junit import to_junit
from workbench.reports.markdown import to_markdown
from workbench.store.files import StoreError, write_text
from workbench.store.text import plain

CSV_COLUMNS = (
    "suite",
    "dataset",
    "protocol",
    "run_id",
    "label",
    "model",
    "stage",
    "seed",
    "status",
    "metric",
    "value",
    "ci95_low",
    "ci95_high",
    "reference",
    "reference_source",
    "reference_note",
)


def write_report(report: Mapping[str, Any], path: Path, runs: Sequence[ReportRun] = ()) -> None:
    """Write `report` to `path` as .json, .md, .html, .csv or .xml (JUnit).

    Missing folders are made; an old file is replaced only by a complete new one.

    Parameters
    ----------
    runs
        Those of the report: a page has pictures of them.

    Raises
    ------
    InputError
        Another extension, or a place that cannot be written.
    """
    check_report_path(path)
    ending = path.suffix.lower()
    content = to_html(report, runs) if ending == ".html" else _FORMATS[ending](report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, content)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    except StoreError as error:
        raise _unwritable(path, error.problem.rpartition(": ")[2]) from error


def check_report_path(path: Path) -> None:
    """Raise InputError unless `write_report` knows the extension; call it before hours of work."""
    if path.suffix.lower() not in _FORMATS:
        found = f"'{path.suffix}'" if path.suffix else "none"
        raise InputError(
            f"report {path}: unknown extension: {found}", f"valid: {', '.join(_FORMATS)}"
        )
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:  # a name that is too long
        raise _unwritable(path, error.strerror or str(error)) from error
    if path.is_dir():
        raise InputError(f"report {path}: this is a folder", "name a file in it")


def _unwritable(path: Path, reason: str) -> InputError:
    return InputError(
        f"report {path}: cannot be written: {reason}", "choose another file for --report"
    )


def to_json(report: Mapping[str, Any]) -> str:
    """Write schema 1 as JSON; non-ASCII text is escaped, so no terminal is steered by it."""
    return json.dumps(report, indent=2, allow_nan=False) + "\n"


def to_csv(report: Mapping[str, Any]) -> str:
    """Write one line per run and metric; a run without a result has one line without a metric."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    shared = {
        "suite": report["suite"],
        "dataset": report["dataset"]["name"],
        "protocol": report["protocol"]["name"],
    }
    for run in report["runs"]:
        named = {name: run[name] for name in CSV_COLUMNS if name in run and name != "reference"}
        for metric, value in run["metrics"].items() or [("", None)]:
            low, high = run["ci95"].get(metric) or (None, None)
            figure = run["reference"].get(metric, {})
            line = {
                **shared,
                **named,
                "metric": metric,
                "value": value,
                "ci95_low": low,
                "ci95_high": high,
                "reference": figure.get("value"),
                "reference_source": figure.get("source"),
                "reference_note": figure.get("note") or None,
            }
            writer.writerow({name: _csv_cell(entry) for name, entry in line.items()})
    return buffer.getvalue()


def _csv_cell(value: Any) -> Any:
    """Keep text text: a spreadsheet takes a leading = + - @ for a formula."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def to_html(report: Mapping[str, Any], runs: Sequence[ReportRun] = ()) -> str:
    """Write one self-contained page (jinja2 is loaded only for it)."""
    from workbench.reports.html import render

    return render(report, runs)


_FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    ".json": to_json,
    ".md": to_markdown,
    ".html": to_html,
    ".csv": to_csv,
    ".xml": to_junit,
}
