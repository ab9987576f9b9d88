"""Random walks on the graph of users and items, all of a pass at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recsys_core.data.dataset import IntArray, TimeArray
from recsys_core.recall.skipgram import SkipGramConfig


class WalkConfig(SkipGramConfig):
    """Fields of the models that learn from random walks."""

    walks_per_node: int = Field(
        10, ge=1, le=10_000, description="Passes: each starts one walk at every user and item."
    )
    walk_length: int = Field(40, ge=2, le=10_000, description="Nodes of a walk.")


class Walks:
    """A corpus of walks; each pass starts one at every node, in a new random order.

    Users are nodes 0 to n_users - 1, items follow. A step goes along a random edge, so walks visit
    users and items in turn.

    Parameters
    ----------
    matrix
        Shape (n_users, n_items): who likes what; the entries are the weights of the edges.
    length
        Nodes of a walk.
    seed
        Seeds the walks of all passes.

    References
    ----------
    Perozzi, Al-Rfou, Skiena: DeepWalk: Online learning of social representations. KDD 2014,
    algorithm 1.
    """

    def __init__(self, matrix: sp.csr_matrix, length: int, seed: int) -> None:
        graph = sp.csr_matrix(sp.bmat([[None, matrix], [matrix.T, None]]))
        self.offsets, self.neighbours = graph.indptr, graph.indices
        self.counts: TimeArray = np.diff(graph.indptr).astype(np.int64)
        """Shape (nodes,): edges of each; a long walk visits nodes in proportion to them."""
        self.nodes = np.flatnonzero(self.counts)
        self.length = length
        self.seed = seed
        self.passes = 0
        self.n_tokens = len(self.nodes) * length

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.passes])
        self.passes += 1
        for walk in self.walk(rng.permutation(self.nodes), rng):
            yield walk.tolist()

    def walk(self, starts: TimeArray, rng: np.random.Generator) -> IntArray:
        """Walk from each of `starts`, shape (n,), at the same time; shape (n, length)."""
        walks = np.empty((self.length, len(starts)), dtype=np.int32)
        walks[0] = starts
        for step in range(1, self.length):
            here = walks[step - 1]
            edge = (rng.random(len(here)) * self.counts[here]).astype(np.int64)
            walks[step] = self.neighbours[self.offsets[here] + edge]
        return np.ascontiguousarray(walks.T)
