"""Run folders made by hand, as runs/README.md describes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

SPLIT = "5f1e"
DATASET = {
    "name": "tiny",
    "fingerprint": "d47a",
    "interactions": 40,
    "users": 4,
    "items": 10,
    "synthetic": False,
}
PROTOCOL = {
    "name": "user-timeline",
    "parameters": {"threshold": 4},
    "fingerprint": SPLIT,
    "train": 32,
    "valid": 4,
    "test": 4,
    "leaks": "Leaks other users' future",
    "counts": {"short_users": 1},
}


def make_run(
    runs_dir: Path,
    label: str,
    *,
    run_id: str = "",
    seed: int = 0,
    stage: str = "recall",
    metrics: Mapping[str, Any] | None = None,
    users: Mapping[str, Sequence[float | None]] | None = None,
    **result: Any,
) -> Path:
    """Write the folder of a run that succeeded.

    Parameters
    ----------
    metrics
        Values by metric; of those of `users` their means.
    users
        Per-user values by metric, of users 0, 1, ...
    result
        Any other field of metrics.json.
    """
    folder = runs_dir / (run_id or f"20260101-000000-{label}-{seed:04x}")
    folder.mkdir(parents=True)
    _write_status(folder, "succeeded", None)
    _write_spec(folder, label, seed)
    content = {
        "label": label,
        "model": label,
        "stage": stage,
        "seed": seed,
        "params": {"neighbours": 250},
        "dataset": DATASET,
        "protocol": PROTOCOL,
        "metrics": {"ndcg@10": 0.25, **_means(users or {}), **(metrics or {})},
        "ci95": {},
        "counts": {"users": 4, "users_without_relevant": 1, "cold_users": 0, "cold_items": 2},
        "fit_seconds": 1.5,
        "eval_seconds": 0.5,
        "peak_rss_mb": 100.0,
        "curve": [],
        "reuse_key": "0",
        **result,
    }
    (folder / "metrics.json").write_text(json.dumps(content))
    (folder / "environment.json").write_text(json.dumps({"python": "3.11.2", "threads": 2}))
    _write_users(folder / "results.sqlite", users or {})
    return folder


def make_unfinished(
    runs_dir: Path, label: str, state: str = "failed", reason: str | None = "out of memory"
) -> Path:
    """Write the folder of a run that has no result."""
    folder = runs_dir / f"20260101-000000-{label}-dead"
    folder.mkdir(parents=True)
    _write_status(folder, state, reason)
    _write_spec(folder, label, 0)
    return folder


def _write_status(folder: Path, state: str, reason: str | None) -> None:
    status = {"state": state, "created": 1.0, "started": 2.0, "ended": 3.0, "reason": reason}
    (folder / "status.json").write_text(json.dumps(status))


def _write_spec(folder: Path, label: str, seed: int) -> None:
    spec = {
        "dataset": "tiny",
        "protocol": {"name": "user-timeline"},
        "model": label,
        "label": label,
        "seed": seed,
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))


def _means(users: Mapping[str, Sequence[float | None]]) -> dict[str, float]:
    known = {name: [v for v in values if v is not None] for name, values in users.items()}
    return {name: fmean(values) for name, values in known.items()}


def _write_users(path: Path, users: Mapping[str, Sequence[float | None]]) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE user_metrics (metric TEXT, user INTEGER, value REAL)")
    for metric, values in users.items():
        rows = [(metric, user, value) for user, value in enumerate(values)]
        database.executemany("INSERT INTO user_metrics VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
