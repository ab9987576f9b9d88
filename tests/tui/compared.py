"""Runs on the films whose values of users are known, to be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.tui.session import Session
from tests.workbench.films import prepare_films, write_list_run, write_rows_run
from workbench.store.runs import METRICS, Run
from workbench.tui.screens.compare import CompareScreen

#: ndcg@10 of users 0 to 5: better gains .1 or .2 everywhere, other nothing on average
BASE = (0.2, 0.4, 0.6, 0.8, 0.5, 0.5)
BETTER = (0.3, 0.6, 0.7, 1.0, 0.6, 0.7)
OTHER = (0.3, 0.3, 0.6, 0.8, 0.55, 0.45)
_LISTS = dict.fromkeys(range(6), ((3, 0.9), (2, 0.5)))


def write_compared(folder: Path) -> Path:
    """Write base, better and other; one judged on another split, and one that ranks rows."""
    runs = folder / "runs"
    runs.mkdir()
    prepare_films(folder / "data")
    curve = [{"epoch": n, "loss": 1 / n, "ndcg@10": n / 10} for n in (1.0, 2.0, 3.0)]
    for number, (label, values) in enumerate(
        (("base", BASE), ("better", BETTER), ("other", OTHER), ("apart", BASE))
    ):
        split = "another" if label == "apart" else "last-out"
        by_user = dict(enumerate(values))
        created = 1.8e9 + number
        run = write_list_run(runs, label, _LISTS, ndcg=by_user, split=split, created=created)
        metrics = {"ndcg@10": fmean(values), "coverage@10": 0.1 * (number + 1)}
        params = {"neighbours": 10 * (number + 1), "shrinkage": 0.0}
        amend(run, metrics=metrics, params=params, curve=curve if label == "better" else [])
        run.path.rename(runs / f"20270115-08000{number}-{label}-000{number}")
    rows = [(user, 1, user % 2, 0.5) for user in range(6)]
    ranker = write_rows_run(runs, "ranker", rows, created=1.9e9)
    amend(ranker, metrics={"auc": 0.7})
    ranker.path.rename(runs / "20300317-174640-ranker-0004")
    return runs


def amend(run: Run, **content: Any) -> None:
    """Change what a run's result says."""
    path = run.path / METRICS
    path.write_text(json.dumps(json.loads(path.read_text()) | content))


def run_of(runs: Path, label: str) -> Run:
    """Find a run by its label."""
    (found,) = (path for path in runs.iterdir() if path.is_dir() and label in path.name)
    return Run(found)


async def compare(s: Session, labels: Sequence[str], baseline: str = "") -> CompareScreen:
    """Mark runs, the baseline too, and open the page that compares them."""
    if baseline:
        await s.go_to(baseline)
        await s.press("b")
    for label in [*labels, *([baseline] if baseline else [])]:
        await s.go_to(label)
        await s.press("space")
    await s.press("equals_sign")
    screen = s.app.screen
    assert isinstance(screen, CompareScreen), s.text()
    await s.until(lambda: "testing" not in section(s, "metrics"))
    return screen


def section(s: Session, name: str) -> str:
    """A section of the page as text."""
    from workbench.tui.widgets.sections import SectionView

    view = s.app.screen.query_one(f"#{name}", SectionView)
    return str(view.section) if view.display else ""
