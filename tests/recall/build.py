"""The planted data set of `recsys_core.testing`, and a random one."""

from __future__ import annotations

import numpy as np

from recsys_core.data.interactions import Interactions
from recsys_core.testing.planted import BLOCKS as BLOCKS
from recsys_core.testing.planted import COLD_ITEM as COLD_ITEM
from recsys_core.testing.planted import ITEMS as ITEMS
from recsys_core.testing.planted import LIKED as LIKED
from recsys_core.testing.planted import N_ITEMS as N_ITEMS
from recsys_core.testing.planted import N_USERS as N_USERS
from recsys_core.testing.planted import USERS as USERS
from recsys_core.testing.planted import block_of as block_of
from recsys_core.testing.planted import fit as fit
from recsys_core.testing.planted import history as history
from recsys_core.testing.planted import planted as planted
from recsys_core.testing.planted import repeated as repeated
from tests.protocols.build import random_dataset


def random_rows() -> Interactions:
    """All rows of a small random data set."""
    data = random_dataset(3)
    return Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
