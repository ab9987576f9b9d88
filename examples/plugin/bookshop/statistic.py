"""A statistic of histories that a feature schema may read."""

from __future__ import annotations

from recsys_core.data.dataset import BoolArray
from recsys_core.features.known import Known
from recsys_core.features.past import SECONDS_A_DAY, Past, Vector
from recsys_core.features.statistics import register_statistic

#: 1 January 1970 was a Thursday, day 0
SATURDAY, SUNDAY = 2, 3


def at_weekend(known: Known) -> BoolArray:
    """Whether each known event was on a Saturday or Sunday (UTC)."""
    day = known.timestamp // SECONDS_A_DAY % 7
    weekend: BoolArray = (day == SATURDAY) | (day == SUNDAY)
    return weekend


@register_statistic("weekend_share", title="share of events at weekends")
def weekend_share(past: Past) -> Vector:
    """Share of a row's earlier events that were at weekends; NaN without events."""
    return past.mean(at_weekend)
