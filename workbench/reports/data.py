"""Words on data sets and features that the command line and the screens share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: whether the archive's checksum is its publisher's -> words
CHECKSUM = {True: "the publisher's", False: "not the publisher's archive", None: "none published"}


def origin_of(feature: Mapping[str, Any]) -> str:
    """Say where a value comes from: ``user-history: rating_mean by genres, quantile``."""
    by = f" by {feature['by']}" if feature.get("by") else ""
    scope = f" ({feature['scope']})" if feature.get("scope") in ("others", "known") else ""
    transform = f", {feature['transform']}" if feature.get("transform") else ""
    return f"{feature['source']}: {feature['reads']}{by}{scope}{transform}"


def what_events_are(about: Mapping[str, Any]) -> str:
    """Name the events of a set: ratings where they are, else events."""
    rated = about.get("explicit", True) and not about.get("labelled", False)
    return "ratings" if rated else "events"
