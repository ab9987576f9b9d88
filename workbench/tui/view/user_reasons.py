"""What speaks for the items of a user's lists, as plain cells: reasons, events, genres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.store.text import plain
from workbench.store.users_inspect import Entry, Inspection, Listing
from workbench.tui.view import format as show
from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell
from workbench.tui.view.users import fit, moment

#: cells of a full bar, and the least that a name takes beside it
_BAR, _LEAST_NAME = 10, 12
HOW = {
    "co-rating": "Rated by the same users",
    "influence": "Because of, by the model",
    "similarity": "Similar, by the model",
    "features": "Features that moved the score",
    "none": "",
}
#: co-rating, where nobody rates
_MET = "Met by the same users"


def why_section(inspection: Inspection, listing: Listing, entry: Entry, width: int) -> Section:
    """Say what speaks for an entry."""
    browse, why = inspection.browse, entry.why
    title = f"Why {plain(browse.item(entry.item).name)}, #{entry.rank} of {plain(listing.label)}"
    lines: list[tuple[Cell, ...]] = []
    if entry.channels:
        lines.append((Cell("from  ", "muted"), Cell(plain(", ".join(entry.channels)))))
    how = HOW[why.how] if browse.rated or why.how != "co-rating" else _MET
    if how:
        lines.append((Cell(how, "muted"),))
    items = browse.items(tie.item for tie in why.causes)
    named = [(plain(items[tie.item].name), tie.weight) for tie in why.causes]
    named += [(plain(f"{one.feature} {one.value}".strip()), one.weight) for one in why.effects]
    lines += _bars(named, width)
    if why.genres:
        profile = inspection.profile()
        shared = "  ".join(f"{plain(name)} {profile[name]:.0%}" for name in why.genres)
        lines += [()] if named else []
        lines.append((Cell("genres in the history  ", "muted"), Cell(shared)))
    if not lines:
        lines.append((Cell(_no_reason(inspection), "muted"),))
    return Section(title, tuple(lines))


def _no_reason(inspection: Inspection) -> str:
    if not inspection.known:
        return "nothing is known of this user"
    if not inspection.explained:
        return "looking for reasons …"
    return "nothing in the history supports it: it is the same for everybody"


def _bars(named: Sequence[tuple[str, float]], width: int) -> list[tuple[Cell, ...]]:
    """Draw names with their numbers and bars, the largest one full."""
    if not named:
        return []
    largest = max(abs(weight) for _, weight in named) or 1.0
    room = max(_LEAST_NAME, min(48, width - _BAR - 12))
    return [
        (
            Cell(f"{fit(name, room)} "),
            Cell(f"{weight:>7.3f} "),
            Cell(show.stroke(abs(weight) / largest, _BAR), "better" if weight > 0 else "worse"),
        )
        for name, weight in named
    ]


def event_section(inspection: Inspection, item_number: int, width: int) -> Section:
    """Say of an event of the history what it is, and what it speaks for in the lists."""
    item = inspection.browse.item(item_number)
    every = [past for past in inspection.past if past.event.item == item_number]
    past = every[-1]
    event = past.event
    word = "label" if inspection.browse.labelled else "rated"
    rating = "" if event.rating is None else f"{word} {event.rating:g}  "
    rating += f"{len(every)} times, last " if len(every) > 1 else ""
    kind = f"{event.type}  " if event.type else ""
    facts = f"{kind}{rating}{moment(event.time)}  {past.part}  {', '.join(item.genres)}"
    lines: list[tuple[Cell, ...]] = [(Cell(plain(facts), "muted"),)]
    led = [
        (f"{inspection.browse.item(entry.item).name}, #{entry.rank} of {listing.label}", tie.weight)
        for listing in inspection.listings
        for entry in listing.entries
        for tie in entry.why.causes
        if tie.item == item_number
    ]
    if led:
        led.sort(key=lambda pair: -pair[1])
        lines.append((Cell("speaks for", "muted"),))
        lines += _bars([(plain(name), weight) for name, weight in led[:4]], width)
    return Section(plain(item.name), tuple(lines))


def genre_section(inspection: Inspection, listings: Sequence[Listing], width: int) -> Section:
    """Compare the genres of the history with those of the lists: bars with numbers."""
    profile = inspection.profile()
    shares = [(listing.label, inspection.profile_of(listing)) for listing in listings]
    columns = [("history", profile), *shares]
    each = max(12, min(24, (width - 16) // max(1, len(columns)) - 1))
    fitting = columns[: max(1, (width - 14) // (each + 1))]
    head = (Cell(" " * 13), *(Cell(fit(plain(name), each) + " ", "muted") for name, _ in fitting))
    lines: list[tuple[Cell, ...]] = [head]
    for genre in _genres(profile, [one for _, one in shares]):
        cells = [Cell(f"{fit(plain(genre), 12)} ")]
        for _, values in fitting:
            share = values.get(genre, 0.0)
            bar = show.stroke(share, each - 6)
            cells.append(Cell(f"{bar} {share:>4.0%}  "))
        lines.append(tuple(cells))
    if len(lines) == 1:
        lines = [(Cell("the items here have no genres", "muted"),)]
    return Section("Genres, share of items", tuple(lines))


def _genres(profile: Mapping[str, float], others: Iterable[Mapping[str, float]]) -> list[str]:
    """List genres, those of the history first, then the favourites of the lists."""
    found = dict.fromkeys(list(profile)[:8])
    for shares in others:
        found |= dict.fromkeys(list(shares)[:3])
    return list(found)
