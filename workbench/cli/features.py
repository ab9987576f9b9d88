"""The features of a schema as a table."""

from __future__ import annotations

import sys
from typing import Any

from workbench.cli.table import print_table
from workbench.reports.data import origin_of
from workbench.store.text import plain


def print_features(facts: dict[str, Any]) -> None:
    """Print what `recsys_core.features.describe.describe_features` found."""
    lines = [
        ("title", plain(facts["title"])),
        ("protocol", facts["protocol"]),
        ("rows", f"{facts['train']:,} train, {facts['valid']:,} validation"),
        ("histories see", " and ".join(_SEEN[scope] for scope in facts["scopes"]) or "-"),
    ]
    print_table(("schema", plain(facts["schema"])), lines)
    sys.stdout.write("\n")
    headers = ("feature", "kind", "computed from", "embeddings", "missing", "AUC alone")
    rows = [
        (
            plain(row["name"]),
            row["kind"],
            plain(origin_of(row)),
            f"of {row['shares']}" if row["shares"] else row["values"],
            f"{row['missing']:.1%}",
            _area(row),
        )
        for row in facts["features"]
    ]
    print_table(headers, rows)
    suspects = [plain(row["name"]) for row in facts["features"] if row["suspicious"]]
    if suspects:
        sys.stdout.write(
            f"\nnote: {', '.join(suspects)}: almost perfect by itself on validation rows, so it "
            "probably leaks the label. Find out how before you train on it.\n"
        )


_SEEN = {
    "earlier": "what happened earlier",
    "others": "every other event of the user, later ones too",
    "known": "everything known about the item",
}


def _area(row: dict[str, Any]) -> str:
    if row["auc"] is None:
        return "-"
    return f"{row['auc']:.4f}{'  leak?' if row['suspicious'] else ''}"
