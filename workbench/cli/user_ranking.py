"""Ask a ranking model which features moved the scores of a user's held-out rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recsys_core.run_folder import MODEL, read_result
from workbench.store.users_inspect import Effect, Entry, Inspection, Listing, Why

#: features named for a row
_SHOWN = 4


def with_effects(inspection: Inspection, listing: Listing, data_dir: Path) -> Listing:
    """Add to each ranked row the features that moved its score most.

    Raises
    ------
    InputError
        The model or the data set is gone, damaged or another one.
    """
    import numpy as np

    from recsys_core.pipeline.explain_ranking import feature_effects
    from recsys_core.pipeline.saved_run import load_run_split
    from recsys_core.ranking.ranker import Ranker
    from recsys_core.ranking.rows import ranking_rows

    if not listing.entries:
        return listing
    folder = listing.run.path
    split = load_run_split(read_result(folder), folder, data_dir)
    every = ranking_rows(split, "test").queries
    rows = every.take(np.flatnonzero(every.user == inspection.user.number))
    found = feature_effects(Ranker.load(folder / MODEL), rows, split.known)
    places: dict[int, list[int]] = {}
    for place in np.argsort(found.scores, kind="stable").tolist():  # best last
        places.setdefault(int(rows.item[place]), []).append(place)

    def explain(entry: Entry) -> Entry:
        place = places[entry.item].pop()  # entries come best first
        weights = found.effects[place]
        strongest = np.argsort(-np.abs(weights), kind="stable")[:_SHOWN]
        effects = tuple(
            Effect(
                found.names[one], _value(inspection, entry, found.names[one]), float(weights[one])
            )
            for one in strongest.tolist()
            if weights[one] != 0
        )
        return replace(
            entry, score=float(found.scores[place]), why=Why("features", effects=effects)
        )

    return replace(listing, source="recomputed", entries=tuple(map(explain, listing.entries)))


def _value(inspection: Inspection, entry: Entry, feature: str) -> str:
    """Say what the row has there, for features that are plain attributes; else nothing."""
    item = inspection.browse.item(entry.item)
    if feature == "item_id":
        return item.name
    if feature == "user_id":
        return inspection.user.user_id
    if feature == "genres":
        return ", ".join(item.genres)
    return str(inspection.user.attributes.get(feature, ""))
