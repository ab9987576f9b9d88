"""Where each event of a user went, in the order in which histories are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.protocols.build import dataset, split


def test_parts_follow_the_timelines_of_the_users() -> None:
    data = dataset(
        [
            (1, 0, 5.0, 30),
            (0, 1, 5.0, 20),
            (0, 0, 4.0, 10),
            (0, 2, 1.0, 20),  # at the time of row 1: file order decides
            (1, 2, 4.0, 5),
            (2, 1, 3.0, 1),
        ]
    )
    assert data.timeline.tolist() == [2, 1, 3, 4, 0, 5]
    parts = split(data, train=[2, 4], valid=[1], test=[0, 3]).parts()
    assert parts.tolist() == [0, 1, 2, 0, 2, 3]


@pytest.mark.parametrize("users", [1, 2**26], ids=["few users", "more users than one key can hold"])
def test_the_timeline_is_sorted_whatever_the_numbers(users: int) -> None:
    """User and time are packed into one integer of 63 bits where they fit."""
    rows = [(users, 0), (0, 9), (1, 2**37), (1, -5), (0, 9), (1, 0)]  # before 1970, too
    data = dataset([(user, 0, 5.0, time) for user, time in rows], n_users=1)
    data = replace(data, user_ids=np.broadcast_to(data.user_ids, users + 1))
    assert data.timeline.tolist() == sorted(range(len(rows)), key=lambda row: (*rows[row], row))
