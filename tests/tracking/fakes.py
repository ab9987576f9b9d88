"""Trackers that do as tests tell them, and a run folder to follow."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.reports.folders import make_run
from workbench.store.process import ProcessIdentity
from workbench.store.runs import Run, Status
from workbench.tracking.base import End, Point, Start
from workbench.tracking.follower import Follower, Limits
from workbench.tracking.journal import journal_folder
from workbench.tracking.targets import Target

TARGET = Target("fake", "somewhere")
#: seconds: a call that returns at all returns sooner, on any machine
LIMITS = Limits(call=300.0, load=300.0, end=300.0)


class Fake:
    """Remembers what it was told; raises or hangs where it was told to."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.raises: dict[str, list[Exception]] = {}
        self.hangs: set[str] = set()
        self.before_log: Callable[[], object] = list

    def begin(self, start: Start, earlier: str) -> str:
        self._act("begin")
        self.told.append(start)
        return earlier or "run-7"

    def log(self, points: Sequence[Point]) -> None:
        self.before_log()
        self._act("log")
        self.told += points

    def end(self, end: End) -> None:
        self._act("end")
        self.told.append(end)

    def _act(self, call: str) -> None:
        if self.raises.get(call):
            raise self.raises[call].pop()
        if call in self.hangs:
            threading.Event().wait()

    @property
    def curve(self) -> list[tuple[str, int, float]]:
        points = [each for each in self.told if isinstance(each, Point)]
        return [(point.name, point.step, point.value) for point in points]


def running(runs_dir: Path) -> Run:
    """Make the folder of a run that is under way."""
    run = Run(make_run(runs_dir, "mf", metrics={"ndcg@10": 0.25, "auc": None}, ci95=CI95))
    run.write_status(Status("running", created=1.0, started=2.0, **_this_process()))
    return run


CI95 = {"ndcg@10": [0.2, 0.3], "auc": [None, None]}


def _this_process() -> dict[str, Any]:
    identity = ProcessIdentity.current()
    return {
        "pid": identity.pid,
        "process_started": identity.started,
        "boot_id": identity.boot_id,
    }


def finish(run: Run) -> None:
    run.write_status(Status("succeeded", created=1.0, started=2.0, ended=3.0))


def report(run: Run, epoch: int, **metrics: float | None) -> None:
    """Append an event, as a job does."""
    event = {"time": 2.5, "stage": "fit", "step": 10 * epoch, "metrics": metrics, "epoch": epoch}
    with (run.path / "events.jsonl").open("a") as file:
        file.write(json.dumps(event) + "\n")


def follower(run: Run, fake: Fake, limits: Limits = LIMITS) -> Follower:
    journal_folder(run.path, TARGET).mkdir(parents=True, exist_ok=True)
    return Follower(run, TARGET, lambda: lambda: fake, limits)


def log_of(run: Run) -> str:
    path = run.path / "log.txt"
    return path.read_text() if path.exists() else ""
