"""What a job would take: the command that finds it out, and its answer in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recsys_core.values import counted, is_finite_number
from workbench.tui.view.form.form import Form

#: options of ``queue add`` that an estimate does not depend on
_OF_QUEUE = (
    *("--priority=", "--time-limit=", "--memory-limit=", "--label="),
    *("--trials=", "--pruner=", "--budget="),
)
UNKNOWN = "no estimate for this job"


def estimate_arguments(form: Form) -> list[str]:
    """Write the command line that estimates the job; one that sweeps with its defaults."""
    words = iter(form.arguments()[2:])
    found = ["train", "--estimate", "--json", "--quiet", "--offline", "--fresh"]
    for word in words:
        if word == "--sweep":
            next(words)
        elif not word.startswith(_OF_QUEUE):
            found.append(word)
    return found


def say_estimate(content: object, sweep: bool) -> str:
    """Say what an estimate says: ``about 20 s to 3 min, 1.2 GB``.

    Parameters
    ----------
    sweep
        Whether the job is searched: its trials have other values.
    """
    jobs = content.get("jobs") if isinstance(content, Mapping) else None
    if not isinstance(jobs, list) or not all(isinstance(job, Mapping) for job in jobs) or not jobs:
        return UNKNOWN
    refusing = next((job for job in jobs if job.get("refuses")), None)
    if refusing is not None:
        return f"would refuse: {refusing.get('problem')}"
    times = [_seconds(job) for job in jobs]
    peaks = [job.get("peak_rss_mb") for job in jobs]
    if None in times or not all(map(is_finite_number, peaks)):
        return UNKNOWN
    least, most = (_time(sum(time[end] for time in times if time)) for end in (0, 1))
    time = most if least == most else f"{least} to {most}"
    peak = max(float(peak) for peak in peaks if peak is not None)
    said = f"about {time}, {_memory(peak)}"
    if len(jobs) > 1:
        said = f"{counted(len(jobs), 'job')}: {said}"
    if sweep:
        said = f"a trial with the defaults: {said}"
    free = content.get("available_mb") if isinstance(content, Mapping) else None
    if is_finite_number(free) and peak > free:
        said += f"; {_memory(free)} are free"
    return said


def _time(seconds: float) -> str:
    """Write a time as roughly as it is known.

    Examples
    --------
    >>> _time(0.2), _time(41), _time(192), _time(9000)
    ('1 s', '41 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _memory(megabytes: float) -> str:
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"


def _seconds(job: Mapping[str, Any]) -> tuple[float, float] | None:
    """Read the least and the most that fit and evaluation take."""
    fit, least, judging = (
        job.get(name) for name in ("fit_seconds", "fit_seconds_least", "eval_seconds")
    )
    if not (is_finite_number(fit) and is_finite_number(judging)):
        return None
    return (least if is_finite_number(least) else fit) + judging, fit + judging
