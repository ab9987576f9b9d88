"""Recommendations of a file to the lists that a split asks for; what does not fit is counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, Dataset, IntArray, TextArray, TimeArray
from recsys_core.data.interactions import among
from recsys_core.data.score_file import Scores
from recsys_core.errors import InputError
from recsys_core.pipeline.result import KEPT_ITEMS, Recommendations
from recsys_core.protocols.split import Split


def numbers_of(ids: TextArray, known: TextArray) -> NDArray[np.int32]:
    """Look up ids of a file, shape (n,): their numbers in the data set; -1 where it has none."""
    numbers = {text: number for number, text in enumerate(known.tolist())}
    return np.array([numbers.get(text, -1) for text in ids.tolist()], dtype=np.int32)


def numbered(
    scores: Scores, dataset: Dataset
) -> tuple[NDArray[np.int32], NDArray[np.int32], dict[str, int]]:
    """Give the rows of a file the numbers of the data set.

    Returns
    -------
    Users and items, shape (n,) each, -1 where the data set does not have them; and how many rows
    there are, and how many of unknown users.

    Raises
    ------
    InputError
        No user, or no item, is one of the data set.
    """
    found = []
    for kind, codes, ids, known in (
        ("user", scores.user, scores.user_ids, dataset.user_ids),
        ("item", scores.item, scores.item_ids, dataset.item_ids),
    ):
        numbers = numbers_of(ids, known)
        if np.all(numbers < 0):
            raise InputError(
                f"{scores.name}: no {kind} of it is in data set '{dataset.name}': it has"
                f" {kind} '{ids[0]}', the set has '{known[0]}'",
                "give the scores of this data set, with its original ids",
            )
        found.append(numbers[codes])
    users, items = found
    return users, items, {"rows": len(users), "unknown_user_rows": int((users < 0).sum())}


def lists_of(
    scores: Scores, split: Split, ks: Sequence[int], only: IntArray | None = None
) -> tuple[Recommendations, dict[str, int]]:
    """Put the recommendations of a file into one list per user of the test part.

    A user's list is ordered by rank, else by score; equal ones by the data set's fixed permutation
    of the items, unknown items first. Of an item that is there twice the better place stays. Items
    that the user knows are left out where the protocol excludes them. An item that the data set
    does not have keeps its place, which is a miss, and a user without rows has an empty list.

    Parameters
    ----------
    only
        The items that lists are made of, by number; None: all.

    Returns
    -------
    The lists of all users of the test part, as wide as a run keeps them or as the largest of `ks`,
    and what was counted (`recsys_core.evaluation.file_counts` has the words).

    Raises
    ------
    InputError
        No user or item is one of the data set, no user is one of the split, or the rows are
        predictions of the test rows.
    """
    users, items, counts = numbered(scores, split.dataset)
    asked = np.unique(split.test.user)
    place_of = np.full(split.dataset.n_users, -1, dtype=np.int64)
    place_of[asked] = np.arange(len(asked))
    is_asked = (users >= 0) & (place_of[users] >= 0)
    if not is_asked.any():
        raise InputError(
            f"{scores.name}: it has no user that the test part of this split asks about",
            "give scores for the users of the test part, or name the protocol they are for",
        )
    counts["other_user_rows"] = len(users) - counts["unknown_user_rows"] - int(is_asked.sum())
    kept = np.flatnonzero(is_asked)
    if only is None:
        _check_no_predictions(scores.name, users[kept], items[kept], split)
    else:
        kept = kept[np.isin(items[kept], only)]
    row, item = place_of[users[kept]], items[kept]
    order = _best_first(scores, kept, row, item, split.dataset)
    kept, row, item = kept[order], row[order], item[order]

    first = _first_of_each(row * len(scores.item_ids) + scores.item[kept])
    counts["duplicate_rows"] = int((~first).sum())
    is_known = np.zeros(len(row), dtype=np.bool_)
    if split.known_items == "exclude":
        asked_pairs = asked[row].astype(np.int64) * split.dataset.n_items + item
        is_known = first & (item >= 0) & among(asked_pairs, split.known.pairs())
    counts["known_item_rows"] = int(is_known.sum())
    stays = first & ~is_known
    kept, row, item = kept[stays], row[stays], item[stays]

    width = max(KEPT_ITEMS, *ks)
    starts = np.searchsorted(row, np.arange(len(asked)))
    place = np.arange(len(row)) - starts[row]
    fits = place < width
    counts["surplus_rows"] = int((~fits).sum())
    kept, row, item, place = kept[fits], row[fits], item[fits], place[fits]
    listed = np.full((len(asked), width), -1, dtype=np.int32)
    listed[row, place] = item
    values = np.zeros((len(asked), width))
    values[row, place] = _shown(scores)[kept]
    lengths = np.bincount(row, minlength=len(asked))
    possible = np.minimum(_possible(split)[asked], max(ks))
    counts |= _counted(item, lengths, possible, split)
    return Recommendations(asked, listed, values), counts


def _possible(split: Split) -> NDArray[np.int64]:
    """Count the items that each user may be recommended, shape (n_users,)."""
    n_users, n_items = split.dataset.n_users, split.dataset.n_items
    every = np.full(n_users, int(split.catalogue.sum()))
    if split.known_items == "allow":
        return every
    users, items = np.divmod(split.known.pairs(), n_items)
    return every - np.bincount(users[split.catalogue[items]], minlength=n_users)


def _counted(
    items: NDArray[np.int32],
    lengths: NDArray[np.int64],
    possible: NDArray[np.int64],
    split: Split,
) -> dict[str, int]:
    known = items[items >= 0]
    return {
        "unknown_items": int((items < 0).sum()),
        "items_without_train_rows": int((~split.catalogue[known]).sum()),
        "users_without_list": int(((lengths == 0) & (possible > 0)).sum()),
        "short_lists": int(((lengths > 0) & (lengths < possible)).sum()),
    }


def _shown(scores: Scores) -> NDArray[np.float64]:
    """Give the score of each row; of a rank alone its negative, so that more is better."""
    if scores.score is not None:
        return scores.score
    assert scores.rank is not None
    return -scores.rank


def _best_first(
    scores: Scores,
    kept: TimeArray,
    row: TimeArray,
    item: NDArray[np.int32],
    dataset: Dataset,
) -> NDArray[np.intp]:
    """Sort the kept rows by user, then by what the file says, then by the fixed permutation."""
    tie = np.where(item >= 0, dataset.tie_rank[item], -1)
    if scores.rank is not None:
        key = scores.rank[kept]
    else:
        assert scores.score is not None
        key = -scores.score[kept]
    same_user = row[1:] == row[:-1]
    if np.all(row[1:] >= row[:-1]) and np.all(key[1:][same_user] > key[:-1][same_user]):
        return np.arange(len(row))  # as files are mostly written
    return np.lexsort((tie, key, row))


def _first_of_each(keys: TimeArray) -> BoolArray:
    """Mark the first row of each key, shape (n,)."""
    order = np.argsort(keys, kind="stable")
    is_first = np.ones(len(keys), dtype=np.bool_)
    is_first[order[1:]] = keys[order[1:]] != keys[order[:-1]]
    return is_first


def _check_no_predictions(
    name: str, users: NDArray[np.int32], items: NDArray[np.int32], split: Split
) -> None:
    """Refuse a file whose rows are the test rows: as lists they would all be hits."""
    if (items < 0).any():
        return
    pairs, test = users.astype(np.int64) * split.dataset.n_items + items, split.test.pairs()
    if among(pairs, test).all() and len(np.unique(pairs)) == len(test):
        raise InputError(
            f"{name}: its rows are the rows of the test part: predictions, no recommendations",
            "score them as such: recsys-workbench score FILE --stage ranking",
        )
