"""DeepWalk, from item to item: the neighbours of the history's items on random walks."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from recsys_core.config import Config
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Interactions
from recsys_core.recall.item_embedding import ItemEmbedding, ItemEmbeddingConfig
from recsys_core.recall.skipgram import SkipGram, train_skip_gram
from recsys_core.recall.walks import WalkConfig, Walks
from recsys_core.registry import register_model


class DeepWalkItemConfig(WalkConfig, ItemEmbeddingConfig):
    """Fields of DeepWalk from item to item."""


@register_model(
    "deepwalk-item",
    stage="recall",
    title="Random walks, items near the history's items",
    paper="Perozzi, Al-Rfou, Skiena: DeepWalk: Online learning of social representations. KDD 2014",
)
class DeepWalkItem(ItemEmbedding[DeepWalkItemConfig]):
    """Walk at random over the graph of users and items, and take walks for sentences.

    Skip-gram gives nodes that are few steps apart vectors that predict each other:

        u1 - i3 - u7 - i2 - u4 - …    (i3, i2) are neighbours, and so are (i3, u7), (u1, u7), …

    The query is the mean of the vectors of the history's items; it asks the vectors of items.
    """

    Config: ClassVar[type[Config]] = DeepWalkItemConfig

    def _learn(
        self,
        positives: Interactions,
        after_pass: Callable[[SkipGram], dict[str, float]],
        on_event: OnEvent,
    ) -> list[dict[str, float]]:
        config, n_users = self.config, positives.n_users
        walks = Walks(positives.matrix(), config.walk_length, self.runtime.seed)

        def items_alone(nodes: SkipGram) -> dict[str, float]:
            return after_pass(SkipGram(nodes.inputs[n_users:], nodes.outputs[n_users:]))

        return train_skip_gram(
            walks,
            walks.counts,
            config.walks_per_node,
            config,
            self.runtime.seed,
            items_alone,
            on_event,
        )
