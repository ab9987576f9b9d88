"""Blocks give the same whoever works on them."""

from __future__ import annotations

import os
import threading
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from scipy import linalg
from scipy.linalg import lapack
from threadpoolctl import threadpool_info, threadpool_limits

from recsys_core.compute import blocks
from recsys_core.compute.blocks import map_blocks, telling
from recsys_core.compute.threads import limited_threads, one_torch_thread
from recsys_core.events import Event
from recsys_core.recall.lists import block_rows
from tests.recall.build import N_USERS, fit, planted


def test_blocks_cover_the_range_in_order() -> None:
    with limited_threads(2):
        parts = map_blocks(lambda part: list(range(part.start, part.stop)), 10, 4)
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert map_blocks(lambda part: part, 0, 4) == []


def test_the_budget_of_threads_is_kept() -> None:
    both = threading.Barrier(2)

    def meet(part: slice) -> int:
        both.wait(timeout=20)  # passes only where two work side by side
        return threading.get_ident()

    with limited_threads(2):
        assert len(set(map_blocks(meet, 2, 1))) == 2
    with limited_threads(1):
        assert set(map_blocks(lambda part: threading.get_ident(), 4, 1)) == {threading.get_ident()}


def test_blocks_that_are_done_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "REPORT_SECONDS", 0.0)
    events: list[Event] = []

    def work(part: slice) -> int:
        return len(map_blocks(lambda inner: inner, 4, 1))  # of which nothing is told

    for threads in (1, 2):
        with limited_threads(threads), telling(events.append, "evaluate"):
            assert map_blocks(work, 3, 1) == [4, 4, 4]
    assert events == [Event("evaluate", done, 3) for done in (1, 2, 3)] * 2
    map_blocks(work, 3, 1)
    assert len(events) == 6


def test_a_block_has_at_least_some_rows() -> None:
    assert block_rows(1000) == 2097
    assert block_rows(1_000_000) == 32  # 2 would fit into a cache, and take four times as long
    assert block_rows(10**9) == 32


def blas_threads() -> int:
    return max(int(each["num_threads"]) for each in threadpool_info() if each["user_api"] == "blas")


def test_libraries_share_the_budget_with_the_workers() -> None:
    both = threading.Barrier(2)

    def count(part: slice) -> tuple[int, int]:
        both.wait(timeout=20)
        seen = blas_threads(), torch.get_num_threads()
        both.wait(timeout=20)
        return seen

    with limited_threads(4):
        assert set(map_blocks(count, 2, 1)) == {(2, 2)}
        assert (blas_threads(), torch.get_num_threads()) == (4, 4)


def test_uses_of_one_torch_thread_that_overlap_leave_what_was_before() -> None:
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen: list[int] = []

    def second() -> None:
        first_is_in.wait(timeout=20)
        with one_torch_thread():
            seen.append(torch.get_num_threads())
            second_is_in.set()
            first_is_out.wait(timeout=20)

    other = threading.Thread(target=second)
    other.start()
    with limited_threads(4):
        with one_torch_thread():
            seen.append(torch.get_num_threads())
            first_is_in.set()
            second_is_in.wait(timeout=20)
        first_is_out.set()
        other.join()
        fresh = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        fresh.start()
        fresh.join()
        assert [*seen, torch.get_num_threads()] == [1, 1, 4, 4]


def test_a_chosen_backend_does_the_work_in_its_processes() -> None:
    model = fit("popularity", planted()[0])
    here = model.recommend(np.arange(N_USERS), 5)
    with joblib.parallel_config(backend="loky"), limited_threads(2):
        elsewhere = set(map_blocks(lambda part: os.getpid(), 4, 1))
        table = np.zeros(4)
        map_blocks(lambda part: table.__setitem__(part, 1), 4, 1, in_place=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("recsys_core.recall.lists.BLOCK_SCORES", 50 * model.n_items)
            there = model.recommend(np.arange(N_USERS), 5)
    assert os.getpid() not in elsewhere
    assert table.all()
    np.testing.assert_array_equal(here.items, there.items)
    np.testing.assert_array_equal(here.scores, there.scores)


@pytest.mark.parametrize(
    ("model", "module", "name"),
    [("ease", lapack, "spotrf"), ("seq-ridge", linalg, "cho_factor")],
)
def test_a_library_that_is_loaded_late_keeps_to_the_budget(
    model: str, module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    factorise = getattr(module, name)

    def count(*args: Any, **options: Any) -> Any:
        seen.append(blas_threads())
        return factorise(*args, **options)

    monkeypatch.setattr(module, name, count)
    with limited_threads(1), threadpool_limits(2, user_api="blas"):  # as if just now loaded
        fit(model, planted()[0])
    assert seen == [1]
