"""Items as plain cells: the catalogue, one item, what models find like it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from recsys_core.values import counted
from workbench.store.text import plain
from workbench.store.users import Browse
from workbench.store.users_items import TOP, ItemFacts
from workbench.tui.view import format as show
from workbench.tui.view.data_plots import bars
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell, Head, Row, Rows, Table
from workbench.tui.view.users import fit, score

#: less says little; lists that do not fit are reached with the arrows
_LEAST_TITLE = 24
_BAR = 20
#: lines of the bars of ratings; half stars are put together
_RATINGS = 5


@dataclass(frozen=True, slots=True)
class Alike:
    """What one run finds like an item: (item, score) each, best first, or why it finds nothing."""

    label: str
    items: tuple[tuple[int, float], ...] = ()
    problem: str = ""


def catalogue_table(browse: Browse, found: Sequence[int], width: int) -> Table:
    """Make the table of items, the best known first."""
    counts = browse.popularity(found)
    genres = 24 if width >= 90 else 0
    heads = [Head("title", "item", max(_LEAST_TITLE, width - 12 - (genres + 2 if genres else 0)))]
    if genres:
        heads.append(Head("genres", "genres", genres))
    heads.append(Head("events", "events", 8, right=True))

    def make(number: int) -> Row:
        item = browse.item(number)
        cells = [Cell(plain(item.name))]
        if genres:
            cells.append(Cell(plain(", ".join(item.genres)), "muted"))
        cells.append(Cell(f"{counts[number]:,}"))
        return Row(str(number), tuple(cells))

    return Table(tuple(heads), Rows(found, make), tuple(map(str, found)), fixed=1, note_from=0)


def item_section(browse: Browse, facts: ItemFacts, width: int, *, tall: bool = True) -> Section:
    """Say what an item is, how it is rated and who recommends it.

    Parameters
    ----------
    tall
        Whether there is room for blank lines.
    """
    blank: list[tuple[Cell, ...]] = [()] if tall else []
    item = browse.item(facts.item)
    mean = "" if facts.mean is None else f", mean {facts.mean:.2f}"
    if facts.mean is not None and browse.labelled:
        mean = f", {facts.mean:.0%} with label 1"
    events = f"{counted(facts.events, 'event')}{mean}"
    known = (plain(", ".join(item.genres)), f"id {plain(item.item_id)}", events)
    head = _filled(filter(None, known), width)
    lines: list[tuple[Cell, ...]] = [(Cell(line, "muted"),) for line in head]
    bar = max(6, min(_BAR, width - 24))
    if facts.exposures:
        lines += [*blank, (Cell(f"recommended among the first {TOP} to", "muted"),)]
    for one in facts.exposures:
        share = one.users / one.judged if one.judged else 0.0
        text = f" {one.users:,} of {counted(one.judged, 'user')} ({share:.1%})"
        lines.append(
            (Cell(fit(plain(one.label), 16)), Cell(show.stroke(share, bar // 2)), Cell(text))
        )
    ratings = [(f"{rating:g}", n) for rating, n in facts.ratings.items() if rating is not None]
    if ratings:
        title = "labels of its events" if browse.labelled else "rated by its users"
        lines += [*blank, (Cell(title, "muted"),)]
        lines += bars(ratings, bar + 16, _RATINGS)
    return Section(plain(item.name), tuple(lines))


def alike_table(browse: Browse, lists: Sequence[Alike], width: int) -> Table:
    """Put what runs find like an item side by side; a column a run."""
    shown = max(1, min(len(lists), (width - 5) // (_LEAST_TITLE + 10)))  # at once
    each = max(_LEAST_TITLE, (width - 5) // shown - 10)
    heads = [Head("rank", "", 3, right=True)]
    for place, one in enumerate(lists):
        heads.append(Head(f"item {place}", fit(plain(one.label), each).rstrip(), each))
        heads.append(Head(f"score {place}", "", 6, right=True))
    browse.items(number for one in lists for number, _ in one.items)
    rows = []
    for rank in range(max((len(one.items) for one in lists), default=0)):
        cells = [Cell(str(rank + 1), "muted")]
        for one in lists:
            if rank < len(one.items):
                number, value = one.items[rank]
                cells += [Cell(plain(browse.item(number).name)), Cell(score(value), "muted")]
            else:
                cells += [Cell("-", "muted"), Cell()]
        rows.append(Row(str(rank), tuple(cells)))
    return Table(tuple(heads), rows, tuple(row.key for row in rows), fixed=1, note_from=1)


def _filled(parts: Iterable[str], width: int) -> Iterator[str]:
    """Put parts into lines; none is broken that has room on a line of its own."""
    line = ""
    for part in parts:
        if line and cell_len(line) + 2 + cell_len(part) > width:
            yield line
            line = part
        else:
            line = f"{line}  {part}" if line else part
    yield line
