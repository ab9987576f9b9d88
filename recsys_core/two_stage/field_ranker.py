"""Any registered ranking model as the ranker: scores and ranks are features like any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.transfer import to_device
from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.events import OnEvent
from recsys_core.features.batch import Rows
from recsys_core.features.known import Known, Requests
from recsys_core.features.queries import Queries
from recsys_core.ranking.modules.embedding import with_table_l2
from recsys_core.ranking.ranker import Ranker
from recsys_core.two_stage.config import Loss
from recsys_core.two_stage.list_ranker import ListRanker, judge, train_on_lists
from recsys_core.two_stage.lists import Lists, equally_wide


class FieldRanker(ListRanker):
    """A registered ranking model over its feature schema and the given scores and ranks.

    Parameters
    ----------
    ranker
        The model; one that comes from a ranking run is fitted and reads no given column.
    names
        Names of the given columns, the last axis of `features`.
    known
        What the channels learned from.
    """

    def __init__(self, ranker: Ranker, names: tuple[str, ...], known: Known) -> None:
        self.ranker, self.names, self.known = ranker, names, known
        self.curve = ranker.curve

    def fit(self, parts: Sequence[Lists], judged: Lists, loss: Loss, on_event: OnEvent) -> None:
        """Learn from lists; `judged` chooses the epoch."""
        parts = equally_wide(parts)
        ranker = self.ranker
        requests = [part.known.requests(part.users, part.histories) for part in parts]
        queries = [
            self._queries(some, part.items, part.features)
            for some, part in zip(requests, parts, strict=True)
        ]
        ranker.start(queries[0].take(np.flatnonzero(parts[0].listed)), requests[0], tasks=1)
        encoded = [
            ranker.rows(rows, some, _labels(part))
            for rows, some, part in zip(queries, requests, parts, strict=True)
        ]
        width = parts[0].items.shape[1]
        batch_size = max(1, ranker.config.batch_size // width)
        judges = judged.known.requests(judged.users, judged.histories)
        candidates = self._queries(judges, judged.items, judged.features)
        rows = ranker.rows(candidates, judges, _labels(judged))
        self.curve = ranker.curve = train_on_lists(
            ranker.module,
            _logits(ranker, encoded, parts),
            parts,
            loss,
            lambda: judge(ranker.probabilities(rows)[:, 0].reshape(judged.items.shape), judged),
            ranker.config.model_copy(update={"batch_size": batch_size}),
            ranker.runtime,
            on_event,
        )

    def score(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        items: IntArray,
        features: FloatArray,
    ) -> FloatArray:
        """Compute the probability that each candidate is liked, shape (n, width)."""
        requests = self.known.requests(users, histories)
        queries = self._queries(requests, items, features)
        return self.ranker.score(queries, requests)[:, 0].reshape(items.shape)

    def _queries(self, requests: Requests, items: IntArray, features: FloatArray) -> Queries:
        """Ask about every place of the lists, row by row; padding asks about some item."""
        request = np.repeat(np.arange(len(items)), items.shape[1])
        given = {
            name: np.ascontiguousarray(features[:, :, column]).ravel()
            for column, name in enumerate(self.names)
        }
        return Queries.of_requests(requests, request, np.maximum(items, 0).ravel(), given)

    def save(self, folder: Path) -> None:
        """Write the model."""
        self.ranker.save(folder)

    @classmethod
    def load(cls, folder: Path, names: tuple[str, ...], known: Known, runtime: Runtime) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            A file is missing or damaged.
        """
        return cls(Ranker.load(folder, runtime), names, known)


def _labels(lists: Lists) -> Tensor:
    """Shape (n * width, 1)."""
    return torch.from_numpy(lists.labels.astype(np.float32).reshape(-1, 1))


def _logits(
    ranker: Ranker, encoded: Sequence[Rows], parts: Sequence[Lists]
) -> Callable[[Tensor], Tensor]:
    """Make the function from numbers of lists, shape (b,), to logits, shape (b, width)."""
    ends = torch.from_numpy(np.cumsum([len(part) for part in parts]))
    listed = torch.from_numpy(np.concatenate([part.listed for part in parts]))
    width = listed.shape[1]

    def compute(batch: Tensor) -> Tensor:
        logits = torch.zeros((len(batch), width), device=ranker.device)
        part_of = torch.searchsorted(ends, batch, right=True)
        for number, rows in enumerate(encoded):
            # only places that hold an item are computed
            place, column = torch.nonzero(
                listed[batch] & (part_of == number)[:, None], as_tuple=True
            )
            if len(place) == 0:
                continue
            first = ends[number] - len(parts[number])
            row = (batch[place] - first) * width + column
            some = next(rows.batches(row, len(row)))
            places = to_device(place, ranker.device), to_device(column, ranker.device)
            logits[places] = ranker.module(some)[:, 0].to(logits.dtype)
        return with_table_l2(logits, ranker.module, ranker.config.table_l2)

    return compute
