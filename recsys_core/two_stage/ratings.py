"""What a user would rate an item: means, biases and factors by alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.blocks import map_blocks

#: length of the vectors, and solutions for all users and all items
DIM, ROUNDS = 16, 8
#: penalties on squared biases and on squared vectors
BIAS_L2, L2 = 10.0, 15.0
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
    def fit(cls, rows: Interactions) -> Self:
        """Learn from all ratings of `rows`."""
        mean = np.array(rows.rating.mean(dtype=np.float64), dtype=np.float32)
        by_user = _table(rows.histories(), mean, rows.n_items)
        by_item = by_user.T.tocsr()
        first = np.random.default_rng(0).normal(0, INIT, (rows.n_items, 1 + DIM))
        items = first.astype(np.float32)
        items[:, 0] = 0
        with threadpool_limits(1):  # small systems: threads share out the rows instead
            for _ in range(ROUNDS):
                items = _solve(by_item, _solve(by_user, items))
        return cls(mean, items)

    def __call__(self, histories: Histories, items: IntArray) -> FloatArray:
        """Predict the ratings of candidates.

        Parameters
        ----------
        histories
            n rows: what is known of the users.
        items
            Shape (n, width); padding (-1) gets the rating of some item.

        Returns
        -------
        Shape (n, width), float32.
        """
        user = _solve_rows(_table(histories, self.mean, len(self.items)), self.items)
        vectors = self.items[items]
        vectors[:, :, 1:] *= user[:, None, 1:]
        predicted: FloatArray = vectors.sum(axis=2) + user[:, :1] + self.mean
        return predicted


def _table(histories: Histories, mean: FloatArray, n_items: int) -> sp.csr_matrix:
    """Ratings above the mean, shape (n, n_items); of a repeated item each is an entry."""
    rest = histories.ratings - mean
    return sp.csr_matrix((rest, histories.items, histories.offsets), (len(histories), n_items))


def _solve(ratings: sp.csr_matrix, others: FloatArray) -> FloatArray:
    """Do as `_solve_rows`, in blocks side by side."""
    blocks = map_blocks(lambda block: _solve_rows(ratings[block], others), ratings.shape[0], BLOCK)
    return np.concatenate(blocks)


def _solve_rows(ratings: sp.csr_matrix, others: FloatArray) -> FloatArray:
    """Solve for the bias and the vector of all rows of `ratings`, given those of its columns.

    Shapes (n, m) and (m, 1 + DIM) give (n, 1 + DIM); zeros for rows without a rating.
    """
    solved = np.zeros((ratings.shape[0], 1 + DIM), dtype=np.float32)
    penalty = np.diag(np.array([BIAS_L2, *[L2] * DIM], dtype=np.float32))
    for row in np.flatnonzero(np.diff(ratings.indptr)):
        entries = slice(ratings.indptr[row], ratings.indptr[row + 1])
        vectors = others[ratings.indices[entries]]
        rest = ratings.data[entries] - vectors[:, 0]
        vectors[:, 0] = 1  # what the row's own bias is multiplied by
        system = vectors.T @ vectors + penalty
        _, solution, _ = lapack.sposv(system, vectors.T @ rest[:, None], overwrite_a=True)
        solved[row] = solution[:, 0]
    return solved
