"""A schema fitted for the two towers of a recall model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from recsys_core.config import Config
from recsys_core.data.dataset import Column, Dataset, TimeArray
from recsys_core.features.columns import ID_COLUMNS, side_of
from recsys_core.features.declared_transforms import Vocabulary
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known, Requests
from recsys_core.features.layout import Table
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.tower_schema import Tower, event_sequence, tower_of


class TowerEncoder(Config):
    """The features of both towers.

    Parameters
    ----------
    query, item
        Encoders of all but the sequence and the items' ids.
    sequence
        What is read of histories; None: items and ratings.
    item_ids
        Whether every item has an embedding of its own.
    """

    query: FeatureEncoder
    item: FeatureEncoder
    sequence: Feature | None
    item_ids: bool

    @classmethod
    def fit(
        cls,
        schema: FeatureSchema,
        known: Known,
        times: TimeArray | None = None,
        earlier: TowerEncoder | None = None,
    ) -> Self:
        """Learn vocabularies, edges and scales.

        Parameters
        ----------
        known
            The train rows, as of `Known.of_histories`; a request follows each of them.
        times
            When, as for `Queries.after_events`.
        earlier
            A fit of the same schema on earlier rows, which grows.
        """
        by_name = {feature.name: feature for feature in schema.features}
        crossed = {name for feature in schema.features for name in feature.of}
        parts: dict[Tower, list[Feature]] = {"query": [], "item": []}
        item_ids = False
        for feature in schema.features:
            if _is_item_id(feature) and feature.name not in crossed:
                item_ids = True
            elif feature.kind != "sequence":
                parts[tower_of(feature, by_name)].append(feature)
        queries = Queries.after_events(known, times)
        query, item = (
            FeatureEncoder.fit(
                schema.model_copy(update={"features": tuple(part)}),
                queries,
                known,
                getattr(earlier, tower, None),
            )
            for tower, part in parts.items()
        )
        sequence = event_sequence(schema.features)
        return cls(query=query, item=item, sequence=sequence, item_ids=item_ids)

    @property
    def event_fields(self) -> tuple[str, ...]:
        """What is read of an event beside its item."""
        return ("rating",) if self.sequence is None else self.sequence.event_fields

    def length(self, default: int) -> int:
        """Count the last events that a query sees; the schema may leave that to the model."""
        return default if self.sequence is None else self.sequence.max_len or default

    def items(self, dataset: Dataset) -> Table:
        """Encode every item, one row each."""
        every, nothing = Queries.of_items(dataset), Known.nothing(dataset)
        of_items = self.item.table("item", every, nothing)
        crosses = self.item.table("row", every, nothing)
        return of_items.beside(crosses)  # which have no row for an unknown item

    def users(self, dataset: Dataset) -> Table:
        """Encode every user, one row each, and at the end one of whom nothing is known."""
        return self.query.table("user", Queries.of_items(dataset), Known.nothing(dataset))

    def request_fields(self, queries: Queries, known: Known | Requests) -> Table:
        """Encode what is known of requests beside the user's attributes, one row each."""
        return self.query.table("row", queries, known)

    @property
    def reads_requests(self) -> bool:
        """Whether anything of a request is read beside the user's attributes."""
        return any(side_of(each.feature) == "row" for each in self.query.features)

    @property
    def request_rows(self) -> list[int]:
        """The rows of the query's embedding table that belong to requests."""
        offsets = dict(zip(self.query.layout.names, self.query.layout.offsets, strict=True))
        return [
            offsets[each.feature.name] + code
            for each in self.query.features
            if side_of(each.feature) == "row"
            for code in range(each.fitted.size)
        ]

    def attributes(self, dataset: Dataset) -> Dataset:
        """Keep the attributes that are read: what serving needs of a data set."""
        read: dict[str, set[str]] = {"user": set(), "item": set()}
        for each in (*self.query.features, *self.item.features):
            feature = each.feature
            read["item"].add(feature.by)
            if feature.source in ("user", "item"):
                read[feature.source].add(feature.reads)
        return replace(
            dataset,
            user_columns=_those(dataset.user_columns, read["user"]),
            item_columns=_those(dataset.item_columns, read["item"]),
        )


def _those(columns: Mapping[str, Column], names: set[str]) -> dict[str, Column]:
    return {name: column for name, column in columns.items() if name in names}


def _is_item_id(feature: Feature) -> bool:
    """Tell whether a feature gives every item an embedding of its own."""
    every = feature.transform is None or feature.transform == Vocabulary()
    return feature.source == "item" and feature.reads == ID_COLUMNS["item"] and every
