"""Round ticks: chosen by hand, and whatever the range."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.tui.view.ticks import log_ticks, round_ticks, tick_texts


@pytest.mark.parametrize(
    ("low", "high", "most", "texts"),
    [
        (1, 12, 6, "2 4 6 8 10 12"),
        (1, 12, 5, "5 10"),
        (0.28, 0.2801, 3, "0.28000 0.28005 0.28010"),
        (-3, 7, 4, "0 5"),
        (0, 1e9, 5, "0 500M 1G"),
        (1e8, 1e8 + 3, 4, "100,000,000 100,000,001 100,000,002 100,000,003"),
        (5, 5, 4, ""),
    ],
)
def test_linear_ticks_by_hand(low: float, high: float, most: int, texts: str) -> None:
    assert " ".join(tick_texts(round_ticks(low, high, most))) == texts


@pytest.mark.parametrize(
    ("low", "high", "most", "texts"),
    [
        (1e-4, 1e-1, 5, "0.0001 0.001 0.01 0.1"),
        (1e-4, 1e-1, 3, "0.0001 0.01"),
        (0.5, 30, 6, "0.5 1 2 5 10 20"),
        (1, 1.5, 4, "1.0 1.2 1.4"),
        (0, 10, 4, ""),
    ],
)
def test_logarithmic_ticks_by_hand(low: float, high: float, most: int, texts: str) -> None:
    assert " ".join(tick_texts(log_ticks(low, high, most))) == texts


@given(st.floats(), st.floats(), st.integers(0, 12))
def test_ticks_are_few_and_inside_the_range(low: float, high: float, most: int) -> None:
    for ticks in (round_ticks(low, high, most), log_ticks(low, high, most)):
        assert len(ticks) <= max(1, most)
        slack = 1e-8 * (high - low) if ticks else 0
        assert all(low - slack <= tick <= high + slack for tick in ticks)
        assert all(map(math.isfinite, ticks))
