"""What every recall model promises: fit, recommend in batches, save, load."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.blocks import map_blocks
from recsys_core.compute.runtime import Runtime
from recsys_core.config import Config, parse_config
from recsys_core.data.dataset import BoolArray, FloatArray, IntArray
from recsys_core.data.interactions import Histories, Interactions, KnownItems, RequestTime
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.features.schema import FeatureSchema
from recsys_core.recall.lists import TopK, block_rows, check_query
from recsys_core.retrieval.topk import top_k
from recsys_core.saving.arrays import Arrays, take, take_offsets
from recsys_core.saving.model import damaged, read_model, write_model

#: a model that keeps numbers for few pairs of items, and fits where one of all pairs does not
FEW_PAIRS = "item-cf"

#: the saved array of `RecallModel.item_numbers`
NUMBERS = "item_numbers"

ConfigT = TypeVar("ConfigT", bound=Config)
#: how the run of a model is updated with new events
Updates = Literal["anew", "learned"]


class RecallModel(ABC, Generic[ConfigT]):
    """Base of the recall models.

    A model learns from the relevant train rows and scores the whole catalogue for blocks of
    users. The histories of `fit` (every train row, whatever its rating) are its default query;
    those given to `recommend` replace them: they are what the query uses and what is excluded,
    and an unknown user is served from them.

    Parameters
    ----------
    config
        The model's typed configuration.
    runtime
        Seed, device and checkpoint folder.
    """

    Config: ClassVar[type[Config]]
    reads_features: ClassVar[bool] = False
    """Whether it takes a feature schema, as third argument: `SequentialModel` does."""

    reads_weights: ClassVar[bool] = False
    """Whether it learns more from events of types that weigh more."""

    all_pairs: ClassVar[bool] = False
    """Whether it holds a number for every pair of items, and refuses where there are too many."""

    serves_new_users: ClassVar[bool] = True
    """Whether a user whom it did not learn from is served from a history."""

    updates: ClassVar[Updates | None] = None
    """How a run is updated: anew (a full fit, which is as fast), or from what it has learned, which
    `_fit` finds in `runtime.earlier`; None: it cannot be."""

    trains_together: ClassVar[bool] = False
    """Whether several processes can train it together, through `runtime.ranks`."""

    catalogue: BoolArray
    """Shape (n_items,): items with a train row, and new ones: all that is ever recommended."""
    new_items: IntArray
    """Shape (m,): items of the catalogue without a train row; mostly there are none."""
    popularity: FloatArray
    """Shape (n_items,): relevant train rows of each item; serves users of whom nothing is known."""
    tie_rank: IntArray
    """Shape (n_items,): the order in which equal scores are listed."""
    threshold: float | None
    """A rating of at least this is relevant; None: every event is."""
    known_items: KnownItems = "exclude"
    """Whether lists hold what their users know, unless `recommend` is told."""
    request_time: RequestTime = "last"
    """When users were asked in training, as it was told."""
    histories: Histories
    """One row a user of the data set: the events known at fit."""
    fingerprint: str
    """Fingerprint of the data set the model was fitted on."""
    item_numbers: IntArray | None = None
    """Shape (n_items,), ascending: the number of each item in that data set, where filters left
    items out and the others were numbered anew; None: the same."""

    def __init__(self, config: ConfigT, runtime: Runtime | None = None) -> None:
        self.config = config
        self.runtime = runtime or Runtime()

    @property
    def n_items(self) -> int:
        """Number of items of the data set."""
        return len(self.catalogue)

    @property
    def row_width(self) -> int:
        """Floats that scoring one user takes; blocks of users are cut so that memory is bounded."""
        return self.n_items

    def fit(
        self, train: Interactions, *, valid: Interactions | None = None, on_event: OnEvent = ignore
    ) -> Self:
        """Learn from the relevant rows of `train`.

        Parameters
        ----------
        valid
            Rows that choose the number of epochs; None trains for the configured number.
        """
        self.remember(train)
        if train.weight is not None and not self.reads_weights:
            name = type(self).__name__
            on_event(Event("fit", message=f"{name} does not read what events weigh by type"))
        self._fit(train.positives(), valid, on_event)
        return self

    @classmethod
    def check_schema(cls, schema: FeatureSchema) -> None:
        """Raise InputError for a feature that this model, unlike others, cannot read."""

    def remember(self, train: Interactions) -> None:
        """Keep what every model needs of the train rows to recommend; `fit` calls it."""
        self.catalogue = train.catalogue
        self.new_items = np.empty(0, np.int32) if train.new_items is None else train.new_items
        self.tie_rank = train.dataset.tie_rank
        self.threshold = train.threshold
        self.known_items = train.known_items
        self.request_time = train.request_time
        self.histories = train.histories()
        self.fingerprint = train.dataset.fingerprint
        self.item_numbers = train.dataset.item_numbers
        self.popularity = train.positives().item_counts().astype(np.float32)

    @abstractmethod
    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        """Learn from `positives`, the relevant train rows."""

    @abstractmethod
    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Score every item for some users.

        Parameters
        ----------
        users
            Shape (n,): user numbers; -1 or a number beyond the data set is an unknown user.
        histories
            n rows: what is known of each of them.

        Returns
        -------
        Shape (n, n_items), float32; higher is better.
        """

    def score_sharing(
        self, users: NDArray[np.integer], histories: Histories, read: dict[str, Any]
    ) -> FloatArray:
        """Score as `score` does; models that read the same of a query read it once.

        Parameters
        ----------
        read
            What models have read of these very users and histories, by what they read; it grows.
        """
        return self.score(users, histories)

    def recommend(
        self,
        users: NDArray[np.integer],
        k: int,
        *,
        histories: Histories | None = None,
        exclude_seen: bool | None = None,
        allowed: BoolArray | None = None,
    ) -> TopK:
        """Rank the catalogue for `users`, in blocks so that memory does not grow with users.

        Parameters
        ----------
        users
            Shape (n,): user numbers; an unknown one is served from its row of `histories`.
        k
            Length of the lists, at least 1; it may be larger than the catalogue.
        histories
            n rows, what the query uses, and when it is made; None: those of `fit`.
        exclude_seen
            Whether to leave out the items of `histories`; None: as the protocol of the train rows
            says.
        allowed
            Shape (n_items,): the only items to list; None: the whole catalogue.

        Raises
        ------
        InputError
            k below 1, histories that are not one row a user, an item the model does not know, or
            nothing that is allowed.
        """
        known = self.histories_of(users) if histories is None else histories
        check_query(users, k, known, self.n_items)
        banned = self.banned(allowed)
        exclude = self.excludes(exclude_seen)

        def rank(block: slice) -> tuple[IntArray, FloatArray]:
            part = known.take(np.arange(block.start, block.stop))
            return self.rank(users[block], part, k, exclude_seen=exclude, banned=banned)

        parts = map_blocks(rank, len(users), block_rows(self.row_width))
        if not parts:
            return TopK(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
        items, scores = (np.concatenate(side) for side in zip(*parts, strict=True))
        return TopK(items, scores)

    def excludes(self, exclude_seen: bool | None) -> bool:
        """Whether known items are left out; None: as the protocol of the train rows says."""
        return self.known_items == "exclude" if exclude_seen is None else exclude_seen

    def banned(self, allowed: BoolArray | None) -> IntArray:
        """List the items of the catalogue that are not `allowed`; None: every item is.

        Raises
        ------
        InputError
            `allowed` is not one flag per item, or leaves nothing of the catalogue.
        """
        if allowed is None:
            return np.empty(0, dtype=np.int32)
        if allowed.shape != self.catalogue.shape or allowed.dtype != np.bool_:
            raise InputError(
                f"recommend: allowed is {allowed.dtype} of shape {allowed.shape}",
                f"give one flag for each of the {self.n_items} items",
            )
        if not (allowed & self.catalogue).any():
            raise InputError(
                f"recommend: none of the {int(allowed.sum()):,} allowed items is in the catalogue",
                "allow items with at least one train row",
            )
        return np.flatnonzero(self.catalogue & ~allowed).astype(np.int32)

    @property
    def scores_new_items(self) -> bool:
        """Whether items without a train row are told apart; others list them last, tied."""
        return False

    def among(self, items: NDArray[np.integer]) -> Self:
        """Make a copy that recommends these items alone, as far as they are in the catalogue."""
        narrowed = copy(self)
        chosen = np.zeros(self.n_items, dtype=np.bool_)
        chosen[items] = True
        narrowed.catalogue = self.catalogue & chosen
        return narrowed

    def rank(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool,
        banned: IntArray,
    ) -> tuple[IntArray, FloatArray]:
        """Rank the catalogue for one block of users: items and scores, shape (n, k) each.

        Parameters
        ----------
        banned
            Items that nobody is listed.
        """
        scores = self.score(users, histories)
        if scores.shape != (len(users), self.n_items):  # a model of others
            raise InputError(
                f"{type(self).__name__}.score gave shape {scores.shape}, not"
                f" {(len(users), self.n_items)}",
                "give one score per user and item",
            )
        if len(self.new_items) and not self.scores_new_items:
            lowest = scores.min(axis=1, keepdims=True)
            scores[:, self.new_items] = lowest - np.maximum(1, np.abs(lowest))
        scores[:, ~self.catalogue] = -np.inf
        scores[:, banned] = -np.inf
        if exclude_seen:
            scores[histories.row, histories.items] = -np.inf
        return top_k(scores, k, self.tie_rank)

    def histories_of(self, users: NDArray[np.integer]) -> Histories:
        """Look up what fit knew of `users`; unknown users have an empty history."""
        known = (users >= 0) & (users < len(self.histories))
        histories = self.histories.take(np.where(known, users, 0))
        return histories if known.all() else histories.where(known[histories.row])

    def liked(self, histories: Histories) -> Histories:
        """Keep the events that the protocol counts as relevant."""
        if self.threshold is None:
            return histories
        return histories.where(histories.ratings >= self.threshold)

    def popular_where_empty(self, scores: FloatArray, empty: BoolArray) -> FloatArray:
        """Score by popularity the rows in which nothing tells items apart.

        Parameters
        ----------
        scores
            Shape (n, n_items); it is changed.
        empty
            Shape (n,): the rows of which nothing is known.
        """
        same = np.flatnonzero(scores[:, 0] == scores[:, -1])  # few rows are worth a second look
        if len(same):
            same = same[np.all(scores[same] == scores[same, :1], axis=1)]
            scores[same] = self.popularity
        if empty.any():
            scores[empty] = self.popularity
        return scores

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """Collect the learned arrays by name: all that `set_state` needs."""

    @abstractmethod
    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `state` gave, checked by `saving.arrays.take`: a file may be foreign.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or is not what `state` gives.
        """

    def save(self, folder: Path) -> None:
        """Write the model into `folder` (JSON and npz; nothing is pickled)."""
        header = {
            "class": type(self).__name__,
            "config": self.config.model_dump(mode="json"),
            "threshold": self.threshold,
            "known_items": self.known_items,
            "fingerprint": self.fingerprint,
        }
        if self.request_time != "last":
            header["request_time"] = self.request_time
        names = ("offsets", "items", "ratings", "timestamps")
        common = {f"history.{name}": getattr(self.histories, name) for name in names}
        for name in ("catalogue", "popularity", "tie_rank"):
            common[name] = getattr(self, name)
        if len(self.new_items):
            common["new_items"] = self.new_items
        if self.item_numbers is not None:
            common[NUMBERS] = self.item_numbers
        write_model(folder, header, {**self.state(), **common})

    @classmethod
    def load(cls, folder: Path, runtime: Runtime | None = None) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        InputError
            A file is missing or truncated, or belongs to another model or format version.
        """
        header, arrays = read_model(folder, cls.__name__)
        try:
            stored = cls.Config.current(header["config"])
            config = parse_config(cls.Config, stored, f"saved {cls.__name__}")
        except InputError as error:
            earlier = "it was made by an earlier version?"
            raise damaged(folder, f"{error.problem} ({earlier})") from error
        model = cls(config, runtime)  # type: ignore[arg-type]
        model.threshold = header["threshold"]
        # models of earlier versions leave out what is known
        model.known_items = header.get("known_items", "exclude")
        if model.known_items not in get_args(KnownItems):
            raise damaged(folder, "model.json has no proper 'known_items'")
        model.request_time = header.get("request_time", "last")
        if model.request_time not in get_args(RequestTime):
            raise damaged(folder, "model.json has no proper 'request_time'")
        model.fingerprint = header["fingerprint"]
        try:
            model._set_common(arrays)
            model.read_beside(folder)
            model.set_state(arrays)
        except KeyError as error:
            raise damaged(folder, f"array {error} is missing") from error
        except ValueError as error:
            raise damaged(folder, error) from error
        return model

    def read_beside(self, folder: Path) -> None:
        """Read files that `save` of this model adds to the arrays, before `set_state`."""

    def _set_common(self, arrays: Arrays) -> None:
        """Take back what every model needs to recommend."""
        self.catalogue = take(arrays, "catalogue", np.bool_, (None,))
        n = self.n_items
        self.new_items = np.empty(0, np.int32)
        if "new_items" in arrays:
            self.new_items = take(arrays, "new_items", np.int32, (None,), lowest=0, below=n)
        if NUMBERS in arrays:
            self.item_numbers = take(arrays, NUMBERS, np.int32, (n,), lowest=0)
            if (np.diff(self.item_numbers) <= 0).any():
                raise ValueError(f"{NUMBERS} do not ascend")
        self.popularity = take(arrays, "popularity", np.float32, (n,), lowest=0)
        self.tie_rank = take(arrays, "tie_rank", np.int32, (n,), lowest=0, below=n)
        if (np.bincount(self.tie_rank, minlength=n) != 1).any():
            raise ValueError("tie_rank is not an order of the items")
        items = take(arrays, "history.items", np.int32, (None,), lowest=0, below=n)
        self.histories = Histories(
            take_offsets(arrays, "history.offsets", None, len(items)),
            items,
            take(arrays, "history.ratings", np.float32, items.shape),
            take(arrays, "history.timestamps", np.int64, items.shape),
        )
