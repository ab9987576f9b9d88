"""Runs of both stages, made by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.reports.folders import make_run
from workbench.reports.folder import ReportRun, read_report_run

A, B, C = [0.1, 0.4, 0.2, 0.6], [0.2, 0.6, 0.2, 0.9], [0.0, 0.5, 0.1, 0.6]
KS = (10, 20, 50)


def recall_run(folder: Path, label: str, users: Sequence[float] = A, **more: Any) -> ReportRun:
    """Make a run that has all that a picture of lists needs; values differ with the users'."""
    base = sum(users) / len(users)
    metrics = {f"recall@{k}": base * k / 100 for k in KS}
    metrics |= {f"coverage@{k}": base / 2 for k in KS}
    metrics |= {f"recall/{part}@10": base / n for n, part in enumerate(("head", "mid", "tail"), 1)}
    metrics |= more.pop("metrics", {})
    path = make_run(
        folder,
        label,
        metrics=metrics,
        users={"ndcg@10": users},
        ci95={"recall/head@10": [base / 2, base * 2]},
        **more,
    )
    return read_report_run(path)


def ranking_run(
    folder: Path, label: str, rows: Sequence[tuple[float, float]] = ((1, 0.5),), **more: Any
) -> ReportRun:
    """Make a run that has predicted rows: (label, score)."""
    path = make_run(folder, label, stage="ranking", users={"gauc": A}, **more)
    with closing(sqlite3.connect(path / "results.sqlite")) as database, database:
        database.execute("CREATE TABLE rows (user, item, label REAL, score REAL)")
        database.executemany("INSERT INTO rows VALUES (0, 0, ?, ?)", rows)
    return read_report_run(path)
