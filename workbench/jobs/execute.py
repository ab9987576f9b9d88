"""Execute one job into a run folder, in this process."""

from __future__ import annotations

import shutil
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.pipeline.environment import default_threads, describe_environment
from recsys_core.pipeline.result import RunResult
from recsys_core.pipeline.run import reuse_key
from recsys_core.pipeline.run import run as run_spec
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from workbench.jobs.interrupts import asked_to_end, undisturbed
from workbench.jobs.logs import TextLog, describe, run_logs
from workbench.store.files import StoreError, explain, without_nan, write_json
from workbench.store.manage import find_reusable
from workbench.store.process import ProcessIdentity
from workbench.store.results import Tables, write_results
from workbench.store.runs import (
    CHECKPOINT,
    ENVIRONMENT,
    EVENTS,
    LOG,
    METRICS,
    RESULTS,
    Run,
    State,
    Status,
    create_run,
)

#: exit codes that status.json notes
_EXIT_CODES: dict[State, int] = {"succeeded": 0, "failed": 3, "cancelled": 130}


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
    fresh: bool = False,
    on_event: OnEvent = ignore,
) -> Outcome:
    """Run `spec` into a new run folder, or reuse the run that did the same before.

    Parameters
    ----------
    split
        The outcome of `load_split(spec)`.
    fresh
        Run even if there is a run to reuse.

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
        return Outcome(found, spec.name, "succeeded", reused=True)
    run = create_run(runs_dir, spec.model_dump(mode="json"), spec.name)
    return _execute(run, spec, split, key, data_dir, on_event)


def resumable_spec(run: Run) -> JobSpec:
    """Read the job of a run that did not finish.

    Raises
    ------
    InputError
        The run succeeded or is under way, or its spec is damaged.
    """
    status = run.status()
    if status.state in ("succeeded", "running"):
        doing = "succeeded" if status.state == "succeeded" else "is still running"
        raise InputError(
            f"run {run.run_id} {doing}: there is nothing to resume",
            "name a run that failed or was cancelled or interrupted: see runs list",
        )
    return parse_config(JobSpec, run.spec, f"{run.path}/spec.yaml")


def resume(
    run: Run, spec: JobSpec, split: Split, *, data_dir: Path, on_event: OnEvent = ignore
) -> Outcome:
    """Go on with an unfinished run from its checkpoint, or from the start when it has none.

    Raises
    ------
    InputError
        The data or the split are no longer those that the run began with.
    """
    if (run.path / ENVIRONMENT).is_file():
        before = run.environment.get("split_fingerprint")
        if before not in (None, split.fingerprint):
            raise InputError(
                f"run {run.run_id} began on other data: its split was {before},"
                f" now it is {split.fingerprint}",
                "train it again without --resume",
            )
    run.remove_unfinished()
    return _execute(run, spec, split, reuse_key(spec, split), data_dir, on_event)


def _execute(
    run: Run, spec: JobSpec, split: Split, key: str, data_dir: Path, on_event: OnEvent
) -> Outcome:
    """Work, and whatever happens write down how it ended."""
    try:
        _work(run, spec, split, key, data_dir, on_event)
    except KeyboardInterrupt:
        _cancel(run)
        raise
    except Exception as error:
        if asked_to_end():
            _cancel(run)
            raise KeyboardInterrupt from error
        return Outcome(run, spec.name, "failed", reason=_fail(run, error))
    return Outcome(run, spec.name, "succeeded")


def _cancel(run: Run) -> None:
    with undisturbed():
        _log(run, "cancelled")
        _finish(run, "cancelled", "asked to end by ctrl-C or a signal")


def _fail(run: Run, error: Exception) -> str:
    with undisturbed():
        reason = _reason(error, run.path)
        _log(run, "failed\n" + "".join(traceback.format_exception(error)).rstrip())
        _finish(run, "failed", reason)
    return reason


def _work(
    run: Run, spec: JobSpec, split: Split, key: str, data_dir: Path, on_event: OnEvent
) -> None:
    status = _start(run)
    write_json(run.path / ENVIRONMENT, _environment(spec, split))
    with run_logs(run.path / EVENTS, run.path / LOG) as (write_event, log):

        def listen(event: Event) -> None:
            write_event(event)
            if event.message or event.metrics:
                log(describe(event))
            on_event(event)

        result = run_spec(spec, data_dir=data_dir, out_dir=run.path, split=split, on_event=listen)
        _write_result(run, result, key)
        shutil.rmtree(run.path / CHECKPOINT, ignore_errors=True)
        run.write_status(replace(status, state="succeeded", ended=time.time(), exit_code=0))


def _start(run: Run) -> Status:
    """Note that this process runs the job."""
    identity = ProcessIdentity.current()
    status = replace(
        run.status(),
        state="running",
        started=time.time(),
        ended=None,
        pid=identity.pid,
        process_started=identity.started,
        boot_id=identity.boot_id,
        exit_code=None,
        reason=None,
    )
    run.write_status(status)
    return status


def _environment(spec: JobSpec, split: Split) -> dict[str, object]:
    """Describe what the job starts with, for one that does not end well."""
    return {
        **describe_environment(spec.model, spec.threads or default_threads(), spec.device),
        "dataset_fingerprint": split.dataset.fingerprint,
        "split_fingerprint": split.fingerprint,
    }


def _write_result(run: Run, result: RunResult, key: str) -> None:
    """Write the result files; metrics.json last, so that a run with one is complete."""
    write_json(run.path / ENVIRONMENT, without_nan(result.environment))
    top, rows = result.recommendations, result.rows
    write_results(
        run.path / RESULTS,
        Tables(
            user_ids=result.user_ids,
            item_ids=result.item_ids,
            users=result.users,
            user_metrics=result.user_metrics,
            recommendations=(top.users, top.items, top.scores) if top else None,
            rows=(rows.users, rows.items, rows.labels, rows.scores) if rows else None,
        ),
    )
    content = {
        "label": result.spec.name,
        "model": result.spec.model,
        "stage": result.stage,
        "seed": result.spec.seed,
        "params": result.params,
        "dataset": result.dataset,
        "protocol": result.protocol,
        "metrics": result.metrics,
        "ci95": result.ci95,
        "counts": result.counts,
        "fit_seconds": result.fit_seconds,
        "eval_seconds": result.eval_seconds,
        "peak_rss_mb": result.peak_rss_mb,
        "curve": result.curve,
        "reuse_key": key,
    }
    write_json(run.path / METRICS, without_nan(content))


def _reason(error: Exception, path: Path) -> str:
    """Say in one line why a job failed."""
    if isinstance(error, InputError):
        return "; ".join(str(error).splitlines())
    if isinstance(error, OSError):
        return "; ".join(str(explain(error, path)).splitlines())
    if isinstance(error, MemoryError):
        return "out of memory"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _log(run: Run, text: str) -> None:
    # a full disk must not hide how the job ended
    with suppress(OSError), (run.path / LOG).open("ab", buffering=0) as file:
        TextLog(file)(text)


def _finish(run: Run, state: State, reason: str) -> None:
    """Note how a run without a result ended, and drop what it left half-done."""
    run.remove_unfinished()
    ended = replace(
        run.status(), state=state, ended=time.time(), exit_code=_EXIT_CODES[state], reason=reason
    )
    try:
        run.write_status(ended)
    except StoreError:
        # the disk is full to the last byte; the run stays as it is and, once this process is
        # gone, is shown as interrupted
        return
