"""Why runs cannot be compared, and in what they differ: one wording for session and commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recsys_core.errors import InputError


def without_result(run_id: str, state: str) -> InputError:
    """Refuse a run that has not succeeded."""
    return InputError(
        f"run {run_id} is {state} and has no values to compare",
        "name runs that succeeded: see recsys-workbench runs list",
    )


def not_judged(use: str, run_id: str, refit_of: str) -> InputError:
    """Refuse a run that was fitted on all rows.

    Parameters
    ----------
    use
        What it was named for, e.g. ``"baseline"``.
    """
    return InputError(
        f"{use}: run {run_id} was fitted on all rows, so it was not judged and has no values",
        f"name the run that it repeats: {refit_of}",
    )


def rows_seen(
    result: Mapping[str, Any], split: str | None, other_id: str, other_split: str | None
) -> tuple[int, int] | None:
    """Count the rows another run was judged on that an update learned from, and all of them.

    Parameters
    ----------
    result, split
        Content of the update's metrics.json; what it was judged on.

    Returns
    -------
    None where it learned from none: it is no update, or the other one is not before it.
    """
    for entry in (result.get("updated_from") or {}).get("lineage", ()):
        same = entry["run"] == other_id or entry["split"] == other_split
        if same and entry["seen"] and other_split != split:
            return entry["seen"], entry["judged"]
    return None


def seen_rows(update: str, other: str, seen: int, judged: int) -> InputError:
    """Refuse to compare an update with what was judged on rows that it has learned from."""
    return InputError(
        f"run {update} is an update: it learned from {seen:,} of the {judged:,} rows that {other}"
        " was judged on, so their values cannot be compared",
        "train the earlier model on the new data in full, or judge it on the new rows:"
        " recsys-workbench recommend RUN --to FILE; recsys-workbench score FILE --dataset NEW",
    )


def another_split(name: str, where: str, first: str) -> str:
    """Say that a run was judged on other rows than the first."""
    return (
        f"{name} was judged on another split ({where}) than {first}: not comparable, so no"
        " difference is shown."
    )


def differing(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """List the fields in which any two rows differ, with a value for each row.

    Examples
    --------
    >>> differing([{"loss": "bpr", "dim": 64}, {"loss": "bpr", "dim": 32, "epochs": 5}])
    {'dim': [64, 32], 'epochs': [None, 5]}
    """
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: [row.get(name) for row in rows] for name in names}
    return {name: row for name, row in found.items() if any(value != row[0] for value in row)}
