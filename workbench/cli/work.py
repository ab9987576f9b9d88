"""Doing the jobs of a plan, one after the other, and reporting on them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent
from recsys_core.pipeline.needs import lack
from recsys_core.pipeline.run import load_split
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.update import find_origin
from recsys_core.protocols.split import Split
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.plan import Plan
from workbench.cli.progress import Display
from workbench.cli.tracking import say_of_trackers
from workbench.jobs.execute import Outcome, check_cutoffs, execute
from workbench.jobs.interrupts import check
from workbench.reports.baseline import check_unseen
from workbench.reports.build import build_report
from workbench.reports.folder import ReportRun, read_report_run
from workbench.reports.user_values import path_beside, write_user_values
from workbench.reports.write import write_report
from workbench.store.annotations import Published, annotate
from workbench.store.files import StoreError
from workbench.store.runs import LOG
from workbench.store.text import plain

#: does one job: spec, split, listener
Executor = Callable[[JobSpec, Split, OnEvent], Outcome]
#: judges runs by groups
Judge = Callable[[Sequence[ReportRun]], list[dict[str, Any]]]


def prepare(
    plan: Plan, options: JobOptions, settings: Settings, display: Display
) -> tuple[Plan, Split]:
    """Load and split the data, and check the jobs against them before the first one starts.

    Returns
    -------
    The plan without jobs of a suite that cannot learn from these data, with what an update comes
    from, and the split.

    Raises
    ------
    InputError
        The data, or what is asked of them, is wrong.
    """
    display.begin("data", 0, len(plan.specs))
    split = load_split(
        plan.specs[0],
        data_dir=settings.data_dir,
        offline=options.offline,
        on_event=listener(display),
    )
    found = {spec.name: lack(spec, split) for spec in plan.specs}
    plan = plan.without({label: error for label, error in found.items() if error is not None})
    for line in plan.said_of_left_out():
        display.note(line)
    for spec in plan.specs:
        check_cutoffs(spec, split)
        if spec.update is not None:
            origin = find_origin(spec, split, settings.data_dir)
            if plan.baseline is not None:
                check_unseen(plan.baseline, spec.name, origin.lineage, split.fingerprint)
            plan = replace(plan, origin=origin)  # it is the only job
    return plan, split


def listener(display: Display) -> OnEvent:
    """Show events, and let a signal end the work between two of them."""

    def listen(event: Event) -> None:
        check()
        display.event(event)

    return listen


def run_or_reuse(
    plan: Plan, split: Split, options: JobOptions, settings: Settings, display: Display
) -> list[Outcome]:
    """Run or reuse all jobs of a plan."""

    def run(spec: JobSpec, split: Split, on_event: OnEvent) -> Outcome:
        return execute(
            spec,
            split,
            runs_dir=settings.runs_dir,
            data_dir=settings.data_dir,
            origin=plan.origin,
            fresh=options.fresh,
            track=options.track,
            on_event=on_event,
        )

    return do_jobs(plan, split, display, run)


def do_jobs(plan: Plan, split: Split, display: Display, execute_job: Executor) -> list[Outcome]:
    """Do the jobs; one that fails does not stop the others."""
    outcomes: list[Outcome] = []
    listen = listener(display)
    try:
        for number, spec in enumerate(plan.specs, start=1):
            display.begin(name_of(spec, plan.specs), number, len(plan.specs))
            outcomes.append(execute_job(spec, split, listen))
            check()
            display.end(outcomes[-1])
    except KeyboardInterrupt:
        if outcomes:
            display.note(f"{len(outcomes)} of {len(plan.specs)} runs are done, to be reused")
        raise
    return outcomes


def name_of(spec: JobSpec, specs: Sequence[JobSpec]) -> str:
    """Name a job; with its seed where there are several."""
    several = len({other.seed for other in specs}) > 1
    return f"{spec.name} seed {spec.seed}" if several else spec.name


def report_on(
    plan: Plan, outcomes: Sequence[Outcome], options: JobOptions, judge: Judge | None = None
) -> int:
    """Print the table, write the reports, say what failed; return the exit code.

    Parameters
    ----------
    judge
        Adds what the runs are in groups to the report.
    """
    code = _report(plan, outcomes, judge)
    say_of_trackers([outcome.run for outcome in outcomes], options.track)
    return code


def _report(plan: Plan, outcomes: Sequence[Outcome], judge: Judge | None) -> int:
    from rich.console import Console

    from workbench.reports.terminal import print_table

    outcomes, runs = zip(*map(_read, outcomes, plan.specs), strict=True)
    report = build_report(
        runs,
        suite=plan.name,
        references=plan.references,
        gates=plan.gates,
        baseline=plan.baseline,
        left_out=plan.left_out,
    )
    code: int = report["exit_code"]
    errors: list[InputError] = []
    if judge is not None:
        try:
            report["groups"] = judge(runs)
        except InputError as trouble:  # the rest of the report is as good without
            errors.append(trouble)
    errors += [*_note_published(plan, outcomes), *_write_reports(plan, report, runs)]
    print_table(report, Console())
    sys.stdout.flush()
    for run in runs:
        _note_label(run)
    for outcome in outcomes:
        if outcome.state != "succeeded":
            became = outcome.state if outcome.state == "failed" else f"was {outcome.state}"
            sys.stderr.write(
                f"error: job {plain(outcome.label)} {became}: {plain(outcome.reason)}\n"
                f"{_what_to_do(outcome)}\n"
            )
    for error in errors:
        sys.stderr.write(f"error: {plain(error.problem)}\n{plain(error.remedy)}\n")
    return 2 if errors and code != 130 else code


def _read(outcome: Outcome, spec: JobSpec) -> tuple[Outcome, ReportRun]:
    """Read a run for the report; one whose folder was taken away or damaged since has failed."""
    try:
        run = read_report_run(outcome.run.path, label=outcome.label, reused=outcome.reused)
    except StoreError as error:
        reason = outcome.reason or error.problem
        values = spec.model_dump(mode="json")
        run = ReportRun(
            path=outcome.run.path,
            label=outcome.label,
            model=spec.model,
            seed=spec.seed,
            state="failed",
            reason=reason,
            spec=values,
            result={},
            environment={},
        )
        outcome = replace(outcome, state="failed", reason=reason)
    return outcome, run


def _note_label(run: ReportRun) -> None:
    """Say how later commands find a run that is reused under another label than its own."""
    own = run.result.get("label", run.label)
    if run.reused and own != run.label:
        sys.stderr.write(
            f"note: {plain(run.label)} is run {run.path.name}, which was made as"
            f" {plain(str(own))}: name it by its id\n"
        )


def _what_to_do(outcome: Outcome) -> str:
    log = outcome.run.path / LOG
    return f"see {plain(str(log))}" if log.is_file() else "run it again: nothing of it was kept"


def _note_published(plan: Plan, outcomes: Sequence[Outcome]) -> list[InputError]:
    """Keep the suite's published figures with the runs, so that lists can show them beside ours."""
    errors: list[InputError] = []
    for outcome in outcomes:
        figures = plan.references.get(outcome.label, {})
        if figures and outcome.run.path.is_dir():
            published = {
                metric: Published(figure.value, figure.cited) for metric, figure in figures.items()
            }
            try:
                annotate(outcome.run.path, published=published)
            except InputError as error:
                errors.append(error)
    return errors


def _write_reports(
    plan: Plan, report: dict[str, object], runs: Sequence[ReportRun]
) -> list[InputError]:
    """Write each report file, and values by user beside JSON; one that fails spares the others."""
    errors = []
    for path in plan.reports:
        try:
            write_report(report, path, runs)
            if path.suffix.lower() == ".json":
                write_user_values(runs, path_beside(path))
        except InputError as error:
            errors.append(error)
    return errors
