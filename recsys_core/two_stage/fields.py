"""Any registered ranking model as the ranker: scores and ranks are features like any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.prepared import find_prepared, write_prepared
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.events import OnEvent
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.ranking.batch import Rows
from recsys_core.ranking.ranker import Ranker
from recsys_core.training.runtime import Runtime
from recsys_core.two_stage.config import Loss
from recsys_core.two_stage.lists import Lists, equally_wide
from recsys_core.two_stage.ranker import ListRanker, judge, train_on_lists

#: name of the prepared set that a saved ranker keeps: attributes, and what users did in train
KNOWN = "known"


class FieldRanker(ListRanker):
    """A registered ranking model over its feature schema and the given scores, ranks and context.

    Parameters
    ----------
    ranker
        The model; one that comes from a ranking run is fitted and reads no given column.
    names
        Names of the given columns, the last axis of `features`.
    train
        What is known of the users that nobody asks about.
    """

    def __init__(self, ranker: Ranker, names: tuple[str, ...], train: Interactions) -> None:
        self.ranker, self.names, self.train = ranker, names, train
        self.known = Known.of(train)
        self.curve = ranker.curve

    def fit(self, parts: Sequence[Lists], judged: Lists, loss: Loss, on_event: OnEvent) -> None:
        """Learn from lists; `judged` chooses the epoch."""
        parts = equally_wide(parts)
        ranker = self.ranker
        known = [Known.of(part.known) for part in parts]
        queries = [
            self._queries(some, part.users, part.items, part.features)
            for some, part in zip(known, parts, strict=True)
        ]
        ranker.start(queries[0], known[0], tasks=1)
        encoded = [
            ranker.rows(asked, some, _labels(part))
            for asked, some, part in zip(queries, known, parts, strict=True)
        ]
        width = parts[0].items.shape[1]
        batch_size = max(1, ranker.config.batch_size // width)
        asked = self._queries(self.known, judged.users, judged.items, judged.features)
        rows = ranker.rows(asked, self.known, _labels(judged))
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
        asked = self.known.asked_by(users, histories)
        askers = np.repeat(np.arange(len(users)), items.shape[1])
        wanted, given = self._candidates(items, features)
        queries = Queries.of_askers(asked, askers, wanted, given)
        return self.ranker.score(queries, asked)[:, 0].reshape(items.shape)

    def _queries(
        self, known: Known, users: NDArray[np.integer], items: IntArray, features: FloatArray
    ) -> Queries:
        """Ask about every place of some lists of known users, row by row."""
        wanted, given = self._candidates(items, features)
        return Queries.at_request(known, np.repeat(users, items.shape[1]), wanted, given)

    def _candidates(
        self, items: IntArray, features: FloatArray
    ) -> tuple[IntArray, dict[str, FloatArray]]:
        """Lay out lists row by row: items, and the given columns; padding asks about some item."""
        given = {
            name: np.ascontiguousarray(features[:, :, column]).ravel()
            for column, name in enumerate(self.names)
        }
        return np.maximum(items, 0).ravel(), given

    def save(self, folder: Path) -> None:
        """Write the model, and what must be known to ask it."""
        self.ranker.save(folder)
        train = self.train.dataset
        rows = np.sort(self.train.rows)
        names = ("user", "item", "rating", "timestamp")
        kept = replace(train, name=KNOWN, **{name: getattr(train, name)[rows] for name in names})
        write_prepared(folder, kept, {}, {})

    @classmethod
    def load(
        cls, folder: Path, names: tuple[str, ...], threshold: float | None, runtime: Runtime
    ) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            A file is missing or damaged.
        """
        ranker = Ranker.load(folder, runtime)
        prepared = find_prepared(folder, KNOWN)
        if prepared is None:
            raise InputError(f"{folder}: what the ranker knows is missing", TRAIN_AGAIN)
        dataset = prepared.load()
        rows = np.arange(dataset.n_interactions)
        return cls(ranker, names, Interactions.in_time_order(dataset, rows, threshold))


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
        batch = batch.cpu()
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
            some = next(rows.batches(row.to(ranker.device), len(row)))
            logits[place, column] = ranker.module(some)[:, 0]
        return logits

    return compute
