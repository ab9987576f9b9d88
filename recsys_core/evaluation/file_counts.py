"""What was found in a file of scores, in words; plain Python, which any process can afford."""

from __future__ import annotations

from collections.abc import Mapping

#: count -> what it is of; in the order in which a reader meets them
_WORDS = {
    "rows": "rows",
    "unknown_user_rows": "of users that the data set does not have",
    "other_user_rows": "of users that the split does not ask about",
    "unknown_item_rows": "of items that the data set does not have",
    "other_rows": "of users and items without such a test row",
    "duplicate_rows": "of a user and item met before",
    "known_item_rows": "of items that the user knows, left out (known_items: exclude)",
    "surplus_rows": "beyond the longest list that is kept",
    "unknown_items": "places taken by items that the data set does not have, all misses",
    "items_without_train_rows": "places taken by items without a train row",
    "users_without_list": "users of the split without a list, all misses",
    "short_lists": "lists shorter than the largest K, what is missing counts as misses",
}


def said_of_file(counts: Mapping[str, int]) -> str:
    """Say what a file of scores held and what became of it.

    Examples
    --------
    >>> said_of_file({"rows": 1200, "duplicate_rows": 3, "short_lists": 0})
    'rows: 1,200; of a user and item met before: 3'
    """
    found = ((text, counts.get(name, 0)) for name, text in _WORDS.items())
    return "; ".join(f"{text}: {count:,}" for text, count in found if count)
