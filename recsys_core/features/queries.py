"""What features are computed for: who is asked about, what, and when.

Training rows and requests go through the same functions. A training, validation or test row is an
event of the data set:

    encoder.encode(Queries.of_events(split.train), Known.of(split.train))   # what train rows see
    encoder.encode(Queries.of_events(split.test), Known.of(split.known))    # train and validation

A request asks about candidates, unless its histories say when at the moment of its last event:

    requests = known.requests(users, histories)
    queries = Queries.of_requests(requests, request, items, given={"ease_score": scores})
    ranker.score(queries, requests)                                         # shape (n, tasks)

A model that predicts the next event learns from requests right after each event of the histories:

    known = Known.of_histories(dataset, histories, threshold)
    encoder.encode(Queries.after_events(known), known)

`request` and `items` have shape (n,), one entry for each candidate. Columns that come with the rows
(scores and ranks of recall channels) are `given` by name, float32 of shape (n,), NaN where missing;
a schema reads them with ``{name: ease_score, source: given, kind: numeric}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import Dataset, FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.features.known import Known, Requests


@dataclass(frozen=True)
class Queries:
    """Rows to compute features for.

    Parameters
    ----------
    dataset
        For attributes of users and items.
    user, item
        Shape (n,): who and what. A user number of `dataset.n_users` or more has no attributes.
    timestamp
        Shape (n,): when.
    event
        Shape (n,): the row of the data set that a query is, which it must never see; -1: none.
    after
        Whether events at the very timestamp are seen. A request follows the user's last event; rows
        that are events themselves see none of equal time.
    given
        Columns that come with the rows, shape (n,) each; NaN is missing.
    request
        Shape (n,): the request of each row, whose history it sees; None: the rows are of no
        request, a row's user is the data set's.
    last
        Shape (n,): number of the last of its user's events that each row sees; None: the timestamp
        decides.
    """

    dataset: Dataset
    user: IntArray
    item: IntArray
    timestamp: TimeArray
    event: TimeArray
    after: bool = False
    given: Mapping[str, FloatArray] = field(default_factory=dict)
    request: IntArray | None = None
    last: TimeArray | None = None

    def __post_init__(self) -> None:
        for name, values in self.given.items():
            if values.shape != self.user.shape:
                raise InputError(
                    f"given column '{name}' has shape {values.shape}, there are {len(self)} rows",
                    "give one number per row",
                )

    @classmethod
    def of_events(cls, rows: Interactions, given: Mapping[str, FloatArray] | None = None) -> Self:
        """Ask about events of the data set: training, validation and test rows."""
        return cls(rows.dataset, rows.user, rows.item, rows.timestamp, rows.rows, given=given or {})

    @classmethod
    def after_events(cls, known: Known, times: TimeArray | None = None) -> Self:
        """Ask at the moment of each event of some histories, seeing it and those before it.

        Events of the same second stand in their order: what comes next is never seen.

        Parameters
        ----------
        known
            As of `Known.of_histories`.
        times
            Shape (events,): when is asked after each; None: at its own moment.
        """
        times = known.timestamp if times is None else times
        numbers = np.arange(len(known))
        none = np.full(len(known), -1, dtype=np.int64)
        return cls(known.dataset, known.user, known.item, times, none, after=True, last=numbers)

    @classmethod
    def of_items(cls, dataset: Dataset) -> Self:
        """Ask about every item, whoever asks and whenever."""
        n = dataset.n_items
        items = np.arange(n, dtype=np.int32)
        nobody = np.full(n, dataset.n_users, dtype=np.int32)
        return cls(dataset, nobody, items, np.zeros(n, np.int64), np.full(n, -1, dtype=np.int64))

    @classmethod
    def of_requests(
        cls,
        requests: Requests,
        request: NDArray[np.integer],
        items: NDArray[np.integer],
        given: Mapping[str, FloatArray] | None = None,
    ) -> Self:
        """Ask about candidates of requests, which have their own histories.

        Parameters
        ----------
        request, items
            Shape (n,): one candidate each, by the number of its request.
        """
        return cls(
            requests.dataset,
            requests.users[request],
            items.astype(np.int32),
            requests.times[request],
            np.full(len(request), -1, dtype=np.int64),
            after=True,
            given=given or {},
            request=request.astype(np.int32),
        )

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: slice | NDArray[np.integer]) -> Queries:
        """Pick some rows."""
        return Queries(
            self.dataset,
            self.user[rows],
            self.item[rows],
            self.timestamp[rows],
            self.event[rows],
            self.after,
            {name: values[rows] for name, values in self.given.items()},
            None if self.request is None else self.request[rows],
            None if self.last is None else self.last[rows],
        )
