"""`user`: one user's history next to what runs recommend, and users worth a look."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from recsys_core.errors import InputError
from recsys_core.values import counted
from workbench.cli.chosen import chosen_runs, dataset_of, newest_runs
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings
from workbench.cli.table import print_json
from workbench.store.files import without_nan
from workbench.store.runs import Run
from workbench.store.users import Browse, User

if TYPE_CHECKING:
    from workbench.store.users_find import Found


@click.command
@click.argument("user_id", metavar="[ID]", required=False)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="RUN",
    shell_complete=runs_and_labels,
    help="Run to show. Repeatable.  [default: the newest runs, at most three]",
)
@click.option(
    "--k",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Number of items per list.",
)
@click.option(
    "--recompute", is_flag=True, help="Compute the lists anew from the models, with reasons."
)
@click.option(
    "--find",
    metavar="CONDITIONS",
    help="List users instead: 'age=25 genre=Horror min-history=50 worst=ndcg@10'.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def user(
    settings: Settings,
    user_id: str | None,
    runs: tuple[str, ...],
    k: int,
    recompute: bool,
    find: str | None,
    as_json: bool,
) -> None:
    """Show the history of user ID next to what runs recommend, and why.

    ID is an original id; RUN is a run id, its start or end, a label (its newest run), or a run
    folder. Lists come from the run folders; if a run kept none for this user, its model makes one.
    """
    if user_id is not None and find is not None:
        raise InputError("an id and --find do not go together", "leave one of the two out")
    if user_id is None and find is None:
        raise InputError("user needs an id, or --find to look for users", "e.g. user 42")
    found = chosen_runs(settings, runs) if runs else newest_runs(settings)
    dataset = dataset_of(found)
    with Browse(settings.data_dir, dataset["name"], dataset["fingerprint"]) as browse:
        if find is not None:
            _find(browse, find, found, k, as_json)
        else:
            assert user_id is not None
            _inspect(settings, browse, user_id, found, k, recompute, as_json)


def _inspect(
    settings: Settings,
    browse: Browse,
    user_id: str,
    runs: list[Run],
    k: int,
    recompute: bool,
    as_json: bool,
) -> None:
    from workbench.store.users_inspect import explained, inspect

    inspection = inspect(browse, browse.find_user(user_id), runs, k)
    missing = any(listing.source == "nothing" for listing in inspection.listings)
    if recompute or missing:
        from workbench.cli.user_models import recomputed

        inspection = recomputed(inspection, settings.data_dir, k, only_missing=not recompute)
    inspection = explained(inspection)
    if as_json:
        from workbench.reports.user import user_json

        _print_json(user_json(inspection))
        return
    from rich.console import Console

    from workbench.reports.user_terminal import print_user

    print_user(inspection, Console())


def _find(browse: Browse, text: str, runs: list[Run], k: int, as_json: bool) -> None:
    from workbench.store.users_find import find_users, user_attributes, user_metrics
    from workbench.store.users_question import parse_question

    question = parse_question(text, user_attributes(browse), user_metrics(runs[0]))
    found = find_users(browse, question, runs)
    users = browse.users(found.users[:k])
    values: list[float | None] = [*found.values[:k]] or [None] * len(users)
    if as_json:
        _print_json(_found_json(found, users, values))
        return
    from workbench.cli.table import print_table

    names = list(dict.fromkeys(name for one in users for name in one.attributes))
    extra = [found.column] if found.column else []
    rows = [
        (one.user_id, one.events, *map(one.attributes.get, names), *[value][: len(extra)])
        for one, value in zip(users, values, strict=True)
    ]
    print_table(["user", "events", *names, *extra], rows)
    sys.stdout.write(f"{len(users)} of {counted(len(found.users), 'user')}\n")


def _found_json(found: Found, users: list[User], values: list[float | None]) -> dict[str, Any]:
    listed = [
        {
            "user_id": one.user_id,
            "events": one.events,
            "attributes": dict(one.attributes),
            "value": value,
        }
        for one, value in zip(users, values, strict=True)
    ]
    return {"found": len(found.users), "column": found.column, "users": listed}


def _print_json(value: Any) -> None:
    print_json(without_nan(value))
