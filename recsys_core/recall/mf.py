"""Matrix factorisation by gradient descent: one vector a user, one vector an item."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recsys_core.config import Config
from recsys_core.data.dataset import BoolArray, FloatArray
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.base import RecallModel
from recsys_core.recall.factors import Factors, FactorsObjective, fold_in
from recsys_core.recall.similar import ItemToItem, cosine_scores
from recsys_core.recall.validation import Validation
from recsys_core.registry import register_model
from recsys_core.sampling.config import SamplingConfig
from recsys_core.training.trainer import TrainingConfig, train


class MFConfig(TrainingConfig, SamplingConfig):
    """Fields of matrix factorisation."""

    loss: Literal["softmax", "bpr", "bce", "mse"] = Field(
        "softmax",
        description="softmax: each liked item against many negatives at once; bpr: against one at "
        "a time; bce: liked or not; mse: predicts the ratings of all train rows, with biases.",
    )
    dim: int = Field(128, ge=1, le=4096, description="Length of the vectors.")
    similarity: Literal["cosine", "dot"] | None = Field(
        None, description="How vectors meet; null: cosine with softmax, dot with other losses."
    )
    temperature: float = Field(
        0.2, gt=0, le=100, description="Divides the cosine; lower makes the softmax sharper."
    )
    negatives: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Negatives drawn for a batch (softmax) or for each liked item (bpr, bce); "
        "null: all there are (softmax), or one.",
    )
    epochs: int = Field(150, ge=1, le=10_000, description="Passes over the users at most.")
    batch_size: int = Field(
        256,
        ge=1,
        le=10_000_000,
        description="Users a gradient step, each with all liked (mse: rated) items.",
    )
    learning_rate: float = Field(5e-3, gt=0, le=10, description="Adam's step size.")
    patience: int = Field(
        5,
        ge=0,
        le=1000,
        description="Epochs without a better validation value before training stops; 0: never.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.logq and self.loss != "softmax":
            raise ValueError(f"logq corrects a softmax, it means nothing with loss {self.loss}")
        if self.hard_negatives and self.loss != "softmax":
            raise ValueError(f"hard_negatives need loss softmax, not {self.loss}")
        if self.loss == "mse" and self.cosine:
            raise ValueError("loss mse predicts ratings, which a cosine cannot; use dot or null")
        return self

    @property
    def cosine(self) -> bool:
        """Whether vectors meet by cosine."""
        return (self.similarity or ("cosine" if self.loss == "softmax" else "dot")) == "cosine"


@register_model(
    "mf",
    stage="recall",
    title="Matrix factorisation",
    paper="Koren, Bell, Volinsky: Matrix factorization techniques for recommender systems. "
    "Computer 2009; BPR: Rendle et al., UAI 2009; softmax over cosines: Wu et al.: On the "
    "effectiveness of sampled softmax loss for item recommendation. TOIS 2024",
)
class MF(ItemToItem, RecallModel[MFConfig]):
    """Score item i for user u by s_ui = <p_u, q_i> + b_i, or cos(p_u, q_i) / T + b_i.

    With softmax, the default, the loss of a liked item is -log of its share of exp(s_u.) over the
    negatives, by default the whole catalogue: users are taken a batch at a time with all their
    items, so that one product with the catalogue serves all of them.

    A known user is served by the vector of training, whatever the history; an unknown one by a
    vector that is folded in from the history.
    """

    Config: ClassVar[type[Config]] = MFConfig

    user_vectors: FloatArray
    """Shape (n_users, dim); unit length / temperature with cosine."""
    item_vectors: FloatArray
    """Shape (n_items, dim); unit length with cosine."""
    item_bias: FloatArray
    """Shape (n_items,)."""
    trained: BoolArray
    """Shape (n_users,): whether the user had a row to learn a vector from."""
    curve: list[dict[str, float]]
    """Loss and ndcg@10 on validation users of each epoch."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        device = self.runtime.torch_device()
        # ratings of disliked items say as much as those of liked ones
        rows = self.histories if self.config.loss == "mse" else positives.histories()
        self.trained = rows.lengths > 0
        torch.manual_seed(self.runtime.seed)
        module = Factors(len(rows), self.n_items, self.config).to(device)
        validation = Validation(valid)

        def validate() -> dict[str, float]:
            self._take(module)
            return validation(self)

        objective = FactorsObjective(module, rows, positives.item_counts(), self.config, validate)
        self.curve = train(module, objective, self.config, self.runtime, on_event).curve
        self._take(module)

    def _take(self, module: Factors) -> None:
        """Copy the vectors, ready for one product."""
        users, items, bias = module.vectors()
        self.user_vectors, self.item_vectors, self.item_bias = (
            part.detach().cpu().numpy() for part in (users, items, bias)
        )

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Multiply user and item vectors, shape (n, n_items)."""
        known = (users >= 0) & (users < len(self.trained))
        known &= self.trained[np.where(known, users, 0)]
        vectors = self.user_vectors[np.where(known, users, 0)]
        liked = self.liked(histories)
        for row in np.flatnonzero(~known):
            items = liked.items[liked.offsets[row] : liked.offsets[row + 1]]
            vectors[row] = self._fold_in(items)
        scores: FloatArray = vectors @ self.item_vectors.T + self.item_bias
        return self.popular_where_empty(scores, ~known & (liked.lengths == 0))

    def _fold_in(self, items: NDArray[np.integer]) -> FloatArray:
        vector = fold_in(self.item_vectors, items)
        if self.config.cosine:
            length = max(float(np.linalg.norm(vector)), 1e-12)
            vector /= length * self.config.temperature
        return vector

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Cosine of item vectors, shape (n, n_items)."""
        return cosine_scores(self.item_vectors, items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Vectors and biases."""
        names = ("user_vectors", "item_vectors", "item_bias", "trained")
        return {name: getattr(self, name) for name in names}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back vectors and biases."""
        self.user_vectors, self.item_vectors = arrays["user_vectors"], arrays["item_vectors"]
        self.item_bias, self.trained = arrays["item_bias"], arrays["trained"]
