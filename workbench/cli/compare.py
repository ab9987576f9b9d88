"""`compare`: runs side by side."""

from __future__ import annotations

import click

from recsys_core.errors import InputError
from workbench.cli.chosen import find_run
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings


@click.command
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…", shell_complete=runs_and_labels)
@click.option(
    "--users", is_flag=True, help="List the users who gain and lose most between two runs."
)
@click.option(
    "--metric", default="", help="With --users: the metric to compare.  [default: the main one]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def compare(
    settings: Settings, runs: tuple[str, ...], users: bool, metric: str, as_json: bool
) -> None:
    """Compare runs with the first: values, differences, significance (paired over users).

    RUN is a run id, its start or end, a label (its newest run), or a run folder.
    """
    if users:
        from workbench.cli.compare_users import compare_users

        compare_users(settings, runs, metric, as_json)
        return
    if metric:
        raise InputError("--metric is for --users", "add --users, or leave --metric out")
    from workbench.reports.compare import compare_runs
    from workbench.reports.folder import read_report_run

    found = [read_report_run(find_run(settings, text).path) for text in runs]
    comparison = compare_runs(found)
    if as_json:
        import json

        click.echo(json.dumps(comparison, indent=2))
        return
    from rich.console import Console

    from workbench.reports.terminal import print_comparison

    print_comparison(comparison, Console())
