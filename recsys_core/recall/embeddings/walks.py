"""Random walks on the graph of users and items, and the models that learn from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.threads import thread_budget
from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.events import OnEvent, ignore
from recsys_core.recall.base import RecallModel
from recsys_core.recall.embeddings.skipgram import SkipGram, SkipGramConfig, train_skip_gram
from recsys_core.recall.shared.history import HistoryConfig
from recsys_core.recall.shared.similar import ItemToItem, cosine_scores, unit
from recsys_core.recall.shared.validation import Validation
from recsys_core.retrieval.vector_index import IndexConfig, VectorIndex
from recsys_core.saving.arrays import take

#: walks that one thread, or one machine, makes at a time
AT_ONCE = 65_536


class Walks:
    """A corpus of walks; each pass starts one at every node, in a new random order.

    Users are nodes 0 to n_users - 1, items follow. A step goes along a random edge, so walks visit
    users and items in turn. Threads share out the walks, or what ``joblib.parallel_config`` says.

    Parameters
    ----------
    matrix
        Shape (n_users, n_items), binary: who likes what.
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
        seeds = [self.seed, self.passes]
        self.passes += 1
        order = np.random.default_rng(seeds).permutation(self.nodes)
        parts = [order[first : first + AT_ONCE] for first in range(0, len(order), AT_ONCE)]
        spread = Parallel(
            max(1, min(thread_budget(), len(parts))), prefer="threads", return_as="generator"
        )
        walks = spread(
            delayed(random_walks)(self.offsets, self.neighbours, part, self.length, [*seeds, place])
            for place, part in enumerate(parts)
        )
        for some in walks:
            for walk in some:
                yield walk.tolist()


def random_walks(
    offsets: IntArray,
    neighbours: IntArray,
    starts: NDArray[np.integer],
    length: int,
    seeds: list[int],
) -> IntArray:
    """Walk from each of `starts`, all at the same time.

    Parameters
    ----------
    offsets, neighbours
        Shapes (nodes + 1,) and (edges,): node v has neighbours[offsets[v]:offsets[v + 1]]; no node
        that can be reached has none.
    starts
        Shape (n,).
    seeds
        Of the generator.

    Returns
    -------
    Shape (n, length).
    """
    rng = np.random.default_rng(seeds)
    walks = np.empty((length, len(starts)), dtype=np.int32)
    walks[0] = starts
    for step in range(1, length):
        here = walks[step - 1]
        edges = offsets[here + 1] - offsets[here]
        edge = (rng.random(len(here)) * edges).astype(np.int64)
        walks[step] = neighbours[offsets[here] + edge]
    return np.ascontiguousarray(walks.T)


class WalkConfig(SkipGramConfig, HistoryConfig, IndexConfig):
    """Fields of the models that learn from random walks."""

    walks_per_node: int = Field(40, ge=1, le=10_000, description="Walks per node (user or item).")
    walk_length: int = Field(40, ge=2, le=10_000, description="Nodes per walk.")
    window: int = Field(
        2,
        ge=1,
        le=1000,
        description="Context window on a walk. 1: a user's items and an item's users; 2: also "
        "users with an item in common, and items with a user in common.",
    )
    learning_rate: float = Field(
        0.1, gt=0, le=1, description="Initial learning rate; it decays linearly to almost zero."
    )
    neighbours: int = Field(
        100, ge=1, le=100_000, description="Number of most similar nodes to use per node."
    )


ConfigT = TypeVar("ConfigT", bound=WalkConfig)


class WalkModel(ItemToItem, RecallModel[ConfigT]):
    """Give users and items vectors by random walks; children say how vectors recommend.

    Walks are sentences to skip-gram, which learns an input vector v and an output vector v' of
    each node: v_a . v'_b is large where b is often near a. Two nodes are alike where both say so,

        sim(a, b) = (cos(v_a, v_b) + cos(v'_a, v'_b)) / 2.
    """

    nodes: FloatArray
    """Shape (n_users + n_items, 2 dim): v / |v| and v' / |v'| side by side, times sqrt(1/2), so
    that products are similarities; zero for nodes without an edge."""
    curve: list[dict[str, float]]
    """ndcg@10 on validation users after each pass."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        validation = Validation(valid)
        walks = Walks(positives.matrix(), self.config.walk_length, self.runtime.seed)

        def validate(vectors: SkipGram) -> dict[str, float]:
            self.nodes = unit(np.hstack([unit(vectors.inputs), unit(vectors.outputs)]))
            if len(validation.users) == 0:
                return {}
            self._prepare(IndexConfig(), ignore)  # an exact index is the quickest to build
            return validation(self)

        self.curve = train_skip_gram(
            walks,
            walks.counts,
            self.config.walks_per_node,
            self.config,
            self.runtime.seed,
            validate,
            on_event,
        )
        self._prepare(self.config, on_event)

    @abstractmethod
    def _prepare(self, index: IndexConfig, on_event: OnEvent) -> None:
        """Get ready to recommend by `nodes`, through an index of this kind."""

    @property
    def user_nodes(self) -> FloatArray:
        """Shape (n_users, 2 dim)."""
        return self.nodes[: len(self.histories)]

    @property
    def item_nodes(self) -> FloatArray:
        """Shape (n_items, 2 dim)."""
        return self.nodes[len(self.histories) :]

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Similarity of nodes, shape (n, n_items)."""
        return cosine_scores(self.item_nodes, items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Collect the vectors of users and items."""
        return {"nodes": self.nodes}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the vectors and get ready again."""
        shape = (len(self.histories) + self.n_items, 2 * self.config.dim)
        self.nodes = take(arrays, "nodes", np.float32, shape)
        self._prepare(self.config, ignore)


def similarities(
    index: VectorIndex, queries: FloatArray, own: NDArray[np.integer], k: int
) -> sp.csr_matrix:
    """Find the `k` nearest of each query that are at all similar, leaving itself out.

    Parameters
    ----------
    queries
        Shape (n, dim), of length 1.
    own
        Shape (n,): place of each query's own vector in the index; -1: it has none.

    Returns
    -------
    Shape (n, len(index)): similarities, all above 0.
    """
    place, similarity = index.search(queries, min(k + 1, len(index)))
    kept = (place != own[:, None]) & (similarity > 0)
    kept &= np.cumsum(kept, axis=1) <= k
    row, _ = np.nonzero(kept)
    shape = (len(queries), len(index))
    return sp.csr_matrix((similarity[kept], (row, place[kept])), shape=shape)
