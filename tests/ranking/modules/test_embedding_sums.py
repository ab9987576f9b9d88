"""Where the uses of each table row begin, found in two ways."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from recsys_core.ranking.modules.embedding import starts_by_counting, starts_by_searching


@given(st.lists(st.integers(0, 6), max_size=12))
def test_counting_and_searching_agree(used: list[int]) -> None:
    indices = torch.tensor(used, dtype=torch.int32)
    ascending = torch.sort(indices).values
    expected = [sum(each < row for each in used) for row in range(7)]
    assert starts_by_counting(indices, 7).tolist() == expected
    assert starts_by_searching(ascending, 7).tolist() == expected
