"""The table as text: Markdown for the clipboard; CSV, Markdown, JSON or HTML for a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.store.export import spreadsheet_cell
from workbench.store.files import write_text
from workbench.store.text import json_text
from workbench.tui.view.fold import Fold
from workbench.tui.view.table import Cell, Row, Table

FORMATS = (".csv", ".md", ".json", ".html")

_HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>runs</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --better: #00694c; --worse: #b34700; }}
@media (prefers-color-scheme: dark) {{ :root {{ --better: #3dbe97; --worse: #f07a3a; }} }}
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: left; }}
.right {{ text-align: right; }}
.better, .best {{ color: var(--better); }}
.best {{ font-weight: bold; }}
.worse, .bad {{ color: var(--worse); }}
.faint, .muted {{ opacity: .7; }}
</style>
<p>{about}</p>
<table>
{rows}
</table>
<p class="muted">✦ best of its column; ▲ ▼ better or worse than the baseline; * more than chance,
~ perhaps chance (paired test over users, p &lt; .05, corrected over all comparable runs).</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What is on the screen: the table, the runs behind its rows, and a line on what they are.

    Parameters
    ----------
    more
        What JSON says beside the runs.
    """

    table: Table
    folds: Sequence[Fold]
    about: str
    more: Mapping[str, Any] = field(default_factory=dict)


def as_markdown(table: Table) -> str:
    """Write what the table shows as Markdown."""
    lines = [[head.title or head.key for head in table.heads]]
    lines += [_texts(row, table) for row in table.rows]
    written = ["| " + " | ".join(map(_escape, line)) + " |" for line in lines]
    rule = "|" + "|".join("--:" if head.right else "---" for head in table.heads) + "|"
    return "\n".join([written[0], rule, *written[1:]]) + "\n"


def as_csv(table: Table) -> str:
    """Write what the table shows as CSV; headings have no line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([head.title or head.key for head in table.heads])
    rows = (row for row in table.rows if row.cells)
    writer.writerows([spreadsheet_cell(cell) for cell in _texts(row, table)] for row in rows)
    return text.getvalue()


def as_html(table: Table, about: str) -> str:
    """Write what the table shows as a page that needs no other file."""
    heads = [_tag("th", Cell(head.title or head.key), right=head.right) for head in table.heads]
    lines = ["".join(heads), *(_html_row(row, table) for row in table.rows)]
    return _HTML.format(about=escape(about), rows="\n".join(f"<tr>{line}" for line in lines))


def _html_row(row: Row, table: Table) -> str:
    width = len(table.heads)
    if not row.cells:
        assert row.note is not None
        return _tag("th", row.note, span=width)
    cells = list(zip(row.cells, table.heads, strict=True))
    if row.note is not None:
        cells = cells[: table.note_from]
    line = "".join(_tag("td", cell, right=head.right) for cell, head in cells)
    if row.note is not None:
        line += _tag("td", row.note, span=width - table.note_from)
    return line


def _tag(name: str, cell: Cell, *, right: bool = False, span: int = 1) -> str:
    classes = " ".join(part for part in (cell.style, "right" if right else "") if part)
    attributes = f' class="{classes}"' if classes else ""
    attributes += f' colspan="{span}"' if span > 1 else ""
    text = "" if cell.style == "faint" else escape(cell.text.strip())
    return f"<{name}{attributes}>{text}</{name}>"


def as_json(folds: Sequence[Fold], more: Mapping[str, Any] = {}) -> str:
    """Write the runs, in order, with full precision."""
    entries = [_entry(fold) for fold in folds]
    return json_text({"runs": entries, **more}) + "\n"


def _entry(fold: Fold) -> dict[str, Any]:
    run = fold.run
    entry = {
        "run_id": run.run_id,
        "label": run.label,
        "model": run.model,
        "stage": run.stage,
        "origin": run.origin,
        "status": run.state,
        "dataset": run.dataset,
        "protocol": run.protocol,
        "split_fingerprint": run.split_fingerprint,
        "seed": run.seed,
        "refit_of": run.refit_of,
        "updated_from": run.updated_from,
        "params": dict(run.params),
        "metrics": dict(run.metrics),
        "ci95": {name: list(interval) for name, interval in run.ci95.items()},
        "fit_seconds": run.fit_seconds,
        "annotations": dict(run.annotations),
    }
    if len(fold.members) > 1:
        entry |= {
            "run_ids": [member.run_id for member in fold.members],
            "seeds": [member.seed for member in fold.members],
            "sd": dict(fold.spread),
        }
    return entry


def row_text(table: Table, row: Row) -> str:
    """Write one row as ``title value`` pairs, without the columns it has no value for."""
    pairs = zip(table.heads[2:], row.cells[2:], strict=True)
    return "  ".join(
        f"{head.title} {cell.text.strip()}" for head, cell in pairs if cell.style != "faint"
    )


def export(path: Path, what: Exported, *, overwrite: bool) -> None:
    """Write the table to `path`; the ending of the name chooses the format.

    Raises
    ------
    InputError
        Another ending, a file that is there already (unless `overwrite`), or no way to write.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"'{path.name}' must end in {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists", "press Enter again to replace it")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder")
    write_text(path, _as_text(path.suffix, what))


def _as_text(suffix: str, what: Exported) -> str:
    if suffix == ".json":
        return as_json(what.folds, what.more)
    if suffix == ".html":
        return as_html(what.table, what.about)
    return as_csv(what.table) if suffix == ".csv" else as_markdown(what.table)


def _texts(row: Row, table: Table) -> list[str]:
    if not row.cells:
        assert row.note is not None
        return ["", "", row.note.text, *[""] * (len(table.heads) - 3)]
    texts = ["" if cell.style == "faint" else cell.text.strip() for cell in row.cells]
    if row.note is not None:
        texts[table.note_from :] = [row.note.text, *[""] * (len(texts) - table.note_from - 1)]
    return texts


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
