"""What the neural models that read a history share: fit and query."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys_core.compute.earlier import Earlier
from recsys_core.compute.runtime import Runtime
from recsys_core.data.dataset import BoolArray, Dataset, FloatArray, TimeArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.data.row_keys import held, row_keys
from recsys_core.events import OnEvent
from recsys_core.features.known import Known
from recsys_core.features.layout import Table
from recsys_core.features.queries import Queries
from recsys_core.features.saved import digest_of, read_features, write_features
from recsys_core.features.schema import FeatureSchema, tower_schema
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.recall.base import Updates
from recsys_core.recall.neural.layers import EventEmbedding, Inputs, QueryFields
from recsys_core.recall.neural.objective import Network, SequentialConfig, SequentialObjective
from recsys_core.recall.neural.sequences import (
    Runs,
    Window,
    asked_after,
    last_events,
    rating_edges,
)
from recsys_core.recall.shared.similar import ItemToItem, cosine_scores
from recsys_core.recall.shared.validation import Validation
from recsys_core.recall.shared.vectors import VectorModel
from recsys_core.sampling.negatives import Negatives, Positives
from recsys_core.saving.arrays import NUMBER, take
from recsys_core.saving.weights import build_with
from recsys_core.training.carry import Kept, carry_over
from recsys_core.training.row_tables import learn_by_row
from recsys_core.training.trainer import train

ConfigT = TypeVar("ConfigT", bound=SequentialConfig)


class SequentialModel(ItemToItem, VectorModel[ConfigT]):
    """Ask with the last events of a history; children say what module makes the query.

    All events of a history are read; the relevant train rows are targets.

    Parameters
    ----------
    schema
        What is read of users, items, histories and requests; None: `tower_schema`.
    """

    reads_features: ClassVar[bool] = True
    updates: ClassVar[Updates | None] = "learned"
    trains_together: ClassVar[bool] = True
    schema: FeatureSchema
    encoder: TowerEncoder
    dataset: Dataset
    """The attributes that the schema reads."""
    inputs: Inputs
    module: Network
    curve: list[dict[str, float]]
    """Loss and ndcg@10 on validation users of each epoch."""

    def __init__(
        self,
        config: ConfigT,
        runtime: Runtime | None = None,
        schema: FeatureSchema | None = None,
    ) -> None:
        super().__init__(config, runtime)
        self._given = schema
        self._written: NDArray[np.uint8] | None = None

    @abstractmethod
    def build(self, inputs: Inputs) -> Network:
        """Build the untrained module."""

    @property
    @abstractmethod
    def run(self) -> tuple[int, int]:
        """Events to predict in a run, and events that its first query sees."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        self.schema = self._given or tower_schema(positives.dataset)
        known = Known.of_histories(positives.dataset, self.histories, self.threshold)
        times = asked_after(self.histories, self.request_time)
        self._make_module(positives.dataset, known, times)
        validation = Validation(valid, self.runtime.ranks)

        def validate() -> dict[str, float]:
            self._take_vectors()
            return validation(self)

        requests = self.encoder.request_fields(Queries.after_events(known, times), known)
        runs = self._runs(requests)
        new = self._new_runs(runs, positives.dataset)
        objective = SequentialObjective(
            self.module,
            runs,
            self._negatives(positives),
            torch.from_numpy(np.flatnonzero(positives.item_counts())),
            self.config,
            validate,
        )
        if objective.size:
            reads = self.schema.digest
            self.curve = train(
                self.module,
                objective,
                self.config,
                self.runtime,
                on_event,
                reads,
                new,
                objective.mass,
            ).curve
        self._serve()
        self.report_index(on_event)

    def _make_module(self, dataset: Dataset, known: Known, times: TimeArray) -> None:
        """Fit the encoder and build the network; an update takes over what the run had learned."""
        device, earlier = self.runtime.torch_device(), self.runtime.earlier
        own = None if earlier is None else type(self).load(earlier.folder)
        self.encoder = TowerEncoder.fit(self.schema, known, times, own.encoder if own else None)
        self.dataset = self.encoder.attributes(dataset)
        features = digest_of(self.schema, self.encoder, self.dataset)
        self._read(own.inputs.edges if own else rating_edges(self.histories.ratings), features)
        torch.manual_seed(self.runtime.seed)
        self.module = self.build(self.inputs).to(device)
        if len(self.new_items):  # they are known by their attributes alone
            with torch.no_grad():
                for parameter in self.module.of_items:
                    parameter[torch.from_numpy(self.new_items).long().to(device)] = 0
        if own is not None and earlier is not None:
            carry_over(self.module, own.module.state_dict(), self._tables(own, earlier))
        if self.config.samples:
            learn_by_row(self.module, self.config)

    def _new_runs(self, runs: Runs, dataset: Dataset) -> Tensor | None:
        """Of an update: mark the runs with an event that the earlier run did not learn from."""
        earlier, events = self.runtime.earlier, self.histories
        if earlier is None:
            return None
        keys = row_keys(dataset, events.row, events.items, events.timestamps)
        return runs.with_events(torch.from_numpy(~held(keys, earlier.rows)))

    def _tables(self, own: Self, earlier: Earlier) -> dict[str, Kept]:
        """Tell which rows of the module's tables were there in the model that is updated."""
        here = np.flatnonzero(earlier.items >= 0)
        items = (here, earlier.items[here], 0)
        tables: dict[str, Kept] = {
            "events.attributes.embedding": (*self.encoder.item.kept_rows(own.encoder.item), 0),
            "fields.embedding": (*self.encoder.query.kept_rows(own.encoder.query), 0),
        }
        names = {id(parameter): name for name, parameter in self.module.named_parameters()}
        return tables | {names[id(parameter)]: items for parameter in self.module.of_items}

    def _read(self, edges: FloatArray, features: NDArray[np.uint8]) -> None:
        """Encode users and items, and keep what requests are encoded with.

        Parameters
        ----------
        features
            The digest of what is read.
        """
        encoder = self.encoder
        self.known = Known.of_histories(self.dataset, self.histories, self.threshold)
        self.inputs = Inputs(
            self.n_items,
            edges,
            encoder,
            encoder.users(self.dataset),
            encoder.items(self.dataset),
            len(self._requests(np.zeros(0, np.int64), Histories.empty(0)).slots),
            encoder.length(self.config.max_len),
        )
        read = f"{features.tobytes().hex()} {edges.tolist()} {self.inputs.length}"
        self._reads = f"{read} {self.request_time}"

    def _requests(self, users: NDArray[np.integer], histories: Histories) -> Table:
        """Encode requests, one per user."""
        if not self.encoder.reads_requests:
            return Table.empty(len(users))
        requests = self.known.requests(users, histories)
        request = np.arange(len(users), dtype=np.int32)
        queries = Queries.of_requests(requests, request, np.zeros_like(request))
        return self.encoder.request_fields(queries, requests)

    def _runs(self, requests: Table) -> Runs:
        length, before = self.run
        return Runs(
            self.histories,
            self.known.relevant,
            self.inputs.edges,
            requests,
            length=length,
            before=before,
            ahead=self.config.window if self.config.target == "window" else 1,
            user_weighting=self.config.user_weighting,
            tell_known=self.config.exclude_known and self.known_items == "exclude",
            request_time=self.request_time,
        )

    def _negatives(self, positives: Interactions) -> Negatives:
        users, items = (
            torch.from_numpy(side.astype(np.int64)) for side in (positives.user, positives.item)
        )
        known = Positives(users, items, positives.n_users, self.n_items)
        counts = torch.from_numpy(positives.item_counts())
        return Negatives(self.config, counts, known, self.runtime.ranks)

    def _take_vectors(self) -> None:
        every = torch.arange(self.n_items, device=self._device)
        with torch.inference_mode():
            vectors = self.module.vectors(every).cpu().numpy()
        unknown = self.popularity == 0  # what nobody liked was no target and no negative
        if self.scores_new_items:
            unknown[self.new_items] = False
        vectors[unknown] = 0
        self.set_targets(vectors)

    @property
    def scores_new_items(self) -> bool:
        """Whether attributes or vectors of items are read."""
        return bool(self.encoder.item.features)

    def _serve(self) -> None:
        self.module.eval()
        for part in self.module.modules():
            if isinstance(part, EventEmbedding | QueryFields):
                part.keep()
        self._take_vectors()
        self.build_index()

    def query(
        self, users: NDArray[np.integer], histories: Histories
    ) -> tuple[FloatArray, BoolArray]:
        """Read the last events of each history, shape (n, dim)."""
        return self._ask(self._window(users, histories)), histories.lengths == 0

    def score_sharing(
        self, users: NDArray[np.integer], histories: Histories, read: dict[str, Any]
    ) -> FloatArray:
        """Read the last events once for all towers that read the same of them."""
        if self._reads not in read:
            read[self._reads] = self._window(users, histories)
        return self.score_queries(self._ask(read[self._reads]), histories.lengths == 0)

    def _window(self, users: NDArray[np.integer], histories: Histories) -> Window:
        return last_events(
            histories,
            users,
            self.inputs.length,
            len(self.histories),
            self.inputs.edges,
            self._requests(users, histories),
            self.request_time,
        )

    def _ask(self, window: Window) -> FloatArray:
        """Make the queries of windows, shape (n, dim)."""
        with torch.inference_mode():
            queries: Tensor = self.module(window.to(self._device), 1)[:, 0]
        return queries.cpu().numpy()

    @property
    def _device(self) -> torch.device:
        return next(self.module.parameters()).device

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Cosine of item vectors, shape (n, n_items)."""
        return cosine_scores(self.targets, items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, and what the module is built from."""
        weights = self.module.state_dict().items()
        return {
            "edges": self.inputs.edges,
            "features": digest_of(self.schema, self.encoder, self.dataset),
            **{f"module.{name}": tensor.cpu().numpy() for name, tensor in weights},
        }

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Build the module, take back its weights and serve."""
        beside = self._written
        if beside is None:
            beside = digest_of(self.schema, self.encoder, self.dataset)
        if not np.array_equal(take(arrays, "features", np.uint8, beside.shape), beside):
            raise ValueError("the features saved with it belong to another model")
        self._read(take(arrays, "edges", np.float32, (None,)), beside)
        prefix = "module."
        weights = {
            name.removeprefix(prefix): torch.from_numpy(take(arrays, name, NUMBER, array.shape))
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        self.module = build_with(lambda: self.build(self.inputs), weights)
        self.module.to(self.runtime.torch_device())
        self._serve()

    def save(self, folder: Path) -> None:
        """Write the features and the attributes that they read beside the model."""
        write_features(folder, self.schema, self.encoder, self.dataset)
        super().save(folder)

    def read_beside(self, folder: Path) -> None:
        """Read features and attributes."""
        self.schema, self.encoder, self.dataset, self._written = read_features(folder)
