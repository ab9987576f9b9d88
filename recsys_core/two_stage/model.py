"""`two-stage`: recall channels, merge, ranking over the candidates, re-ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.blocks import map_blocks
from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config
from recsys_core.data.dataset import BoolArray, FloatArray, IntArray, MultiCategorical
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.features.comparisons import hot_rows
from recsys_core.features.known import Known
from recsys_core.features.saved import write_attributes
from recsys_core.recall.base import RecallModel
from recsys_core.recall.lists import BLOCK_SCORES, TopK, check_query
from recsys_core.recall.shared.validation import METRIC
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take
from recsys_core.saving.model import damaged
from recsys_core.training.trainer import chosen_epoch
from recsys_core.two_stage.candidates import FirstStage, feature_names
from recsys_core.two_stage.channels import Channels, below, best_epochs
from recsys_core.two_stage.config import MLP_NAME, NONE, TwoStageConfig
from recsys_core.two_stage.cuts import InnerCut, View, inner_cuts
from recsys_core.two_stage.list_ranker import ListRanker
from recsys_core.two_stage.lists import Lists, judged_lists, require_lists, training_lists
from recsys_core.two_stage.ranker_choice import load_ranker, make_ranker, ranker_schema
from recsys_core.two_stage.rerank import RankedLists, rerank
from recsys_core.two_stage.saved import known_arrays, read_features, read_known, write_features

#: so many users choose the ranker's epoch
JUDGED_USERS = 8_192
CHANNELS, RANKER = "channels", "ranker"
#: what stands before a channel's label in `chosen_epochs`
CHANNEL_PREFIX = "channel/"
#: name of the array of data set rows that the channels learned from
LEARNED = "channels.learned"


@dataclass(frozen=True)
class MergedTopK(TopK):
    """Ranked items that remember where they come from.

    Parameters
    ----------
    sources
        Shape (n_users, k, channels): which channels proposed the item.
    """

    sources: BoolArray


@dataclass(frozen=True)
class Saved:
    """Models that are fitted already, of finished runs.

    Parameters
    ----------
    channels
        Folder of each such channel's model, by label.
    ranker
        Folder of the ranking model; None: it is trained.
    """

    channels: Mapping[str, Path] = field(default_factory=dict)
    ranker: Path | None = None


@register_model(
    "two-stage",
    stage="two-stage",
    title="Recall channels, merge, ranking",
    paper="Covington, Adams, Sargin: Deep neural networks for YouTube recommendations. RecSys 2016",
)
class TwoStage(RecallModel[TwoStageConfig]):
    """Ask several recall models for candidates, merge their lists, rank and re-rank the pool.

    The ranker never sees a score that a channel computed for a row it learned from. Train is cut
    once more; channels fitted on the earlier part are asked as at serving, and what the users
    liked later labels their candidates (see `cuts`). Channels are then fitted on all of train.
    Validation rows choose the ranker's epoch, asked of the final channels.

    Parameters
    ----------
    epochs
        Numbers of epochs that were chosen before, as `chosen_epochs` gives them: training ends
        after them.
    """

    Config: ClassVar[type[Config]] = TwoStageConfig

    stage: FirstStage
    """Channels, and what is known of all of train."""
    ranker: ListRanker | None
    """What orders the pool; None: the merge order stays."""

    def __init__(
        self,
        config: TwoStageConfig,
        runtime: Runtime | None = None,
        saved: Saved = Saved(),
        epochs: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(config, runtime)
        self.saved, self.epochs = saved, epochs

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Labels of the channels, in the order of the last axis of `MergedTopK.sources`."""
        return tuple(channel.name for channel in self.config.channels)

    @property
    def chosen_epochs(self) -> dict[str, int]:
        """Epochs after which validation rows found channels and ranker best, where they chose."""
        chosen = {
            f"{CHANNEL_PREFIX}{name}": epochs
            for name, channel in self.stage.channels.models.items()
            for epochs in best_epochs(channel).values()
        }
        if self.saved.ranker is None and (epoch := chosen_epoch(self.curve, METRIC)):
            chosen[RANKER] = epoch
        return chosen

    @property
    def curve(self) -> list[dict[str, float]]:
        """Loss and ndcg@10 on validation users of each epoch of the ranker."""
        return self.ranker.curve if self.ranker is not None else []

    def fit(
        self, train: Interactions, *, valid: Interactions | None = None, on_event: OnEvent = ignore
    ) -> Self:
        """Fit the channels and train the ranker on rows they did not learn from."""
        self.remember(train)
        schema = ranker_schema(self.config.ranker, train.dataset)
        # ranking models compute their features themselves
        numbers = schema.features if schema and self.config.ranker.model == MLP_NAME else ()
        names = feature_names(self.config, numbers)
        cuts: list[InnerCut] = []
        if self.config.ranker.model != NONE and self.saved.ranker is None:
            cuts = inner_cuts(train, valid, self.config.inner)
            require_lists(cuts, self.config, len(names), self._most_lists(cuts))
        channels = Channels.fit(
            self.config.channels,
            train,
            valid=valid,
            saved=self.saved.channels,
            epochs=self._channel_epochs,
            runtime=self.runtime,
            on_event=on_event,
        )
        known = Known.of(train)
        self.stage = FirstStage(self.config, channels, known, numbers, self.tie_rank)
        self.ranker = make_ranker(
            self.config.ranker,
            names,
            schema,
            known,
            self.saved.ranker,
            replace(self.runtime, stop_after=self.epochs.get(RANKER)),
        )
        if self.ranker is not None and self.saved.ranker is None:
            parts, judged = self._lists(cuts, on_event), self._judged(train, valid)
            on_event(Event("fit", message=f"ranker: {sum(map(len, parts)):,} lists"))
            self.ranker.fit(parts, judged, self.config.ranker.loss, on_event)
        return self

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        raise AssertionError("fit does all there is to do")

    @property
    def _channel_epochs(self) -> dict[str, int]:
        """By label."""
        return {
            part.removeprefix(CHANNEL_PREFIX): count
            for part, count in self.epochs.items()
            if part.startswith(CHANNEL_PREFIX)
        }

    def _most_lists(self, cuts: Sequence[InnerCut]) -> int:
        """Share out the lists among the views."""
        return -(-self.config.ranker.max_lists // sum(len(cut.views) for cut in cuts))

    def _lists(self, cuts: Sequence[InnerCut], on_event: OnEvent) -> list[Lists]:
        """Build the ranker's rows with channels that did not learn from them."""
        config = self.config
        parts: list[Lists] = []
        most = self._most_lists(cuts)
        for number, cut in enumerate(cuts):
            channels = Channels.fit(
                config.channels,
                cut.fitted,
                like=self.stage.channels,
                epochs=self._channel_epochs,
                runtime=below(self.runtime, f"inner-{number}"),
                on_event=on_event,
            )
            stage = replace(self.stage, channels=channels, known=Known.of(cut.fitted))
            parts += [
                training_lists(stage, view, config.ranker, self.runtime.seed, most)
                for view in cut.views
            ]
        return parts

    def _judged(self, train: Interactions, valid: Interactions | None) -> Lists:
        """Pools of validation users, as the final channels propose them."""
        valid = train.where(np.zeros(len(train), dtype=np.bool_)) if valid is None else valid
        users = np.unique(valid.positives().user)
        chosen = np.random.default_rng(0).permutation(len(users))[:JUDGED_USERS]
        known = train.with_query_of(valid)
        return judged_lists(self.stage, View(known, valid), users[np.sort(chosen)])

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Score the catalogue, shape (n, n_items): -inf for what is no candidate."""
        every = self._order(users, histories, exclude_seen=False, banned=self.banned(None))
        scores = np.full((len(users), self.n_items), -np.inf, dtype=np.float32)
        row, place = np.nonzero(every.items >= 0)
        scores[row, every.items[row, place]] = every.scores[row, place]
        return scores

    def recommend(
        self,
        users: NDArray[np.integer],
        k: int,
        *,
        histories: Histories | None = None,
        exclude_seen: bool | None = None,
        allowed: BoolArray | None = None,
    ) -> MergedTopK:
        """Rank the pools of `users`; parameters and errors as for every recall model.

        A list is no longer than the pool. Where not everything is allowed, every channel fills its
        quota from what is; what the ranker reads of an item does not depend on it. Scores are the
        ranker's; after re-ranking they do not fall from rank to rank. A user of whom nothing is
        known gets the most popular items.
        """
        known = self.histories_of(users) if histories is None else histories
        check_query(users, k, known, self.n_items)
        banned = self.banned(allowed)
        exclude = self.excludes(exclude_seen)

        def work(block: slice) -> MergedTopK:
            part = known.take(np.arange(block.start, block.stop))
            ordered = self._order(users[block], part, exclude_seen=exclude, banned=banned)
            return _cut(self._rerank(ordered, part), k)

        block = max(1, BLOCK_SCORES // (self.n_items * len(self.channel_names)))
        parts = map_blocks(work, len(users), block)
        if not parts:
            return _cut(self._order(users, known, exclude_seen=exclude, banned=banned), k)
        names = ("items", "scores", "sources")
        return MergedTopK(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def _order(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        *,
        exclude_seen: bool,
        banned: IntArray,
    ) -> MergedTopK:
        """Rank the whole pools of some users, before re-ranking."""
        raw = self.stage.score(users, histories, exclude_seen=exclude_seen)
        pool = self.stage.pool(_without(raw, banned))
        scores = pool.scores
        if self.ranker is not None:
            features = self.stage.describe(users, raw, histories, pool.items)
            scores = self.ranker.score(users, histories, pool.items, features)
        nothing = histories.lengths == 0
        if nothing.any():
            scores = np.where(nothing[:, None], self.popularity[pool.items], scores)
        scores = np.where(pool.items >= 0, scores, -np.inf).astype(np.float32)
        order = np.lexsort((self.tie_rank[pool.items], -scores), axis=1)
        row = np.arange(len(order))[:, None]
        return MergedTopK(pool.items[row, order], scores[row, order], pool.sources[row, order])

    def _rerank(self, top: MergedTopK, histories: Histories) -> MergedTopK:
        for step in self.config.rerank:
            liked = self.liked(histories)
            lists = RankedLists(
                top.items, self.genres, _profiles(liked, self.genres), self.popularity
            )
            order = rerank(step, lists)
            row = np.arange(len(order))[:, None]
            top = MergedTopK(top.items[row, order], top.scores[row, order], top.sources[row, order])
        return top

    @property
    def genres(self) -> FloatArray:
        """Shape (n_items, genres): 1 where an item has the genre."""
        known = self.stage.known
        genres = known.dataset.item_columns.get("genres")
        if not isinstance(genres, MultiCategorical):
            return np.zeros((self.n_items, 1), dtype=np.float32)
        return known.kept(("genres",), lambda: hot_rows(genres))

    def state(self) -> dict[str, NDArray[Any]]:
        """Give what is known of train and the learned rows; channels and ranker have folders."""
        learned = self.stage.channels.learned
        return {
            **known_arrays(self.stage.known),
            **({} if learned is None else {LEARNED: learned}),
        }

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what is known, for `load`."""
        self._arrays = arrays
        self._learned = arrays.get(LEARNED)
        if self._learned is not None:
            take(arrays, LEARNED, np.int64, (None,), lowest=0)

    def save(self, folder: Path) -> None:
        """Write channels, ranker and attributes into folders below, the header last."""
        self.stage.channels.save(folder / CHANNELS)
        write_attributes(folder, self.stage.known.dataset)
        write_features(folder, self.stage.features)
        if self.ranker is not None:
            self.ranker.save(folder / RANKER)
        super().save(folder)

    @classmethod
    def load(cls, folder: Path, runtime: Runtime | None = None) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            A file is missing or damaged, or belongs to another model or format version.
        """
        model = super().load(folder, runtime)
        channels = Channels.load(folder / CHANNELS, model.config.channels, model._learned, runtime)
        for name, channel in channels.models.items():
            if channel.fingerprint != model.fingerprint or channel.n_items != model.n_items:
                raise damaged(folder, f"channel {name} is a model of another data set")
        known = read_known(folder, model.histories, model.threshold, model._arrays)
        numbers = read_features(folder)
        model.stage = FirstStage(model.config, channels, known, numbers, model.tie_rank)
        names = feature_names(model.config, numbers)
        model.ranker = load_ranker(
            model.config.ranker, names, known, folder / RANKER, model.runtime
        )
        return model


def _without(scores: FloatArray, banned: IntArray) -> FloatArray:
    """Make sure that no channel proposes what is banned; `scores` stays as it is."""
    if len(banned) == 0:
        return scores
    scores = scores.copy()
    scores[:, :, banned] = -np.inf
    return scores


def _cut(top: MergedTopK, k: int) -> MergedTopK:
    """Cut or pad lists to k items."""
    more = max(0, k - top.items.shape[1])
    if not more:
        return MergedTopK(top.items[:, :k], top.scores[:, :k], top.sources[:, :k])
    return MergedTopK(
        np.pad(top.items[:, :k], ((0, 0), (0, more)), constant_values=-1),
        np.pad(top.scores[:, :k], ((0, 0), (0, more)), constant_values=-np.inf),
        np.pad(top.sources[:, :k], ((0, 0), (0, more), (0, 0))),
    )


def _profiles(liked: Histories, genres: FloatArray) -> FloatArray:
    """Share of each genre in what the users liked, an item's weight spread over its genres."""
    spread = genres / np.maximum(genres.sum(axis=1, keepdims=True), 1)
    total = np.asarray(liked.matrix(len(genres)) @ spread)
    shares: FloatArray = total / np.maximum(total.sum(axis=1, keepdims=True), 1e-12)
    return shares
