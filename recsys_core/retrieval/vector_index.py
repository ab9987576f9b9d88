"""Nearest vectors by inner product, through faiss: exact, or faster and nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Histories
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.events import Event, OnEvent

#: k-means of an ivf index sees at most this many vectors per list, as faiss advises
TRAINING_VECTORS = 256
#: queries by which an index is compared with the exact one
SAMPLE = 1000
#: beyond this share of all vectors, comparing with all is faster than any index
LARGEST_SHARE = 0.1


class IndexConfig(Config):
    """Fields of every model that finds its vectors through an index."""

    replaced: ClassVar[Mapping[str, str]] = {
        "hnsw_links": "hnsw_m",
        "hnsw_search": "hnsw_ef_search",
        "ivf_lists": "ivf_nlist",
        "ivf_probes": "ivf_nprobe",
    }

    index: Literal["flat", "hnsw", "ivf"] = Field(
        "flat",
        description="Nearest-neighbour index. flat: exact, compares all vectors; hnsw: follows a "
        "graph of neighbours; ivf: searches the nearest of many inverted lists.",
    )
    hnsw_m: int = Field(32, ge=2, le=256, description="hnsw: links per vector (M).")
    hnsw_ef_search: int = Field(
        256,
        ge=1,
        le=100_000,
        description="hnsw: candidates kept while searching (efSearch); a "
        "larger number finds more true neighbours.",
    )
    ivf_nlist: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="ivf: number of inverted lists; null: square root of the number of vectors.",
    )
    ivf_nprobe: int = Field(
        32,
        ge=1,
        le=1_000_000,
        description="ivf: lists searched per query; a larger number finds more true neighbours.",
    )


class VectorIndex:
    """Vectors that can be asked for the nearest to a query, by inner product.

    Building and searching take one thread each, so that the same vectors give the same answers;
    `recommend` runs several searches side by side.

    Parameters
    ----------
    vectors
        Shape (n, dim), float32.
    config
        Kind of the index and its fields.

    References
    ----------
    Douze et al.: The faiss library. arXiv 2401.08281, 2024. HNSW: Malkov, Yashunin: Efficient and
    robust approximate nearest neighbor search. TPAMI 2020. IVF: Jegou et al.: Product quantization
    for nearest neighbor search. TPAMI 2011.
    """

    def __init__(self, vectors: FloatArray, config: IndexConfig) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.config = config

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def _index(self) -> Any:
        """Built when it is first asked: the index of a two-stage channel never is."""
        index = self._build(_single_threaded_faiss())
        index.add(self.vectors)
        return index

    @property
    def built(self) -> Any:
        """The index of faiss, e.g. to be written to a file."""
        return self._index

    def _build(self, faiss: Any) -> Any:
        dim, config = self.vectors.shape[1], self.config
        product = faiss.METRIC_INNER_PRODUCT
        if config.index == "flat" or len(self) == 0:
            return faiss.IndexFlatIP(dim)
        if config.index == "hnsw":
            graph = faiss.IndexHNSWFlat(dim, config.hnsw_m, product)
            graph.hnsw.efSearch = config.hnsw_ef_search
            return graph
        lists = min(config.ivf_nlist or round(len(self) ** 0.5), len(self))
        coarse = faiss.IndexFlatIP(dim)
        inverted = faiss.IndexIVFFlat(coarse, dim, lists, product)
        inverted.cp.min_points_per_centroid = 1  # small sets are no reason for a warning
        inverted.cp.max_points_per_centroid = TRAINING_VECTORS
        inverted.nprobe = config.ivf_nprobe
        inverted.train(self.vectors)
        return inverted

    def search(self, queries: FloatArray, k: int) -> tuple[TimeArray, FloatArray]:
        """Find the nearest vectors, best first.

        Parameters
        ----------
        queries
            Shape (n, dim), float32.

        Returns
        -------
        positions, scores
            Shape (n, k) each; -1 and -inf where fewer were found.

        Raises
        ------
        InputError
            The queries have another dimension than the vectors.
        """
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise InputError(
                f"index: queries of shape {queries.shape}, the vectors have "
                f"{self.vectors.shape[1]} dimensions",
                f"query with vectors of the same model, or {TRAIN_AGAIN}",
            )
        if k == 0:  # an index of nothing: nobody likes anything
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        _single_threaded_faiss()
        scores, positions = self._index.search(np.ascontiguousarray(queries, np.float32), k)
        scores[positions < 0] = -np.inf
        return positions, scores

    def recall(self, queries: FloatArray, k: int) -> float:
        """Share of the `k` nearest vectors, found by comparing with all, that a search finds."""
        k = min(k, len(self))
        exact = _single_threaded_faiss().IndexFlatIP(self.vectors.shape[1])
        exact.add(self.vectors)
        _, wanted = exact.search(np.ascontiguousarray(queries, np.float32), k)
        found, _ = self.search(queries, k)
        shared = [np.isin(row, others).mean() for row, others in zip(wanted, found, strict=True)]
        return float(np.mean(shared))


def report_recall(index: VectorIndex, queries: FloatArray, k: int, on_event: OnEvent) -> None:
    """Say how much of the exact top `k` of some `queries` an index finds that is not exact."""
    kind = index.config.index
    if kind == "flat" or len(index) == 0:
        return
    some = np.random.default_rng(0).permutation(len(queries))[:SAMPLE]
    found = index.recall(queries[some], k)
    message = f"the {kind} index finds {found:.2%} of the exact top {k}"
    on_event(Event("fit", metrics={f"index_recall@{k}": found}, message=message))


def _single_threaded_faiss() -> Any:
    """Import faiss and keep the calling thread's searches from starting threads of their own."""
    import faiss

    faiss.omp_set_num_threads(1)  # OpenMP keeps this number for each thread
    return faiss


def search_unseen(
    index: VectorIndex,
    items: IntArray,
    queries: FloatArray,
    seen: Histories,
    k: int,
    tie_rank: IntArray,
    banned: IntArray,
) -> tuple[IntArray, FloatArray, NDArray[np.bool_]]:
    """Find the best `k` items that are neither seen nor banned, by fetching as many more.

    Parameters
    ----------
    index
        Over the vectors of `items`.
    items
        Shape (len(index),): the item of each vector.
    queries
        Shape (n, dim).
    seen
        n rows: items to leave out.
    tie_rank
        Shape (n_items,): the order in which equal scores are listed.
    banned
        Items to leave out of every list.

    Returns
    -------
    found, scores
        Shape (n, k) each.
    sure
        Shape (n,): whether the index had all that the list needs; the other rows must be scored in
        full: it had too few items that may be listed, so many are left out that searching is no
        use, or the last item scores as one that may have been cut off.
    """
    n = len(queries)
    found, best = np.full((n, k), -1, np.int32), np.full((n, k), -np.inf, np.float32)
    sure = np.zeros(n, dtype=np.bool_)
    # one search a power of two: who has seen little does not wait for who has seen much
    fetch = np.left_shift(1, np.frexp(k + len(banned) + seen.lengths)[1].astype(np.int64))
    fetch[fetch > len(index) * LARGEST_SHARE] = 0
    for size in np.unique(fetch[fetch > 0]):
        rows = np.flatnonzero(fetch == size)
        position, scores = index.search(queries[rows], int(size))
        candidates = np.where(position >= 0, items[position], -1)
        cut_off = scores[:, -1].copy()
        scores[_in_rows(candidates, seen.take(rows), len(tie_rank))] = -np.inf
        if len(banned):
            scores[np.isin(candidates, banned)] = -np.inf
        order = np.lexsort((tie_rank[candidates], -scores), axis=1)[:, :k]
        best[rows] = np.take_along_axis(scores, order, axis=1)
        found[rows] = np.take_along_axis(candidates, order, axis=1)
        sure[rows] = best[rows, -1] > cut_off
    return found, best, sure


def _in_rows(items: IntArray, rows: Histories, n_items: int) -> NDArray[np.bool_]:
    """Shape of `items`, (n, width): whether row r of `rows` has the item."""
    pairs = rows.row * n_items + rows.items
    wanted = np.arange(len(items))[:, None] * n_items + items
    inside: NDArray[np.bool_] = np.isin(wanted, pairs)
    return inside
