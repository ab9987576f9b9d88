"""`runs`: what is on this machine; show, export and delete."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from recsys_core.errors import InputError
from recsys_core.evaluation.file_counts import said_of_file
from recsys_core.values import counted
from workbench.cli.completing import archived_run_ids, dataset_names, models_and_labels, run_ids
from workbench.cli.context import NamingGroup, Settings, pass_settings
from workbench.cli.runs_groups import groups
from workbench.cli.table import ago, print_table
from workbench.reports.metrics import memory, seconds
from workbench.store.annotations import Published, read_annotations
from workbench.store.export import (
    TABLES,
    check_export_path,
    export,
    metrics_table,
    results_table,
)
from workbench.store.files import DAMAGED_HINT
from workbench.store.listing import RunSummary, list_runs
from workbench.store.manage import (
    ARCHIVE,
    archive_run,
    delete_run,
    resolve_run,
    restore_run,
    sweep,
)
from workbench.store.runs import PRUNED, STATES, Run, Status, word_of
from workbench.store.summary import marked
from workbench.store.text import plain

#: the metric that a list shows: the first of these that a run has
_HEADLINES = ("ndcg@10", "auc", "recall@10")


@click.group(cls=NamingGroup)
def runs() -> None:
    """List, show, export and prune the runs on this machine."""


runs.add_command(groups)


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--tag", metavar="TAG", help="Only runs with this tag."),
        click.option(
            "--dataset",
            metavar="NAME",
            shell_complete=dataset_names,
            help="Only runs on this data set.",
        ),
        click.option(
            "--model",
            metavar="NAME",
            shell_complete=models_and_labels,
            help="Only runs of this model or label.",
        ),
        click.option(
            "--state",
            "states",
            multiple=True,
            type=click.Choice([*STATES, PRUNED]),
            help="Only this state; cancelled trials include those that their sweep pruned.",
        ),
    ):
        command = option(command)
    return command


def _chosen(
    runs_dir: Path,
    states: Sequence[str],
    model: str | None,
    dataset: str | None,
    tag: str | None,
) -> list[RunSummary]:
    return [
        run
        for run in list_runs(runs_dir)
        if (not states or {run.state, word_of(run.state, run.reason)} & set(states))
        and model in (None, run.model, run.label)
        and dataset in (None, run.dataset)
        and (tag is None or tag in run.tags)
    ]


@runs.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), help="At most this many, the newest.")
@click.option("--archived", is_flag=True, help="List archived runs instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all metrics.")
@pass_settings
def list_command(
    settings: Settings,
    states: tuple[str, ...],
    model: str | None,
    dataset: str | None,
    tag: str | None,
    limit: int | None,
    archived: bool,
    as_json: bool,
) -> None:
    """List runs, newest first."""
    folder = settings.runs_dir / ARCHIVE if archived else settings.runs_dir
    chosen = _chosen(folder, states, model, dataset, tag)[:limit]
    if as_json:
        sys.stdout.write(json.dumps([_as_json(run) for run in chosen], indent=2) + "\n")
    elif chosen:
        headers = ("run", "state", "label", "data set", "protocol", "seed", "metric", "", "created")
        print_table(headers, [_row(run) for run in chosen])
        _say_damaged([run for run in chosen if run.problem])
    elif archived:
        sys.stderr.write(f"no archived runs in {plain(str(folder))}\n")
    else:
        _say_none(settings.runs_dir)


def _say_damaged(runs: Sequence[RunSummary]) -> None:
    """Name the first file that is damaged; `runs show` names that of any run."""
    if runs:
        others = f" (1 of {len(runs)} damaged runs)" if len(runs) > 1 else ""
        sys.stderr.write(f"{plain(runs[0].problem)}{others}\n{DAMAGED_HINT}\n")


def _say_none(runs_dir: Path) -> None:
    where = plain(str(runs_dir))
    text = f"no runs in {where}; make some: recsys-workbench eval"
    if n := len(list_runs(runs_dir)):
        text = f"none of the {n} runs in {where} matches"
    sys.stderr.write(f"{text}\n")


def _as_json(run: RunSummary) -> dict[str, Any]:
    skipped = {"runs_dir", "progress", "params", "metrics", "ci95", "annotations"}
    plain_fields = {f.name: getattr(run, f.name) for f in fields(run) if f.name not in skipped}
    mappings = {name: dict(getattr(run, name)) for name in ("params", "metrics", "annotations")}
    return plain_fields | {"state": word_of(run.state, run.reason)} | mappings


def _row(run: RunSummary) -> tuple[object, ...]:
    headline = next((name for name in _HEADLINES if name in run.metrics), None)
    dataset = f"{run.dataset} (synthetic)" if run.synthetic else run.dataset
    value = run.metrics[headline] if headline else None
    state = "damaged" if run.problem else word_of(run.state, run.reason)
    label = marked(run.label, run.refit_of, run.updated_from)
    if run.origin == "external":
        label = f"{run.label} (external)"
    named = (run.run_id, state, label, dataset, run.protocol, run.seed)
    return (*named, headline or "", value, ago(run.created))


@runs.command
@click.argument("run", shell_complete=run_ids)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def show(settings: Settings, run: str, as_json: bool) -> None:
    """Show one run: state, job, result, and where its files are."""
    found = resolve_run(settings.runs_dir, run)
    status = found.status()
    result = found.metrics if status.state == "succeeded" else {}
    said = read_annotations(found.path)
    if as_json:
        content = {"run_id": found.run_id, "status": asdict(status), "spec": found.spec}
        content |= {"annotations": said.plain(), "result": result}
        sys.stdout.write(json.dumps(content, indent=2, default=str) + "\n")
        return
    lines: dict[str, Any] = {
        "run": found.run_id,
        "folder": found.path,
        "state": _state(status),
        "created": ago(status.created),
        **{name: value for name, value in found.spec.items() if name != "refit"},
    }
    if refit := found.spec.get("refit"):
        lines |= {"refit of": f"{refit['run']}, on all rows: not judged"}
    if result.get("origin") == "external":
        lines |= {"origin": "external", "scores": said_of_file(result.get("file_counts", {}))}
    if result:
        lines |= {"params": result["params"], **_costs(result)}
    lines |= {"tags": " ".join(said.tags)} if said.tags else {}
    lines |= {"note": said.note} if said.note else {}
    print_table(("field", "value"), [(name, value) for name, value in lines.items()])
    if result:
        sys.stdout.write("\n")
        _print_metrics(result, said.published)
        _print_importance(result.get("importance", {}))


def _state(status: Status) -> str:
    """Write state and reason; no word twice."""
    word, reason = word_of(status.state, status.reason), status.reason or ""
    if word != status.state:
        return reason
    return f"{word}: {reason}" if reason else word


def _print_metrics(result: Mapping[str, Any], published: Mapping[str, Published]) -> None:
    intervals = result["ci95"]
    rows: list[tuple[object, ...]] = [
        (name, value, *_interval(intervals.get(name))) for name, value in result["metrics"].items()
    ]
    headers = ["metric", "value", "low", "high"]
    if published:
        headers += ["published", "by"]
        rows = [(*row, *_figure(published.get(str(row[0])))) for row in rows]
    print_table(headers, rows)


def _print_importance(importance: Mapping[str, float | None]) -> None:
    known = [(name, value) for name, value in importance.items() if value is not None]
    if known:
        sys.stdout.write("\n")
        ranked = sorted(known, key=lambda pair: -pair[1])
        print_table(("feature", "AUC lost when permuted"), ranked)


def _figure(figure: Published | None) -> tuple[float | None, str]:
    return (figure.value, figure.source) if figure else (None, "")


def _interval(interval: Sequence[float | None] | None) -> tuple[float | None, float | None]:
    return (interval[0], interval[1]) if interval else (None, None)


def _costs(result: dict[str, Any]) -> dict[str, str]:
    return {
        "fit": seconds(result["fit_seconds"]),
        "evaluation": seconds(result.get("eval_seconds")),
        "peak memory": memory(result.get("peak_rss_mb")),
    }


@runs.command("export")
@click.argument("names", nargs=-1, metavar="[RUN]…", shell_complete=run_ids)
@click.option(
    "--to", "path", type=Path, required=True, metavar="FILE", help=".csv, .json or .parquet."
)
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="metrics",
    show_default=True,
    help="Metrics, or one of the per-user tables of the runs' results.",
)
@pass_settings
def export_command(settings: Settings, names: tuple[str, ...], path: Path, table: str) -> None:
    """Write runs to a file; without RUN, all that succeeded."""
    check_export_path(path)
    wanted = [resolve_run(settings.runs_dir, name) for name in names]
    succeeded = [run for run in list_runs(settings.runs_dir) if run.state == "succeeded"]
    if wanted:
        by_id = {run.run_id: run for run in succeeded}
        missing = [run.run_id for run in wanted if run.run_id not in by_id]
        if missing:
            raise InputError(f"run {missing[0]} has no result", "name runs that succeeded")
        succeeded = [by_id[run.run_id] for run in wanted]
    if table == "metrics":
        export(path, *metrics_table(succeeded))
    else:
        export(path, *results_table([Run(run.folder) for run in succeeded], table))
    sys.stderr.write(f"{counted(len(succeeded), 'run')} written to {plain(str(path))}\n")


@runs.command
@click.argument("names", nargs=-1, required=True, metavar="RUN…", shell_complete=run_ids)
@pass_settings
def archive(settings: Settings, names: tuple[str, ...]) -> None:
    """Hide runs from lists and from reuse; `restore` brings them back."""
    for run in [resolve_run(settings.runs_dir, name) for name in names]:
        archived = archive_run(run)
        sys.stdout.write(f"{plain(str(archived.path))}\n")


@runs.command
@click.argument("names", nargs=-1, required=True, metavar="RUN…", shell_complete=archived_run_ids)
@pass_settings
def restore(settings: Settings, names: tuple[str, ...]) -> None:
    """Bring archived runs back."""
    folder = settings.runs_dir / ARCHIVE
    for run in [resolve_run(folder, name) for name in names]:
        restored = restore_run(run)
        sys.stdout.write(f"{plain(str(restored.path))}\n")


@runs.command
@_filters
@click.option(
    "--older-than", type=click.FloatRange(0), metavar="DAYS", help="Only runs older than this."
)
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Keep the newest N of them.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def prune(
    settings: Settings,
    states: tuple[str, ...],
    model: str | None,
    dataset: str | None,
    tag: str | None,
    older_than: float | None,
    keep: int | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete runs that meet all given conditions; never a running one."""
    if not (states or model or dataset or tag or older_than is not None or keep is not None):
        raise InputError("prune needs a condition", "e.g. --state failed, or --keep 100")
    limit = None if older_than is None else time.time() - older_than * 86400
    doomed = [
        run
        for run in _chosen(settings.runs_dir, states, model, dataset, tag)
        if run.state not in ("running", "queued")
        and (limit is None or (run.created or 0.0) < limit)
    ][keep or 0 :]
    if dry_run:
        sys.stdout.writelines(f"{plain(run.run_id)}\n" for run in doomed)
        return
    if doomed and not yes:
        if not sys.stdin.isatty():
            raise InputError(
                f"prune would delete {counted(len(doomed), 'run')}", "add --yes, or --dry-run"
            )
        if not click.confirm(
            f"delete {counted(len(doomed), 'run')} in {settings.runs_dir}?", err=True
        ):
            return
    errors = []
    for run in doomed:
        try:
            delete_run(Run(run.folder))
        except InputError as error:
            errors.append(error)
    sweep(settings.runs_dir)
    sys.stderr.write(f"{counted(len(doomed) - len(errors), 'run')} deleted\n")
    if errors:
        raise errors[0]
