"""metrics.json against what everybody reads of it (runs/README.md has the format)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.store.files import damaged
from workbench.store.kinds import (
    Kind,
    check,
    flag,
    interval,
    list_of,
    mapping,
    mapping_of,
    number,
    optional,
    text,
    whole,
)

#: characters of a metric's name at most: it is the head of a column
_LONGEST_NAME = 200
_NUMBERS = mapping_of(optional(number))
_RESULT: dict[str, Kind] = {
    "dataset": mapping,
    "protocol": mapping,
    "params": mapping,
    "metrics": mapping,
    "ci95": mapping,
    "label": text,
    "model": text,
    "stage": text,
    "seed": whole,
    "fit_seconds": optional(number),
    "reuse_key": text,
}
#: what earlier versions did not write
_LATER: dict[str, Kind] = {
    "origin": text,
    "file_counts": mapping_of(whole),
    "counts": mapping,
    "validation": _NUMBERS,
    "eval_seconds": optional(number),
    "peak_rss_mb": optional(number),
    "timings": optional(_NUMBERS),
    "importance": _NUMBERS,
    "features": optional(mapping),
    "curve": list_of(mapping),
    "problems": mapping_of(text),
    "chosen_epochs": mapping_of(whole),
    "refit_of": optional(text),
    "updated_from": optional(mapping),
}
_DATASET: dict[str, Kind] = {"name": text, "fingerprint": text, "synthetic": flag}
_PROTOCOL: dict[str, Kind] = {"name": text, "fingerprint": text}
_PARAMETERS: dict[str, Kind] = {"relevance": optional(number)}
#: of the run that was updated, and of those before it
_UPDATED: dict[str, Kind] = {"run": text, "lineage": list_of(mapping), "changes": mapping_of(whole)}
_BEFORE: dict[str, Kind] = {"run": text, "split": text, "judged": whole, "seen": whole}
_FEATURES: dict[str, Kind] = {"schema": optional(text), "scopes": optional(list_of(text))}


def check_result(result: dict[str, Any], where: Path) -> dict[str, Any]:
    """Return a result whose fields are there and of their kinds.

    Raises
    ------
    DamagedFileError
        One is not.
    """
    check(result, _RESULT, where)
    check(result, _LATER, where, required=False)
    check(result["dataset"], _DATASET, where, inside="dataset.")
    longest = max(map(len, result["metrics"]), default=0)
    if longest > _LONGEST_NAME:
        raise damaged(where, f"the name of a metric has {longest:,} characters")
    for name, kind in (("metrics", optional(number)), ("ci95", optional(interval))):
        check(result[name], dict.fromkeys(result[name], kind), where, inside=f"{name}.")
    protocol = result["protocol"]
    check(protocol, _PROTOCOL, where, inside="protocol.")
    check(protocol, {"parameters": mapping}, where, required=False, inside="protocol.")
    check(protocol.get("parameters", {}), _PARAMETERS, where, required=False, inside="protocol.")
    check(result.get("features") or {}, _FEATURES, where, required=False, inside="features.")
    updated = result.get("updated_from")
    if updated:
        check(updated, _UPDATED, where, inside="updated_from.")
        for entry in updated["lineage"]:
            check(entry, _BEFORE, where, inside="updated_from.lineage.")
    return result


def updated_from(result: Mapping[str, Any]) -> str:
    """Give the id of the run that a result's run updates; empty for one that was fitted anew."""
    run: str = (result.get("updated_from") or {}).get("run", "")
    return run


def seen_splits(result: Mapping[str, Any]) -> list[str]:
    """List the splits that runs before an update were judged on, if it learned from such rows."""
    lineage = (result.get("updated_from") or {}).get("lineage", ())
    return [entry["split"] for entry in lineage if entry["seen"]]
