"""`recommend`: what a run recommends, to the terminal or to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recsys_core.errors import InputError
from recsys_core.events import Event
from workbench.cli.chosen import chosen_runs
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings
from workbench.cli.id_lists import read_ids
from workbench.cli.options import JobOptions
from workbench.cli.progress import at_work
from workbench.cli.recommend_file import check_lists_path, open_lists
from workbench.cli.table import print_table, say
from workbench.jobs.interrupts import check

if TYPE_CHECKING:
    from recsys_core.pipeline.recommender import Recommender
    from workbench.cli.progress import Display
    from workbench.store.runs import Run

ALL = "all"
#: users whose lists a terminal shows at most
_SHOWN_USERS = 20


@click.command
@click.argument("run", metavar="RUN", shell_complete=runs_and_labels)
@click.option(
    "--users",
    required=True,
    metavar="all|FILE|ID,ID",
    help="Who gets a list: all users of the data set, or some by their ids; FILE has one per line.",
)
@click.option(
    "--k",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="Number of items per list.",
)
@click.option(
    "--to", type=Path, metavar="FILE", help="Write the lists to a .parquet or .csv file instead."
)
@click.option("--only", metavar="FILE|ID,ID", help="List only these items.")
@click.option("--without", metavar="FILE|ID,ID", help="List none of these items.")
@click.option("--quiet", is_flag=True, help="Print only results and errors, no progress.")
@click.option("--plain", is_flag=True, help="Print progress as lines of text.")
@pass_settings
def recommend(
    settings: Settings,
    run: str,
    users: str,
    k: int,
    to: Path | None,
    only: str | None,
    without: str | None,
    quiet: bool,
    plain: bool,
) -> None:
    """List the items that RUN recommends to users, best first.

    RUN is a run id, its start or end, a label (its newest run), or a run folder. Ids are those of
    the raw data. A file has the columns user, item, rank and score.
    """
    (found,) = chosen_runs(settings, [run])
    if to is not None:
        check_lists_path(to)
    asked = None if users == ALL else read_ids(users, "--users")
    candidates = None if only is None else read_ids(only, "--only")
    banned = [] if without is None else read_ids(without, "--without")
    with at_work(JobOptions(quiet=quiet, plain=plain)) as display:
        recommender = _load(found, settings, display)
        wanted = _known_users(recommender, asked)
        if to is None:
            rows = _rows(recommender, wanted, k, candidates, banned)
            _say_empty(wanted, {row[0] for row in rows})
        else:
            _write(recommender, wanted, k, candidates, banned, to, display)
    if to is None:
        print_table(("user", "rank", "item", "title", "score"), rows)


def _load(run: Run, settings: Settings, display: Display) -> Recommender:
    from recsys_core.pipeline.recommender import Recommender

    display.begin(str(run.metrics["label"]), 0, 0)
    display.event(Event("load", message=f"loading {run.run_id}"))
    return Recommender.load(run.path, settings.data_dir)


def _known_users(recommender: Recommender, asked: list[str] | None) -> list[str]:
    """Leave out, and name, ids that the data set does not have.

    Raises
    ------
    InputError
        It has none of them.
    """
    if asked is None:
        return [str(one) for one in recommender.dataset.user_ids.tolist()]
    from recsys_core.pipeline.ids import name_some

    numbers, unknown = recommender.users.known(asked)
    if len(numbers) == 0:
        raise recommender.users.unknown(unknown)
    if unknown:
        many = len(unknown) > 1
        say(
            f"{len(unknown):,} of {len(numbers) + len(unknown):,} users "
            f"{'are' if many else 'is'} not in data set '{recommender.dataset.name}' and "
            f"{'get' if many else 'gets'} no list: {name_some(unknown)}"
        )
    return [str(one) for one in recommender.dataset.user_ids[numbers].tolist()]


def _rows(
    recommender: Recommender,
    users: list[str],
    k: int,
    candidates: list[str] | None,
    without: list[str],
) -> list[tuple[str, int, str, str, float]]:
    """Recommend to a few users, for a terminal.

    Raises
    ------
    InputError
        They are too many to look at.
    """
    if len(users) > _SHOWN_USERS:
        raise InputError(
            f"{len(users):,} lists are too many for a terminal: at most {_SHOWN_USERS}",
            "add --to FILE.parquet or .csv, or name fewer --users",
        )
    return [
        (user, one.rank, one.item_id, one.title, one.score)
        for user in users
        for one in recommender.recommend(user, k, candidates=candidates, without=without)
    ]


def _say_empty(users: list[str], listed: set[str]) -> None:
    """Name the users for whom nothing is left, so that a short table is no riddle."""
    from recsys_core.pipeline.ids import name_some

    empty = [user for user in users if user not in listed]
    if empty:
        say(f"no item is left to list, as all that are allowed are known: {name_some(empty)}")


def _write(
    recommender: Recommender,
    users: list[str],
    k: int,
    candidates: list[str] | None,
    without: list[str],
    path: Path,
    display: Display,
) -> None:
    """Write the lists block by block, and say how many items there are."""
    import numpy as np

    done, items, full = 0, 0, 0
    with open_lists(path) as write:
        for lists in recommender.lists(users, k, candidates=candidates, without=without):
            check()
            write(lists)
            done += lists.n_users
            items += len(lists.ranks)
            full += int(np.count_nonzero(lists.ranks == k))
            display.event(Event("recommend", done, len(users)))
    say(f"{done:,} lists with {items:,} items written to {path}")
    if full < done:
        short = "1 list is" if done - full == 1 else f"{done - full:,} lists are"
        say(f"{short} shorter than {k}: there was nothing left to recommend")
