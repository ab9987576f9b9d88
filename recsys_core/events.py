"""Progress reports: the only way the core talks while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One progress report of a running job.

    Parameters
    ----------
    stage
        What is being done, e.g. ``"load"``, ``"fit"``, ``"evaluate"``.
    step, total
        How far the stage is; `total` is None when it is not known.
    metrics
        Values known at this step, e.g. ``{"loss": 0.41, "valid/auc": 0.78}``.
    message
        A line for a person; empty for plain progress.
    epoch
        How many epochs are done, where metrics are those of a whole epoch: steps count batches in
        one model and epochs in another.
    """

    stage: str
    step: int = 0
    total: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    epoch: int | None = None


OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Drop an event: the default listener."""
