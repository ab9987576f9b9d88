"""Re-ranking: what every step keeps, and each by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from recsys_core.two_stage.rerank import GenreCaps, RankedLists, Step, rerank

STEPS: TypeAdapter[Step] = TypeAdapter(Step)
TRADE_OFFS = ("mmr", "calibration", "popularity")
#: genres of eight items: 0 to 3 are comedies, 4 and 5 dramas, 6 both, 7 has none
GENRES = np.array(
    [[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [0, 0]], dtype=np.float32
)
POPULARITY = np.array([100, 50, 20, 10, 5, 4, 2, 0], dtype=np.float32)


def step(name: str, **fields: Any) -> Step:
    return STEPS.validate_python({"name": name, **fields})


def lists(items: list[list[int]], profile: tuple[float, float] = (0.5, 0.5)) -> RankedLists:
    profiles = np.tile(np.array(profile, np.float32), (len(items), 1))
    return RankedLists(np.array(items, np.int32), GENRES, profiles, POPULARITY)


def reordered(some: Step, items: list[int], profile: tuple[float, float] = (0.5, 0.5)) -> list[int]:
    order = rerank(some, lists([items], profile))[0]
    return [items[place] for place in order]


ranked = st.permutations(range(8)).flatmap(
    lambda items: st.integers(0, 8).map(lambda n: [*items[:n], *[-1] * (8 - n)])
)
any_step = st.one_of(
    st.builds(
        step,
        st.sampled_from(TRADE_OFFS),
        trade_off=st.floats(0, 1),
        depth=st.integers(1, 12),
    ),
    st.builds(step, st.just("genre-caps"), cap=st.integers(1, 3), top=st.integers(1, 8)),
)


@settings(max_examples=60, deadline=None)
@given(any_step, st.lists(ranked, min_size=1, max_size=3))
def test_a_step_permutes_and_leaves_padding_at_the_end(some: Step, items: list[list[int]]) -> None:
    order = rerank(some, lists(items))
    for row, places in zip(items, order, strict=True):
        assert sorted(places.tolist()) == list(range(8))
        new = [row[place] for place in places]
        found = sum(item >= 0 for item in row)
        assert min(new[:found], default=0) >= 0
        assert new[some.depth :] == row[some.depth :]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(TRADE_OFFS), ranked)
def test_trade_off_1_is_the_identity(name: str, items: list[int]) -> None:
    assert reordered(step(name, trade_off=1), items) == items


@settings(max_examples=60, deadline=None)
@given(ranked, st.integers(1, 3), st.integers(1, 8))
def test_no_genre_breaks_its_cap_while_other_items_are_left(
    items: list[int], cap: int, top: int
) -> None:
    new = reordered(GenreCaps(name="genre-caps", cap=cap, top=top), items)
    counts = np.zeros(2)
    for place, item in enumerate(new[:top]):
        if item < 0:
            break
        if (counts + GENRES[item] > cap).any():
            rest = [other for other in new[place:] if other >= 0]
            assert all((counts + GENRES[other] > cap).any() for other in rest)
        counts += GENRES[item]


def test_caps_by_hand() -> None:
    """Two comedies may be among the first three: the third place goes to the first drama."""
    caps = GenreCaps(name="genre-caps", cap=2, top=3)
    assert reordered(caps, [0, 1, 2, 3, 4, 5, 6, 7]) == [0, 1, 4, 2, 3, 5, 6, 7]


def test_mmr_by_hand() -> None:
    """With equal weights and relevance 1, 1/2, 0 of comedy, comedy, drama.

    After the first comedy the second is worth (1/2 - 1) / 2, the drama (0 - 0) / 2.
    """
    assert reordered(step("mmr", trade_off=0.5), [0, 1, 4]) == [0, 4, 1]
    assert reordered(step("mmr", trade_off=0.7), [0, 1, 4]) == [0, 1, 4]  # .35 - .3 > 0


def test_calibration_follows_the_profile() -> None:
    """Half comedies, half dramas: without regard for relevance the list alternates."""
    alternating = reordered(step("calibration", trade_off=0), [0, 1, 4, 5])
    assert [item < 4 for item in alternating] == [True, False, True, False]
    comedies = reordered(step("calibration", trade_off=0), [4, 5, 0, 1], (1.0, 0.0))
    assert comedies == [0, 1, 4, 5]


def test_popularity_puts_the_rarest_first() -> None:
    assert reordered(step("popularity", trade_off=0), [0, 1, 2, 3]) == [3, 2, 1, 0]


def test_unknown_steps_and_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="shuffle"):
        step("shuffle")
    with pytest.raises(ValueError, match="cap"):
        step("mmr", cap=3)
