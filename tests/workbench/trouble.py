"""A model that fails in the way it is told to."""

from __future__ import annotations

import errno
import signal
import sqlite3
import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.errors import InputError
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel
from recsys_core.registry import register_model

NAME = "trouble"
_ERRORS: dict[str, BaseException] = {
    "bug": ValueError("shapes (3,) and (4,)\nsecond line"),
    "input": InputError("ease wants 30 GB", "use item-cf"),
    "memory": MemoryError(),
    "exit": SystemExit(0),
    "pipe": BrokenPipeError(errno.EPIPE, "Broken pipe"),
    "full database": sqlite3.OperationalError("database or disk is full"),
    "full array": OSError("12000 requested and 4096 written"),
}


class TroubleConfig(Config):
    """What goes wrong."""

    trouble: str = Field("", description="Which trouble.")


@register_model(NAME, stage="recall", title="Fails on demand", paper="none")
class Trouble(RecallModel[TroubleConfig]):
    """A model that fails in the way it is told to."""

    Config: ClassVar[type[Config]] = TroubleConfig

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        trouble = self.config.trouble
        if trouble in _ERRORS:
            raise _ERRORS[trouble]
        if trouble == "full tensor":
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError:
                raise RuntimeError("[enforce fail at inline_container.cc:672]") from None
        if trouble == "swallowed interrupt":
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise SystemError("initialization raised unreported exception") from None
        if trouble == "warning":
            warnings.warn("matrix is ill-conditioned", RuntimeWarning, stacklevel=1)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        return np.zeros((len(users), self.n_items), np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        return {}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Nothing was learned."""
