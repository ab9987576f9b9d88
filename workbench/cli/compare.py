"""`compare`: runs side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from recsys_core.errors import InputError
from workbench.cli.chosen import find_run
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings
from workbench.store.text import plain

if TYPE_CHECKING:
    from workbench.reports.folder import ReportRun
    from workbench.reports.pictures.kinds import Wanted


@click.command
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…", shell_complete=runs_and_labels)
@click.option(
    "--users", is_flag=True, help="List the users who gain and lose most between two runs."
)
@click.option(
    "--metric",
    default="",
    help="With --users and for a forest: the metric to compare.  [default: the main one]",
)
@click.option(
    "--plot",
    "plots",
    multiple=True,
    metavar="[KIND=]FILE",
    help="Draw a picture, .png or .svg; KIND is forest (the default), reliability, recall, "
    "coverage or groups. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def compare(
    settings: Settings,
    runs: tuple[str, ...],
    users: bool,
    metric: str,
    plots: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare runs with the first: values, differences, significance (paired over users).

    RUN is a run id, its start or end, a label (its newest run), or a run folder.
    """
    if users and plots:
        raise InputError("--plot draws all users together", "leave out --users, or --plot")
    if users:
        from workbench.cli.compare_users import compare_users

        compare_users(settings, runs, metric, as_json)
        return
    if metric and not plots:
        raise InputError(
            "--metric is for --users and --plot", "add --users or --plot FILE, or leave it out"
        )
    from workbench.reports.compare import compare_runs
    from workbench.reports.folder import read_report_run

    wanted = _wanted(plots, metric)
    found = [read_report_run(find_run(settings, text).path) for text in runs]
    comparison = compare_runs(found)
    if wanted:
        _draw(wanted, found, metric)
    if as_json:
        import json

        click.echo(json.dumps(comparison, indent=2))
        return
    from rich.console import Console

    from workbench.reports.terminal import print_comparison

    print_comparison(comparison, Console())


def _wanted(plots: Sequence[str], metric: str) -> Sequence[Wanted]:
    if not plots:
        return ()
    from workbench.reports.pictures.kinds import parse_plots

    wanted = parse_plots(plots)
    if metric and all(each.kind != "forest" for each in wanted):
        raise InputError("--metric chooses what a forest shows", "add --plot forest=FILE")
    return wanted


def _draw(wanted: Sequence[Wanted], runs: Sequence[ReportRun], metric: str) -> None:
    from workbench.reports.pictures.kinds import write_plots
    from workbench.reports.pictures.subjects import each_run

    for line in write_plots(wanted, each_run(runs), metric):
        sys.stderr.write(f"note: {plain(line)}\n")
