"""Random cuts, for comparison with published tables; the seed is fixed and not the model's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.data.dataset import Dataset, IntArray, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.base import (
    SEED,
    TEST,
    TRAIN,
    VALID,
    Cut,
    ProtocolConfig,
    places_from_end,
    share_of,
)
from recsys_core.protocols.leaks import FUTURE, shuffled


class RandomRows(ProtocolConfig):
    """Shuffle all rows; the first shares are test and validation, rounded down."""

    name: ClassVar[str] = "random-rows"
    leaks: ClassVar[str] = FUTURE

    valid_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the rows used for validation."
    )
    test_share: float = Field(0.1, gt=0, lt=0.5, description="Share of the rows used for testing.")

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        order = np.random.default_rng(SEED).permutation(len(rows))
        test = int(share_of(np.array(len(rows)), self.test_share))
        valid = int(share_of(np.array(len(rows)), self.valid_share))
        part = np.full(len(rows), TRAIN, dtype=np.int8)
        part[order[:test]] = TEST
        part[order[test : test + valid]] = VALID
        return Cut(part)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return shuffled(train, valid, test)


class RandomPerUser(ProtocolConfig):
    """Shuffle each user's rows; shares of them are test and validation.

    A user with n rows gives floor(share * n) to each part, as RecBole counts; where that is 0, one
    row goes to test and then one to validation as long as a row is left for train.
    """

    name: ClassVar[str] = "random-per-user"
    leaks: ClassVar[str] = FUTURE

    valid_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of each user's rows used for validation."
    )
    test_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of each user's rows used for testing."
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        user = dataset.user[rows]
        rng = np.random.default_rng(SEED)
        part = cut_each_user(user, rng, self.valid_share, self.test_share)
        alone = int(np.count_nonzero(np.bincount(user) == 1))
        return Cut(part, {"users_only_in_train": alone})

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return shuffled(train, valid, test)


def cut_each_user(
    user: IntArray, rng: np.random.Generator, valid_share: float, test_share: float
) -> NDArray[np.int8]:
    """Shuffle each user's rows and give shares of them to test and validation, shape (n,)."""
    n_users = int(user.max(initial=-1)) + 1
    place, length = places_from_end(user, rng.random(len(user)), n_users)
    test = np.where(length > 1, np.maximum(1, share_of(length, test_share)), 0)
    valid = np.where(length > 2, np.maximum(1, share_of(length, valid_share)), 0)
    part = np.full(len(user), TRAIN, dtype=np.int8)
    part[place < test + valid] = VALID
    part[place < test] = TEST
    return part
