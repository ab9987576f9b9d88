"""The answer of `user … --recompute --json`, put in the place of lists from run folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.store.users import Browse
from workbench.store.users_inspect import Effect, Entry, Inspection, Listing, Why
from workbench.store.users_why import Tie


def read_answer(inspection: Inspection, answer: Mapping[str, Any]) -> tuple[Listing, ...]:
    """Read the lists of an answer, in the order of those that are shown.

    Raises
    ------
    StoreError
        It names an item that the data set lacks.
    """
    return tuple(
        replace(
            listing,
            source=run["source"],
            entries=tuple(_entry(inspection.browse, entry) for entry in run["items"]),
            notes=tuple(run["notes"]),
        )
        for listing, run in zip(inspection.listings, answer["runs"], strict=True)
    )


def _entry(browse: Browse, entry: Mapping[str, Any]) -> Entry:
    why = entry["why"]
    return Entry(
        rank=entry["rank"],
        item=browse.find_item(entry["item_id"]),
        score=entry["score"],
        held_out=entry["held_out"],
        relevant=entry["relevant"],
        channels=tuple(entry["channels"]),
        why=Why(
            how=why["how"],
            genres=tuple(why["genres"]),
            causes=tuple(
                Tie(browse.find_item(cause["item_id"]), cause["weight"]) for cause in why["causes"]
            ),
            effects=tuple(
                Effect(one["feature"], one["value"], one["weight"]) for one in why["effects"]
            ),
        ),
    )
