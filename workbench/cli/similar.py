"""`similar`: the items most like one, as several runs see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.run_folder import check_has_model
from workbench.cli.chosen import chosen_runs, dataset_of
from workbench.cli.completing import runs_and_labels
from workbench.cli.context import Settings, pass_settings
from workbench.cli.table import print_json
from workbench.store.items import Item, Items, read_items
from workbench.store.runs import MODEL, Run
from workbench.store.text import plain

#: cells that a run takes in the table, and the ranks beside them
_RUN_CELLS, _RANK_CELLS = 38, 4


@dataclass(frozen=True)
class Neighbours:
    """What one run finds like the item: items and scores, best first."""

    run: Run
    items: list[Item]
    scores: list[float]

    @property
    def label(self) -> str:
        """The run's name in reports."""
        return str(self.run.metrics["label"])


@click.command
@click.argument("item", metavar="ITEM")
@click.option(
    "--run",
    "runs",
    multiple=True,
    required=True,
    metavar="RUN",
    shell_complete=runs_and_labels,
    help="Run to ask. Repeatable.",
)
@click.option(
    "--k",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="Number of items per list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_settings
def similar(settings: Settings, item: str, runs: tuple[str, ...], k: int, as_json: bool) -> None:
    """Show the items most like ITEM, side by side for each run.

    ITEM is an original id, a title, or a part of one that fits no other; RUN is a run id, its
    start or end, a label (its newest run), or a run folder.
    """
    found = chosen_runs(settings, runs)
    dataset = dataset_of(found)
    items = read_items(settings.data_dir, dataset["name"], dataset["fingerprint"])
    wanted = items.find(item)
    lists = [_neighbours(run, wanted, items, k, dataset["fingerprint"]) for run in found]
    if as_json:
        print_json(_as_json(wanted, lists))
    else:
        _print(wanted, lists, k)


def _neighbours(run: Run, wanted: Item, items: Items, k: int, fingerprint: str) -> Neighbours:
    """Load the run's model and ask it."""
    import numpy as np

    from recsys_core.recall.shared.similar import ItemToItem
    from recsys_core.registry import model_info

    check_has_model(run.metrics, run.path)
    info = model_info(run.metrics["model"])
    if not issubclass(info.cls, ItemToItem):
        raise InputError(
            f"run {run.run_id}: a {info.name} ({info.stage}) has no similarity of items",
            "name runs of models with item vectors or similarities, e.g. item-cf or word2vec",
        )
    model: Any = info.cls
    model = model.load(run.path / MODEL)
    if model.fingerprint != fingerprint:
        raise InputError(
            f"run {run.run_id}: its model was fitted on other data than its metrics say",
            TRAIN_AGAIN,
        )
    numbers = model.item_numbers
    asked = np.array([wanted.number])
    if numbers is not None:
        asked = np.flatnonzero(numbers == wanted.number)
        if not len(asked):  # the filters of its protocol left the item out
            return Neighbours(run, [], [])
    top = model.similar_items(asked, k)
    listed = top.items[0] >= 0
    found = top.items[0][listed] if numbers is None else numbers[top.items[0][listed]]
    return Neighbours(
        run, [items[number] for number in found.tolist()], top.scores[0][listed].tolist()
    )


def _as_json(wanted: Item, lists: Sequence[Neighbours]) -> dict[str, Any]:
    return {
        "item": _item_json(wanted),
        "runs": [
            {
                "run_id": one.run.run_id,
                "label": one.label,
                "model": one.run.metrics["model"],
                "items": [
                    {"rank": rank, **_item_json(item), "score": score}
                    for rank, (item, score) in enumerate(
                        zip(one.items, one.scores, strict=True), start=1
                    )
                ],
            }
            for one in lists
        ],
    }


def _item_json(item: Item) -> dict[str, Any]:
    return {"item_id": item.item_id, "title": item.title, "genres": list(item.genres)}


def _print(wanted: Item, lists: Sequence[Neighbours], k: int) -> None:
    """Print as many runs beside each other as fit, the others below."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.print(_cell(wanted, separator="  "))
    step = max(1, (console.width - _RANK_CELLS) // _RUN_CELLS)
    for start in range(0, len(lists), step):
        console.print(Text())
        console.print(_table(lists[start : start + step], k))
    for one in lists:
        if not one.items:
            console.print(Text(f"{one.label}: has learned nothing about it ({one.run.run_id})"))


def _table(lists: Sequence[Neighbours], k: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("#", justify="right", no_wrap=True)
    for one in lists:
        grid.add_column(Text(plain(one.label)), overflow="fold")
        grid.add_column("score", justify="right", no_wrap=True)
    for place in range(min(k, max(len(one.items) for one in lists))):
        cells: list[Text] = []
        for one in lists:
            if place < len(one.items):
                cells += [_cell(one.items[place]), Text(f"{one.scores[place]:#.3g}")]
            else:
                cells += [Text("-"), Text("")]
        grid.add_row(Text(str(place + 1)), *cells)
    return grid


def _cell(item: Item, separator: str = "\n") -> Any:
    """Title, and genres in a weaker colour."""
    from rich.text import Text

    cell = Text(plain(item.name))
    if item.genres:
        cell.append(separator + plain(", ".join(item.genres)), style="dim")
    return cell
