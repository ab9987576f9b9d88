"""What `data` prints of a set: how it was prepared, and the set in figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recsys_core.values import counted
from workbench.cli.table import print_table
from workbench.reports.data import CHECKSUM, what_events_are
from workbench.store.text import plain

BAR = 30
#: how attributes are read, as `describe` calls it
NO_RATINGS = "no ratings: every event is relevant"
KINDS = {"categorical": "one of", "multi": "any of", "numeric": "number", "text": "text"}


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def show_prepared(data_dir: Path, name: str, as_json: bool) -> None:
    """Say how a set was prepared."""
    from recsys_core.data.prepared import find_prepared

    prepared = find_prepared(data_dir, name)
    assert prepared is not None
    meta = prepared.meta
    if as_json:
        print_json(meta)
        return
    rows = [
        (what_events_are(meta), f"{meta['interactions']:,}"),
        ("users", f"{meta['users']:,}"),
        ("items", _items(meta)),
        *_summary_lines(meta.get("summary") or {}),
        *_embedded_lines(meta["embedded"]),
        *(() if meta.get("explicit", True) else [("note", NO_RATINGS)]),
        ("rows left out", _left_out(meta["bad_rows"])),
        *_source_lines(meta["source"]),
        ("prepared in", str(prepared.folder)),
    ]
    print_table(("data set", name), rows)


def _source_lines(source: Mapping[str, Any]) -> list[tuple[str, str]]:
    if source.get("generated"):
        return [("read from", "nowhere: it is made up")]
    checksum = CHECKSUM[source["checksum_official"]]
    return [("read from", source["path"]), ("checksum", checksum)]


def _items(meta: Mapping[str, Any]) -> str:
    silent = meta["items_without_events"]
    return f"{meta['items']:,}" + (f" ({silent:,} without an event)" if silent else "")


def _summary_lines(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say how the files were read; nothing of a set that was made."""
    if not summary:
        return
    columns, context = summary["columns"], summary.get("context", {})
    yield "read as", summary["read_as"]
    roles = {role: name for role, name in columns.items() if role not in context}
    yield "columns", ", ".join(f"{role}: {name}" for role, name in roles.items())
    if context:
        kinds = ", ".join(f"{name} ({KINDS[kind]})" for name, kind in context.items())
        yield "context", kinds
    if summary["unused"]:
        yield "not used", ", ".join(summary["unused"])
    yield from (("note", note) for note in summary["notes"])
    for side, found in summary["attributes"].items():
        share = f"{found['matched']:,} of {found['of']:,} {side}s"
        kinds = ", ".join(f"{name} ({KINDS[kind]})" for name, kind in found["columns"].items())
        file = f"{found['file']} has {counted(found['rows'], 'row')}"
        yield f"{side} attributes", f"{share} ({file}): {kinds or 'no column is used'}"
    for found in summary["vectors"]:
        share = f"{found['matched']:,} of {found['of']:,} {found['side']}s"
        about = f"{found['name']}, {counted(found['length'], 'number')}"
        file = f"{found['file']} has {counted(found['rows'], 'row')}"
        yield f"{found['side']} vectors", f"{share} ({file}): {about}"


def _embedded_lines(embedded: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Say which vectors were made of texts."""
    for made in embedded:
        share = f"{made['matched']:,} of {made['of']:,} {made['side']}s"
        how = f"{', '.join(made['columns'])} by {made['model']}"
        yield (
            f"{made['side']} vectors",
            f"{share} ({how}): {made['name']}, {counted(made['length'], 'number')}",
        )


def _left_out(bad_rows: dict[str, int]) -> str:
    if not bad_rows:
        return "none"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in bad_rows.items())
    return f"{sum(bad_rows.values()):,} ({reasons})"


def print_description(facts: dict[str, Any]) -> None:
    """Print a set in figures."""
    _print_counts(facts)
    _print_activity(facts)
    attributes = [
        (f"{side} {name}", about["kind"], about["values"], f"{about['missing']:.1%}")
        for side, columns in facts["attributes"].items()
        for name, about in columns.items()
    ]
    if attributes:
        _section(("attribute", "kind", "values", "missing"), attributes)
    if facts["notes"]:
        sys.stdout.write("\n" + "".join(f"note: {plain(note)}\n" for note in facts["notes"]))


def _print_counts(facts: dict[str, Any]) -> None:
    label = f"{facts['name']} (synthetic)" if facts["synthetic"] else facts["name"]
    lines = [
        ("fingerprint", facts["fingerprint"]),
        (what_events_are(facts), f"{facts['interactions']:,}"),
        ("users", f"{facts['users']:,}"),
        ("items", _items(facts)),
        ("density", f"{facts['density']:.2%}"),
    ]
    if facts["time"]:
        time = facts["time"]
        lines += [
            ("time", f"{time['first'][:10]} to {time['last'][:10]}"),
            ("same moment", f"{time['shared_moments']:.1%} of the rows share user and second"),
        ]
    popular = facts["popularity"]
    lines += [
        ("popularity", f"gini {popular['gini']:.2f}"),
        ("top 1% of items", f"{popular['top_1_percent']:.1%} of the {what_events_are(facts)}"),
        ("top 10% of items", f"{popular['top_10_percent']:.1%} of the {what_events_are(facts)}"),
    ]
    print_table(("data set", label), lines)


def _print_activity(facts: dict[str, Any]) -> None:
    activity = [(side, facts[f"events_per_{side}"]) for side in ("user", "item")]
    headers = ("events per", *activity[0][1])
    _section(headers, [(side, *map(_figure, v.values())) for side, v in activity])
    if facts["ratings"]:
        most = max(level["share"] for level in facts["ratings"])
        bars = [
            (f"{row['rating']:g}", f"{row['count']:,}", "█" * round(BAR * row["share"] / most))
            for row in facts["ratings"]
        ]
        _section(("label" if facts["labelled"] else "rating", "count", ""), bars)


def _figure(value: float) -> str:
    return f"{value:g}" if value == int(value) else f"{value:.1f}"


def _section(headers: tuple[str, ...], rows: list[Any]) -> None:
    sys.stdout.write("\n")
    print_table(headers, rows)
