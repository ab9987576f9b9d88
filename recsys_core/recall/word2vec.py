"""word2vec on viewing sequences: items near each other get vectors that predict each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from recsys_core.config import Config
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Interactions
from recsys_core.recall.item_embedding import ItemEmbedding, ItemEmbeddingConfig
from recsys_core.recall.skipgram import Sequences, SkipGram, train_skip_gram
from recsys_core.registry import register_model


class Word2VecConfig(ItemEmbeddingConfig):
    """Fields of word2vec."""

    window: int = Field(
        5, ge=1, le=1000, description="Farthest event of a sequence that is predicted."
    )
    epochs: int = Field(10, ge=1, le=10_000, description="Passes over the sequences.")
    history_half_life: float | None = Field(
        1.5,
        gt=0,
        le=1e6,
        description="Events after which an event of the history counts half as much; "
        "null: old and new ones count the same.",
    )


@register_model(
    "word2vec",
    stage="recall",
    title="Skip-gram on viewing sequences",
    paper="Mikolov et al.: Distributed representations of words and phrases and their "
    "compositionality. NeurIPS 2013; on items: Barkan, Koenigstein: Item2vec: Neural item "
    "embedding for collaborative filtering. MLSP 2016",
)
class Word2Vec(ItemEmbedding[Word2VecConfig]):
    """Take users for sentences and items, in time order, for words.

    Skip-gram gives each item i an input vector v_i and an output vector v'_i such that

        log P(j near i) ~ v_i . v'_j + log(noise_j) + const,

    so that with uniform noise the products rank what a user will see around now. The query is the
    decayed mean of the history's input vectors: what was seen last says most.
    """

    Config: ClassVar[type[Config]] = Word2VecConfig

    def _learn(
        self,
        positives: Interactions,
        after_pass: Callable[[SkipGram], dict[str, float]],
        on_event: OnEvent,
    ) -> list[dict[str, float]]:
        histories = positives.histories()
        return train_skip_gram(
            Sequences(histories.offsets, histories.items),
            positives.item_counts(),
            self.config.epochs,
            self.config,
            self.runtime.seed,
            after_pass,
            on_event,
        )
