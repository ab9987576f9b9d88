"""`compare`: runs side by side."""

from __future__ import annotations

import click

from workbench.cli.context import Settings, pass_settings


@click.command
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def compare(settings: Settings, runs: tuple[str, ...], as_json: bool) -> None:
    """Compare runs with the first: values, differences, significance (paired over users).

    RUN is a run id, its start or end, or a run folder.
    """
    from workbench.reports.compare import compare_runs
    from workbench.reports.folder import read_report_run
    from workbench.store.manage import resolve_run

    found = [read_report_run(resolve_run(settings.runs_dir, text).path) for text in runs]
    comparison = compare_runs(found)
    if as_json:
        import json

        click.echo(json.dumps(comparison, indent=2))
        return
    from rich.console import Console

    from workbench.reports.terminal import print_comparison

    print_comparison(comparison, Console())
