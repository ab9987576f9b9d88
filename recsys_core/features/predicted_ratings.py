"""What a user would rate an item: means, biases and factors by alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from threadpoolctl import threadpool_limits

from recsys_core.compute.blocks import map_blocks
from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Histories

if TYPE_CHECKING:
    import scipy.sparse as sp

#: length of the vectors, and solutions for all users and all items
DIM, ROUNDS = 16, 8
#: penalties on squared biases and on squared vectors
BIAS_L2, L2 = 10.0, 15.0
PENALTY = np.diag(np.array([BIAS_L2, *[L2] * DIM], dtype=np.float32))
#: the standard deviation of the entries of a first vector
INIT = 0.1
#: rows that one thread solves at a time
BLOCK = 256


@dataclass(frozen=True)
class PredictedRatings:
    """Matrix factorisation of ratings, r_ui ~ mean + b_u + b_i + <p_u, q_i>.

    Channels say what a user comes to see; this says how a user would like it, which only those who
    saw an item tell. With the items fixed, each user has a solution of its own,

        min  sum over rated i of (r_ui - mean - b_i - b_u - <p_u, q_i>)^2
             + BIAS_L2 b_u^2 + L2 |p_u|^2,

    and the other way round (Koren, Bell, Volinsky: Matrix factorization techniques for
    recommender systems. Computer 2009). Everybody is served by the solution for the history at
    hand.

    Parameters
    ----------
    mean
        Shape (): of all ratings.
    items
        Shape (n_items, 1 + DIM), float32: b_i, then q_i; zeros where nothing was rated.
    """

    mean: FloatArray
    items: FloatArray

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> Self:
        """Learn from all ratings of some users."""
        import scipy.linalg  # noqa: F401 - its BLAS is loaded before threads are limited
        import scipy.sparse as sp

        mean = np.array(histories.ratings.mean(dtype=np.float64), dtype=np.float32)
        # of a repeated item each rating is an entry
        shape, rest = (len(histories), n_items), histories.ratings - mean
        by_user = sp.csr_matrix((rest, histories.items, histories.offsets), shape)
        by_item = by_user.T.tocsr()
        first = np.random.default_rng(0).normal(0, INIT, (n_items, 1 + DIM))
        items = first.astype(np.float32)
        items[:, 0] = 0
        with threadpool_limits(1):  # small systems: threads share out the rows instead
            for _ in range(ROUNDS):
                items = _solve(by_item, _solve(by_user, items))
        return cls(mean, items)

    def solve(self, histories: Histories) -> FloatArray:
        """Find bias and vector of n users from what they rated, shape (n, 1 + DIM)."""
        rest = histories.ratings - self.mean
        return _solve_rows(histories.offsets, histories.items, rest, self.items)

    def __call__(self, users: FloatArray, items: IntArray) -> FloatArray:
        """Predict ratings, shape (n,).

        Parameters
        ----------
        users
            Shape (n, 1 + DIM): as of `solve`.
        items
            Shape (n,).
        """
        vectors = self.items.take(items, axis=0)
        vectors[:, 1:] *= users[:, 1:]
        predicted: FloatArray = vectors.sum(axis=1) + users[:, 0] + self.mean
        return predicted


def _solve(ratings: sp.csr_matrix, others: FloatArray) -> FloatArray:
    """Do as `_solve_rows`, in blocks side by side."""

    def solve(block: slice) -> FloatArray:
        offsets = ratings.indptr[block.start : block.stop + 1]
        return _solve_rows(offsets, ratings.indices, ratings.data, others)

    return np.concatenate(map_blocks(solve, ratings.shape[0], BLOCK))


def _solve_rows(
    offsets: TimeArray, columns: IntArray, ratings: FloatArray, others: FloatArray
) -> FloatArray:
    """Solve for the bias and the vector of n rows, given those of their columns.

    Parameters
    ----------
    offsets, columns, ratings
        Row r has the entries offsets[r] to offsets[r + 1], shape (n + 1,): columns, and ratings
        above the mean.
    others
        Shape (m, 1 + DIM).

    Returns
    -------
    Shape (n, 1 + DIM); zeros for rows without a rating.
    """
    from scipy.linalg import lapack  # slow to import, and few models ask for predicted ratings

    solved = np.zeros((len(offsets) - 1, 1 + DIM), dtype=np.float32)
    for row in np.flatnonzero(offsets[1:] > offsets[:-1]):
        entries = slice(offsets[row], offsets[row + 1])
        vectors = others.take(columns[entries], axis=0)
        rest = ratings[entries] - vectors[:, 0]
        vectors[:, 0] = 1  # what the row's own bias is multiplied by
        system = vectors.T @ vectors + PENALTY
        _, solution, _ = lapack.sposv(system, vectors.T @ rest[:, None], overwrite_a=True)
        solved[row] = solution[:, 0]
    return solved
