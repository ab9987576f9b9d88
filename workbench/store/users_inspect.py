"""One user as runs see them: history, held-out items, and what each run listed; no model is loaded.

What a run held out is in its results.sqlite (table `parts`), so that hits can be marked under every
protocol without cutting the data set again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from recsys_core.errors import TRAIN_AGAIN
from workbench.store import results
from workbench.store.files import StoreError, damaged
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse, Event, User
from workbench.store.users_why import Tie, genre_shares, shared_genres, ties

Part = Literal["train", "valid", "test", "left out", "query", "unknown"]
#: codes of `parts` in results.sqlite
PARTS: tuple[Part, ...] = ("train", "valid", "test", "left out", "query")
#: where a list comes from: the run folder, its model asked again, or the most popular items
Source = Literal["saved", "recomputed", "popularity", "nothing"]
How = Literal["co-rating", "influence", "similarity", "features", "none"]
#: a run keeps so many recommendations per user
KEPT = 100


@dataclass(frozen=True, slots=True)
class Past:
    """An event of the user and the part of the split it is in."""

    event: Event
    part: Part

    @property
    def known(self) -> bool:
        """Whether the run knew of it when it was judged."""
        return self.part in ("train", "valid", "query")


@dataclass(frozen=True, slots=True)
class Effect:
    """A feature of a ranked row: its value, and what the score loses when it is unknown."""

    feature: str
    value: str
    weight: float


@dataclass(frozen=True, slots=True)
class Why:
    """What speaks for an item.

    Parameters
    ----------
    how
        How `causes` were found: by users who rated both; by asking the model again without each
        event; by the model's own similarities; or by hiding each feature from the ranker.
    genres
        Those that it shares with the history, the most frequent first.
    """

    how: How = "none"
    genres: tuple[str, ...] = ()
    causes: tuple[Tie, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list.

    Parameters
    ----------
    held_out
        Whether the user has it in the test part; None: not known.
    relevant
        Whether it is held out and liked; for a ranking run its label.
    """

    rank: int
    item: int
    score: float
    held_out: bool | None = None
    relevant: bool | None = None
    channels: tuple[str, ...] = ()
    why: Why = field(default_factory=Why)


@dataclass(frozen=True, slots=True)
class Listing:
    """What one run says of the user."""

    run: Run
    label: str
    model: str
    stage: str
    protocol: str
    split: str
    source: Source
    entries: tuple[Entry, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """One user, seen by some runs; `past` is oldest first and as the first run cut it.

    `explained` once reasons were looked for.
    """

    browse: Browse
    user: User
    past: tuple[Past, ...]
    threshold: float | None
    listings: tuple[Listing, ...]
    explained: bool = False

    @property
    def known(self) -> list[Past]:
        """The history: what runs knew, all of it when that is not known."""
        return [past for past in self.past if past.part not in ("test", "left out")]

    @property
    def order(self) -> str:
        """How events are shown: by time, or as they came where the set has no times."""
        return "newest first" if self.browse.timed else "in the order of the file"

    def shown(self, events: Sequence[Past]) -> list[Past]:
        """Put some events, oldest first, into the order in which they are shown."""
        return list(reversed(events)) if self.browse.timed else list(events)

    @property
    def held_out(self) -> list[Past]:
        """The events that runs were judged on."""
        return [past for past in self.past if past.part == "test"]

    def relevant(self, event: Event) -> bool:
        """Tell whether the protocol counts the event as liked."""
        return is_relevant(event, self.threshold)

    def profile(self) -> dict[str, float]:
        """Share of each genre in the history."""
        return self._shares(past.event.item for past in self.known)

    def profile_of(self, listing: Listing) -> dict[str, float]:
        """Share of each genre in a list."""
        return self._shares(entry.item for entry in listing.entries)

    def _shares(self, wanted: Iterable[int]) -> dict[str, float]:
        numbers = list(wanted)
        items = self.browse.items(numbers)
        return genre_shares(items[number] for number in numbers)


def is_relevant(event: Event, threshold: float | None) -> bool:
    """Tell whether an event counts as liked."""
    return threshold is None or event.rating is None or event.rating >= threshold


def inspect(browse: Browse, user: User, runs: Sequence[Run], k: int) -> Inspection:
    """Look at a user with what run folders hold.

    Raises
    ------
    StoreError
        The results of a run are damaged or not there.
    """
    history = browse.history(user.number)
    first = runs[0] if runs else None
    past = read_past(first, user.number, history)
    listings = tuple(read_listing(run, user.number, history, k) for run in runs)
    for listing in listings:
        _check_items(browse, listing)
    return Inspection(browse, user, past, threshold_of(first, browse), listings)


def _check_items(browse: Browse, listing: Listing) -> None:
    """Raise StoreError where a list has an item that the data set has not."""
    listed = {entry.item for entry in listing.entries}
    unknown = listed - browse.items(listed).keys()
    if unknown:
        why = f"item number {min(unknown)} is not in data set '{browse.name}'"
        raise damaged(listing.run.path / RESULTS, why, results.AGAIN)


def explained(inspection: Inspection) -> Inspection:
    """Add to each entry that has no reasons yet those that the data give."""
    known = [past.event.item for past in inspection.known]
    profile = inspection.profile()
    lists = inspection.listings
    entries = [entry for one in lists for entry in one.entries]
    unexplained = {entry.item for entry in entries if entry.why.how == "none"}
    found = ties(inspection.browse, unexplained, known) if unexplained else {}
    items = inspection.browse.items({entry.item for entry in entries})

    def explain(entry: Entry) -> Entry:
        genres = shared_genres(items[entry.item], profile)
        if entry.why.how != "none":
            return replace(entry, why=replace(entry.why, genres=genres))
        causes = found[entry.item]
        return replace(entry, why=Why("co-rating" if causes else "none", genres, causes))

    return replace(
        inspection,
        listings=tuple(replace(one, entries=tuple(map(explain, one.entries))) for one in lists),
        explained=True,
    )


def read_past(run: Run | None, user: int, history: Sequence[Event]) -> tuple[Past, ...]:
    """Say of each event in which part of the run's split it is."""
    codes = _parts(run, user) if run is not None else None
    if run is None or codes is None or len(codes) != len(history):
        return tuple(Past(event, "unknown") for event in history)
    with results.damage_told(run.path / RESULTS):
        return tuple(Past(event, PARTS[code]) for event, code in zip(history, codes, strict=True))


def _parts(run: Run, user: int) -> bytes | None:
    try:
        found = results.query(run.path / RESULTS, "SELECT parts FROM parts WHERE user = ?", (user,))
    except StoreError as error:
        if "no such table" in str(error):  # a run of an earlier version
            return None
        raise
    with results.damage_told(run.path / RESULTS):
        return memoryview(found[0][0]).tobytes() if found else None


def threshold_of(run: Run | None, browse: Browse) -> float | None:
    """Read from which rating on the run's protocol counts an event as liked; None: all are.

    Without a run it is what protocols do by default.
    """
    if not browse.explicit:
        return None
    return _threshold(run.metrics if run is not None else {}, labelled=browse.labelled)


def _threshold(result: Mapping[str, Any], *, labelled: bool) -> float | None:
    """Read from which rating on an event is liked; of labels: from 1 on."""
    value = result.get("protocol", {}).get("parameters", {}).get("relevance", 4.0)
    return None if value is None else 1.0 if labelled else float(value)


def read_listing(run: Run, user: int, history: Sequence[Event], k: int) -> Listing:
    """Read what the run folder says of a user: the list, or the ranked rows."""
    result = run.metrics
    listing = Listing(
        run=run,
        label=str(result["label"]),
        model=str(result["model"]),
        stage=str(result["stage"]),
        protocol=str(result["protocol"]["name"]),
        split=str(result["protocol"].get("fingerprint", "")),
        source="saved",
        metrics=_user_metrics(run, user),
    )
    entries = (_ranked_rows if listing.stage == "ranking" else _saved_list)(run, user, k)
    if not entries:
        return replace(listing, source="nothing", notes=(_why_nothing(listing),))
    if listing.stage == "ranking":
        return replace(listing, entries=entries)
    mark, notes = hit_marks(run, user, history)
    return replace(listing, entries=tuple(map(mark, entries)), notes=notes)


def _why_nothing(listing: Listing) -> str:
    if parent := listing.run.metrics.get("refit_of"):
        return f"fitted on all rows, as run {parent} without being judged, so no list was kept"
    if listing.stage == "ranking":
        return "no test rows of this user, so nothing was ranked"
    if listing.run.metrics.get("origin") == "external" and listing.metrics:
        return "the file of scores has no list of this user: all misses"
    return "this user was not evaluated in the run, so no list was kept"


def hit_marks(
    run: Run, user: int, history: Sequence[Event]
) -> tuple[Callable[[Entry], Entry], tuple[str, ...]]:
    """Return what marks an entry as held out and as liked, and what is to be said about it."""
    past = read_past(run, user, history)
    if past and past[0].part == "unknown":
        note = f"made by an earlier version, so hits are not known; {TRAIN_AGAIN}"
        return lambda entry: entry, (note,)
    labelled = bool(run.metrics.get("dataset", {}).get("labelled", False))
    threshold = _threshold(run.metrics, labelled=labelled)
    test = [one.event for one in past if one.part == "test"]
    held_out = {event.item for event in test}
    liked = {event.item for event in test if is_relevant(event, threshold)}
    notes = (
        () if any(one.known for one in past) else ("cold start: nothing was known about this user",)
    )

    def mark(entry: Entry) -> Entry:
        return replace(entry, held_out=entry.item in held_out, relevant=entry.item in liked)

    return mark, notes


def _saved_list(run: Run, user: int, k: int) -> tuple[Entry, ...]:
    saved = results.recommendations(run.path / RESULTS, user)[:k]
    return tuple(
        Entry(rank, item, score, channels=tuple(map(str, channels)))
        for rank, (item, score, channels) in enumerate(saved, start=1)
    )


def _ranked_rows(run: Run, user: int, k: int) -> tuple[Entry, ...]:
    rows = results.query(
        run.path / RESULTS,
        "SELECT item, score, label FROM rows WHERE user = ? ORDER BY score DESC, item LIMIT ?",
        (user, k),
    )
    with results.damage_told(run.path / RESULTS):
        return tuple(
            Entry(rank, int(item), float(score), held_out=True, relevant=bool(label))
            for rank, (item, score, label) in enumerate(rows, start=1)
        )


def _user_metrics(run: Run, user: int) -> dict[str, float]:
    """Read the user's metrics, in the order of the run's; those without a value are left out."""
    names = list(run.metrics["metrics"])
    rows: dict[str, Any] = dict(
        results.query(
            run.path / RESULTS,
            "SELECT metric, value FROM user_metrics"
            " WHERE metric IN (SELECT value FROM json_each(?)) AND user = ?",
            (json.dumps(names), user),
        )
    )
    with results.damage_told(run.path / RESULTS):
        return {name: float(rows[name]) for name in names if rows.get(name) is not None}
