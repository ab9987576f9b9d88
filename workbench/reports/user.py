"""One user as JSON (user.schema.json)."""

from __future__ import annotations

from typing import Any

from workbench.store.items import Item
from workbench.store.metrics_json import updated_from
from workbench.store.users import Browse
from workbench.store.users_inspect import Entry, Inspection, Listing, Past, Why


def user_json(inspection: Inspection) -> dict[str, Any]:
    """Describe an inspection as plain values."""
    browse, user = inspection.browse, inspection.user
    _read_items(inspection)
    return {
        "schema": 1,
        "dataset": {
            "name": browse.name,
            "fingerprint": browse.fingerprint,
            "synthetic": browse.synthetic,
        },
        "user": {
            "user_id": user.user_id,
            "events": user.events,
            "attributes": dict(user.attributes),
        },
        "threshold": inspection.threshold,
        "history": [_event(inspection, past) for past in inspection.shown(inspection.known)],
        "held_out": [_event(inspection, past) for past in inspection.shown(inspection.held_out)],
        "genres": inspection.profile(),
        "runs": [_run(inspection, listing) for listing in inspection.listings],
    }


def _read_items(inspection: Inspection) -> None:
    """Read all items that are named, in one query."""
    entries = [entry for listing in inspection.listings for entry in listing.entries]
    inspection.browse.items(
        [
            *(past.event.item for past in inspection.past),
            *(entry.item for entry in entries),
            *(tie.item for entry in entries for tie in entry.why.causes),
        ]
    )


def item_json(item: Item) -> dict[str, Any]:
    """Describe an item."""
    return {"item_id": item.item_id, "title": item.title, "genres": list(item.genres)}


def _event(inspection: Inspection, past: Past) -> dict[str, Any]:
    event, labelled = past.event, inspection.browse.labelled
    return {
        **item_json(inspection.browse.item(event.item)),
        "rating": None if labelled else event.rating,
        **({"label": event.rating} if labelled else {}),
        **({"type": event.type} if inspection.browse.types else {}),
        "time": event.time,
        "part": past.part,
        "relevant": inspection.relevant(event),
    }


def _run(inspection: Inspection, listing: Listing) -> dict[str, Any]:
    return {
        "run_id": listing.run.run_id,
        "label": listing.label,
        "model": listing.model,
        "stage": listing.stage,
        "protocol": listing.protocol,
        "split_fingerprint": listing.split,
        "refit_of": listing.run.metrics.get("refit_of") or "",
        "updated_from": updated_from(listing.run.metrics),
        "source": listing.source,
        "metrics": dict(listing.metrics),
        "genres": inspection.profile_of(listing),
        "items": [_entry(inspection.browse, entry) for entry in listing.entries],
        "notes": list(listing.notes),
    }


def _entry(browse: Browse, entry: Entry) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        **item_json(browse.item(entry.item)),
        "score": entry.score,
        "held_out": entry.held_out,
        "relevant": entry.relevant,
        "channels": list(entry.channels),
        "why": _why(browse, entry.why),
    }


def _why(browse: Browse, why: Why) -> dict[str, Any]:
    return {
        "how": why.how,
        "genres": list(why.genres),
        "causes": [
            {**item_json(browse.item(tie.item)), "weight": tie.weight} for tie in why.causes
        ],
        "effects": [
            {"feature": one.feature, "value": one.value, "weight": one.weight}
            for one in why.effects
        ],
    }
