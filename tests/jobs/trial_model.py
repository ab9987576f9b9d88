"""A plug-in model that takes its time, reports, and misbehaves as it is told to."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import Event, OnEvent
from recsys_core.recall.base import RecallModel
from recsys_core.registry import register_model


class TrialConfig(Config):
    """What it does while it fits."""

    seconds: float = Field(0.0, description="Time to fit.")
    stubborn: bool = Field(False, description="Ignore SIGTERM, and start a child that does.")
    memory: int = Field(0, description="MiB to hold.")
    exit_code: int = Field(0, description="End the process so, without a word.")


@register_model("trial", stage="recall", title="For tests of the queue", paper="none")
class Trial(RecallModel[TrialConfig]):
    """A model that takes its time."""

    Config: ClassVar[type[Config]] = TrialConfig

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        assert self.runtime.checkpoint is not None
        with (self.runtime.checkpoint.parent / "journal").open("a") as journal:
            alone = only_holder(journal.fileno())
            journal.write(f"{os.getpid()} {'alone' if alone else 'TWICE'}\n")
            journal.flush()
            self._pass_time(self.runtime.checkpoint.parent, on_event)

    def _pass_time(self, folder: Path, on_event: OnEvent) -> None:
        if self.config.exit_code:
            os._exit(self.config.exit_code)
        if self.config.stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            code = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
            child = subprocess.Popen([sys.executable, "-c", code])
            (folder / "child").write_text(str(child.pid))
        held = np.ones(self.config.memory * 2**20, np.uint8)
        started = time.monotonic()
        step = 0
        while (passed := time.monotonic() - started) < self.config.seconds:
            step += 1
            metrics = {"loss": 1 - passed / self.config.seconds} if step % 10 == 0 else {}
            on_event(Event("fit", step, None, metrics))
            time.sleep(0.02)
        del held

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        return np.tile(self.popularity, (len(users), 1))

    def state(self) -> dict[str, NDArray[Any]]:
        return {}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Nothing was learned."""


def only_holder(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
