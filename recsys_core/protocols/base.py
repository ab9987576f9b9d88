"""What every protocol shares: filters, relevance, checks, and the step from a cut to a split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from recsys_core.config import Config
from recsys_core.data.dataset import (
    PART,
    BoolArray,
    Dataset,
    IntArray,
    TimeArray,
    event_counts,
)
from recsys_core.data.interactions import Interactions, KnownItems, RequestTime
from recsys_core.errors import InputError
from recsys_core.protocols.split import Split

TRAIN, VALID, TEST, DROPPED, QUERY = 0, 1, 2, 3, 4
PARTS = {TRAIN: "train", VALID: "validation", TEST: "test"}

#: users and items that have to be left after filtering
LEAST_IDS = 2

#: splits do not change with the model's seed
SEED = 0


@dataclass(frozen=True)
class Cut:
    """Assignment of rows to the parts of a split: what a protocol gives in `_cut`.

    Parameters
    ----------
    part
        Shape (n,): TRAIN, VALID, TEST, DROPPED, or QUERY: events of validation and test users that
        they are asked with, and that no model learns from.
    counts
        What was left out or found on the way, by name.
    new_items
        Shape (m,), ascending: items without a train row that may be recommended; None: there are
        none.
    """

    part: NDArray[np.int8]
    counts: dict[str, int] = field(default_factory=dict)
    new_items: IntArray | None = None


class ProtocolConfig(Config, ABC):
    """Base of the protocols: which rows count, which are relevant, and how they are cut.

    Filters apply in the order of the fields. Of a set with labels those events are relevant that
    have label 1, whatever `relevance` says short of null; a set without ratings and labels has no
    threshold: every event of it is relevant.
    """

    name: ClassVar[str]
    leaks: ClassVar[str]
    """A sentence: what a model may see that it could not have known in use, on any set."""
    by_time: ClassVar[bool] = False
    """Whether it needs timestamps."""
    has_new_items: ClassVar[bool] = False
    """Whether items that nothing was learned of are ranked alone, too: ``new/ndcg@10``."""
    needs_parts: ClassVar[bool] = False
    """Whether it needs events that say which part of a published split they belong to."""

    drop_ratings: tuple[FiniteFloat, ...] = Field(
        (), max_length=100, description="Drop rows with one of these ratings, e.g. [3]."
    )
    min_rating: FiniteFloat | None = Field(
        None, description="Drop rows rated below this; null: keep all."
    )
    k_core: int = Field(
        1,
        ge=1,
        le=100_000,
        description="Drop users and items with fewer rows, repeatedly, until all have this many; "
        "1: keep all.",
    )
    k_core_of: Literal["rows", "relevant"] = Field(
        "rows", description="What k_core counts: all rows, or only relevant ones."
    )
    relevance: FiniteFloat | None = Field(
        4.0,
        description="A row rated at least this is relevant, of sets with labels one with label 1; "
        "null: every row is.",
    )
    known_items: KnownItems = Field(
        "exclude",
        description="Whether items that a user knows may be recommended again: exclude, or allow, "
        "for plays, purchases and other events that repeat.",
    )
    negatives: int = Field(
        0,
        ge=0,
        le=100,
        description="Of sets without ratings and labels: items drawn beside each event, that "
        "ranking models learn from and are judged on as label 0; 0: there are no ranking models.",
    )
    negative_sampler: Literal["uniform", "popularity"] = Field(
        "uniform",
        description="How they are drawn: uniform, all items alike; popularity, an item of n train "
        "rows with n to the power of 0.75.",
    )
    test_users: int | None = Field(
        None,
        ge=2,
        description="Judge this many of the users with test rows, drawn once for all models; null: "
        "all of them.",
    )

    def split(self, dataset: Dataset) -> Split:
        """Cut `dataset` into train, validation and test rows.

        Raises
        ------
        InputError
            The protocol needs times or ratings that the set does not have, or the filters leave
            too little: a single user or item, an empty part, no relevant row to learn from or to
            be judged on.
        """
        refusal = self.refusal(
            dataset.name,
            explicit=dataset.explicit,
            timed=dataset.timed,
            parted=PART in dataset.event_columns,
        )
        if refusal is not None:
            raise refusal
        threshold = self.threshold_for(dataset)
        rows = self._filter(dataset, threshold)
        _check_filtered(self, dataset, rows, threshold)
        cut = self._assigned(dataset, rows)
        train, valid, test = (
            Interactions.in_time_order(dataset, rows[cut.part == part], threshold, self.known_items)
            for part in (TRAIN, VALID, TEST)
        )
        train, valid, test = (
            replace(part, request_time=self.told_time) for part in (train, valid, test)
        )
        train = replace(train, new_items=cut.new_items)
        asked = rows[cut.part == QUERY]
        if len(asked):
            valid, test = valid.asked_with(asked), test.asked_with(asked)
        for part, some in ((TRAIN, train), (VALID, valid), (TEST, test)):
            if len(some) or part != VALID or not self._may_lack_valid():
                _check_part(self, dataset, some, PARTS[part])
        return Split(
            protocol=self.name,
            parameters=self.model_dump(mode="json"),
            leaks=self._leaks(train, valid, test),
            train=train,
            valid=valid,
            test=test,
            counts={
                "filtered_rows": dataset.n_interactions - len(rows),
                **cut.counts,
                **self._found(train, test),
            },
        )

    def whole(self, dataset: Dataset) -> Split:
        """Put all rows that pass the filters into train: to fit on them what was judged before.

        Raises
        ------
        InputError
            As `split`.
        """
        cut = self.split(dataset)
        rows = self._filter(dataset, cut.threshold)
        train, none = (
            Interactions.in_time_order(dataset, some, cut.threshold, self.known_items)
            for some in (rows, rows[:0])
        )
        return replace(
            cut,
            train=replace(train, request_time=self.told_time),
            valid=none,
            test=none,
            leaks="nothing is judged: all rows are train rows",
            counts={"filtered_rows": dataset.n_interactions - len(rows)},
            cut=cut,
            windows={},
        )

    def parts_of(self, dataset: Dataset) -> NDArray[np.int8]:
        """Give the part of each row, shape (n_interactions,), of a set that was split before.

        Nothing is checked again or put in time order; several windows are not told apart.
        """
        rows = self._filter(dataset, self.threshold_for(dataset))
        parts = np.full(dataset.n_interactions, DROPPED, dtype=np.int8)
        parts[rows] = self._assigned(dataset, rows).part
        return parts

    def _assigned(self, dataset: Dataset, rows: TimeArray) -> Cut:
        """Assign the rows that pass the filters to the parts."""
        cut = self._cut(dataset, rows)
        if self.test_users is not None:
            cut = sample_test_users(cut, dataset.user[rows], self.test_users)
        return cut

    def threshold_for(self, dataset: Dataset) -> float | None:
        """Say from which rating on a row of `dataset` is relevant; of labels: from 1 on."""
        if not dataset.explicit or self.relevance is None:
            return None
        return 1.0 if dataset.labelled else self.relevance

    @abstractmethod
    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        """Assign `rows` (shape (n,), ascending, so in file order) to the parts."""

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        """Say what these rows leak, in a sentence that is true of them."""
        return self.leaks

    @property
    def told_time(self) -> RequestTime:
        """When users are asked, as models are told."""
        return "last"

    @property
    def needs_times(self) -> bool:
        """Whether its fields ask for timestamps, that it does not need otherwise."""
        return False

    def _may_lack_valid(self) -> bool:
        """Whether a split without validation rows is no error."""
        return False

    def _found(self, train: Interactions, test: Interactions) -> dict[str, int]:
        """Count what is remarkable in the parts, by name."""
        return {}

    def refusal(
        self, dataset: str, *, explicit: bool, timed: bool, parted: bool
    ) -> InputError | None:
        """Say why a data set cannot be cut; None: it can be.

        Parameters
        ----------
        explicit, timed, parted
            Whether it has ratings, times, and a column of the parts of a published split.
        """
        if self.needs_parts and not parted:
            return InputError(
                f"protocol {self.name}: data set '{dataset}' does not say which rows are test",
                "import it with its parts: recsys-workbench data import PATH"
                " --parts train=FILE,test=FILE (or --columns …,part=COLUMN)",
            )
        if (self.by_time or self.needs_times) and not timed:
            return InputError(
                f"protocol {self.name} cuts by time, but data set '{dataset}' has no times",
                "use --protocol random-per-user or random-rows",
            )
        if not explicit and (self.drop_ratings or self.min_rating is not None):
            return InputError(
                f"protocol {self.name} filters by rating, but data set '{dataset}' has none",
                "use --set protocol.drop_ratings=[] --set protocol.min_rating=null",
            )
        if explicit and self.negatives:
            return InputError(
                f"protocol {self.name} draws negatives, but data set '{dataset}' has ratings or"
                " labels, which say what is irrelevant",
                "use --set protocol.negatives=0",
            )
        return None

    def _filter(self, dataset: Dataset, threshold: float | None) -> TimeArray:
        """Shape (n,): the rows that pass all filters, ascending."""
        kept = ~np.isin(dataset.rating, np.asarray(self.drop_ratings, dtype=np.float32))
        if self.min_rating is not None:
            kept &= dataset.rating >= self.min_rating
        if self.k_core > 1:
            counted = np.ones_like(kept)
            if self.k_core_of == "relevant" and threshold is not None:
                counted = dataset.rating >= threshold
            kept = k_core(dataset.user, dataset.item, kept, counted, self.k_core)
        return np.flatnonzero(kept)


def sample_test_users(cut: Cut, user: IntArray, n: int) -> Cut:
    """Leave out the test rows, and the query, of all but `n` of the users who have test rows.

    A larger sample holds every smaller one.

    Parameters
    ----------
    user
        Shape (n_rows,): whose each row is.
    """
    users = np.unique(user[cut.part == TEST])
    if len(users) <= n:
        return cut
    left_out = np.random.default_rng(SEED).permutation(users)[n:]
    asked_for_test = (cut.part == QUERY) & ~np.isin(user, user[cut.part == VALID])
    dropped = ((cut.part == TEST) | asked_for_test) & np.isin(user, left_out)
    counts = {"sampled_test_users": n, "test_users_left_out": len(left_out)}
    part = np.where(dropped, DROPPED, cut.part).astype(np.int8)
    return replace(cut, part=part, counts={**cut.counts, **counts})


def k_core(
    user: IntArray, item: IntArray, kept: BoolArray, counted: BoolArray, k: int
) -> BoolArray:
    """Drop rows of users and items with fewer than `k` counted rows until none is left.

    Parameters
    ----------
    user, item
        Shape (n,): who and what.
    kept, counted
        Shape (n,): the rows to start from, and those of them that count.

    Returns
    -------
    Shape (n,): the rows of the largest subset in which every user and item has `k` counted rows.
    """
    while True:
        counting = kept & counted
        enough_user = np.bincount(user[counting], minlength=user.max(initial=-1) + 1) >= k
        enough_item = np.bincount(item[counting], minlength=item.max(initial=-1) + 1) >= k
        rest = kept & enough_user[user] & enough_item[item]
        if rest.sum() == kept.sum():
            return rest
        kept = rest


def places_from_end(
    user: IntArray, key: NDArray[np.number], n_users: int
) -> tuple[TimeArray, TimeArray]:
    """Place each row among its user's rows, ordered by `key`, then by position.

    Parameters
    ----------
    user, key
        Shape (n,): who, and what the rows are ordered by.

    Returns
    -------
    from_end
        Shape (n,): 0 for the user's last row, 1 for the one before.
    length
        Shape (n,): number of rows of the row's user.
    """
    order = np.lexsort((key, user))
    lengths = np.bincount(user, minlength=n_users)
    ends = np.cumsum(lengths)
    from_end = np.empty(len(user), dtype=np.int64)
    from_end[order] = ends[user[order]] - 1 - np.arange(len(user))
    return from_end, lengths[user]


def share_of(count: TimeArray, share: float) -> TimeArray:
    """Shape of `count`: floor(share * count), where .29 * 100 is 29, not 28.999999999999996."""
    whole: TimeArray = np.floor(count * share + 1e-9).astype(np.int64)
    return whole


def _check_filtered(
    protocol: ProtocolConfig, dataset: Dataset, rows: TimeArray, threshold: float | None
) -> None:
    """Refuse a set of which the filters leave nothing to learn from."""
    where = f"protocol {protocol.name} on data set '{dataset.name}'"
    for side, ids, n in (
        ("user", dataset.user, dataset.n_users),
        ("item", dataset.item, dataset.n_items),
    ):
        left = np.count_nonzero(event_counts(ids[rows], n))
        if left < LEAST_IDS:
            raise InputError(
                f"{where}: {left} {side}{'' if left == 1 else 's'} after filtering, "
                f"at least {LEAST_IDS} are needed",
                "use a larger set or weaker filters (drop_ratings, min_rating, k_core)",
            )
    highest = dataset.rating[rows].max()
    if threshold is not None and highest < threshold:
        if dataset.labelled:
            raise InputError(
                f"{where}: no event has label 1", "use a set with labels of both kinds"
            )
        raise InputError(
            f"{where}: relevance = {threshold:g}, but no rating is above {highest:g}",
            "set relevance to a rating of this set's scale, or to null: every row is relevant",
        )


def _check_part(protocol: ProtocolConfig, dataset: Dataset, part: Interactions, name: str) -> None:
    where = f"protocol {protocol.name} on data set '{dataset.name}': the {name} part"
    if len(part) == 0:
        raise InputError(
            f"{where} is empty", "use a larger set, weaker filters or larger shares of the parts"
        )
    if name != PARTS[VALID] and not part.relevant.any():
        if dataset.labelled:
            raise InputError(f"{where} has no event with label 1", "use a larger set")
        raise InputError(
            f"{where} has no row rated {part.threshold:g} or above",
            "set a lower relevance, or use a larger set",
        )
