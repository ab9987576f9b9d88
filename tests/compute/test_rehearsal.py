"""A rehearsal does a little and counts the rest; outside of one, everything is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.compute import rehearsal
from recsys_core.compute.blocks import map_blocks
from recsys_core.compute.rehearsal import Rehearsal, by_rows, cubic, passes, rehearsing, some
from recsys_core.compute.threads import limited_threads


class Ticking(Rehearsal):
    """A rehearsal whose clock stands still unless the test says that time goes by."""

    ticks = 0.0

    def clock(self) -> NDArray[np.float64]:
        return self.ticks + self.left_out

    @property
    def most(self) -> float:
        return float(self.left_out[0, 0])

    @property
    def least(self) -> float:
        return float(self.left_out[1, 0])


@pytest.fixture
def now() -> Iterator[Ticking]:
    one = Ticking()
    with rehearsing(one), limited_threads(1):
        yield one


def test_outside_a_rehearsal_everything_is_done() -> None:
    assert list(some(iter("abc"), 3)) == ["a", "b", "c"]
    assert list(passes(3, least=1)) == [1, 2, 3]
    matrix = np.arange(6.0).reshape(3, 2)
    assert by_rows(np.sum, matrix) == 15
    assert cubic(np.negative, matrix) is not matrix


def test_the_first_steps_of_a_loop_stand_for_all_but_the_slow_ones_before_them(
    now: Ticking,
) -> None:
    done = 0
    for _ in some(range(100), 100):
        done += 1
        now.ticks += 5.0 if done <= rehearsal.WARMING else 0.25
    # a second is over at once: two slow steps, then as many as are timed at least
    assert done == 2 + 3
    assert now.most == pytest.approx((100 - 5) * 0.25)


def test_a_short_loop_is_done_to_its_end(now: Ticking) -> None:
    assert list(some(range(3), 3)) == [0, 1, 2]
    assert now.most == 0


def test_one_pass_stands_for_all_with_what_is_left_out_inside(now: Ticking) -> None:
    for _ in passes(10, least=4):
        for _ in some(range(50), 50):
            now.ticks += 1
        now.ticks += 2
    # a pass: 50 steps and 2 seconds, of which 5 steps are done; most 10 passes, at least 4
    assert now.ticks == 5 + 2
    assert now.ticks + now.most == pytest.approx(10 * 52)
    assert now.ticks + now.least == pytest.approx(4 * 52)


def test_some_blocks_stand_for_all(now: Ticking) -> None:
    now.patience = 3.0
    worked: list[slice] = []

    def work(part: slice) -> int:
        worked.append(part)
        now.ticks += 1
        map_blocks(lambda inner: worked.append(part), 10, 1)  # of a block nothing is left out
        return int(part.stop) - int(part.start)

    assert map_blocks(work, 99, 10) == [10] * 9 + [9]
    assert len({(part.start, part.stop) for part in worked}) == 2 + 3
    assert len(worked) == 5 * 11
    assert now.ticks + now.most == pytest.approx(10)


def test_a_busy_machine_gets_a_few_times_as_long() -> None:
    now = Rehearsal(patience=2.0)
    spent = np.array([[15.0, 1.9], [0.0, 0.0]])  # by the clock and of the processor
    assert not now.is_enough(spent)
    assert now.is_enough(spent + 1)
    assert now.is_enough(np.array([[2.1, 2.0], [0.0, 0.0]]))


def test_blocks_that_change_what_they_are_given_are_all_done(now: Ticking) -> None:
    filled = np.zeros(20)

    def work(part: slice) -> None:
        now.ticks += 1
        filled[part] = 1

    map_blocks(work, 20, 1, in_place=True)
    assert filled.all()
    assert now.most == 0


def test_a_large_matrix_is_judged_by_a_small_one(
    now: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "CORNER", 10)
    sizes: list[int] = []

    def work(matrix: NDArray[Any]) -> NDArray[Any]:
        sizes.append(len(matrix))
        now.ticks += len(matrix) ** 3 / 10_000
        return matrix + 1

    cubic(work, np.zeros((20, 20)))  # .1 s, so 8 * .1 s, which is quick enough to be done
    assert sizes == [10, 10, 20]
    assert now.ticks + now.most == pytest.approx(0.8)
    cubic(work, np.zeros((30, 30)))
    assert sizes == [10, 10, 20, 10, 10]
    assert now.ticks + now.most == pytest.approx(0.8 + 2.7)


def test_more_and_more_rows_are_taken_until_that_takes_long(now: Ticking) -> None:
    def work(matrix: NDArray[Any]) -> int:
        now.ticks += 0.1 + len(matrix) / 1000
        return len(matrix)

    # every 64th, 32nd, 16th, 8th row; more than half a second is enough to go by
    assert by_rows(work, np.zeros((3200, 1))) == 400
    assert now.ticks + now.most == pytest.approx(0.1 + 3.2)
    assert by_rows(work, np.zeros((64, 1))) == 64
