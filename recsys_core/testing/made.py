"""Made-up events, lists and predictions for the checks of metrics, statistics and protocols."""

from __future__ import annotations

import numpy as np

from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.extended import Lists, Rows
from recsys_core.protocols.split import Split

N_USERS, N_ITEMS, DAYS = 40, 30, 300
SECONDS_A_DAY = 86_400
WIDTH = 20


def made_events(*, timed: bool = True) -> Dataset:
    """Each user rates half of the items 1 to 5 on 20 of 300 days, some at the same moment."""
    rng = np.random.default_rng(0)
    pairs = np.array([rng.permutation(N_ITEMS)[: N_ITEMS // 2] for _ in range(N_USERS)])
    n = pairs.size
    days = rng.choice(DAYS, size=20, replace=False)
    order = rng.permutation(n)
    moments = rng.choice(days, size=n) * SECONDS_A_DAY + rng.integers(3, size=n) * 3600
    return Dataset(
        name="made-up",
        user=np.repeat(np.arange(N_USERS, dtype=np.int32), N_ITEMS // 2)[order],
        item=pairs.ravel().astype(np.int32)[order],
        rating=rng.integers(1, 6, size=n).astype(np.float32),
        timestamp=moments.astype(np.int64) if timed else np.zeros(n, dtype=np.int64),
        user_ids=np.array([f"u{number}" for number in range(N_USERS)]),
        item_ids=np.array([f"i{number}" for number in range(N_ITEMS)]),
        user_columns={},
        item_columns={},
        timed=timed,
    )


def made_split() -> Split:
    """Cut them: the first 80 % are train, the rest validation and test by turns."""
    data = made_events()
    rows = np.argsort(data.timestamp, kind="stable")
    end = int(0.8 * len(rows))
    parts = (rows[:end], rows[end::2], rows[end + 1 :: 2])
    train, valid, test = (Interactions.in_time_order(data, np.sort(part), 4.0) for part in parts)
    return Split("made-up", {}, "", train, valid, test)


def made_lists(kind: str = "random") -> Lists:
    """List `WIDTH` items for each user with a relevant test item; the last list is short.

    Parameters
    ----------
    kind
        ``"random"``; ``"best"``: all relevant items first; ``"worst"``: none of them.
    """
    split = made_split()
    positives = split.test.positives()
    users = np.unique(positives.user)
    wanted = [set(positives.item[positives.user == user].tolist()) for user in users]
    rng = np.random.default_rng(1)
    items = np.full((len(users), WIDTH), -1, dtype=np.int32)
    for row, relevant in enumerate(wanted):
        drawn = rng.permutation(N_ITEMS).tolist()
        if kind != "random":
            drawn = [item for item in drawn if item not in relevant]
        if kind == "best":
            drawn = [*sorted(relevant), *drawn]
        items[row] = drawn[:WIDTH]
    items[-1, WIDTH // 2 :] = -1
    hits = np.array(
        [[item in relevant for item in row] for row, relevant in zip(items, wanted, strict=True)]
    )
    sizes = np.array([len(relevant) for relevant in wanted])
    return Lists(users.astype(np.int32), items, hits, sizes, split)


def made_rows(kind: str = "random") -> Rows:
    """Predict test rows: ``"random"``; ``"best"``, near the label; ``"worst"``, far from it."""
    split = made_split()
    test = split.test
    labels = test.relevant.astype(np.float32)
    scores = np.random.default_rng(2).random(len(labels)).astype(np.float32)
    if kind != "random":
        near = 0.05 + 0.9 * (labels if kind == "best" else 1 - labels)
        scores = (near + (scores - 0.5) / 50).astype(np.float32)
    return Rows(test.user, test.item, labels, scores, split)
