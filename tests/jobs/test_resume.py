"""A job that was killed and resumed ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.sources import SAMPLE
from recsys_core.pipeline.run import run
from recsys_core.pipeline.spec import read_stored
from tests.jobs.tools import AddJob, state_of
from workbench.jobs.queue import Entry, requeue
from workbench.jobs.service import ensure_supervisor
from workbench.store.runs import Run

Within = Callable[[float, Callable[[], bool]], float]
EPOCHS = 6


def epochs(run: Run) -> int:
    return sum("loss" in event["metrics"] for event in run.events()[0])


def is_over(run: Run) -> bool:
    return state_of(run) not in ("queued", "running")


@pytest.mark.parametrize("model", ["lr", pytest.param("mf", marks=pytest.mark.soak)])
def test_a_killed_and_resumed_training_ends_with_the_same_metrics(
    add: AddJob, runs_dir: Path, data_dir: Path, within: Within, model: str
) -> None:
    # epochs of this set last long enough to be cut short
    params: dict[str, Any] = {"epochs": EPOCHS, "patience": 0, "batch_size": 512, "dataset": SAMPLE}
    cut = add("cut", model, **params)
    ensure_supervisor(runs_dir)
    within(180, lambda: epochs(cut) >= 2)
    pid = cut.status().pid
    assert pid is not None
    os.killpg(pid, signal.SIGKILL)
    within(180, lambda: cut.noted_status().state == "interrupted")
    done = epochs(cut)
    assert done < EPOCHS
    requeue(cut, Entry("", ""), resume=True)
    ensure_supervisor(runs_dir)
    whole = run(read_stored(cut.spec, "cut"), data_dir=data_dir)
    within(180, lambda: is_over(cut))
    assert state_of(cut) == "succeeded"
    again = epochs(cut) - done
    assert EPOCHS - done <= again < EPOCHS, "it went on from the last checkpoint"
    within(180, lambda: not (cut.path / "checkpoint").exists())
    for name, value in Run(cut.path).metrics["metrics"].items():
        assert value == pytest.approx(whole.metrics[name], abs=1e-6), name
    curve = Run(cut.path).metrics["curve"]
    assert [x["loss"] for x in curve] == pytest.approx([x["loss"] for x in whole.curve], abs=1e-6)
