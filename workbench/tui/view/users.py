"""Users as plain cells: the list of users, one user's history, what runs list."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from recsys_core.evaluation.names import higher_is_better
from recsys_core.values import counted
from workbench.store import results
from workbench.store.files import StoreError
from workbench.store.items import Item
from workbench.store.listing import RunSummary
from workbench.store.metrics_json import updated_from
from workbench.store.runs import RESULTS, Run
from workbench.store.summary import marked
from workbench.store.text import plain
from workbench.store.users import Browse, User
from workbench.store.users_find import Found
from workbench.store.users_inspect import Entry, Inspection, Listing, Past
from workbench.tui.view import format as show
from workbench.tui.view.columns import names_apart
from workbench.tui.view.table import Cell, Head, NumberKeys, Row, Rows, Table

#: held out and liked; held out and not liked
HIT, MISS = "✔", "·"
#: another list has it, too
SHARED = "="
#: cells of the numbers beside a title, and the least a title takes
_SCORE, _LEAST_TITLE = 5, 12
#: cells from which a history has room for genres and date
_ROOMY = 64
#: cells of the types of events, at most
_TYPE = 12
#: users of a list who are read together
_BLOCK = 32
#: users by number, and a metric of theirs from each run
_Block = tuple[Mapping[int, User], Sequence[Mapping[int, float | None]]]


def has_users(run: RunSummary, fingerprint: str) -> bool:
    """Tell whether a run kept results of users of the data set with this fingerprint.

    Raises
    ------
    StoreError
        Its result or its results of users are damaged.
    """
    if not (run.folder / RESULTS).exists():  # thinned out
        return False
    results.open_results(run.folder / RESULTS).close()
    return bool(Run(run.folder).metrics["dataset"]["fingerprint"] == fingerprint)


class UserList:
    """Draws found users; what is looked at is read, and nothing else.

    Parameters
    ----------
    runs
        The first gives the metric, the second what it gains over the first.
    metric
        Empty: the runs have none of each user.
    """

    def __init__(self, browse: Browse, runs: Sequence[Run], metric: str) -> None:
        self.browse = browse
        self.metric = metric
        # closed with the last table that reads from them
        self.runs = runs[:2]
        self._results = [
            results.open_results(run.path / RESULTS, any_thread=True)
            for run in (self.runs if metric else ())
        ]

    def table(self, found: Found, sort: tuple[str, bool] | None, width: int) -> Table:
        """Make the table of `found`; `width` in cells."""
        heads = [Head("user", "user", 9), Head("events", "events", 7, right=True)]
        if self._results:
            heads.append(Head("metric", self.metric, max(8, len(self.metric) + 1), right=True))
        if len(self._results) > 1:
            heads.append(Head("gain", "gain", 8, right=True))
        if found.column and found.column not in (self.metric, f"Δ {self.metric}"):
            heads.append(Head("value", plain(found.column), 10, right=True))
        room = width - sum(head.width + 2 for head in heads)
        if room > _LEAST_TITLE:
            heads.append(Head("who", "who", room - 1))

        @lru_cache(maxsize=4)
        def block(number: int) -> _Block:
            return self._read(found.users[number * _BLOCK : (number + 1) * _BLOCK])

        def make(place: int) -> Row:
            return self._row(found, place, heads, block(place // _BLOCK))

        rows = Rows(range(len(found.users)), make)
        keys = NumberKeys(found.users)
        return Table(tuple(heads), rows, keys, fixed=1, note_from=1, sort=sort)

    def _read(self, numbers: Sequence[int]) -> _Block:
        """Read users who stand together: one question to each file, not one per row."""
        select = (
            "SELECT user, value FROM user_metrics"
            " WHERE metric = ? AND user IN (SELECT value FROM json_each(?))"
        )
        asked = self.metric, json.dumps(list(numbers))
        values = [
            _values(run.path / RESULTS, database, select, asked)
            for run, database in zip(self.runs, self._results, strict=False)
        ]
        try:
            return {user.number: user for user in self.browse.users(numbers)}, values
        except StoreError:  # drawn as damaged; who opens one of them is told what it is
            return {}, values

    def _row(self, found: Found, place: int, heads: Sequence[Head], block: _Block) -> Row:
        number = found.users[place]
        user = block[0].get(number)
        if user is None:
            return Row(str(number), (Cell(str(number)),), Cell("damaged", "bad"))
        metrics = [values.get(number) for values in block[1]]
        who = ", ".join(str(value) for value in user.attributes.values())
        cells = {
            "user": Cell(plain(user.user_id)),
            "events": Cell(f"{user.events:,}"),
            "who": Cell(plain(who), "muted"),
        }
        if metrics:
            cells["metric"] = Cell(_four(metrics[0]))
        if len(metrics) > 1:
            cells["gain"] = self._gain(metrics[0], metrics[1])
        if found.column:
            cells["value"] = Cell(show.metric(found.values[place]))
        return Row(str(number), tuple(cells.get(head.key, Cell()) for head in heads))

    def _gain(self, first: float | None, second: float | None) -> Cell:
        if first is None or second is None:
            return Cell("-")
        gain = second - first
        better = (gain > 0) == higher_is_better(self.metric)
        return Cell(f"{gain:+.4f}", ("better" if better else "worse") if gain else "muted")


def _values(
    path: Path, database: sqlite3.Connection, select: str, asked: Sequence[str]
) -> dict[int, float | None]:
    """Read a metric of some users; of a damaged file none, and who opens a user is told."""
    with suppress(StoreError), results.damage_told(path):
        rows = database.execute(select, asked)
        return {user: None if value is None else float(value) for user, value in rows}
    return {}


def _four(value: float | None) -> str:
    return "-" if value is None else show.metric(value)


def history_table(inspection: Inspection, width: int) -> Table:
    """Make the table of what the user did: held out, then known to the runs.

    The newest event stands first; without times they are in the order of the file.
    """
    roomy = width >= _ROOMY
    rated = [Head("rating", "", 3, right=True)] if inspection.browse.explicit else []
    genres = roomy and _has_genres(inspection)
    extra = [Head("genres", "genres", 22)] if genres else []
    if types := inspection.browse.types:
        extra.insert(0, Head("type", "type", min(_TYPE, max(map(len, types)))))
    if roomy and inspection.browse.timed:
        extra.append(Head("time", "time (UTC)", 16))
    room = width - 4 - sum(head.width + 2 for head in (*rated, *extra))
    title = Head("title", "history", max(_LEAST_TITLE, room))
    heads = (Head("mark", "", 1), *rated, title, *extra)
    held_out, known = inspection.held_out, inspection.known
    rows: list[Row] = []
    if held_out:
        rows.append(_heading(f"held out {len(held_out)}{_of_them_liked(inspection)} {HIT}"))
        rows += _events(inspection, held_out, roomy=roomy, genres=genres)
        rows.append(_heading(f"known {len(known)}"))
    rows += _events(inspection, known, roomy=roomy, genres=genres)
    keys = tuple(row.key for row in rows)
    return Table(heads, rows, keys, fixed=1 + len(rated), note_from=0)


def _of_them_liked(inspection: Inspection) -> str:
    """Count the events that are held out and liked; all are where there is nothing to tell it."""
    if not inspection.browse.explicit:
        return ""
    liked = sum(inspection.relevant(past.event) for past in inspection.held_out)
    return f", liked {liked}" if inspection.browse.rated else f", label 1: {liked}"


def _heading(text: str) -> Row:
    return Row("", (), Cell(text, "muted"))


def _has_genres(inspection: Inspection) -> bool:
    """Whether any item of the history has genres."""
    items = inspection.browse.items(past.event.item for past in inspection.past)
    return any(items[past.event.item].genres for past in inspection.past)


def _events(
    inspection: Inspection, events: Sequence[Past], *, roomy: bool, genres: bool
) -> list[Row]:
    items = inspection.browse.items(past.event.item for past in events)
    rows = []
    shown = inspection.shown(events)
    for key, past in zip(row_keys(past.event.item for past in shown), shown, strict=True):
        event, item = past.event, items[past.event.item]
        relevant = inspection.relevant(event)
        mark = Cell()
        if past.part == "test":
            mark = Cell(HIT, "good") if relevant else Cell(MISS, "muted")
        rating = [] if event.rating is None else [Cell(f"{event.rating:g}")]
        cells = [mark, *rating, Cell(plain(item.name), "" if relevant else "muted")]
        if inspection.browse.types:
            cells.append(Cell(plain(event.type)))
        if genres:
            cells.append(Cell(plain(", ".join(item.genres)), "muted"))
        if roomy and inspection.browse.timed:
            cells.append(Cell(moment(event.time)))
        rows.append(Row(key, tuple(cells)))
    return rows


def row_keys(items: Iterable[int]) -> list[str]:
    """Make a key of each item; of one that is there again, one of its own.

    Examples
    --------
    >>> row_keys([7, 8, 7])
    ['7', '8', '7 1']
    """
    met: dict[int, int] = {}
    keys = []
    for item in items:
        again = met[item] = met.get(item, -1) + 1
        keys.append(f"{item} {again}" if again else str(item))
    return keys


def item_of(key: str | None) -> int | None:
    """Read the item of a key that `row_keys` made; None of a heading."""
    return int(key.partition(" ")[0]) if key else None


def moment(seconds: int | None) -> str:
    """Write a time as date and minutes, in UTC."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def list_table(inspection: Inspection, listing: Listing, width: int, *, own: bool = False) -> Table:
    """Make the table of what a run lists.

    Parameters
    ----------
    own
        Leave out what another list has, too.
    """
    others = [other for other in inspection.listings if other is not listing]
    shared = {entry.item for other in others for entry in other.entries}
    entries = [entry for entry in listing.entries if not (own and entry.item in shared)]
    channels = any(entry.channels for entry in listing.entries) and width >= _ROOMY
    heads = [Head("rank", "", 3, right=True), Head("shared", "", 1), Head("mark", "", 1)]
    scores = max([_SCORE, *(len(score(entry.score)) for entry in listing.entries)])
    room = width - 13 - scores - (16 if channels else 0)
    heads.append(Head("title", "item", max(_LEAST_TITLE, room)))
    if channels:
        heads.append(Head("channels", "from", 14))
    heads.append(Head("score", "score", scores, right=True))
    items = inspection.browse.items(entry.item for entry in listing.entries)
    rows = [
        _entry(key, entry, items[entry.item], channels, SHARED if entry.item in shared else "")
        for key, entry in zip(row_keys(entry.item for entry in entries), entries, strict=True)
    ]
    return Table(tuple(heads), rows, tuple(row.key for row in rows), fixed=3, note_from=0)


def _entry(key: str, entry: Entry, item: Item, channels: bool, shared: str) -> Row:
    mark = Cell()
    if entry.held_out:
        mark = Cell(HIT, "good") if entry.relevant else Cell(MISS, "muted")
    cells = [
        Cell(str(entry.rank), "muted"),
        Cell(shared, "muted"),
        mark,
        Cell(plain(item.name), "strong" if entry.relevant else ""),
    ]
    if channels:
        cells.append(Cell(plain(", ".join(entry.channels)), "muted"))
    cells.append(Cell(score(entry.score), "muted"))
    return Row(key, tuple(cells))


def score(value: float) -> str:
    """Write a score of unknown size in few cells.

    Examples
    --------
    >>> score(0.66931), score(3.28), score(2085.0), score(-12.345)
    ('0.669', '3.28', '2085', '-12.3')
    >>> score(0.5), score(12.0), score(343.0)
    ('0.500', '12.0', '343')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def list_names(listings: Sequence[Listing]) -> list[str]:
    """Name lists by their runs, so that they are told apart."""
    return names_apart((one.label, one.run.metrics.get("seed"), one.run.run_id) for one in listings)


def list_title(listing: Listing, name: str) -> str:
    """Name a list: the run, how well it did for this user, where it comes from."""
    result = listing.run.metrics
    parts = [marked(plain(name), result.get("refit_of"), updated_from(result))]
    for name in ("ndcg@10", "gauc", "recall@10"):
        if name in listing.metrics:
            parts.append(f"{name} {listing.metrics[name]:.3f}")
            break
    hits = sum(bool(entry.relevant) for entry in listing.entries)
    if listing.entries and listing.entries[0].held_out is not None and listing.stage != "ranking":
        parts.append(f"{HIT} {hits}")
    if listing.source != "saved":
        parts.append(listing.source)
    return "  ".join(parts)


def profile_line(inspection: Inspection) -> str:
    """Say who the user is."""
    user = inspection.user
    facts = [f"user {user.user_id}", *(f"{k} {v}" for k, v in user.attributes.items())]
    return plain("  ".join([*facts, counted(user.events, "event")]))


def fit(text: str, width: int) -> str:
    """Cut or fill text to exactly `width` cells."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(text, width - 1) + "…"
