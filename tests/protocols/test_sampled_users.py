"""A sample of the test users is judged; the test rows of the others are left out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.protocols.registry import make_protocol, protocol_names
from recsys_core.protocols.split import Split
from tests.protocols.build import random_dataset
from workbench.reports.notes import notes

USERS = 30
TIMED = [name for name in protocol_names() if name != "given"]


def cut(name: str = "user-timeline", **fields: Any) -> Split:
    return make_protocol({"name": name, **fields}).split(random_dataset(3))


def users(split: Split) -> set[int]:
    return set(split.test.user.tolist())


@pytest.mark.parametrize("name", TIMED)
def test_rows_of_the_sample_stay_where_they_were(name: str) -> None:
    whole = cut(name)
    least = min(len(users(whole)), 3) - 1
    sampled = cut(name, test_users=max(least, 2))
    assert users(sampled) <= users(whole)
    of_sample = np.isin(whole.test.user, list(users(sampled)))
    np.testing.assert_array_equal(sampled.test.rows, whole.test.rows[of_sample])
    for part in ("train", "valid"):
        np.testing.assert_array_equal(getattr(sampled, part).rows, getattr(whole, part).rows)


def test_numbers_by_hand() -> None:
    """Each of 30 users has 20 events, of which 2 are test."""
    whole, sampled = cut(), cut(test_users=5)
    assert (len(users(whole)), len(users(sampled))) == (USERS, 5)
    assert sampled.counts["sampled_test_users"] == 5
    assert sampled.counts["test_users_left_out"] == USERS - 5
    left_out = len(whole.test) - len(sampled.test)
    assert np.count_nonzero(sampled.parts() == 3) == left_out  # neither learned from nor judged
    assert sampled.fingerprint != whole.fingerprint


def test_a_larger_sample_holds_every_smaller_one() -> None:
    sizes = (2, 5, 11, 29)
    samples = [users(cut(test_users=n)) for n in sizes]
    assert [len(some) for some in samples] == list(sizes)
    assert all(small < large for small, large in pairwise(samples))


def test_a_sample_of_all_is_the_split_itself() -> None:
    assert cut(test_users=USERS).fingerprint == cut().fingerprint
    assert cut(test_users=10**6).counts == cut().counts


def test_users_held_out_who_are_not_drawn_are_not_asked() -> None:
    whole = cut("held-out-users", test_share=0.3)
    sampled = cut("held-out-users", test_share=0.3, test_users=2)
    user = whole.dataset.user
    gone = users(whole) - users(sampled)
    assert gone
    np.testing.assert_array_equal(
        sampled.query, whole.query[~np.isin(user[whole.query], list(gone))]
    )


def test_each_window_has_its_own_sample() -> None:
    dates = ("1970-01-01T00:01:00", "1970-01-01T00:01:20")
    windows = cut("global-timeline", dates=dates, test_users=4).windows
    assert [len(users(window)) for window in windows.values()] == [4, 4]


def test_one_user_is_no_sample() -> None:
    with pytest.raises(InputError, match="test_users"):
        cut(test_users=1)


def said_of(split: Split) -> list[str]:
    """Write the notes of a report on a split."""
    protocol = {
        "name": split.protocol,
        "leaks": split.leaks,
        "parameters": split.parameters,
        "counts": split.counts,
        **{part: len(getattr(split, part)) for part in ("train", "valid", "test")},
    }
    dataset = {"name": "tiny", "interactions": None}
    return notes(
        {"dataset": dataset, "protocol": protocol, "runs": [], "seeds": [0], "summary": {}}
    )


def test_a_report_says_so() -> None:
    said = said_of(cut(test_users=5))
    assert (
        "Judged on a sample: 5 of 30 users with test rows (test_users); intervals are as wide as"
        " for that many users." in said
    )
    assert not [line for line in said if line.startswith("Protocol counts")]


def test_of_several_windows_it_names_the_one_that_was_counted() -> None:
    dates = ("1970-01-01T00:01:00", "1970-01-01T00:01:20")
    split = cut("global-timeline", dates=dates, test_users=4)
    others = split.counts["test_users_left_out"]
    wanted = f"Judged on a sample: 4 of {4 + others} users with test rows, in the last window"
    assert [line for line in said_of(split) if line.startswith(wanted)]
