"""Implicit ALS: matrix factorisation in which every unobserved pair is a weak zero."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from recsys_core.compute.blocks import map_blocks
from recsys_core.compute.rehearsal import passes
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import Event, OnEvent
from recsys_core.recall.base import RecallModel, Updates
from recsys_core.recall.shared.history import HistoryConfig, query_matrix
from recsys_core.recall.shared.similar import ItemToItem, cosine_scores
from recsys_core.recall.shared.validation import Validation
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take

#: rows that one thread solves at a time
BLOCK = 256
#: where it is chosen, the unobserved weight lets all zeros weigh this much more than all positives
#: (Rendle et al. found 28 on MovieLens 20M and 14 on the Million Song Dataset), up to a largest
ZEROS_TO_LIKES, LARGEST_WEIGHT = 25.0, 0.5
#: the standard deviation of the length of a first vector
INIT = 0.1


class IALSConfig(HistoryConfig):
    """Fields of implicit ALS."""

    dim: int = Field(128, ge=1, le=4096, description="Embedding dimension.")
    epochs: int = Field(
        10, ge=1, le=1000, description="Alternating passes over all users and all items."
    )
    unobserved_weight: float | None = Field(
        None,
        gt=0,
        le=10,
        description="Weight of every unobserved pair, with target 0; an observed pair has weight 1 "
        "more. null: 25 times the share of observed pairs, at most 0.5; on sparse data the zeros "
        "would otherwise outweigh the positives.",
    )
    l2: float = Field(0.006, gt=0, le=1e6, description="L2 penalty on the vectors.")
    l2_exponent: float = Field(
        1.0,
        ge=0,
        le=2,
        description="The penalty of a user or item is multiplied by (positives + unobserved_weight "
        "* all possible pairs) to this power; 0: the same penalty for all.",
    )


@register_model(
    "ials",
    stage="recall",
    title="Implicit alternating least squares",
    paper="Hu, Koren, Volinsky: Collaborative filtering for implicit feedback datasets. ICDM 2008; "
    "weights and penalties of Rendle, Krichene, Zhang, Koren: Revisiting the performance of iALS "
    "on item recommendation benchmarks. RecSys 2022",
)
class IALS(ItemToItem, RecallModel[IALSConfig]):
    """Score item i for user u by <p_u, q_i>, fitted by least squares over all pairs.

    With S the liked pairs, a the unobserved weight, n_u and n_i the positives of user and item, and
    all of them counted in N users and M items,

        min  sum over S of (1 - <p_u, q_i>)^2 + a sum over all pairs of <p_u, q_i>^2
             + l2 (sum_u (n_u + a M)^v |p_u|^2 + sum_i (n_i + a N)^v |q_i|^2).

    With the items fixed each user has a solution of its own, and the other way round:

        p_u = (Q_u' Q_u + a Q'Q + l2 (n_u + a M)^v I)^-1 Q_u' 1     Q_u: rows of Q that u likes.

    Unless it is given, a = min(25 |S| / (N M), 1/2): all zeros together weigh 25 times as much as
    all positives, however many items there are, and with v = 1 a user of average activity n is
    penalised by 26 n l2. A fixed weight suits one density alone; the zeros of some thousand items
    outweigh six positives.

    Everybody is served by the solution for the history at hand, in which event weights w stand
    in front of the squares of the positives.
    """

    Config: ClassVar[type[Config]] = IALSConfig
    updates: ClassVar[Updates | None] = "learned"
    reads_weights: ClassVar[bool] = True

    item_vectors: FloatArray
    """Shape (n_items, dim); zero where nothing was learned."""
    weight: float
    """a: what the fields say, or what was chosen."""
    curve: list[dict[str, float]]
    """ndcg@10 on validation users after each epoch."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        validation = Validation(valid)
        self._choose_weight()
        if self.config.unobserved_weight is None:
            on_event(Event("fit", message=f"unobserved_weight {self.weight:.3g}, by density"))
        by_user = positives.weighted_matrix()
        by_item = by_user.T.tocsr()
        rng = np.random.default_rng(self.runtime.seed)
        scale = INIT / np.sqrt(self.config.dim)
        first = rng.normal(0, scale, (self.n_items, self.config.dim)).astype(np.float32)
        count, earlier = self.config.epochs, self.runtime.earlier
        if earlier is not None:  # one pass: from solutions of before, which are nearly those of now
            count = 1
            first = earlier.carried(first, IALS.load(earlier.folder).item_vectors, earlier.items)
        self._take(first)
        self.curve = []
        for epoch in passes(count):
            users = self._solve(by_user, self.item_vectors)
            self._take(self._solve(by_item, users))
            # of an update there is nothing to choose: to judge it would take longer than the pass
            values = validation(self) if earlier is None else {}
            self.curve.append(values)
            on_event(Event("fit", epoch, count, values, epoch=epoch))

    def _choose_weight(self) -> None:
        """Take the weight of the fields, or choose one by the density of the positives."""
        if self.config.unobserved_weight is not None:
            self.weight = self.config.unobserved_weight
            return
        positives = self.liked(self.histories).matrix(self.n_items)
        users, items = np.count_nonzero(positives.getnnz(axis=1)), np.count_nonzero(self.popularity)
        density = positives.nnz / max(int(users) * int(items), 1)
        # without any like it is no matter
        self.weight = min(ZEROS_TO_LIKES * density, LARGEST_WEIGHT) or LARGEST_WEIGHT

    def _take(self, item_vectors: FloatArray) -> None:
        self.item_vectors = item_vectors
        self.item_vectors[self.popularity == 0] = 0
        self._gram = item_vectors.T @ item_vectors

    def _solve(self, positives: sp.csr_matrix, others: FloatArray) -> FloatArray:
        """Solve for all rows of `positives`, given the vectors of its columns."""
        gram = others.T @ others

        def part(block: slice) -> FloatArray:
            return self.solve_rows(positives[block], others, gram)

        with threadpool_limits(1):  # small systems: threads share out the rows instead
            return np.concatenate(map_blocks(part, positives.shape[0], BLOCK))

    def solve_rows(
        self, positives: sp.csr_matrix, others: FloatArray, gram: FloatArray
    ) -> FloatArray:
        """Solve the least squares of some rows.

        Parameters
        ----------
        positives
            Shape (n, m): the weight of each liked pair.
        others, gram
            Shape (m, dim) and (dim, dim): the vectors of the columns, and their Gram matrix.

        Returns
        -------
        Shape (n, dim); zero for rows without a like.
        """
        weight = np.float32(self.weight)
        base = weight * gram
        solved = np.zeros((positives.shape[0], gram.shape[0]), dtype=np.float32)
        total = np.asarray(positives.sum(axis=1)).ravel() + weight * others.shape[0]
        penalty = self.config.l2 * total**self.config.l2_exponent
        diagonal = np.diag_indices(len(gram))
        for row in np.flatnonzero(np.diff(positives.indptr)):
            entries = slice(positives.indptr[row], positives.indptr[row + 1])
            vectors = others[positives.indices[entries]]
            root = np.sqrt(positives.data[entries])[:, None]
            scaled = vectors * root
            system = scaled.T @ scaled + base
            system[diagonal] += penalty[row]
            _, solution, _ = lapack.sposv(system, scaled.T @ root, overwrite_a=True)
            solved[row] = solution[:, 0]
        return solved

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Solve for the histories and multiply with the items, shape (n, n_items)."""
        query = query_matrix(self, histories)
        vectors = self.solve_rows(query, self.item_vectors, self._gram)
        scores: FloatArray = vectors @ self.item_vectors.T
        return self.popular_where_empty(scores, query.getnnz(axis=1) == 0)

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Cosine of item vectors, shape (n, n_items)."""
        return cosine_scores(self.item_vectors, items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the item vectors; users are solved for when asked."""
        return {"item_vectors": self.item_vectors}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the item vectors."""
        self._choose_weight()
        shape = (self.n_items, self.config.dim)
        self._take(take(arrays, "item_vectors", np.float32, shape))
