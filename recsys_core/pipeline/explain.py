"""Why a recall model recommends an item: which events of the history brought it.

The history is asked again without one event at a time. What the item's score loses is that event's
influence: exact for every model whose query is the history (item-cf, ease, word2vec, sasrec …).
Where the score does not move, because the model knows the user by a vector of training (mf), the
events are compared with the item by the model's own similarities instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.recall.base import RecallModel
from recsys_core.recall.shared.similar import ItemToItem

#: how the causes were found; ``"none"``: the model gives the same list to everybody, or knows the
#: user by other things than the history's items
How = Literal["influence", "similarity", "none"]
#: the latest events that are looked at, so that a long history takes no longer
LATEST = 300
#: causes of an item that are named
MOST_CAUSES = 3
#: a score that moves by less than this share of itself did not move
_NOISE = 1e-5


@dataclass(frozen=True)
class Cause:
    """An event of the history and how much it says: score lost without it, or similarity."""

    item: int
    weight: float


@dataclass(frozen=True)
class Explanation:
    """The causes of one recommended item, the strongest first."""

    item: int
    how: How
    causes: tuple[Cause, ...] = ()


def explain_items(
    model: RecallModel[Any],
    user: int,
    history: Histories,
    items: NDArray[np.integer],
) -> list[Explanation]:
    """Explain why `model` recommends `items` to one user.

    Parameters
    ----------
    user
        The user's number; -1 for somebody the model does not know.
    history
        One row: what the recommendation was asked with.
    items
        Shape (n,): item numbers.

    Returns
    -------
    One explanation per item, in their order, with up to `MOST_CAUSES` causes.
    """
    events = history.items[-LATEST:]
    if not len(events) or not len(items):
        return [Explanation(int(item), "none") for item in items]
    moved = influence(model, user, history, items)
    similar = _similarity(model, events, items)
    return [
        _explain(item, ("influence", mine), ("similarity", alike), events)
        for item, mine, alike in zip(items.tolist(), moved, similar, strict=True)
    ]


def _explain(
    item: int,
    first: tuple[How, FloatArray],
    other: tuple[How, FloatArray],
    events: IntArray,
) -> Explanation:
    """Take the first way that names a cause."""
    for how, weights in (first, other):
        causes = _strongest(events, weights)
        if causes:
            return Explanation(item, how, causes)
    return Explanation(item, "none")


def influence(
    model: RecallModel[Any], user: int, history: Histories, items: NDArray[np.integer]
) -> FloatArray:
    """Compute what the score of each item loses without each of the latest events.

    Returns
    -------
    Shape (n, events): s(history) - s(history without the event), 0 where it is only rounding.
    """
    n = len(history.items)
    first = max(0, n - LATEST)
    asked = history.take(np.zeros(1 + n - first, dtype=np.int64))
    kept = np.ones((1 + n - first, n), dtype=np.bool_)
    kept[np.arange(1, 1 + n - first), np.arange(first, n)] = False
    variants = asked.where(kept.ravel())
    parts = np.array_split(np.arange(len(variants)), 1 + len(variants) // 64)
    scores = np.concatenate([_scores(model, user, variants.take(part), items) for part in parts])
    lost = (scores[0] - scores[1:]).T
    noise = _NOISE * np.abs(scores[0])[:, None]
    result: FloatArray = np.where(np.abs(lost) > noise, lost, 0).astype(np.float32)
    return result


def _scores(
    model: RecallModel[Any], user: int, histories: Histories, items: NDArray[np.integer]
) -> FloatArray:
    """Score `items`, shape (n, items); one that is no candidate is as good as the worst that is."""
    scores = model.score(np.full(len(histories), user, dtype=np.int32), histories)
    worst = np.min(scores, axis=1, where=np.isfinite(scores), initial=np.inf, keepdims=True)
    wanted = scores[:, items]
    there = np.isfinite(wanted)
    best = np.max(wanted) if there.any() else np.inf  # else none of them ever is a candidate
    result: FloatArray = np.where(there, wanted, np.minimum(worst, best))
    return result


def _similarity(
    model: RecallModel[Any], events: IntArray, items: NDArray[np.integer]
) -> FloatArray:
    """Compute what each event says for each item, shape (n, events); -inf: nothing at all."""
    if not isinstance(model, ItemToItem):
        return np.full((len(items), len(events)), -np.inf, dtype=np.float32)
    scores: FloatArray = model.item_scores(events)[:, items].T
    return scores


def _strongest(events: IntArray, weights: FloatArray) -> tuple[Cause, ...]:
    """Pick the items of the largest positive weights; of equal events the latest."""
    found: dict[int, Cause] = {}
    for place in np.lexsort((-np.arange(len(events)), -weights)):
        if len(found) == MOST_CAUSES or not (np.isfinite(weights[place]) and weights[place] > 0):
            break
        item = int(events[place])
        found.setdefault(item, Cause(item, float(weights[place])))
    return tuple(found.values())
