"""What a job uses: measured over all its processes, written beside its progress, read by few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from recsys_core.events import Event
from workbench.jobs import usage
from workbench.jobs.logs import EventLog
from workbench.jobs.usage import Family, Sampler, measure_family, watched
from workbench.store.events import last_event, read_events
from workbench.store.files import open_regular
from workbench.tracking.told import points_of_events


@pytest.fixture
def child() -> Iterator[int]:
    """A process that this one has started."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.mark.parametrize("folder", [usage._THREADS, "/nowhere/{}"])
def test_a_family_is_the_process_and_its_descendants(
    child: int, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "_THREADS", folder)  # the second: a system without /proc
    family = measure_family(os.getpid())
    assert {os.getpid(), child} <= family.cpu_seconds.keys()
    assert family.memory_mb > measure_family(child).memory_mb > 0


def test_who_is_gone_uses_nothing() -> None:
    assert measure_family(2**30) == Family({}, 0.0)


def test_processors_by_hand() -> None:
    """In 4 s the process works 3 s, one child 2 s; another one, which had used 9 s, has ended."""
    families = iter([Family({1: 10.0, 2: 9.0}, 64.0), Family({1: 13.0, 3: 2.0}, 96.04)])
    sample = Sampler(lambda: next(families), iter([100.0, 104.0]).__next__)
    assert sample() == {"cpu_percent": 125.0, "memory_mb": 96.0}


def test_a_gpu_is_asked_when_the_job_works_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def busy() -> int:
        asked.append("use")
        raise ModuleNotFoundError("pynvml does not seem to be installed")

    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 2,
        memory_reserved=lambda device: (1 + device) * 2**20,
        utilization=lambda: 87,
    )
    sample = Sampler(lambda: Family({}, 0.0))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())  # it is just being loaded
    assert sample() == {}
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert sample() == {"gpu_memory_mb": 3.0, "gpu_percent": 87.0}
    cuda.utilization = busy
    assert sample() == sample() == {"gpu_memory_mb": 3.0}
    assert asked == ["use"], "what cannot be told is not asked for again"
    cuda.is_initialized = lambda: False
    assert sample() == {}


def test_it_stands_beside_the_progress_made_last_and_is_no_value_of_a_curve(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.jsonl"
    with open_regular(path, "ab") as file:
        log = EventLog(file)
        log.usage({"memory_mb": 1.0})  # nothing was told yet
        log(Event("fit", 3, 9, {"loss": 0.5}, "third", epoch=3))
        log.usage({"cpu_percent": 99.0, "memory_mb": 512.0})
    first, second = map(json.loads, path.read_text().splitlines())
    used = {"cpu_percent": 99.0, "memory_mb": 512.0}
    assert first.pop("epoch") == 3, "that is said of whole epochs only"
    assert second == first | {"time": second["time"], "metrics": {}, "message": "", "usage": used}
    events = read_events(path, 0)[0]
    assert [point.name for point in points_of_events(events)] == ["fit/loss"]
    assert last_event(path) == events[0], "the values of the progress, not a line without any"
    path.write_text(json.dumps(second) + "\n")
    assert last_event(path) == read_events(path, 0)[0][0]


def test_samples_are_taken_while_the_work_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_OFTEN", 0.0)
    found: list[float] = []

    def write(values: object) -> None:
        found.append(1.0)
        raise OSError("no space left")  # the job meets a full disk itself

    with watched(write):
        while len(found) < 3:
            pass
    count = len(found)
    assert count >= 3
    assert len(found) == count, "none after the end"
