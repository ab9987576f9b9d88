"""Scores from elsewhere into a run folder, in this process."""

from __future__ import annotations

import shutil
from pathlib import Path

from recsys_core.evaluation.file_counts import said_of_file
from recsys_core.events import OnEvent, ignore
from recsys_core.pipeline.external import ScoreJob
from recsys_core.pipeline.result import RunResult
from recsys_core.protocols.split import Split
from workbench.jobs.attempt import Attempt
from workbench.jobs.execute import Outcome, tables_of
from workbench.jobs.interrupts import undisturbed
from workbench.jobs.logs import run_logs
from workbench.store.manage import find_reusable
from workbench.store.runs import EVENTS, LOG, Run, create_run


def score_into(
    job: ScoreJob,
    split: Split,
    *,
    runs_dir: Path,
    fresh: bool,
    on_event: OnEvent = ignore,
) -> Outcome:
    """Judge scores and keep them as a run, or reuse the run of the same content and split.

    Parameters
    ----------
    fresh
        Judge even if there is a run to reuse.

    Raises
    ------
    InputError
        The scores do not fit the split; no run folder is made.
    StoreError
        The runs folder cannot be written.
    """
    key, spec = job.reuse_key(split), job.spec
    found = None if fresh else find_reusable(runs_dir, key)
    if found is not None:
        return Outcome(found, spec.name, "succeeded", reused=True)
    result = job.judge(split, on_event)
    run = create_run(runs_dir, spec.model_dump(mode="json"), spec.name)
    try:
        _write(run, result, key)
    except BaseException:  # ctrl-C too: there is nothing to go on from
        with undisturbed():
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    return Outcome(run, spec.name, "succeeded")


def _write(run: Run, result: RunResult, key: str) -> None:
    attempt = Attempt.begin(run)
    with run_logs(run.path / EVENTS, run.path / LOG) as (_, log):
        log(f"scores of {result.params['file']}: {said_of_file(result.file_counts)}")
        run.write_environment(result.environment)
        run.write_result({**result.content(), "reuse_key": key}, tables_of(result))
        attempt.succeed()
