"""Random walks: every step is an edge, every node starts one, chances are as they should be."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.compute.threads import limited_threads
from recsys_core.recall.embeddings import walks as module
from recsys_core.recall.embeddings.walks import Walks, random_walks


def likes(*pairs: tuple[int, int], shape: tuple[int, int]) -> sp.csr_matrix:
    users, items = zip(*pairs, strict=True)
    return sp.csr_matrix((np.ones(len(pairs), np.float32), (users, items)), shape=shape)


def test_with_one_way_to_go_walks_are_known_beforehand() -> None:
    # user 0 - item 0 (node 3); user 1 likes nothing; user 2 - item 1 (node 4); item 2 is unliked
    walks = Walks(likes((0, 0), (2, 1), shape=(3, 3)), length=5, seed=0)
    assert walks.counts.tolist() == [1, 0, 1, 1, 1, 0]
    assert sorted(walks) == [
        [0, 3, 0, 3, 0],
        [2, 4, 2, 4, 2],
        [3, 0, 3, 0, 3],
        [4, 2, 4, 2, 4],
    ]
    assert (len(walks), walks.n_tokens) == (4, 20)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_walks_go_along_edges_and_start_at_every_node(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    n_users, n_items = (int(n) for n in rng.integers(1, 9, 2))
    dense = rng.random((n_users, n_items)) < 0.4
    dense[0, 0] = True
    walks = Walks(sp.csr_matrix(dense.astype(np.float32)), length, seed)
    table = np.array(list(walks))
    active = [*np.flatnonzero(dense.any(1)), *(n_users + np.flatnonzero(dense.any(0)))]
    assert sorted(table[:, 0]) == active
    here, there = table[:, :-1].ravel(), table[:, 1:].ravel()
    user, item = np.minimum(here, there), np.maximum(here, there) - n_users
    assert (user < n_users).all()
    assert (item >= 0).all()
    assert dense[user, item].all()


def test_every_neighbour_is_as_likely() -> None:
    # item 0 (node 4) is liked by all of four users, item 1 (node 5) by user 3 alone
    walks = Walks(likes((0, 0), (1, 0), (2, 0), (3, 0), (3, 1), shape=(4, 2)), length=3, seed=0)
    graph = (walks.offsets, walks.neighbours)
    paths = random_walks(*graph, np.full(20_000, 5), 3, [0])
    assert (paths[:, 1] == 3).all()
    share_back = (paths[:, 2] == 5).mean()  # user 3 likes two items: 1/2
    assert abs(share_back - 1 / 2) < 0.015
    paths = random_walks(*graph, np.full(20_000, 4), 3, [0])
    shares = np.bincount(paths[:, 1], minlength=4) / 20_000
    np.testing.assert_allclose(shares, 1 / 4, atol=0.015)


def test_passes_differ_and_seeds_repeat_them() -> None:
    matrix = sp.csr_matrix(np.ones((6, 6), np.float32))
    first, again, other = Walks(matrix, 9, 0), Walks(matrix, 9, 0), Walks(matrix, 9, 1)
    one, two = list(first), list(first)
    assert one != two
    assert [list(again), list(again)] == [one, two]
    assert list(other) != one


def test_threads_share_out_the_walks_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 4)
    matrix = sp.csr_matrix(np.ones((6, 6), np.float32))
    tables = []
    for threads in (1, 2):
        with limited_threads(threads):
            tables.append(list(Walks(matrix, 9, 0)))
    assert tables[0] == tables[1]
    assert len(tables[0]) == 12
    assert len({tuple(walk[1:]) for walk in tables[0]}) > 9  # parts have generators of their own
