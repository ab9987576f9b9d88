"""Data sets in which a single feature tells who likes what.

There are five kinds of users and five of items, and a user likes the items of one kind, all of them
and no others. Which kind a user is of, or an item, is told by one feature alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import Categorical, Vectors
from recsys_core.protocols.split import Split
from tests.protocols.build import Row, dataset, split

KINDS = 5
#: users of each kind: the first learn, the others are asked about
LEARN, ASK = 20, 2
#: items of each kind that users learn from
KNOWN = 8
HOUR, DAY = 3_600, 86_400
N_USERS = KINDS * (LEARN + ASK)
#: users by number; the kinds take turns
KIND = np.arange(N_USERS) % KINDS
ASKED = range(KINDS * LEARN, N_USERS)


def kind_of(item: int) -> int:
    """Items of one kind are numbered in a row."""
    return item // KNOWN


def told_by_user(*, colour: bool) -> Split:
    """Tell a user's kind by `colour`, or else by the hour in which all of the user's events are.

    Whoever is asked about has seen the one item that everybody has seen first, which is of no kind.
    What does not tell is drawn at random. Test rows are all items of all kinds.
    """
    rng = np.random.default_rng(0)
    neutral = KINDS * KNOWN
    drawn = rng.integers(KINDS, size=N_USERS)
    colours, hours = (KIND, drawn) if colour else (drawn, KIND)
    train: list[Row] = []
    test: list[Row] = []
    for user, kind in enumerate(KIND.tolist()):
        start = DAY * user + HOUR * (4 * int(hours[user]) + 1)
        train.append((user, neutral, 1.0, start))
        if user in ASKED:
            test += rated(user, kind, range(neutral), start + 1)
        else:
            train += rated(user, kind, some_items(rng, kind), start + 1)
    return cut(train, test, neutral + 1, colours)


def told_by_vector(new: int = 10) -> Split:
    """Tell the kinds of new items by their vectors: those of a kind point about the same way.

    Users have their kind as colour. Whoever is asked about has rated all items but the new ones,
    which are the test rows. Of each of these a train row knows, the first of some user's, liked,
    and as many of each kind of items are by each kind of users.
    """
    rng = np.random.default_rng(0)
    n_known = KINDS * KNOWN
    kinds = np.repeat([*range(KINDS), *range(KINDS)], [*[KNOWN] * KINDS, *[new] * KINDS])
    train: list[Row] = []
    test: list[Row] = []
    for user, kind in enumerate(KIND.tolist()):
        start = DAY * user
        if user in ASKED:
            train += rated(user, kind, rng.permutation(n_known).tolist(), start)
            test += rated(user, kind, range(n_known, len(kinds)), start + HOUR, kinds)
            continue
        turn = user // KINDS * KINDS + (kind + user // KINDS) % KINDS  # kinds meet in all ways
        if turn < KINDS * new:
            place, of = divmod(turn, KINDS)
            train.append((user, n_known + of * new + place, 5.0, start))
        train += rated(user, kind, some_items(rng, kind), start + 1)
    directions = np.linalg.qr(rng.normal(size=(8, 8)))[0][:KINDS]
    vectors = directions[kinds] + rng.normal(size=(len(kinds), 8)) / 10
    made = cut(train, test, len(kinds), KIND)
    made.dataset.item_columns["looks"] = Vectors(vectors.astype(np.float32))
    return made


def some_items(rng: np.random.Generator, kind: int) -> list[int]:
    """Choose two items of other kinds, and two of `kind` before and after them."""
    own = kind * KNOWN + rng.permutation(KNOWN)[:4]
    other = (kind * KNOWN + KNOWN + rng.permutation((KINDS - 1) * KNOWN)[:2]) % (KINDS * KNOWN)
    return [*own[:2].tolist(), *other.tolist(), *own[2:].tolist()]


def rated(
    user: int,
    kind: int,
    items: list[int] | range,
    start: int,
    kinds: NDArray[np.integer] | None = None,
) -> Iterator[Row]:
    """Rate some items one second after another, 5 where the kinds agree, else 1."""
    for second, item in enumerate(items):
        of = kind_of(item) if kinds is None else int(kinds[item])
        yield user, item, 5.0 if of == kind else 1.0, start + second


def cut(train: list[Row], test: list[Row], n_items: int, colours: NDArray[np.integer]) -> Split:
    """Make a split of the rows, and give users their colours."""
    data = dataset([*train, *test], n_users=N_USERS, n_items=n_items)
    names = np.array(["blue", "green", "red", "white", "yellow"])
    data.user_columns["colour"] = Categorical(colours.astype(np.int32), names)
    return split(data, range(len(train)), [], range(len(train), len(train) + len(test)))
