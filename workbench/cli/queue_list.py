"""`queue list`: the jobs that run and those that wait."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from workbench.cli.context import Settings, pass_settings
from workbench.cli.table import ago, print_table, say
from workbench.jobs import queue_files
from workbench.jobs.queue import ENTRY, Entry, blocking, damaged_jobs, readable_entry, waiting_jobs
from workbench.jobs.service import supervisor_pid
from workbench.store.listing import Progress, RunSummary, list_runs
from workbench.store.runs import Run


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def list_command(settings: Settings, as_json: bool) -> None:
    """List running and waiting jobs, the next one first; for ended ones see runs list."""
    runs = list_runs(settings.runs_dir)
    states = {run.run_id: run.state for run in runs}
    running = [run for run in reversed(runs) if run.state == "running"]
    waiting = waiting_jobs(runs)
    broken = damaged_jobs(runs)
    by_id = {run.run_id: run for run in runs}
    if as_json:
        jobs = [_as_json(run, None) for run in running]
        jobs += [_as_json(by_id[job.run.run_id], job.entry) for job in waiting]
        jobs += [_as_json(run, None) | {"state": "damaged"} for run, _ in broken]
        content = {
            "paused": queue_files.is_paused(settings.runs_dir),
            "parallel_jobs": queue_files.parallel_jobs(settings.runs_dir),
            "supervisor": supervisor_pid(settings.runs_dir),
            "jobs": jobs,
        }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    rows = [_row(run, _shown(run.progress)) for run in running]
    rows += [_row(by_id[job.run.run_id], _shown_waiting(job.entry, states)) for job in waiting]
    rows += [_row(run, f"see {ENTRY}", "damaged") for run, _ in broken]
    if rows:
        print_table(("run", "state", "label", "data set", "seed", "created", "progress"), rows)
    for _, problem in broken:
        say(problem)
    if broken:
        say("it does not start: restore the file from a copy, or: queue cancel RUN")
    _say_state(settings, len(waiting))


def _row(run: RunSummary, progress: str, state: str = "") -> tuple[object, ...]:
    dataset = f"{run.dataset} (synthetic)" if run.synthetic else run.dataset
    named = (run.run_id, state or run.state, run.label, dataset, run.seed)
    return (*named, ago(run.created), progress)


def _shown(progress: Progress | None) -> str:
    """Write progress in one line.

    Examples
    --------
    >>> _shown(Progress("fit", 30, 120, {"loss": 0.25}, rate=2.0, eta=45.0))
    'fit 30/120  2/s  45 s left  loss 0.25'
    """
    if progress is None:
        return "starting"
    total = f"/{progress.total}" if progress.total is not None else ""
    parts = [f"{progress.stage} {progress.step}{total}" if progress.step else progress.stage]
    if progress.rate is not None:
        parts.append(f"{progress.rate:.3g}/s")
    if progress.eta is not None:
        parts.append(f"{progress.eta:.0f} s left")
    parts += [f"{name} {value:.4g}" for name, value in progress.metrics.items()]
    return "  ".join(parts)


def _shown_waiting(entry: Entry, states: dict[str, Any]) -> str:
    obstacle = blocking(entry, states)
    priority = f"priority {entry.priority}" if entry.priority else ""
    waits = f"after {obstacle[0]} ({obstacle[1] or 'gone'})" if obstacle else ""
    return "  ".join(text for text in (priority, waits) if text)


def _as_json(run: RunSummary, entry: Entry | None) -> dict[str, Any]:
    entry = entry or readable_entry(Run(run.folder))
    progress = run.progress
    return {
        "run_id": run.run_id,
        "state": run.state,
        "label": run.label,
        "model": run.model,
        "dataset": run.dataset,
        "seed": run.seed,
        "created": run.created,
        "priority": entry.priority if entry else None,
        "after": list(entry.after) if entry else [],
        "time_limit": entry.time_limit if entry else None,
        "memory_limit": entry.memory_limit if entry else None,
        "progress": progress
        and {
            "stage": progress.stage,
            "step": progress.step,
            "total": progress.total,
            "rate": progress.rate,
            "eta": progress.eta,
            "metrics": dict(progress.metrics),
        },
    }


def _say_state(settings: Settings, waiting: int) -> None:
    pid = supervisor_pid(settings.runs_dir)
    if queue_files.is_paused(settings.runs_dir):
        say("paused; continue with: recsys-workbench queue resume")
    elif pid is not None:
        say(
            f"process {pid} runs these jobs, {queue_files.parallel_jobs(settings.runs_dir)} at once"
        )
    elif waiting:
        say("no process runs these jobs; start one with: recsys-workbench queue work")
    else:
        say("no jobs wait; add some: recsys-workbench queue add --model NAME")
