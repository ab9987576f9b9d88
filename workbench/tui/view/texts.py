"""The table as text: Markdown for the clipboard, CSV, Markdown or JSON for a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from recsys_core.errors import InputError
from workbench.store.files import write_text
from workbench.store.listing import RunSummary
from workbench.tui.view.table import Row, Table

_FORMATS = (".csv", ".md", ".json")


def as_markdown(table: Table) -> str:
    """Write what the table shows as Markdown."""
    lines = [[head.title or head.key for head in table.heads]]
    lines += [_texts(row, table) for row in table.rows]
    written = ["| " + " | ".join(map(_escape, line)) + " |" for line in lines]
    rule = "|" + "|".join("--:" if head.right else "---" for head in table.heads) + "|"
    return "\n".join([written[0], rule, *written[1:]]) + "\n"


def as_csv(table: Table) -> str:
    """Write what the table shows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([head.title or head.key for head in table.heads])
    writer.writerows(_texts(row, table) for row in table.rows)
    return text.getvalue()


def as_json(runs: Sequence[RunSummary]) -> str:
    """Write the runs, in order, with full precision."""
    entries = [
        {
            "run_id": run.run_id,
            "label": run.label,
            "model": run.model,
            "stage": run.stage,
            "status": run.state,
            "dataset": run.dataset,
            "protocol": run.protocol,
            "split_fingerprint": run.split_fingerprint,
            "seed": run.seed,
            "params": dict(run.params),
            "metrics": dict(run.metrics),
            "ci95": {name: list(interval) for name, interval in run.ci95.items()},
            "fit_seconds": run.fit_seconds,
        }
        for run in runs
    ]
    return json.dumps({"runs": entries}, indent=2, ensure_ascii=False) + "\n"


def row_text(table: Table, row: Row) -> str:
    """Write one row as ``title value`` pairs, without the columns it has no value for."""
    pairs = zip(table.heads[2:], row.cells[2:], strict=True)
    return "  ".join(
        f"{head.title} {cell.text.strip()}" for head, cell in pairs if cell.style != "faint"
    )


def export(path: Path, table: Table, runs: Sequence[RunSummary], *, overwrite: bool) -> None:
    """Write the table to `path`; the ending of the name chooses the format.

    Raises
    ------
    InputError
        Another ending, a file that is there already (unless `overwrite`), or no way to write.
    """
    if path.suffix not in _FORMATS:
        raise InputError(f"'{path.name}' must end in {', '.join(_FORMATS)}")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists", "press Enter again to replace it")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder")
    if path.suffix == ".json":
        text = as_json(runs)
    else:
        text = as_csv(table) if path.suffix == ".csv" else as_markdown(table)
    write_text(path, text)


def _texts(row: Row, table: Table) -> list[str]:
    texts = ["" if cell.style == "faint" else cell.text.strip() for cell in row.cells]
    if row.note is not None:
        texts[table.note_from :] = [row.note.text, *[""] * (len(texts) - table.note_from - 1)]
    return texts


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
