"""One user on the terminal: profile, history, held-out items, lists side by side, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from recsys_core.values import counted
from workbench.store.items import Item
from workbench.store.metrics_json import updated_from
from workbench.store.summary import marked
from workbench.store.text import plain
from workbench.store.users_inspect import Entry, Inspection, Listing, Past, Why

#: cells that a list takes, and the ranks beside the lists
_LIST_CELLS, _RANK_CELLS = 44, 5
#: events of the history that are printed; --json has all
_EVENTS = 15
#: held out and liked; held out and not liked
HIT, MISS = "✔", "·"
_HOW = {
    "influence": "because of",
    "similarity": "like",
    "features": "",
    "none": "",
}


def print_user(inspection: Inspection, console: Console) -> None:
    """Print an inspection."""
    for line in _profile(inspection):
        console.print(line)
    console.print()
    past = inspection.shown(inspection.known)
    title = f"History: {min(_EVENTS, len(past))} of {len(past)}, {inspection.order}"
    _print_events(inspection, title, past[:_EVENTS], console)
    held_out = inspection.shown(inspection.held_out)
    if held_out:
        title = f"Held out: {len(held_out)}{_of_them_liked(inspection)} ({HIT})"
        _print_events(inspection, title, held_out[:_EVENTS], console)
    _print_lists(inspection, console)
    _print_genres(inspection, console)


def _of_them_liked(inspection: Inspection) -> str:
    """Count the events that are held out and liked; all are where there is nothing to tell it."""
    if not inspection.browse.explicit:
        return ""
    liked = sum(inspection.relevant(one.event) for one in inspection.held_out)
    return f", {liked} {'liked' if inspection.browse.rated else 'with label 1'}"


def _profile(inspection: Inspection) -> list[Text]:
    browse, user = inspection.browse, inspection.user
    facts = [f"{name} {value}" for name, value in user.attributes.items()]
    data = f"{browse.name} (synthetic)" if browse.synthetic else browse.name
    counts = f"{counted(user.events, 'event')}, {len(inspection.known)} known to the runs"
    head = Text.assemble((f"user {plain(user.user_id)}", "bold"), f"  {plain(data)}  {counts}")
    return [head, Text(plain("  ".join(facts)), style="dim")] if facts else [head]


def _print_events(
    inspection: Inspection, title: str, events: Sequence[Past], console: Console
) -> None:
    items = inspection.browse.items(past.event.item for past in events)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")
    if inspection.browse.explicit:
        title_of = "label" if inspection.browse.labelled else "rating"
        table.add_column(title_of, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column(Text(title), overflow="fold", ratio=3)
    if inspection.browse.types:
        table.add_column("type", no_wrap=True)
    has_genres = any(items[past.event.item].genres for past in events)
    if has_genres:
        table.add_column("genres", style="dim", overflow="fold", ratio=2)
    if inspection.browse.timed:
        table.add_column("time (UTC)", no_wrap=True, style="dim")
    for past in events:
        event, item = past.event, items[past.event.item]
        mark = HIT if past.part == "test" and inspection.relevant(event) else ""
        table.add_row(
            *([] if event.rating is None else [f"{event.rating:g}"]),
            mark,
            Text(plain(item.name)),
            *([Text(plain(event.type))] if inspection.browse.types else []),
            *([Text(plain(", ".join(item.genres)))] if has_genres else []),
            *([moment(event.time)] if inspection.browse.timed else []),
        )
    console.print(table)
    console.print()


def moment(seconds: int | None) -> str:
    """Write a time as a date and minutes."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _print_lists(inspection: Inspection, console: Console) -> None:
    """Print as many lists beside each other as fit, the others below."""
    step = max(1, (console.width - _RANK_CELLS) // _LIST_CELLS)
    for start in range(0, len(inspection.listings), step):
        some = inspection.listings[start : start + step]
        for listing in some:
            console.print(_about(listing))
        if any(listing.entries for listing in some):
            console.print(_side_by_side(inspection, some))
        console.print()


def _about(listing: Listing) -> Text:
    """Say which run it is, how well it did for this user, and what is special."""
    source = "" if listing.source == "saved" else f"  ({listing.source})"
    result = listing.run.metrics
    label = marked(plain(listing.label), result.get("refit_of"), updated_from(result))
    head = Text.assemble((label, "bold"), f"  {listing.run.run_id}{source}")
    shown = [
        name for name in ("ndcg@10", "recall@10", "gauc", "logloss") if name in listing.metrics
    ]
    head.append("".join(f"  {name} {listing.metrics[name]:.4f}" for name in shown))
    for note in listing.notes:
        head.append(f"\n  {plain(note)}", style="yellow")
    return head


def _side_by_side(inspection: Inspection, listings: Sequence[Listing]) -> RenderableType:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("#", justify="right", no_wrap=True)
    for listing in listings:
        grid.add_column("", no_wrap=True)
        grid.add_column(Text(plain(listing.label)), overflow="fold", ratio=1)
        grid.add_column("score", justify="right", no_wrap=True)
    for place in range(max(len(listing.entries) for listing in listings)):
        cells: list[RenderableType] = [str(place + 1)]
        for listing in listings:
            if place < len(listing.entries):
                entry = listing.entries[place]
                cells += [mark(entry), _cell(inspection, entry), f"{entry.score:#.3g}"]
            else:
                cells += ["", "-", ""]
        grid.add_row(*cells)
    return grid


def mark(entry: Entry) -> str:
    """Mark what the user really has in the held-out part, liked or not."""
    if entry.relevant:
        return HIT
    return MISS if entry.held_out else ""


def _cell(inspection: Inspection, entry: Entry) -> Text:
    """Title, and in a weaker colour why it is there."""
    browse = inspection.browse
    cell = Text(plain(browse.item(entry.item).name))
    items = browse.items(tie.item for tie in entry.why.causes)
    causes = [items[tie.item] for tie in entry.why.causes]
    for line in reasons(entry, causes, rated=browse.rated):
        cell.append(f"\n{plain(line)}", style="dim")
    return cell


def reasons(entry: Entry, causes: Sequence[Item], *, rated: bool) -> list[str]:
    """Say in a few short lines what speaks for an entry."""
    lines = []
    if entry.channels:
        lines.append(f"from {', '.join(entry.channels)}")
    lines += _causes(entry.why, causes, "rated with" if rated else "met with")
    if entry.why.genres:
        lines.append(", ".join(entry.why.genres))
    return lines


def _causes(why: Why, causes: Sequence[Item], together: str) -> list[str]:
    if why.effects:
        parts = [(one.feature, one.value, f"{one.weight:+.3f}") for one in why.effects]
        return ["; ".join(" ".join(filter(None, part)) for part in parts)]
    if not causes:
        return []
    named = [f"{item.name} {tie.weight:.2f}" for item, tie in zip(causes, why.causes, strict=True)]
    how = together if why.how == "co-rating" else _HOW[why.how]
    return [f"{how} {'; '.join(named)}"]


def _print_genres(inspection: Inspection, console: Console) -> None:
    """Compare the genres of the history with those of the lists."""
    profile = inspection.profile()
    lists = [listing for listing in inspection.listings if listing.entries]
    if not profile or not lists:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("genre", "history", *(listing.label for listing in lists)):
        table.add_column(Text(plain(name)), justify="left" if name == "genre" else "right")
    shares = [inspection.profile_of(listing) for listing in lists]
    genres = dict.fromkeys(
        [*list(profile)[:8], *(genre for one in shares for genre in list(one)[:3])]
    )
    for genre in genres:
        values = [one.get(genre, 0.0) for one in (profile, *shares)]
        table.add_row(Text(plain(genre)), *(f"{value:.0%}" for value in values))
    console.print(table)
