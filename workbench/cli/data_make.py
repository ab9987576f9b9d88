"""`data make`: made-up data sets of any size."""

from __future__ import annotations

import click

from workbench.cli.context import NamingGroup, Settings, pass_settings
from workbench.cli.data_options import as_json_option, events_option, following
from workbench.cli.data_tables import show_prepared


@click.group("make", cls=NamingGroup)
def make_command() -> None:
    """Make up a data set."""


@make_command.command("large")
@click.option("--name", default="large", show_default=True, help="Name of the data set.")
@click.option("--rows", type=int, required=True, metavar="R", help="Number of ratings.")
@click.option("--users", type=int, required=True, metavar="U", help="Number of users.")
@click.option(
    "--items", type=int, required=True, metavar="I", help="Number of items; each has a rating."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Another seed makes another set."
)
@as_json_option
@events_option
@pass_settings
def large_command(
    settings: Settings,
    name: str,
    rows: int,
    users: int,
    items: int,
    seed: int,
    as_json: bool,
    events: bool,
) -> None:
    """Make a set of any size, with attributes and tastes as `sample` has them.

    The same numbers make the same set on every machine.
    """
    from recsys_core.data.large import Sizes, make_large

    with following(name, events) as on_event:
        make_large(name, settings.data_dir, Sizes(rows, users, items, seed), on_event)
    show_prepared(settings.data_dir, name, as_json)
