"""What belongs to a data set, as plain cells: protocols with what they leak, feature schemas."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.reports.data import origin_of
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell, Head, Row, Table

#: the features of the data set itself, rather than a packaged schema
OWN_SCHEMA = "default"
#: cells for where a feature comes from
_LEAST_SOURCE = 14
#: what protocols that do not need times leak on a set without
_UNKNOWN = "unknown: this set has no times"


def protocol_table(
    protocols: Mapping[str, Mapping[str, Any]], width: int, *, timed: bool, parted: bool
) -> Table:
    """Make the list of protocols; a line on what each leaks, or what a set lacks for it."""
    name = 16
    heads = (Head("name", "protocol", name), Head("leaks", "leaks", max(10, width - name - 4)))
    rows = [
        Row(each, (Cell(plain(each)), _leaks(about, timed, parted)))
        for each, about in protocols.items()
    ]
    return Table(heads, rows, tuple(protocols), fixed=1, note_from=0)


def _leaks(about: Mapping[str, Any], timed: bool, parted: bool) -> Cell:
    if about["needs_parts"] and not parted:
        return Cell("✖ needs the parts of a split, which this set has not", "bad")
    if about["by_time"] and not timed:
        return Cell("✖ needs times, which this set has not", "bad")
    if not timed:
        return Cell(f"▲ {_UNKNOWN}", "muted")
    text = plain(about["leaks"])
    if text.startswith("Leaks nothing"):
        return Cell("✔ nothing", "good")
    return Cell(f"▲ {text.removeprefix('Leaks ')}", "muted")


def protocol_section(name: str, about: Mapping[str, Any], timed: bool, width: int) -> Section:
    """Say how a protocol cuts, what it leaks, on a set with times or without, and its settings."""
    schema = about["schema"]
    lines: list[tuple[Cell, ...]] = []
    for text in str(schema.get("description", "")).split("\n\n"):
        words = " ".join(text.split())
        lines += [(Cell(line),) for line in textwrap.wrap(plain(words), max(16, width))]
    leak = plain(about["leaks"])
    if not timed:
        leak = "Needs times." if about["by_time"] else f"What it leaks is {_UNKNOWN}."
    safe = leak.startswith("Leaks nothing")
    sign, style = ("✔", "good") if safe else ("▲", "accent")
    wrapped = textwrap.wrap(f"{sign} {leak}", max(16, width), subsequent_indent="  ")
    lines += [(Cell(line, style),) for line in wrapped]
    fields = schema.get("properties", {})
    named = [f"{field}={show.parameter(one.get('default'))}" for field, one in fields.items()]
    text = f"settings: {'  '.join(named)}"
    lines += [(Cell(line, "muted"),) for line in textwrap.wrap(plain(text), max(16, width))]
    return Section(plain(name), tuple(lines))


def feature_table(features: Sequence[Mapping[str, Any]], measured: bool, width: int) -> Table:
    """Make the table of a schema's features; measured ones have missing rates and AUC."""
    name = Head("name", "feature", 19 if width >= 54 else 15)
    numbers = [Head("missing", "missing", 7, right=True), Head("auc", "AUC ", 7, right=True)]
    room = width - name.width - 2 - _LEAST_SOURCE - 2 - (17 if measured else 0)
    kind = [Head("kind", "kind", 11)] if room >= 13 else []
    values = [Head("values", "embeddings", 11, right=True)] if measured and room >= 25 else []
    wide = room - 13 * len(kind) - 12 * len(values)
    source = Head("source", "computed from", _LEAST_SOURCE + max(0, wide))
    heads = (name, *kind, source, *values, *(numbers if measured else []))
    rows = [_feature_row(each, heads) for each in features]
    return Table(heads, rows, tuple(row.key for row in rows), fixed=1, note_from=0)


def _feature_row(each: Mapping[str, Any], heads: Sequence[Head]) -> Row:
    auc = each.get("auc")
    suspicious = bool(each.get("suspicious"))
    shares = each.get("shares")
    cells = {
        "name": Cell(plain(each["name"])),
        "kind": Cell(each["kind"]),
        "source": Cell(plain(origin_of(each)), "muted"),
        "values": Cell(plain(f"of {shares}") if shares else f"{each.get('values') or 0:,}"),
        "missing": Cell(f"{each.get('missing') or 0:.1%}", "" if each.get("missing") else "muted"),
        "auc": Cell("-" if auc is None else f"{auc:.4f}{'!' if suspicious else ' '}"),
    }
    if suspicious:
        cells["auc"] = Cell(cells["auc"].text, "bad")
    return Row(each["name"], tuple(cells[head.key] for head in heads))
