"""Data sets as plain cells: the list, and the facts of one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recsys_core.values import counted
from workbench.reports.data import CHECKSUM, what_events_are
from workbench.store.text import plain
from workbench.tui.view.detail import Section
from workbench.tui.view.format import StateLook
from workbench.tui.view.table import Cell, Head, Row, Table
from workbench.tui.view.work import Work

#: state in `data list` -> look
LOOKS = {
    "ready": StateLook("✔", "here", "good"),
    "built in": StateLook("◦", "built in", "muted"),
    "not fetched": StateLook("↓", "to fetch", "muted"),
    "damaged": StateLook("✖", "damaged", "bad"),
    "earlier format": StateLook("◦", "to renew", "muted"),
}
_NAME, _COUNT = 15, 8
#: cells of a name before its value
_LABEL = 12
_WIDE_LIST, _ROOMY_LIST = 56, 36


@dataclass(frozen=True, slots=True)
class DataSet:
    """An entry of `data list`; None where it is not known."""

    name: str
    state: str
    title: str | None = None
    interactions: int | None = None
    users: int | None = None
    items: int | None = None
    synthetic: bool = False
    explicit: bool = True
    labelled: bool = False
    fingerprint: str | None = None
    bad_rows: Mapping[str, int] | None = None
    checksum_official: bool | None = None
    origin: str | None = None
    licence: str | None = None

    @property
    def events_are(self) -> str:
        """What its events are called: ratings, where it has some."""
        return what_events_are({"explicit": self.explicit, "labelled": self.labelled})

    @property
    def here(self) -> bool:
        """Whether it is prepared on this machine."""
        return self.state == "ready"

    @property
    def fetchable(self) -> bool:
        """Whether it is not here but can be had by its name."""
        return not self.here and (self.title is not None or self.is_made)

    @property
    def is_made(self) -> bool:
        """Whether using it makes it, of nothing or of what it was read from."""
        return self.state in ("built in", "earlier format")

    @property
    def look(self) -> StateLook:
        """Glyph and word of its state."""
        return LOOKS.get(self.state, StateLook("?", self.state, "muted"))


def compact(count: float) -> str:
    """Write a count in at most four characters.

    Examples
    --------
    >>> compact(943), compact(1682), compact(100_836), compact(1_000_209), compact(32_000_204)
    ('943', '1.7k', '101k', '1.0M', '32M')
    """
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if count >= size:
            return (
                f"{count / size:.1f}{unit}" if count < 9.95 * size else f"{count / size:.0f}{unit}"
            )
    return f"{count:.0f}"


def whole(value: float) -> str:
    """Write a whole number."""
    return f"{value:,.0f}"


# The list


def list_table(sets: Sequence[DataSet], work: Work | None, width: int) -> Table:
    """Make the list; the wider, the more columns."""
    heads = [Head("state", "", 1), Head("name", "data set", _NAME)]
    if width >= _ROOMY_LIST:
        heads.append(Head("word", "", 8))
    words = {each.events_are for each in sets if each.here}
    word = "events" if "events" in words else "ratings"
    heads.append(Head("ratings", word, 10 if width >= _WIDE_LIST else _COUNT, right=True))
    if width >= _WIDE_LIST:
        heads += [Head("users", "users", 8, right=True), Head("items", "items", 7, right=True)]
    rows = [_list_row(each, work, heads) for each in sets]
    return Table(tuple(heads), rows, tuple(each.name for each in sets), fixed=2, note_from=1)


def _list_row(each: DataSet, work: Work | None, heads: Sequence[Head]) -> Row:
    look = each.look
    if work is not None and work.name == each.name and work.verb != "measuring":
        share = work.share
        look = StateLook("▸", "…" if share is None else f"{share:.0%}", "running")
    long = len(heads) > 4
    number = whole if long else compact
    cells = {
        "state": Cell(look.glyph, look.style),
        "name": Cell(plain(each.name), "strong" if each.here else ""),
        "word": Cell(look.word, look.style),
        "ratings": _count(each.interactions, number),
        "users": _count(each.users, number),
        "items": _count(each.items, number),
    }
    return Row(each.name, tuple(cells[head.key] for head in heads))


def _count(count: int | None, number: Any) -> Cell:
    return Cell("-", "muted") if count is None else Cell(number(count))


# Facts


def facts_section(each: DataSet, about: Mapping[str, Any] | None, runs: int, width: int) -> Section:
    """Say what is known of a data set.

    Parameters
    ----------
    about
        What `data describe` says of it, as soon as that is there.
    runs
        How many runs are on it.
    """
    title = plain(each.title or each.name)
    if each.synthetic:
        title += "  synthetic, not real people"
    lines: list[tuple[Cell, ...]] = []
    for name, text in _facts(each, about, runs):
        lines += _wrapped(name, text, width)
    for note in about["notes"] if about else ():
        lines += _wrapped("note", plain(note), width, style="accent")
    if not each.here:
        how = _HOW.get(each.state, "") if each.fetchable else "i imports it again"
        lines += [(), (Cell(how, "accent"),)]
    return Section(title, tuple(lines))


def _facts(each: DataSet, about: Mapping[str, Any] | None, runs: int) -> Iterator[tuple[str, str]]:
    yield from _counts(each, about)
    if about:
        yield from _described(about)
    if each.bad_rows:
        reasons = ", ".join(f"{plain(why)} {n:,}" for why, n in each.bad_rows.items())
        yield "left out", f"{counted(sum(each.bad_rows.values()), 'row')}: {reasons}"
    if runs:
        yield "used by", f"{counted(runs, 'run')} here"
    if each.origin:
        yield "source", plain(each.origin)
    if each.here and each.origin:
        yield "checksum", CHECKSUM[each.checksum_official]
    if each.fingerprint:
        yield "fingerprint", each.fingerprint
    if each.licence:
        yield "licence", plain(each.licence)


def _counts(each: DataSet, about: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Say how many ratings, users and items there are, and how many ratings each has."""
    shares = ["", "", ""]
    if about:
        shares = [f", {about['density']:.2%} of all pairs"]
        shares += [_events(about[f"events_per_{side}"]) for side in ("user", "item")]
        silent = about["items_without_events"]
        shares[-1] += f"; {silent:,} without one" if silent else ""
    counts = ((each.events_are, each.interactions), ("users", each.users), ("items", each.items))
    for (name, count), share in zip(counts, shares, strict=True):
        if count is not None:
            yield name, f"{count:,}{share}"


def _events(few: Mapping[str, float]) -> str:
    return f" with {few['min']:,.0f} to {few['max']:,.0f} events, median {few['median']:,.0f}"


def _described(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    time = about["time"]
    if time:
        span = f"{time['first'][:10]} to {time['last'][:10]}, {counted(round(time['days']), 'day')}"
        yield "time", f"{span}; {time['shared_moments']:.0%} of the rows share user and second"
    popular = about["popularity"]
    share = f"{popular['top_10_percent']:.0%} of the {what_events_are(about)}"
    if about.get("repeats"):
        yield "repeats", f"{counted(about['repeats'], 'event')} of a user with an item met before"
    yield "long tail", f"10% of the items have {share}; gini {popular['gini']:.2f}"
    for side, columns in about["attributes"].items():
        named = ", ".join(_attribute(plain(name), one) for name, one in columns.items())
        if named:
            yield f"of {side}s", named


def _attribute(name: str, one: Mapping[str, Any]) -> str:
    if one["kind"] == "vector":
        length = counted(one["values"], "number")
        return f"{name} (vectors of {length}, {1 - one['missing']:.0%} have one)"
    missing = f", {one['missing']:.0%} missing" if one["missing"] >= 0.005 else ""
    if one["kind"] == "number":
        many = f": {counted(one['values'], 'value')}"
    else:
        many = "" if one["kind"] == "text" else f" {one['values']:,}"
    return f"{name} ({one['kind']}{many}{missing})"


def _wrapped(name: str, text: str, width: int, style: str = "") -> Iterator[tuple[Cell, ...]]:
    """Break a text to lines that begin below each other."""
    room = max(16, width - _LABEL)
    for line in textwrap.wrap(text, room, break_long_words=True) or [""]:
        yield Cell(f"{name:<{_LABEL}}", "muted"), Cell(line, style)
        name = ""


_HOW = {
    "not fetched": "f fetches it; i imports a copy that you have",
    "damaged": "f fetches it again; i imports it again",
    "built in": "f makes it here; no network is needed",
    "earlier format": "an earlier version prepared it; f makes it again from its source",
}
