"""`runs groups`: runs by groups of users, of items or of rows."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from workbench.cli.chosen import chosen_runs
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings
from workbench.cli.table import print_json, print_table, say
from workbench.store.text import plain


def names(_context: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
    """Read ``age,genre``."""
    return tuple(name for name in map(str.strip, text.split(",")) if name)


@click.command("groups")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…", shell_complete=runs_and_labels)
@click.option(
    "--by",
    default="",
    callback=names,
    metavar="A,B…",
    help="Attributes of users or items, such as age,genre; activity: users by number of events;"
    " popularity: items by train rows.  [default: all]",
)
@click.option(
    "--metric",
    "metrics",
    default="",
    callback=names,
    metavar="A,B…",
    help="Metrics, such as ndcg@10,recall@10.  [default: the main one]",
)
@click.option(
    "--k",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Items of a list whose popularity is compared with histories.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write .json, .md or .html. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def groups(
    settings: Settings,
    runs: tuple[str, ...],
    by: tuple[str, ...],
    metrics: tuple[str, ...],
    k: int,
    reports: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Show for whom runs are good: values, differences from the first, gaps, popularity bias.

    RUN is a run id, its start or end, a label (its newest run), or a run folder.
    """
    from workbench.reports.groups import build_groups
    from workbench.reports.groups_view import tables, title
    from workbench.reports.groups_write import check_groups_path, write_groups
    from workbench.store.users import Browse

    for path in reports:
        check_groups_path(path)
    found = chosen_runs(settings, runs)
    dataset = found[0].metrics["dataset"]
    with Browse(settings.data_dir, dataset["name"], dataset["fingerprint"]) as browse:
        report = build_groups(browse, found, by, metrics, k)
    for path in reports:
        write_groups(report, path)
        say(f"report: {path}")
    if as_json:
        print_json(report)
        return
    sys.stdout.write(plain(title(report)) + "\n")
    for table in tables(report):
        sys.stdout.write(f"\n{plain(table.title)}\n")
        print_table(table.headers, table.rows)
        sys.stdout.writelines(f"{plain(note)}\n" for note in table.notes)
