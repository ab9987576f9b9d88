"""Rows for the ranker: one list per user, labelled by what the user liked later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recsys_core.compute.blocks import map_blocks
from recsys_core.compute.capacity import Changes, require_memory
from recsys_core.data.dataset import BoolArray, FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Histories
from recsys_core.features.known import Known
from recsys_core.recall.lists import BLOCK_SCORES
from recsys_core.two_stage.candidates import FirstStage
from recsys_core.two_stage.config import NONE, RankerConfig, TwoStageConfig
from recsys_core.two_stage.cuts import InnerCut, View

#: fewer lists teach a ranker nothing: it is better to keep the order of the merged list
LEAST_LISTS = 100


@dataclass(frozen=True)
class Lists:
    """Some items of each user, with features and labels.

    Parameters
    ----------
    known
        What the channels learned from.
    users, histories
        n rows: whose list it is, and what was known of them when they were asked for.
    items
        Shape (n, width), int32; -1 where a list is short.
    labels
        Shape (n, width): whether the user liked the item later.
    features
        Shape (n, width, features), float32; 0 where a list is short.
    relevant
        Shape (n,): later liked items, in the list or not.
    """

    known: Known
    users: IntArray
    histories: Histories
    items: IntArray
    labels: BoolArray
    features: FloatArray
    relevant: TimeArray

    def __len__(self) -> int:
        return len(self.users)

    @property
    def listed(self) -> BoolArray:
        """Shape (n, width): which places hold an item."""
        return self.items >= 0

    def padded(self, width: int) -> Lists:
        """Widen every list to `width` items."""
        sides = ((0, 0), (0, width - self.items.shape[1]))
        return replace(
            self,
            items=np.pad(self.items, sides, constant_values=-1),
            labels=np.pad(self.labels, sides),
            features=np.pad(self.features, (*sides, (0, 0))),
        )

    def where(self, mask: BoolArray) -> Lists:
        """Keep the lists at which `mask`, shape (n,), is true."""
        names = ("users", "items", "labels", "features", "relevant")
        kept = {name: getattr(self, name)[mask] for name in names}
        return replace(self, **kept, histories=self.histories.take(np.flatnonzero(mask)))


def equally_wide(parts: Sequence[Lists]) -> list[Lists]:
    """Pad lists to the width of the widest."""
    width = max(part.items.shape[1] for part in parts)
    return [part.padded(width) for part in parts]


def require_lists(
    cuts: Sequence[InnerCut], config: TwoStageConfig, features: int, max_lists: int
) -> None:
    """Check that the ranker's lists fit into memory, before any channel is fitted for them.

    Parameters
    ----------
    features
        Number of features of a candidate.
    max_lists
        Lists of a view at most.

    Raises
    ------
    CapacityError
        They do not.
    """
    ranker, shapes = config.ranker, []
    for view in (view for cut in cuts for view in cut.views):
        rated = ranker.rows == "rated"
        labelled = view.labelled if rated else view.labelled.positives()
        per_user = np.bincount(labelled.user, minlength=1)
        most = int(per_user.max())
        width = most if rated else min(config.merge.size, ranker.negatives + most)
        shapes.append((int(np.count_nonzero(per_user)), width))

    def entries(most_lists: int) -> int:
        return sum(min(most_lists, users) * width for users, width in shapes)

    row = 2 * 4 * features  # in the lists, and in the ranker's copy

    def changes(free: int) -> list[Changes]:
        fitting = bisect_right(range(max_lists), free, key=lambda lists: row * entries(lists)) - 1
        given = ranker.model_dump(mode="json", exclude_defaults=True)
        fewer = {"ranker": {**given, "max_lists": fitting * len(shapes)}}
        none = {"ranker": {"model": NONE}}
        enough = fitting * len(shapes) >= LEAST_LISTS
        return [*([{"params": fewer}] if enough else []), {"params": none}]

    require_memory(
        "two-stage",
        row * entries(max_lists),
        f"{entries(max_lists):,} rows of {features} features for the ranker",
        changes,
    )


def training_lists(
    stage: FirstStage, view: View, config: RankerConfig, seed: int, max_lists: int
) -> Lists:
    """Build the lists a ranker learns from; those without a liked item are left out.

    Raises
    ------
    LeakError
        The channels learned from a labelled row.
    """
    users = np.unique(view.labelled.positives().user)
    if len(users) > max_lists:
        users = np.sort(np.random.default_rng(seed).choice(users, max_lists, replace=False))
    negatives = config.negatives if config.rows == "candidates" else None
    build = _Builder(stage, view, users, seed, rated=config.rows == "rated", negatives=negatives)
    lists = build()
    liked: BoolArray = np.any(lists.labels, axis=1)
    return lists.where(liked)


def judged_lists(stage: FirstStage, view: View, users: IntArray) -> Lists:
    """Build the whole pools of `users`, to choose the ranker's epoch by.

    Raises
    ------
    LeakError
        The channels learned from a labelled row.
    """
    return _Builder(stage, view, users, 0, rated=False, negatives=None)()


class _Builder:
    """Lists of one view, block by block."""

    def __init__(
        self,
        stage: FirstStage,
        view: View,
        users: IntArray,
        seed: int,
        *,
        rated: bool,
        negatives: int | None,
    ) -> None:
        stage.channels.refuse_own(view.labelled)
        self.stage, self.users, self.seed = stage, users, seed
        self.rated, self.negatives = rated, negatives
        self.exclude = view.known.known_items == "exclude"
        self.histories = view.labelled.asked(users, view.known.histories().take(users))
        self.labelled = view.labelled.histories().take(users)
        self.n_items = view.known.n_items
        self.liked = view.labelled.positives().pairs()
        counts = np.bincount(self.liked // self.n_items, minlength=view.known.n_users)
        self.relevant = counts[users]

    def __call__(self) -> Lists:
        self._block(slice(0, min(1, len(self.users))))  # what all blocks share is worked out once
        size = max(1, BLOCK_SCORES // (self.n_items * len(self.stage.channels)))
        parts = equally_wide(
            map_blocks(self._block, len(self.users), size) or [self._block(slice(0, 0))]
        )
        names = ("users", "items", "labels", "features", "relevant")
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return Lists(known=self.stage.known, histories=self.histories, **arrays)

    def _block(self, block: slice) -> Lists:
        rows = np.arange(block.start, block.stop)
        users, histories = self.users[block], self.histories.take(rows)
        scores = self.stage.score(users, histories, exclude_seen=self.exclude)
        items = self._rated(rows, scores) if self.rated else self.stage.pool(scores).items
        keys = users[:, None].astype(np.int64) * self.n_items + items
        labels = np.isin(keys, self.liked) & (items >= 0)
        if self.negatives is not None:
            rng = np.random.default_rng([self.seed, block.start])
            items, labels = thin(items, labels, self.negatives, rng)
        features = self.stage.describe(users, scores, histories, items)
        features[items < 0] = 0
        known, relevant = self.stage.known, self.relevant[block]
        return Lists(known, users, histories, items, labels, features, relevant)

    def _rated(self, rows: TimeArray, scores: FloatArray) -> IntArray:
        """List what was rated later, without what channels cannot score."""
        rated = self.labelled.take(rows).once()
        rated = rated.where(np.isfinite(scores[0, rated.row, rated.items]))
        items = np.full((len(rated), int(rated.lengths.max(initial=0))), -1, dtype=np.int32)
        items[rated.row, np.arange(len(rated.items)) - rated.offsets[rated.row]] = rated.items
        return items


def thin(
    items: IntArray, labels: BoolArray, negatives: int, rng: np.random.Generator
) -> tuple[IntArray, BoolArray]:
    """Keep the liked items of each list and `negatives` others, drawn uniformly.

    Negatives drawn by a channel's rank would be hard by that channel's lights alone: a ranker
    that learned from them distrusts the channel.
    """
    rest = ~labels & (items >= 0)
    draw = np.where(rest, rng.random(items.shape), 2.0)
    place = np.argsort(np.argsort(draw, axis=1, kind="stable"), axis=1, kind="stable")
    kept = labels | (rest & (place < negatives))
    order = np.argsort(~kept, axis=1, kind="stable")[:, : int(kept.sum(axis=1).max(initial=0))]
    items = np.where(kept, items, -1)
    return np.take_along_axis(items, order, axis=1), np.take_along_axis(labels, order, axis=1)
