"""Ask the models themselves: lists and reasons from a run's saved model instead of its results."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recsys_core.compute.threads import limited_threads
from recsys_core.errors import InputError
from workbench.store.users_inspect import Entry, Inspection, Listing, Why, hit_marks
from workbench.store.users_why import Tie

if TYPE_CHECKING:
    from recsys_core.pipeline.recommender import Recommender


_SCORES_ONLY = "the run holds scores from a file only: there is no model to ask"


@contextmanager
def without_collector() -> Iterator[None]:
    """Import and read without looking for garbage: what comes stays until the process ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def recomputed(inspection: Inspection, data_dir: Path, k: int, *, only_missing: bool) -> Inspection:
    """Ask models for the lists again, with the reasons that they give.

    Parameters
    ----------
    only_missing
        Ask only where the run has no list of the user, and fall back on popularity where the
        model cannot be asked either.

    Raises
    ------
    InputError
        Not `only_missing`, and a model is gone or damaged.
    """

    def ask(listing: Listing) -> Listing:
        if only_missing and (listing.source != "nothing" or listing.stage == "ranking"):
            return listing
        if listing.run.metrics.get("origin") == "external":
            return replace(listing, notes=(*listing.notes, _SCORES_ONLY))
        try:
            return _ask(inspection, listing, data_dir, k)
        except InputError as error:
            if not only_missing:
                raise
            return _popular(inspection, listing, k, error.problem)

    with without_collector():
        return replace(inspection, listings=tuple(map(ask, inspection.listings)))


def _ask(inspection: Inspection, listing: Listing, data_dir: Path, k: int) -> Listing:
    if listing.stage == "ranking":
        from workbench.cli.user_ranking import with_effects

        return with_effects(inspection, listing, data_dir)
    from recsys_core.pipeline.recommender import Recommender

    recommender = Recommender.load(listing.run.path, data_dir)
    with limited_threads(1):  # a list is so little work that threads would wait for each other
        found = recommender.recommend(inspection.user.user_id, k)
        reasons = _reasons(recommender, inspection, [one.item_id for one in found])
    entries = [
        Entry(one.rank, recommender.items.number(one.item_id), one.score, channels=one.channels)
        for one in found
    ]
    listing = replace(listing, source="recomputed")
    return _marked(
        inspection,
        listing,
        (replace(entry, why=reasons.get(entry.item, Why())) for entry in entries),
    )


def _reasons(
    recommender: Recommender, inspection: Inspection, item_ids: Iterable[str]
) -> dict[int, Why]:
    """Collect the events of the history that the model names, for models that can be asked."""
    import numpy as np

    from recsys_core.pipeline.explain import explain_items
    from recsys_core.recall.base import RecallModel

    if not isinstance(recommender.model, RecallModel):
        return {}
    user = inspection.user.number
    items = np.array([recommender.item_number(item) for item in item_ids], dtype=np.int32)
    found = explain_items(recommender.model, user, recommender.known_of(user), items)

    def in_data(item: int) -> int:
        return int(recommender.numbering.in_whole(np.array([item]))[0])

    return {
        in_data(one.item): Why(
            one.how, causes=tuple(Tie(in_data(cause.item), cause.weight) for cause in one.causes)
        )
        for one in found
    }


def _popular(inspection: Inspection, listing: Listing, k: int, reason: str) -> Listing:
    """List what is most popular, as there is neither a saved list nor a model to ask."""
    known = [past.event.item for past in inspection.known]
    popular = inspection.browse.most_popular(k, known)
    entries = (Entry(rank, item, count) for rank, (item, count) in enumerate(popular, start=1))
    note = f"the most popular items instead, with their number of events: {reason}"
    listing = replace(listing, source="popularity", notes=(*listing.notes, note))
    return _marked(inspection, listing, entries)


def _marked(inspection: Inspection, listing: Listing, entries: Iterable[Entry]) -> Listing:
    history = [past.event for past in inspection.past]
    mark, notes = hit_marks(listing.run, inspection.user.number, history)
    new = tuple(note for note in notes if note not in listing.notes)
    return replace(listing, entries=tuple(map(mark, entries)), notes=(*listing.notes, *new))
