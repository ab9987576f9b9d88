"""Recommendations from a run folder in a few lines of Python: original ids in, original ids out.

>>> from recsys_core.pipeline.recommender import Recommender
>>> recommender = Recommender.load("runs/20261124-…-ease-b708", "data")  # doctest: +SKIP
>>> recommender.recommend("42", k=10)  # doctest: +SKIP
>>> recommender.recommend(history=["260", "1196"], k=10)  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.threads import one_torch_thread
from recsys_core.data.dataset import (
    BoolArray,
    Dataset,
    FloatArray,
    IntArray,
    Text,
    TextArray,
)
from recsys_core.data.interactions import Histories
from recsys_core.data.timelines import Timelines
from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.pipeline.ids import Id, Ids
from recsys_core.pipeline.saved_run import check_fits, load_model, load_run_split
from recsys_core.protocols.numbering import Numbering
from recsys_core.protocols.split import Split
from recsys_core.recall.lists import TopK
from recsys_core.run_folder import read_result

#: an item of a history: its id; id and rating; or id, rating and seconds since 1970
Event = str | tuple[str, float] | tuple[str, float, int]
#: what is known of a user: the rows that the run knew at test time, or every row of the data set
Known = Literal["split", "all"]
_UNKNOWN_USER = -1
#: users whose lists are in memory at once
BLOCK_USERS = 2_048


def check_known(known: str) -> None:
    """Raise InputError for what is no answer to what is known of a user."""
    if known not in get_args(Known):
        raise unknown_name("value of known", known, get_args(Known))


class Recommends(Protocol):
    """What a model must do to be served: recall models and two-stage ones do."""

    def recommend(
        self,
        users: NDArray[np.integer],
        k: int,
        *,
        histories: Histories | None = None,
        exclude_seen: bool | None = None,
        allowed: BoolArray | None = None,
    ) -> TopK:
        """Rank the catalogue, or what is allowed of it, for `users`."""
        ...


@dataclass(frozen=True)
class Recommendation:
    """One item of a list; `channels` names what brought it, where the model has channels."""

    rank: int
    item_id: str
    title: str
    score: float
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class UserLists:
    """The lists of some users below each other; every array has one entry per listed item.

    Parameters
    ----------
    user_ids, item_ids
        Original ids.
    items
        Numbers of the items.
    ranks
        From 1 on in each list.
    scores
        The model's, float32.
    n_users
        How many users these are, those with an empty list included.
    """

    user_ids: TextArray
    item_ids: TextArray
    items: IntArray
    ranks: IntArray
    scores: FloatArray
    n_users: int


class Recommender:
    """A fitted model together with its data set; safe to use from several threads.

    Parameters
    ----------
    model
        The fitted recall or two-stage model.
    split
        The data set, cut as it was for the run. Where the protocol's filters leave items out, the
        model has no number for them: `dataset` is the set without them, and events with them
        are left out of histories.
    known
        ``"split"``: a user's history is what the run knew at test time, so that held-out rows
        can be found again; ``"all"``: every row of the data set, for use beyond evaluation; None:
        all for a model that was fitted on all rows, else those of the split.
    """

    def __init__(self, model: Recommends, split: Split, known: Known | None = None) -> None:
        self.model = model
        self.numbering = Numbering(split.dataset, getattr(model, "item_numbers", None))
        split = self.numbering.split(split)
        self.dataset: Dataset = split.dataset
        known = known or ("split" if split.cut is None else "all")
        check_known(known)
        self._histories = split.timelines() if known == "split" else Timelines(self.dataset)
        # built once, and before threads share them
        self.users, self.items = Ids.users(self.dataset), Ids.items(self.numbering.whole)
        self._titles = self._read_titles()

    @classmethod
    def load(
        cls, run_dir: str | Path, data_dir: str | Path = "data", *, known: Known | None = None
    ) -> Self:
        """Read the model of a run folder, and the data set it was trained on.

        Raises
        ------
        InputError
            No run that succeeded, no model in it, a ranking run, or a data set that is not there
            or has changed since.
        """
        folder = Path(run_dir)
        result = read_result(folder)
        with ThreadPoolExecutor(1) as beside:  # sorting goes on while the model's libraries load
            split = beside.submit(load_run_split, result, folder, Path(data_dir))
            model = load_model(result["model"], folder)
        check_fits(model, split.result().dataset, folder)
        return cls(model, split.result(), known)

    def recommend(
        self,
        user_id: str | int | None = None,
        k: int = 10,
        *,
        history: Sequence[Event] | None = None,
        exclude_seen: bool | None = None,
        candidates: Collection[Id] | None = None,
        without: Collection[Id] = (),
    ) -> list[Recommendation]:
        """Recommend to a user of the data set, or to anybody by a history.

        Parameters
        ----------
        user_id
            An original id; None: somebody new, of whom `history` is all there is.
        k
            Length of the list; it is shorter where the catalogue is.
        history
            What the user did, oldest first; it takes the place of what the data set knows.
            Without a rating an event counts as the best one, without a time as the latest.
        exclude_seen
            Whether to leave out the items of the history; None: as the run's protocol says.
        candidates
            Ids of the only items to list, best first; None: the whole catalogue.
        without
            Ids of items not to list.

        Raises
        ------
        InputError
            Neither user nor history, an id that the data set does not have, k below 1, or no item
            left to list.
        """
        if user_id is None and history is None:
            raise InputError("recommend: no user and no history", "give user_id or history=[…]")
        user = _UNKNOWN_USER if user_id is None else self.user_number(user_id)
        known = self.known_of(user) if history is None else self.as_history(history)
        users = np.array([user], dtype=np.int32)
        allowed = self.allowed(candidates, without)
        with one_torch_thread():  # threads would wait for each other longer than they work
            top = self.model.recommend(
                users, k, histories=known, exclude_seen=exclude_seen, allowed=allowed
            )
        return self._named(top)

    def lists(
        self,
        user_ids: Iterable[Id] | None = None,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Collection[Id] | None = None,
        without: Collection[Id] = (),
    ) -> Iterator[UserLists]:
        """Recommend to many users, block by block, so that memory does not grow with them.

        Parameters
        ----------
        user_ids
            Original ids, each listed once; None: every user of the data set.
        k, exclude_seen, candidates, without
            As for `recommend`; the items are the same for all users.

        Yields
        ------
        The lists of up to `BLOCK_USERS` users, in the order of `user_ids`.

        Raises
        ------
        InputError
            As for `recommend`.
        """
        dataset = self.dataset
        every = range(dataset.n_users) if user_ids is None else self.users.numbers(user_ids)
        users = np.asarray(every, dtype=np.int32)
        allowed = self.allowed(candidates, without)
        for start in range(0, len(users), BLOCK_USERS):
            block = users[start : start + BLOCK_USERS]
            known = self._histories.take(block)
            top = self.model.recommend(
                block, k, histories=known, exclude_seen=exclude_seen, allowed=allowed
            )
            row, place = np.nonzero(top.items >= 0)
            items = top.items[row, place]
            yield UserLists(
                dataset.user_ids[block[row]],
                dataset.item_ids[items],
                items,
                (place + 1).astype(np.int32),
                top.scores[row, place],
                len(block),
            )

    def allowed(
        self, candidates: Collection[Id] | None, without: Collection[Id]
    ) -> BoolArray | None:
        """Mark the items that may be listed, shape (n_items,); None: all of them.

        Raises
        ------
        InputError
            An id that the data set does not have, or nothing is left.
        """
        for name, ids in (("candidates", candidates), ("without", without)):
            if isinstance(ids, str):
                raise InputError(f"{name}: {ids!r} is a text, not a list", f"give {name}=[{ids!r}]")
        if candidates is None and len(without) == 0:
            return None
        allowed = np.full(self.dataset.n_items, candidates is None)
        if candidates is not None:
            allowed[self._own(self.items.numbers(candidates))] = True
        allowed[self._own(self.items.numbers(without))] = False
        if not allowed.any():
            raise InputError(
                "recommend: no item is allowed",
                "name candidates that are not left out again",
            )
        return allowed

    def _brought(self, top: TopK) -> list[tuple[str, ...]]:
        """Name the channels that brought each item of the first row; none without channels."""
        sources: Any = getattr(top, "sources", None)
        if sources is None:
            return [()] * top.items.shape[1]
        names: tuple[str, ...] = self.model.channel_names  # type: ignore[attr-defined]
        return [
            tuple(name for name, has in zip(names, row, strict=True) if has) for row in sources[0]
        ]

    def user_number(self, user_id: str | int) -> int:
        """Look up an original user id.

        Raises
        ------
        InputError
            The data set has no such user; the nearest ids are named.
        """
        return self.users.number(user_id)

    def item_number(self, item_id: str | int) -> int:
        """Look up an original item id.

        Raises
        ------
        InputError
            The data set has no such item, and the nearest ids are named; or the filters of the
            run's protocol left it out.
        """
        own = self._own(np.array([self.items.number(item_id)]))
        if not len(own):
            raise InputError(
                f"item '{shorten(str(item_id))}': the filters of the run's protocol left it out",
                "name an item that the run may recommend",
            )
        return int(own[0])

    def _own(self, items: IntArray) -> IntArray:
        """Give the model's numbers of items of the data set, of those that have one."""
        numbers = self.numbering.own(items)
        return numbers[numbers >= 0]

    def known_of(self, user: int | IntArray) -> Histories:
        """Give what is known of users by number; one row each."""
        return self._histories.take(np.atleast_1d(np.asarray(user)))

    def titles_of(self, items: IntArray) -> TextArray:
        """Give the titles of items by number; empty where there are none."""
        if self._titles is None:
            return np.full(len(items), "")
        return self._titles[items]

    def as_history(self, events: Sequence[Event]) -> Histories:
        """Turn events with original ids, oldest first, into one row of histories.

        Raises
        ------
        InputError
            An event that is not an id, (id, rating) or (id, rating, time), or an unknown id.
        """
        if isinstance(events, str):
            raise InputError(
                f"history: {events!r} is a text, not a list", f"give history=[{events!r}]"
            )
        best, latest = float(self.dataset.rating.max()), int(self.dataset.timestamp.max())
        full = [_event(event, best, latest) for event in events]
        numbers = [self.items.number(item) for item, _, _ in full]
        items = self.numbering.own(np.array(numbers, dtype=np.int32))
        order = np.argsort([time for _, _, time in full], kind="stable")
        history = Histories(
            offsets=np.array([0, len(full)], dtype=np.int64),
            items=items[order],
            ratings=np.array([rating for _, rating, _ in full], dtype=np.float32)[order],
            timestamps=np.array([time for _, _, time in full], dtype=np.int64)[order],
        )
        return history.where(history.items >= 0)

    def _read_titles(self) -> TextArray | None:
        column = self.dataset.item_columns.get("title")
        return column.values if isinstance(column, Text) else None

    def _named(self, top: TopK) -> list[Recommendation]:
        """Give names to the first row of `top`."""
        listed = top.items[0] >= 0
        items, scores = top.items[0][listed].tolist(), top.scores[0][listed].tolist()
        brought = [names for names, here in zip(self._brought(top), listed, strict=True) if here]
        return [
            Recommendation(
                rank,
                str(self.dataset.item_ids[item]),
                "" if self._titles is None else str(self._titles[item]),
                score,
                channels,
            )
            for rank, (item, score, channels) in enumerate(
                zip(items, scores, brought, strict=True), start=1
            )
        ]


def _event(event: Event, best: float, latest: int) -> tuple[str, float, int]:
    """Fill in what an event leaves out."""
    if isinstance(event, str | int):
        return str(event), best, latest
    if isinstance(event, tuple | list) and 1 < len(event) <= 3:
        item, rating, *time = event
        with suppress(TypeError, ValueError, OverflowError):
            if math.isfinite(float(rating)):
                when = int(np.int64(int(time[0]))) if time else latest  # as it is kept
                return str(item), float(rating), when
    raise InputError(
        f"history: {event!r} is not an event", "give an item id, (id, rating) or (id, rating, time)"
    )
