"""What a tracker is: three calls, which may fail, take their time or never return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a curve.

    Parameters
    ----------
    name
        Stage and metric: ``"fit/loss"``.
    step
        The epoch where the values are those of a whole epoch, else the step of the stage.
    time
        Seconds since 1970.
    """

    name: str
    step: int
    value: float
    time: float


@dataclass(frozen=True)
class Start:
    """A run as it begins.

    Parameters
    ----------
    params
        The job: every field that was given, those inside others with dots.
    tags
        What it can be found by: run id, model, data set, protocol.
    started
        Seconds since 1970.
    """

    run_id: str
    label: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    started: float


@dataclass(frozen=True)
class End:
    """A run that ended.

    Parameters
    ----------
    state
        ``succeeded``, ``failed``, ``cancelled`` or ``interrupted``.
    params
        Every field of the model, defaults included; empty without a result.
    tags
        What is known only now, e.g. fingerprints and the reason of a failure.
    metrics, intervals
        Of the test rows, by name: value, and lower and upper bound.
    step
        Where the values belong on the axis of the curves.
    summary
        The report as Markdown; empty without a result.
    files
        Artefacts: report, metrics, job, environment.
    """

    state: str
    ended: float
    step: int = 0
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    summary: str = ""
    files: Sequence[Path] = ()


class Tracker(Protocol):
    """Where a run is told of; made with what follows the colon of ``--track NAME:WHERE``.

    Whatever a call raises is taken for a failure of that call, and it is tried again with the same
    values. No call is made while another one is under way.
    """

    def begin(self, start: Start, earlier: str) -> str:
        """Begin the run there, or go on with it.

        Parameters
        ----------
        earlier
            What an earlier call for this run returned; empty when there was none.

        Returns
        -------
        How the run is found there again.
        """
        ...

    def log(self, points: Sequence[Point]) -> None:
        """Add values of curves."""
        ...

    def end(self, end: End) -> None:
        """Add the result, and end the run there."""
        ...
