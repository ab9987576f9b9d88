"""Original ids and the numbers behind them: looked up in every request, unknown ones named."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import numpy as np

from recsys_core.data.dataset import Dataset, IntArray, TextArray
from recsys_core.errors import InputError, shorten

#: an original id; a number stands for its text
Id = str | int
#: unknown ids that a message names
_NAMED = 3


class Ids:
    """The users or the items of one data set by their original ids.

    Parameters
    ----------
    kind
        What they are, for messages: ``user`` or ``item``.
    ids
        Shape (n,): original ids in the order of the numbers.
    dataset
        Its name, for messages.
    """

    def __init__(self, kind: str, ids: TextArray, dataset: str) -> None:
        self.kind = kind
        self.dataset = dataset
        self._numbers: Mapping[str, int] = {text: n for n, text in enumerate(ids.tolist())}

    @classmethod
    def users(cls, dataset: Dataset) -> Ids:
        """Know the users of a data set."""
        return cls("user", dataset.user_ids, dataset.name)

    @classmethod
    def items(cls, dataset: Dataset) -> Ids:
        """Know the items of a data set."""
        return cls("item", dataset.item_ids, dataset.name)

    def number(self, one: Id) -> int:
        """Look up one id.

        Raises
        ------
        InputError
            The data set has no such user or item; the nearest ids are named.
        """
        numbers, unknown = self.known([one])
        if unknown:
            raise self.unknown(unknown)
        return int(numbers[0])

    def numbers(self, several: Iterable[Id]) -> IntArray:
        """Look up several ids, each once, in their order.

        Raises
        ------
        InputError
            The data set lacks some; they are named, with the ids nearest to the first.
        """
        numbers, unknown = self.known(several)
        if unknown:
            raise self.unknown(unknown)
        return numbers

    def known(self, several: Iterable[Id]) -> tuple[IntArray, list[str]]:
        """Look up those of several ids that there are, each once, and list the others."""
        texts = dict.fromkeys(map(str, several))
        found = [self._numbers[text] for text in texts if text in self._numbers]
        return np.array(found, dtype=np.int32), [
            text for text in texts if text not in self._numbers
        ]

    def unknown(self, texts: list[str]) -> InputError:
        """Build the error for ids that there are not."""
        ids = sorted(self._numbers)
        place = bisect_left(ids, texts[0])
        near = ", ".join(ids[max(0, place - 2) : place + 2])
        where = "" if len(texts) == 1 else f" '{shorten(texts[0])}'"
        return InputError(
            f"no {self.kind} {name_some(texts)} in data set '{self.dataset}'",
            f"ids near{where or ' it'}: {near}",
        )


def name_some(texts: list[str]) -> str:
    """Name the first few of some ids and count the others.

    Examples
    --------
    >>> name_some(["7", "8", "9", "10", "11"])
    "'7', '8', '9' and 2 more"
    """
    named = ", ".join(f"'{shorten(text)}'" for text in texts[:_NAMED])
    more = len(texts) - _NAMED
    return named + (f" and {more:,} more" if more > 0 else "")
