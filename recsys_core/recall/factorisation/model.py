"""What recall models with one learned vector per user and one per item share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from recsys_core.compute.earlier import Earlier
from recsys_core.data.dataset import BoolArray, FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.data.row_keys import held, row_keys
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel
from recsys_core.recall.factorisation.objective import Factors, FactorsConfig, FactorsObjective
from recsys_core.recall.shared.similar import ItemToItem, cosine_scores
from recsys_core.recall.shared.validation import Validation
from recsys_core.saving.arrays import take
from recsys_core.training.row_tables import learn_by_row
from recsys_core.training.trainer import train

#: fold-in: weight of all items beside the liked ones, and ridge; tuned on validation users of
#: ML-1M treated as unknown, where it comes within 2 % of trained vectors
FOLD_ALL, FOLD_RIDGE = 0.1, 10.0

ConfigT = TypeVar("ConfigT", bound=FactorsConfig)


class FactorModel(ItemToItem, RecallModel[ConfigT]):
    """Score item i for user u by s_ui = <p_u, q_i> + b_i, or cos(p_u, q_i) / T + b_i.

    A known user is served by the vector of training, whatever the history; an unknown one by a
    vector that is folded in from the history.
    """

    user_vectors: FloatArray
    """Shape (n_users, dim); unit length / temperature with cosine."""
    item_vectors: FloatArray
    """Shape (n_items, dim); unit length with cosine."""
    reads_weights: ClassVar[bool] = True

    item_bias: FloatArray
    """Shape (n_items,)."""
    trained: BoolArray
    """Shape (n_users,): whether the user had a row to learn a vector from."""
    curve: list[dict[str, float]]
    """Loss and ndcg@10 on validation users of each epoch."""
    _gram: FloatArray | None = None
    """Shape (dim, dim): products of the item vectors' columns, once somebody was folded in."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        # ratings of disliked items say as much as those of liked ones
        rows = self.histories if self.config.loss == "mse" else positives.histories()
        self.trained = rows.lengths > 0
        torch.manual_seed(self.runtime.seed)
        module = self._module(rows).to(self.runtime.torch_device())
        if self.config.samples or self.config.loss != "softmax":
            learn_by_row(module, self.config)
        validation = Validation(valid)

        def validate() -> dict[str, float]:
            self._take(module)
            return validation(self)

        weights = positives.weight
        if weights is not None:  # in the order of the histories
            weights = weights[np.argsort(positives.user, kind="stable")]
        objective = FactorsObjective(
            module,
            rows,
            positives.item_counts(),
            self.config,
            validate,
            None if self.config.loss == "mse" else weights,
        )
        new = None
        if self.runtime.earlier is not None:
            dataset = positives.dataset
            keys = row_keys(dataset, rows.row, rows.items, rows.timestamps)
            unseen = torch.from_numpy(~held(keys, self.runtime.earlier.rows))
            new = objective.rows_with(unseen)
            self._start_from(self.runtime.earlier, module)
        self.curve = train(module, objective, self.config, self.runtime, on_event, new=new).curve
        self._take(module)

    def _start_from(self, earlier: Earlier, module: Factors) -> None:
        """Take the vectors of the model that is updated."""
        own = type(self).load(earlier.folder)
        users = np.where(own.trained[earlier.users], earlier.users, -1)  # -1 picks any, and stays
        for parameter, values, there in (
            (module.user, own.user_vectors, users),
            (module.item, own.item_vectors, earlier.items),
            (module.item_bias, own.item_bias, earlier.items),
        ):
            start = earlier.carried(parameter.detach().cpu().numpy(), values, there)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(start))

    @abstractmethod
    def _module(self, rows: Histories) -> Factors:
        """Make the weights; `rows` has what each user learns from."""

    def _take(self, module: Factors) -> None:
        """Copy the vectors, ready for one product."""
        users, items, bias = module().all()
        self.user_vectors, self.item_vectors, self.item_bias = (
            part.detach().cpu().numpy() for part in (users, items, bias)
        )
        self._gram = None

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Multiply user and item vectors, shape (n, n_items)."""
        known = (users >= 0) & (users < len(self.trained))
        known &= self.trained[np.where(known, users, 0)]
        vectors = self.user_vectors[np.where(known, users, 0)]
        liked = self.liked(histories)
        liked = liked.where(self.catalogue[liked.items])  # of others nothing was learned
        for row in np.flatnonzero(~known):
            items = liked.items[liked.offsets[row] : liked.offsets[row + 1]]
            vectors[row] = self._fold_in(items)
        scores: FloatArray = vectors @ self.item_vectors.T + self.item_bias
        return self.popular_where_empty(scores, ~known & (liked.lengths == 0))

    def _fold_in(self, items: NDArray[np.integer]) -> FloatArray:
        if self._gram is None:
            self._gram = self.item_vectors.T @ self.item_vectors
        vector = fold_in(self.item_vectors, items, self._gram)
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
        users, items, dim = len(self.histories), self.n_items, self.config.dim
        self.user_vectors = take(arrays, "user_vectors", np.float32, (users, dim))
        self.item_vectors = take(arrays, "item_vectors", np.float32, (items, dim))
        self.item_bias = take(arrays, "item_bias", np.float32, (items,))
        self.trained = take(arrays, "trained", np.bool_, (users,))


def fold_in(item_vectors: FloatArray, items: NDArray[np.integer], gram: FloatArray) -> FloatArray:
    """Find the vector of a user who likes `items` by implicit least squares; zeros without items.

    min over p of sum over liked i of (1 - <p, q_i>)^2 + a sum over all j of <p, q_j>^2 + l |p|^2
    (Hu, Koren, Volinsky: Collaborative filtering for implicit feedback datasets, ICDM 2008).

    Parameters
    ----------
    item_vectors
        Shape (n_items, dim).
    items
        Shape (n,): item numbers.
    gram
        Shape (dim, dim): the Gram matrix of all item vectors.

    Returns
    -------
    Shape (dim,).
    """
    liked = item_vectors[items]
    system = liked.T @ liked + FOLD_ALL * gram
    system[np.diag_indices_from(system)] += FOLD_RIDGE
    solution: FloatArray = np.linalg.solve(system, liked.sum(axis=0))
    return solution
