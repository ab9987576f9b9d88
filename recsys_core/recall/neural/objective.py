"""What the neural models that read a history are trained by: fields, network, loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.compute.transfer import to_device
from recsys_core.recall.neural.layers import EventEmbedding
from recsys_core.recall.neural.sequences import Examples, Runs, Window
from recsys_core.recall.shared.validation import METRIC
from recsys_core.retrieval.vector_index import IndexConfig
from recsys_core.sampling.config import SamplingConfig
from recsys_core.sampling.full import Targets, full_softmax
from recsys_core.sampling.hard import search_over
from recsys_core.sampling.negatives import Negatives
from recsys_core.training.config import TrainingConfig


class SequentialConfig(TrainingConfig, SamplingConfig, IndexConfig):
    """Fields of the neural models that read a history."""

    replaced: ClassVar[Mapping[str, str]] = {
        "history": "max_len",
        "attributes": "name what to read in a feature schema; ids alone: item_id of the item",
        "clock": "name times in a feature schema, e.g. features: movielens-towers",
    }

    dim: int = Field(64, ge=1, le=4096, description="Embedding dimension.")
    max_len: int = Field(
        50,
        ge=1,
        le=10_000,
        description="Maximum history length: a query reads at most this many most recent events.",
    )
    target: Literal["next", "window"] = Field(
        "next",
        description="What a query learns to predict. next: the next event; window: the liked "
        "events among the next `window` ones.",
    )
    window: int = Field(
        10, ge=2, le=100, description="With target window: number of events to look ahead."
    )
    exclude_known: bool = Field(
        True,
        description="Do not use items already in the history as negatives, where the protocol "
        "never recommends them.",
    )
    user_weighting: float = Field(
        0.0,
        ge=0,
        le=1,
        description="A user with n events has a total weight of n^(1 - this). 0: all events count "
        "equally; 1: all users count equally, as in the YouTube paper.",
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout rate.")
    batch_size: int = Field(
        64,
        ge=1,
        le=1_000_000,
        description="Segments per gradient step; a segment is a stretch of consecutive events of "
        "one user, each of them a target.",
    )


class Network(nn.Module):
    """Turns windows into queries, and items into vectors of the same space."""

    @abstractmethod
    def forward(self, window: Window, queries: int) -> Tensor:
        """Make the queries after each of the last columns, shape (b, queries, dim)."""

    @abstractmethod
    def vectors(self, items: Tensor) -> Tensor:
        """Make the vectors of some items by number, shape (n,): shape (n, dim)."""

    @property
    def of_items(self) -> list[nn.Parameter]:
        """What is learned of each item alone, shape (n_items, dim) each."""
        events: EventEmbedding = self.events  # type: ignore[assignment]
        return [] if events.item is None else [events.item]


class SequentialObjective:
    """Softmax loss of the targets of runs, over the catalogue or against drawn negatives."""

    monitor = METRIC

    def __init__(
        self,
        module: Network,
        runs: Runs,
        negatives: Negatives,
        catalogue: Tensor,
        config: SequentialConfig,
        validate: Callable[[], dict[str, float]],
    ) -> None:
        self.module, self.runs, self.negatives, self.config = module, runs, negatives, config
        self.validate, self.size = validate, len(runs)
        self.catalogue = catalogue
        # what is not in the catalogue has a place beyond it
        self.place = torch.full((negatives.n_items,), len(catalogue))
        self.place[catalogue] = torch.arange(len(catalogue))
        self.device = next(module.parameters()).device
        self.whole = (
            config.sampler == "uniform"
            and config.negatives is None
            and not (config.hard_negatives or config.exclude_seen or config.logq)
        )

    def batches(self, order: Tensor, batch_size: int | list[int]) -> Iterator[Examples]:
        """Cut the runs into batches; once per epoch the index for hard negatives is built anew."""
        if self.config.hard_negatives:
            with torch.no_grad():
                vectors = self.module.vectors(to_device(self.catalogue, self.device))
            self.negatives.search = search_over(vectors, self.catalogue, self.config)
        yield from self.runs.batches(order, batch_size)

    def mass(self, batch: Examples) -> Tensor:
        """Weigh the targets of a batch."""
        return batch.weight.sum()

    def loss(self, batch: Examples) -> Tensor:
        """Compute the weighted mean over all targets of the batch."""
        queries = self.module(batch.window.to(self.device), batch.queries).flatten(0, 1)
        queries = queries.index_select(0, to_device(batch.asked, self.device))
        if self.whole:
            vectors = self.module.vectors(to_device(self.catalogue, self.device))
            known = batch.known and replace(batch.known, items=self.place[batch.known.items])
            targets = Targets(batch.row, self.place[batch.liked], known)
            return full_softmax(queries, vectors, targets, batch.weight)
        users = batch.window.users[batch.asked // batch.queries]
        return self.negatives.loss(
            queries,
            users,
            batch.row,
            batch.liked,
            lambda items: queries @ self.module.vectors(items).T,
            batch.weight,
            batch.known,
        )
