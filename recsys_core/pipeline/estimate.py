"""What a job will take, before it starts: seconds and memory, by a rehearsal on the real data."""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.earlier import Earlier
from recsys_core.compute.rehearsal import Rehearsal, rehearsing
from recsys_core.compute.threads import default_threads, limited_threads
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.extensions import is_own
from recsys_core.pipeline.environment import peak_memory_mb, reset_peak_memory
from recsys_core.pipeline.modules_behind import models_inside
from recsys_core.pipeline.run import model_config, runtime_of
from recsys_core.pipeline.spec import JobSpec, stage_of
from recsys_core.pipeline.stage_jobs import Job, make_job
from recsys_core.protocols.split import Split
from recsys_core.registry import model_info
from recsys_core.training.config import TrainingConfig

#: seconds of the processor that a loop of a fit, and one of an evaluation, may take
FIT_SECONDS, JUDGE_SECONDS = 1.0, 0.5
#: test users who are judged: these tell what happens once …
FIRST_JUDGED = 128
#: … and the difference between a third of these and all, what each of them takes
MOST_JUDGED = 3072
#: bytes of a test user's lists and metrics
USER_BYTES = 4096
MIB = 2**20


@dataclass(frozen=True)
class Estimate:
    """What a job is expected to take on this machine, as busy as it is now.

    Parameters
    ----------
    fit_seconds, eval_seconds
        By the clock; of a model that may stop early, the most that the fit can take.
    fit_seconds_least
        The least; as `fit_seconds` where nothing stops early.
    cpu_seconds, cpu_seconds_least
        Of the processor, for both.
    peak_rss_mb
        Largest resident memory in MiB, as metrics.json has it.
    how
        What the figures come from.
    """

    fit_seconds: float
    fit_seconds_least: float
    eval_seconds: float
    cpu_seconds: float
    cpu_seconds_least: float
    peak_rss_mb: float
    how: str


def estimate_job(
    spec: JobSpec, split: Split, *, earlier: Earlier | None = None, on_event: OnEvent = ignore
) -> Estimate:
    """Rehearse a job: some steps of the very model on the very data, and some test users.

    Nothing is written. What the rehearsal allocates is what the job will, but for the lists of the
    other test users.

    Parameters
    ----------
    split
        The outcome of `load_split(spec)`.
    earlier
        Of an update: what the run that is updated has learned.

    Raises
    ------
    InputError
        The job would refuse, or its model comes from another package and cannot be rehearsed.
    """
    _check_own(spec)
    if spec.nproc > 1:
        raise InputError(
            f"{spec.name}: what {spec.nproc} processes take together is not estimated",
            "leave out --nproc: they share out what one process takes",
        )
    if split.windows:
        each = [estimate_job(spec, one, on_event=on_event) for one in split.windows.values()]
        return _together(each)
    config = model_config(spec)
    runtime = runtime_of(spec, earlier=earlier)
    now = Rehearsal(FIT_SECONDS)
    reset_peak_memory()
    with (
        limited_threads(spec.threads or default_threads()),
        rehearsing(now),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),  # what is half learned is no matter
    ):
        warnings.simplefilter("ignore", RuntimeWarning)
        started = now.clock()
        job = make_job(spec, config, split, runtime)
        job.fit(on_event)
        fit = now.clock() - started
        now.patience = JUDGE_SECONDS
        on_event(Event("evaluate"))
        judging, left_out = (np.zeros((2, 2)), 0) if spec.refit else _judge(job, spec, split, now)
    peak = max(peak_memory_mb(), now.needed / MIB) + left_out * USER_BYTES / MIB
    (most, most_cpu), (least, least_cpu) = np.maximum(fit, 0).tolist()
    seconds, cpu = judging[0].tolist()
    return Estimate(most, least, seconds, most_cpu + cpu, least_cpu + cpu, peak, _how(spec))


def _check_own(spec: JobSpec) -> None:
    """Refuse a model of another package, unless it trains by the loop that can be rehearsed."""
    for name in (spec.model, *models_inside(spec.params)):
        cls = model_info(name).cls
        if not is_own(cls.__module__) and not issubclass(cls.Config, TrainingConfig):
            raise InputError(
                f"model {name} comes with another package ({cls.__module__}): no estimate",
                "train it on a small data set, e.g. --dataset ml-100k, to see what it takes",
            )


def _how(spec: JobSpec) -> str:
    config = model_info(spec.model).cls.Config
    if issubclass(config, TrainingConfig) and stage_of(spec) != "two-stage":
        return "steps"
    return "parts" if stage_of(spec) == "two-stage" else "blocks"


def _judge(
    job: Job, spec: JobSpec, split: Split, now: Rehearsal
) -> tuple[NDArray[np.float64], int]:
    """Judge some test users; return what all would take, and how many were left out."""
    users = np.random.default_rng(0).permutation(np.unique(split.test.user))
    relevant = np.isin(users, split.test.positives().user)
    users = np.roll(users, -int(relevant.argmax()))  # a few without any could not be judged
    most = min(len(users), MOST_JUDGED)
    fewer = max(1, most // 3)
    clocks, sizes = [], []
    for count in (min(FIRST_JUDGED, fewer), fewer, most):
        part = copy(split)  # with what it has worked out
        mask = np.isin(split.test.user, users[:count])
        part.__dict__["test"] = split.test.where(mask)
        sizes.append(int(mask.sum()) if stage_of(spec) == "ranking" else count)
        started = now.clock()
        job.on(part).evaluate(spec.ks)
        clocks.append(now.clock() - started)
    every = len(split.test) if stage_of(spec) == "ranking" else len(users)
    each = np.maximum(clocks[2] - clocks[1], 0) / max(sizes[2] - sizes[1], 1)
    return clocks[0] + each * (every - sizes[0]), len(users) - most


def _together(each: list[Estimate]) -> Estimate:
    """Add up the windows of a protocol, which come one after the other."""
    names = ("fit_seconds", "fit_seconds_least", "eval_seconds", "cpu_seconds", "cpu_seconds_least")
    sums = {name: sum(getattr(one, name) for one in each) for name in names}
    return replace(each[-1], **sums, peak_rss_mb=max(one.peak_rss_mb for one in each))
