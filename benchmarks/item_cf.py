"""item-cf on all of ML-1M against `implicit`: fit, then the top 100 of every user."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np

from benchmarks.harness import WORK, Figure, load_ml1m, peer_python, run_peer, seconds

REPEATS = 7


def measure() -> Iterator[Figure]:
    """Time both in turn, so that noise of the machine reaches both."""
    from recsys_core.data.interactions import Interactions
    from recsys_core.recall.item_cf import ItemCF, ItemCFConfig

    dataset = load_ml1m()
    train = Interactions.in_time_order(dataset, np.arange(dataset.n_interactions), None)
    users = np.arange(dataset.n_users)
    columns = WORK / "ml-1m-pairs.npz"
    np.savez(columns, user=train.user, item=train.item)
    python = peer_python("implicit", ["implicit==0.7.3"])

    def ours() -> None:
        model = ItemCF(ItemCFConfig(neighbours=100)).fit(train)
        model.recommend(users, 100)

    ours()
    rounds = [
        (seconds(ours), run_peer(python, "implicit_item_cf.py", str(columns))["seconds"])
        for _ in range(REPEATS)
    ]
    ours_seconds, peer_seconds = (statistics.median(times) for times in zip(*rounds, strict=True))
    yield Figure(
        "item-cf fit + top 100, ML-1M", "s", ours_seconds, peer_seconds, "implicit 0.7.3", 1
    )
