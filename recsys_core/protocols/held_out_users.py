"""Users that no model learns from: they are asked with some of their events, to find the rest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from recsys_core.data.dataset import Dataset, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.base import (
    DROPPED,
    QUERY,
    SEED,
    TEST,
    TRAIN,
    VALID,
    Cut,
    ProtocolConfig,
    places_from_end,
    share_of,
)
from recsys_core.protocols.leaks import FUTURE, of_new_users

#: users with fewer events cannot be both asked and judged
LEAST_EVENTS = 2


class HeldOutUsers(ProtocolConfig):
    """Test and validation users are drawn at random, and no model learns from them.

    Of n users max(1, floor(share * n)) are drawn for each. Such a user's n events are shuffled:
    max(1, floor((1 - known_share) * n)) are to be found, and the model is asked with the others.
    Users with a single event are left out and counted. (Liang et al.: Variational autoencoders for
    collaborative filtering. WWW 2018.)
    """

    name: ClassVar[str] = "held-out-users"
    leaks: ClassVar[str] = FUTURE

    valid_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the users used for validation."
    )
    test_share: float = Field(0.1, gt=0, lt=0.5, description="Share of the users used for testing.")
    known_share: float = Field(
        0.8,
        gt=0,
        lt=1,
        description="Share of such a user's events that the model is asked with; the others are to"
        " be found.",
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        rng = np.random.default_rng(SEED)
        user = dataset.user[rows]
        users = rng.permutation(np.unique(user))
        test, valid = (
            max(1, int(share_of(np.array(len(users)), share)))
            for share in (self.test_share, self.valid_share)
        )
        goes_to = np.full(dataset.n_users, TRAIN, dtype=np.int8)
        goes_to[users[:test]] = TEST
        goes_to[users[test : test + valid]] = VALID
        part = goes_to[user]
        place, length = places_from_end(user, rng.random(len(rows)), dataset.n_users)
        found = np.maximum(1, share_of(length, 1 - self.known_share))
        held_out = part != TRAIN
        part[held_out & (place >= found)] = QUERY
        alone = held_out & (length < LEAST_EVENTS)
        part[alone] = DROPPED
        return Cut(part, {"held_out_users_with_one_event": int(alone.sum())})

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return of_new_users(train, valid, test)
