"""word2vec on viewing sequences: items near each other get vectors that predict each other."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import BoolArray, FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent
from recsys_core.recall.embeddings.skipgram import (
    Sequences,
    SkipGram,
    SkipGramConfig,
    train_skip_gram,
)
from recsys_core.recall.shared.history import HistoryConfig, query_matrix
from recsys_core.recall.shared.similar import ItemToItem, cosine_scores, unit
from recsys_core.recall.shared.validation import Validation
from recsys_core.recall.shared.vectors import VectorModel
from recsys_core.registry import register_model
from recsys_core.retrieval.vector_index import IndexConfig
from recsys_core.saving.arrays import take


class Word2VecConfig(SkipGramConfig, HistoryConfig, IndexConfig):
    """Fields of word2vec."""

    scoring: Literal["in-out", "cosine"] = Field(
        "in-out",
        description="in-out: compare the history's input vectors with output vectors, which ranks "
        "by co-occurrence; cosine: with input vectors, which ranks by similarity.",
    )
    window: int = Field(
        3,
        ge=1,
        le=1000,
        description="Maximum context distance within a sequence; it is drawn anew for each event, "
        "so that nearer events count more.",
    )
    epochs: int = Field(10, ge=1, le=10_000, description="Number of passes over the sequences.")
    history_half_life: float | None = Field(
        1.5,
        gt=0,
        le=1e6,
        description="Half-life of an event's weight, in later events of the history; null: all "
        "events count equally.",
    )


@register_model(
    "word2vec",
    stage="recall",
    title="Skip-gram on viewing sequences",
    paper="Mikolov et al.: Distributed representations of words and phrases and their "
    "compositionality. NeurIPS 2013; on items: Barkan, Koenigstein: Item2vec: Neural item "
    "embedding for collaborative filtering. MLSP 2016",
)
class Word2Vec(ItemToItem, VectorModel[Word2VecConfig]):
    """Take users for sentences and items, in time order, for words.

    Skip-gram gives each item an input vector v and an output vector v'. With uniform noise

        v_i . v'_j ~ log P(j is seen near i) + const,

    so that for a history with weights w, which fall with age, items are ranked by

        in-out  s_j = (sum of w_i v_i / sum of w_i) . v'_j
        cosine  s_j = (sum of w_i v_i / |v_i| / sum of w_i) . v_j / |v_j|.
    """

    Config: ClassVar[type[Config]] = Word2VecConfig

    vectors: SkipGram
    """Of the items."""
    curve: list[dict[str, float]]
    """ndcg@10 on validation users after each pass."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        validation = Validation(valid)
        histories = positives.histories()

        def validate(vectors: SkipGram) -> dict[str, float]:
            self._take(vectors)
            return validation(self)

        self.curve = train_skip_gram(
            Sequences(histories.offsets, histories.items),
            positives.item_counts(),
            self.config.epochs,
            self.config,
            self.runtime.seed,
            validate,
            on_event,
        )
        self.build_index()
        self.report_index(on_event)

    def _take(self, vectors: SkipGram) -> None:
        self.vectors = vectors
        cosine = self.config.scoring == "cosine"
        self.asking = unit(vectors.inputs) if cosine else vectors.inputs
        self.set_targets(self.asking if cosine else vectors.outputs)

    def query(
        self, users: NDArray[np.integer], histories: Histories
    ) -> tuple[FloatArray, BoolArray]:
        """Average the vectors of the history, shape (n, dim)."""
        weights = query_matrix(self, histories)
        total = np.asarray(weights.sum(axis=1), dtype=np.float32).reshape(-1, 1)
        queries: FloatArray = (weights @ self.asking) / np.where(total > 0, total, 1)
        return queries, np.all(queries == 0, axis=1)

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Cosine of input vectors, shape (n, n_items)."""
        return cosine_scores(self.vectors.inputs, items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Both vectors of each item."""
        return {"inputs": self.vectors.inputs, "outputs": self.vectors.outputs}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the vectors and build the index again."""
        shape = (self.n_items, self.config.dim)
        inputs, outputs = (take(arrays, name, np.float32, shape) for name in ("inputs", "outputs"))
        self._take(SkipGram(inputs, outputs))
        self.build_index()
