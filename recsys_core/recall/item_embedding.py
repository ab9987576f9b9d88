"""What word2vec and item DeepWalk share: a history asks through the vectors of its items."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.data.dataset import BoolArray, FloatArray
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.history import HistoryConfig, query_matrix
from recsys_core.recall.index import IndexConfig
from recsys_core.recall.similar import ItemToItem, cosine_scores, unit
from recsys_core.recall.skipgram import SkipGram, SkipGramConfig
from recsys_core.recall.validation import Validation
from recsys_core.recall.vectors import VectorModel


class ItemEmbeddingConfig(SkipGramConfig, HistoryConfig, IndexConfig):
    """Fields of the models that learn item vectors by skip-gram."""

    scoring: Literal["in-out", "cosine"] = Field(
        "in-out",
        description="in-out: input vectors of the history ask output vectors, which ranks by "
        "what comes next to what; cosine: input vectors ask input vectors, which ranks by "
        "likeness.",
    )


ConfigT = TypeVar("ConfigT", bound=ItemEmbeddingConfig)


class ItemEmbedding(ItemToItem, VectorModel[ConfigT]):
    """Score item j for a history by the product of one vector for each.

    With v the input and v' the output vectors of skip-gram and w the weights of the history,

        in-out  s_j = (sum of w_i v_i / sum of w_i) . v'_j
        cosine  s_j = (sum of w_i v_i / |v_i| / sum of w_i) . v_j / |v_j|
    """

    vectors: SkipGram
    """Of the items."""
    curve: list[dict[str, float]]
    """ndcg@10 on validation users after each pass."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        validation = Validation(valid)

        def validate(vectors: SkipGram) -> dict[str, float]:
            self._take(vectors)
            return validation(self)

        self.curve = self._learn(positives, validate, on_event)
        self.build_index()
        self.report_index(on_event)

    @abstractmethod
    def _learn(
        self,
        positives: Interactions,
        after_pass: Callable[[SkipGram], dict[str, float]],
        on_event: OnEvent,
    ) -> list[dict[str, float]]:
        """Learn from `positives`; hand the items' vectors to `after_pass` and return the curve."""

    def _take(self, vectors: SkipGram) -> None:
        self.vectors = vectors
        cosine = self.config.scoring == "cosine"
        self.asking = unit(vectors.inputs) if cosine else vectors.inputs
        self.set_targets(self.asking if cosine else vectors.outputs)

    def query(
        self, users: NDArray[np.integer], histories: Histories
    ) -> tuple[FloatArray, BoolArray]:
        """Average the vectors of the history, shape (n, dim)."""
        weights = query_matrix(self.liked(histories), self.config, self.n_items)
        total = np.asarray(weights.sum(axis=1), dtype=np.float32).reshape(-1, 1)
        queries: FloatArray = (weights @ self.asking) / np.where(total > 0, total, 1)
        return queries, total[:, 0] == 0

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Cosine of input vectors, shape (n, n_items)."""
        return cosine_scores(self.vectors.inputs, items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Both vectors of each item."""
        return self.vectors.state()

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the vectors and build the index again."""
        self._take(SkipGram.from_state(arrays, self.config.dim))
        self.build_index()
