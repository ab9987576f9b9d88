"""Execute one job into a run folder, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.extensions import extension_problems, load_extensions
from recsys_core.pipeline.result import RunResult
from recsys_core.pipeline.run import check_ks, check_split, job_environment, load_split, reuse_key
from recsys_core.pipeline.run import run as run_spec
from recsys_core.pipeline.spec import JobSpec, read_stored
from recsys_core.pipeline.update import Origin
from recsys_core.protocols.split import Split
from workbench.jobs.attempt import Attempt, conclude, take_over
from workbench.jobs.interrupts import undisturbed
from workbench.jobs.logs import describe, run_logs
from workbench.jobs.queue import check_unfinished
from workbench.jobs.trackers import start_trackers
from workbench.jobs.usage import watched
from workbench.store.manage import find_reusable
from workbench.store.results import Tables
from workbench.store.runs import ENVIRONMENT, EVENTS, LOG, Run, State, create_run
from workbench.store.shared import share_history


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Parameters
    ----------
    label
        The label that was asked for; a reused run may have been made under another one.
    reason
        Why it failed; empty otherwise.
    """

    run: Run
    label: str
    state: State
    reused: bool = False
    reason: str = ""


def execute(
    spec: JobSpec,
    split: Split,
    *,
    runs_dir: Path,
    data_dir: Path,
    origin: Origin | None = None,
    fresh: bool = False,
    track: Sequence[str] = (),
    on_event: OnEvent = ignore,
) -> Outcome:
    """Run `spec` into a new run folder, or reuse the run that did the same before.

    Parameters
    ----------
    split
        The outcome of `load_split(spec)`.
    origin
        Of an update: the outcome of `find_origin(spec, split, data_dir)`, when the caller has it.
    fresh
        Run even if there is a run to reuse.
    track
        Trackers that are told of the run, reused or not: ``NAME:WHERE``.

    Raises
    ------
    StoreError
        The runs folder cannot be written.
    KeyboardInterrupt
        The process was asked to end; the run is marked cancelled.
    """
    key = reuse_key(spec, split)
    found = None if fresh else find_reusable(runs_dir, key)
    if found is not None:
        start_trackers(found, track)
        return Outcome(found, spec.name, "succeeded", reused=True)
    attempt = Attempt.begin(create_run(runs_dir, spec.model_dump(mode="json"), spec.name))
    start_trackers(attempt.run, track)
    return _execute(attempt, spec, split, data_dir, origin, on_event)


def resumable_spec(run: Run) -> JobSpec:
    """Read the job of a run that did not finish.

    Raises
    ------
    InputError
        The run succeeded or is under way, or its spec is damaged.
    """
    check_unfinished(run)
    return read_stored(run.spec, f"{run.path}/spec.yaml")


def resume(
    run: Run,
    spec: JobSpec,
    split: Split,
    *,
    data_dir: Path,
    track: Sequence[str] = (),
    on_event: OnEvent = ignore,
) -> Outcome:
    """Go on with an unfinished run from its checkpoint, or from the start when it has none.

    Raises
    ------
    InputError
        The data or the split are no longer those that the run began with.
    """
    _check_same_data(run, split)
    attempt = take_over(run)
    if spec.nproc != run.spec.get("nproc", 1):
        run.write_spec(spec.model_dump(mode="json"))
    start_trackers(run, track)
    return _execute(attempt, spec, split, data_dir, None, on_event)


def _check_same_data(run: Run, split: Split) -> None:
    """Raise InputError when a run began on other data."""
    if not (run.path / ENVIRONMENT).is_file():
        return
    before = run.environment.get("split_fingerprint")
    if before not in (None, split.fingerprint):
        raise InputError(
            f"run {run.run_id} began on other data: its split was {before},"
            f" now it is {split.fingerprint}",
            "train it again as a new run",
        )


def _execute(
    attempt: Attempt,
    spec: JobSpec,
    split: Split,
    data_dir: Path,
    origin: Origin | None,
    on_event: OnEvent,
) -> Outcome:
    """Do the job in this process; a signal that ends it is passed on as KeyboardInterrupt."""

    def work() -> None:
        do_job(attempt, spec, data_dir=data_dir, split=split, origin=origin, on_event=on_event)

    state, reason = conclude(attempt, work, "cancelled")
    if state not in ("succeeded", "failed") and not reason:
        raise KeyboardInterrupt
    return Outcome(attempt.run, spec.name, state, reason=reason)


def do_job(
    attempt: Attempt,
    spec: JobSpec,
    *,
    data_dir: Path,
    split: Split | None = None,
    origin: Origin | None = None,
    offline: bool = False,
    on_event: OnEvent = ignore,
) -> None:
    """Run `spec` in the folder of `attempt`, and note the success; whatever fails is raised.

    Parameters
    ----------
    split, origin
        The outcomes of `load_split` and of an update's `find_origin`, when the caller has them.
    offline
        Never download a data set.
    """
    run = attempt.run
    with (
        run_logs(run.path / EVENTS, run.path / LOG) as (write_event, log),
        watched(write_event.usage),
    ):

        def listen(event: Event) -> None:
            write_event(event)
            if event.message or event.metrics:
                log(describe(event))
            on_event(event)

        load_extensions()
        for problem in extension_problems():
            log(str(problem).replace("\n", "; "))
        if split is None:
            split = load_split(spec, data_dir=data_dir, offline=offline, on_event=listen)
            check_cutoffs(spec, split)
            _check_same_data(run, split)
        run.write_environment(job_environment(spec, split, spec.device))
        key = reuse_key(spec, split)  # of the schemas that are read now: files may be edited
        result = run_spec(
            spec,
            data_dir=data_dir,
            out_dir=run.path,
            split=split,
            origin=origin,
            on_event=listen,
        )
        attempt.check_folder()
        share_history(run.path)
        run.write_environment(result.environment)
        run.write_result({**result.content(), "reuse_key": key}, tables_of(result))
        with undisturbed():  # what is finished stays so
            attempt.succeed()
            run.remove_checkpoint()


def check_cutoffs(spec: JobSpec, split: Split) -> None:
    """Raise InputError when a K is larger than the catalogue, or the job does not fit the data."""
    check_split(spec, split)
    check_ks(spec.ks, split)


def tables_of(result: RunResult) -> Tables:
    """Lay out what is kept per user."""
    judged, dataset = result.judged, result.split.dataset
    top, rows = judged.recommendations, judged.rows
    return Tables(
        user_ids=dataset.user_ids,
        item_ids=dataset.item_ids,
        users=judged.evaluation.users,
        user_metrics=judged.evaluation.user_metrics,
        linearised=judged.evaluation.linearised,
        recommendations=(top.users, top.items, top.scores) if top else None,
        channels=(top.channels, top.sources) if top and top.sources is not None else None,
        rows=(rows.users, rows.items, rows.labels, rows.scores) if rows else None,
        parts=(
            np.bincount(dataset.user, minlength=dataset.n_users),
            result.split.parts().tobytes(),
        ),
    )
