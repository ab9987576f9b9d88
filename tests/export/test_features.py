"""Encodings: the script gives rows and candidates the slots that the encoder gives them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.data.dataset import Dataset, Numeric, Vectors
from recsys_core.data.interactions import Histories
from recsys_core.export.encoding import Encoding, encode_fitted, encode_numbers
from recsys_core.features.batch import Rows
from recsys_core.features.columns import requested_numbers
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.known import Known, Requests
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema, packaged_schema
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from tests.data.small import small
from tests.export.served import script

#: what the packaged schemas leave out: every other transform, source and scope
MORE: list[dict[str, Any]] = [
    {"name": "user_id", "source": "user", "kind": "categorical"},
    {"name": "item_id", "source": "item", "kind": "categorical"},
    {"name": "genres", "source": "item", "kind": "multi", "pooling": "sum"},
    {"name": "year", "source": "item", "kind": "numeric"},
    {"name": "cover", "source": "item", "kind": "vector"},
    {"name": "mood", "source": "interaction", "kind": "categorical"},
    {"name": "price", "source": "interaction", "kind": "numeric", "transform": {"name": "log"}},
    {"name": "when", "source": "interaction", "kind": "numeric", "column": "timestamp"},
    {
        "name": "hashed",
        "source": "user",
        "kind": "categorical",
        "column": "occupation",
        "transform": {"name": "hash", "buckets": 7},
    },
    {
        "name": "hashed_pair",
        "source": "cross",
        "kind": "multi",
        "of": ["hashed", "genres"],
        "transform": {"name": "hash", "buckets": 11},
    },
    {
        "name": "n",
        "source": "user-history",
        "kind": "numeric",
        "column": "count",
        "scope": "others",
    },
    {
        "name": "m",
        "source": "item-history",
        "kind": "numeric",
        "column": "count",
        "scope": "others",
    },
    {"name": "rows_apart", "source": "difference", "kind": "numeric", "of": ["n", "m"]},
    {"name": "session_count", "source": "user-history", "kind": "numeric", "by": "genres"},
    {"name": "session_share", "source": "item-history", "kind": "numeric", "missing": -1},
    {"name": "usual_count", "source": "item-history", "kind": "numeric"},
    {"name": "time_gap", "source": "item-history", "kind": "numeric", "by": "gender"},
    {"name": "genre_gap", "source": "user-history", "kind": "numeric", "column": "days_since_last"},
    {
        "name": "similar",
        "source": "user-history",
        "kind": "numeric",
        "column": "similarity",
        "by": "genres",
        "half_life": 3,
    },
    {"name": "apart", "source": "user-history", "kind": "numeric", "column": "gap", "by": "year"},
    {
        "name": "ages",
        "source": "item-history",
        "kind": "multi",
        "column": "favourites",
        "by": "age",
    },
    {
        "name": "viewers",
        "source": "item-history",
        "kind": "sequence",
        "column": "all",
        "max_len": 4,
    },
    {
        "name": "past",
        "source": "user-history",
        "kind": "sequence",
        "column": "all",
        "weight": "rating",
        "pooling": "sum",
        "max_len": 6,
    },
]


@cache
def split() -> Split:
    """Cut the small set, whose items have vectors and whose events have further columns."""
    data = small()
    rng = np.random.default_rng(0)
    cover = rng.normal(size=(data.n_items, 3)).astype(np.float32)
    cover[::7] = np.nan
    context = {
        "mood": Numeric(rng.integers(0, 3, data.n_interactions).astype(np.float32)),
        "price": Numeric(rng.integers(0, 9, data.n_interactions).astype(np.float32)),
    }
    more = {"item_columns": {**data.item_columns, "cover": Vectors(cover)}}
    data = Dataset(**{**vars_of(data), **more, "event_columns": context})
    return make_protocol({"name": "user-timeline", "test_share": 0.2}).split(data)


def vars_of(data: Dataset) -> dict[str, Any]:
    """Give the fields of a data set."""
    return {name: getattr(data, name) for name in Dataset.__dataclass_fields__}


def fields_of(
    encoder: FeatureEncoder, encoding: Encoding, queries: Queries, known: Known | Requests
) -> list[list[dict[int, float]]]:
    """Encode by the core: for each field and row, what each table row weighs."""
    rows = Rows(encoder.encode(queries, known), torch.zeros(len(queries), 1), torch.device("cpu"))
    (batch,) = rows.batches(torch.arange(len(queries)), len(queries))
    ends = np.cumsum([0, *[1] * encoding.singles, *batch.widths])
    index = torch.cat([batch.single, batch.weighted], dim=1).numpy()
    ones = torch.ones(batch.single.shape)
    weights = torch.cat([ones, batch.weights], dim=1).numpy()
    return [
        [summed(index[row, a:b], weights[row, a:b]) for row in range(len(index))]
        for a, b in pairwise(ends)
    ]


def summed(index: Any, weights: Any) -> dict[int, float]:
    """Add up what each table row weighs."""
    total: dict[int, float] = {}
    for place, weight in zip(index.tolist(), weights.tolist(), strict=True):
        if weight:
            total[place] = total.get(place, 0.0) + weight
    return total


def encoder_of(encoding: Encoding, data: Dataset) -> Any:
    """Read an encoding as the script does."""
    features = script("exported_features").Features(encoding.spec, encoding.arrays)
    features.ids = {"user": data.user_ids.tolist(), "item": data.item_ids.tolist()}
    return features


def ask(
    user: int, history: Histories, row: int, time: int, context: dict[str, Any] | None = None
) -> Any:
    """Ask the script for a row of histories."""
    values = script("exported_values")
    events = slice(*history.offsets[row : row + 2])
    known = values.History(
        history.items[events], history.ratings[events], history.timestamps[events]
    )
    return values.Ask(user, known, time, context=context or {})


def schema_named(name: str) -> FeatureSchema:
    if name != "more":
        return packaged_schema(name)
    return FeatureSchema.model_validate({"name": "more", "features": MORE})


def same_slots(found: Any, wanted: list[dict[int, float]], name: str) -> None:
    for row, (index, weights) in enumerate(zip(*found, strict=True)):
        got = summed(index, weights)
        assert got.keys() == wanted[row].keys(), f"{name}, row {row}"
        for place, weight in got.items():
            assert weight == pytest.approx(wanted[row][place], rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize("name", ["movielens-full-crosses", "more"])
def test_rows_have_the_slots_of_the_encoder(name: str) -> None:
    cut = split()
    data, train = cut.dataset, Known.of(cut.train)
    encoder = FeatureEncoder.fit(schema_named(name), Queries.of_events(cut.train), train)
    known = Known.of(cut.known)
    encoding = encode_fitted(encoder, known, "events")
    script_encoder, histories = encoder_of(encoding, data), cut.known.histories()
    test = Queries.of_events(cut.test).take(np.arange(0, len(cut.test), 25))
    wanted = fields_of(encoder, encoding, test, known)
    for row in range(len(test)):
        user, event = int(test.user[row]), int(test.event[row])
        context = {n: float(column.values[event]) for n, column in data.context.items()}  # type: ignore[union-attr]
        asked = ask(user, histories, user, int(test.timestamp[row]), context)
        found = script_encoder.slots(asked, test.item[row : row + 1])
        for field, slots, of_rows in zip(encoding.spec["fields"], found, wanted, strict=True):
            same_slots(slots, of_rows[row : row + 1], field["name"])


@pytest.mark.parametrize("name", ["movielens-full-crosses", "more"])
def test_candidates_have_the_slots_of_the_encoder(name: str) -> None:
    cut = split()
    data, train = cut.dataset, Known.of(cut.train)
    schema = schema_named(name)
    own = [each for each in schema.features if each.reads not in ("mood", "price")]
    schema = schema.model_copy(update={"features": tuple(own)})
    encoder = FeatureEncoder.fit(schema, Queries.of_events(cut.train), train)
    encoding = encode_fitted(encoder, train, "requests")
    script_encoder, items = encoder_of(encoding, data), np.arange(0, data.n_items, 4)
    users = np.array([3, -1])  # one with more than was known at fit, and somebody new
    histories = cut.known.histories().take(np.array([3, 9]))
    requests = train.requests(users, histories)
    request = np.repeat([0, 1], len(items))
    queries = Queries.of_requests(requests, request, np.tile(items, 2))
    wanted = fields_of(encoder, encoding, queries, requests)
    for row, user in enumerate(users.tolist()):
        asked = ask(user, histories, row, int(requests.times[row]))
        found = script_encoder.slots(asked, items)
        part = slice(row * len(items), (row + 1) * len(items))
        for field, slots, of_rows in zip(encoding.spec["fields"], found, wanted, strict=True):
            same_slots(slots, of_rows[part], field["name"])


def test_numbers_of_candidates_are_those_of_the_network() -> None:
    cut = split()
    data, known = cut.dataset, Known.of(cut.train)
    features = packaged_schema("two-stage").features
    script_encoder, items = encoder_of(encode_numbers(features, known), data), np.arange(20)
    users, histories = np.array([5, -1]), cut.known.histories().take(np.array([5, 6]))
    requests = known.requests(users, histories)
    queries = Queries.of_requests(requests, np.repeat([0, 1], 20), np.tile(items, 2))
    wanted = requested_numbers(features, queries, requests).reshape(2, 20, -1)
    for row, user in enumerate(users.tolist()):
        found = script_encoder.numbers(ask(user, histories, row, int(requests.times[row])), items)
        np.testing.assert_allclose(found, wanted[row], rtol=1e-5, atol=2e-5)


def test_attributes_can_be_given_with_a_row(tmp_path: Path) -> None:
    cut = split()
    data, train = cut.dataset, Known.of(cut.train)
    encoder = FeatureEncoder.fit(packaged_schema("movielens"), Queries.of_events(cut.train), train)
    script_encoder = encoder_of(encode_fitted(encoder, train, "events"), data)
    known = ask(4, cut.known.histories(), 4, 0)
    stranger = ask(-1, Histories.empty(1), 0, 0)
    columns, item = script_encoder.columns, 11
    stranger.user_attributes = {
        name: columns["user", name].raw(4) for name in ("age", "gender", "occupation")
    }
    stranger.item_attributes = {
        name: columns["item", name].raw(item) for name in ("genres", "year")
    }
    names = [each["name"] for each in script_encoder.fields]
    found = dict(zip(names, script_encoder.slots(stranger, np.array([-1])), strict=True))
    like = dict(zip(names, script_encoder.slots(known, np.array([item])), strict=True))
    for name in ("age", "gender", "occupation", "genres", "year"):
        np.testing.assert_array_equal(found[name][0], like[name][0])
    unknown = {each["name"]: each["offset"] for each in script_encoder.fields}
    assert [found[name][0][0, 0] for name in ("user_id", "item_id")] == [
        unknown["user_id"],
        unknown["item_id"],
    ]
