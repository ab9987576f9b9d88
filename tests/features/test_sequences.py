"""Histories as sequences, crosses, hashes and given columns: what reaches the model, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.features.batch import Batch, Rows
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from tests.features.build import films, rows
from tests.features.literal import EVENTS, GENRES, N_ITEMS, World, history, world

ITEM = {"name": "item_id", "source": "item", "kind": "categorical"}
USER = {"name": "user_id", "source": "user", "kind": "categorical"}
LIKED = {
    "name": "liked",
    "source": "user-history",
    "kind": "sequence",
    "share_embedding": "item_id",
}


def schema(*features: dict[str, Any], **fields: Any) -> FeatureSchema:
    return FeatureSchema.model_validate({"name": "test", "features": features, **fields})


def encoder(*features: dict[str, Any], some: World, **fields: Any) -> FeatureEncoder:
    return FeatureEncoder.fit(schema(*features, **fields), some.queries, some.known)


def batch(fitted: FeatureEncoder, some: World) -> Batch:
    encoded = fitted.encode(some.queries, some.known)
    rows = Rows(encoded, torch.empty(len(encoded), 0), torch.device("cpu"))
    return next(rows.batches(torch.arange(len(encoded)), max(1, len(encoded))))


def slots(fitted: FeatureEncoder, some: World) -> list[list[tuple[int, float]]]:
    """Index and weight of the used slots that are not categorical, by row."""
    found = batch(fitted, some)
    return [
        [(i, round(w, 6)) for i, w in zip(index, weight, strict=True) if i > 0]
        for index, weight in zip(found.weighted.tolist(), found.weights.tolist(), strict=True)
    ]


@settings(max_examples=60)
@given(
    EVENTS,
    st.booleans(),
    st.sampled_from(["all", "liked", "disliked"]),
    st.sampled_from(["earlier", "others"]),
    st.integers(1, 6),
)
def test_the_last_events_reach_the_model(
    events: list[tuple[int, int, int, int]], train: bool, column: str, scope: str, length: int
) -> None:
    some = world(events, train=train)
    feature = {**LIKED, "column": column, "scope": scope, "max_len": length, "pooling": "sum"}
    fitted = encoder(ITEM, feature, some=world(events, train=True))
    known = sorted({each.item for each in some.known_events})
    place = {item: 2 + known.index(item) if item in known else 1 for item in range(N_ITEMS)}
    wanted = {"all": (0, 9), "liked": (4, 9), "disliked": (0, 3)}[column]
    expected = []
    for row in some.asked:
        past = [e for e in history(row, some, "user", scope) if wanted[0] <= e.rating <= wanted[1]]
        expected.append([(place[e.item], 1.0) for e in past[::-1][:length]])
    assert slots(fitted, some) == expected
    counts = fitted.encode(some.queries, some.known).sequences[0].counts
    assert counts.tolist() == list(map(len, expected))  # a batch on a GPU is cut by them


def test_the_own_row_is_left_out_of_a_full_window() -> None:
    """Seven events of one user, window 3, scope others: the newest three without the row."""
    events = [(0, item, 5, day) for day, item in enumerate([0, 1, 2, 3, 0, 1, 2])]
    some = world([*events, *[(1, 3, 5, 0)] * 4], train=True)  # of 11 events 7 are asked about
    fitted = encoder(ITEM, {**LIKED, "max_len": 3, "scope": "others"}, some=some)
    items = [[index - 2 for index, _ in row] for row in slots(fitted, some)]
    assert items == [[2, 1, 0]] * 4 + [[2, 1, 3], [2, 0, 3], [1, 0, 3]]


def test_pooling_and_weights() -> None:
    # ratings 5, 1, 4 on days 0 to 2, then an unasked third; the mean of the known four is 13/4
    some = world([(0, 0, 5, 0), (0, 1, 1, 1), (0, 2, 4, 2), (0, 0, 3, 3), *[(1, 3, 5, 0)] * 2],
                 train=True)  # fmt: skip
    base = {**LIKED, "column": "all"}
    last = slots(encoder(ITEM, base, some=some), some)[-1]
    assert last == [(index, round(1 / 3, 6)) for index in (4, 3, 2)]
    rated = slots(encoder(ITEM, {**base, "weight": "rating", "pooling": "sum"}, some=some), some)
    assert rated[-1] == [(4, 4 - 13 / 4), (3, 1 - 13 / 4), (2, 5 - 13 / 4)]


def test_shared_and_own_embeddings() -> None:
    some = world([(0, 0, 5, 0), (0, 1, 5, 1), (0, 2, 5, 2), (1, 0, 5, 0), (1, 1, 1, 3)], train=True)
    shared = encoder(USER, ITEM, LIKED, some=some).layout
    # 0: padding; users 1: unknown, 2-3 …; the history lives in the item's rows
    assert shared.offsets[2] == shared.offsets[1]
    assert (shared.histories[0].field, shared.histories[0].target) == (2, 1)
    own = encoder(USER, ITEM, {**LIKED, "share_embedding": ""}, some=some).layout
    assert own.offsets[2] == shared.n_rows
    assert own.n_rows == shared.n_rows + 1 + 3  # unknown and the three items of the train rows
    assert own.histories[0].target is None
    assert own.unknown == (own.offsets[0], own.offsets[1], own.offsets[2])
    users = {"name": "fans", "source": "item-history", "kind": "sequence", "column": "liked"}
    fans = encoder(USER, ITEM, {**users, "share_embedding": "user_id"}, some=some)
    assert fans.layout.histories[0].target == 0
    # item 0 was liked on day 0 by both users; nothing is earlier than day 0, ties see nothing
    assert [[i for i, _ in row] for row in slots(fans, some)] == [[]] * 3


def test_the_scope_of_the_schema_is_the_default_of_sequences_alone() -> None:
    count = {"name": "count", "source": "user-history", "kind": "numeric"}
    earlier = {**LIKED, "name": "before", "column": "liked", "scope": "earlier"}
    declared = schema(ITEM, LIKED, earlier, count, scope="others")
    scopes = {feature.name: feature.scope for feature in declared.scoped()}
    assert scopes == {"item_id": None, "liked": "others", "before": "earlier", "count": None}
    assert declared.scopes == ["earlier", "others"]
    assert schema(ITEM, LIKED).scopes == ["earlier"]
    assert schema(ITEM).scopes == []


def test_events_of_an_empty_past() -> None:
    some = world([(0, 0, 5, 0), (1, 1, 5, 0)], train=True)
    assert slots(encoder(ITEM, LIKED, some=some), some) == [[]]
    none = some._replace(known=Known.of(rows(some.known.dataset)))
    assert slots(encoder(ITEM, {**LIKED, "scope": "others"}, some=some), none) == [[]]


CROSS = {"name": "both", "source": "cross", "kind": "multi", "of": ["gender", "genres"]}
GENDER = {"name": "gender", "source": "user", "kind": "categorical"}
GENRE = {"name": "genres", "source": "item", "kind": "multi"}


def crossed(cross: dict[str, Any]) -> tuple[FeatureEncoder, World]:
    # user 0 (F): items 0 (Action, War) and 1 (War); user 1 (M): item 1; user 2 (none): item 2
    events = [(0, 0, 5, 0), (0, 1, 5, 1), (1, 1, 5, 2), (2, 2, 1, 3), (0, 0, 1, 4), (1, 3, 1, 5)]
    some = world(events, train=True)
    return encoder(GENDER, GENRE, cross, some=some), some


def test_crosses_have_an_embedding_a_combination() -> None:
    fitted, some = crossed(CROSS)
    found = [[i - fitted.layout.offsets[2] for i, w in row] for row in slots(fitted, some)]
    # rows also have the slots of genres itself, which lie before
    pairs = [[code for code in row if code >= 0] for row in found]
    # F x Action, F x War, M x War, none x none, in the order of their codes
    assert fitted.features[2].fitted.size == 1 + 4
    assert pairs[0] == [2, 3]
    assert pairs[1] == [3]
    assert pairs[2] == [4]
    assert pairs[3] == [1]


def test_rare_and_new_combinations_are_unknown() -> None:
    often = {**CROSS, "transform": {"name": "vocabulary", "min_count": 2}}
    fitted, some = crossed(often)
    assert fitted.features[2].fitted.size == 1 + 1  # F x War alone occurs twice
    offset = fitted.layout.offsets[2]
    found = [[(i - offset, w) for i, w in row if i >= offset] for row in slots(fitted, some)]
    assert found[0] == [(0, 0.5), (1, 0.5)]
    assert found[2] == [(0, 1.0)]


def test_hashed_combinations_and_values() -> None:
    fitted, some = crossed({**CROSS, "transform": {"name": "hash", "buckets": 1000}})
    offset = fitted.layout.offsets[2]
    assert fitted.layout.n_rows == offset + 1001
    hashed = [tuple(i - offset for i, _ in row if i >= offset) for row in slots(fitted, some)]
    exact, _ = crossed(CROSS)
    start = exact.layout.offsets[2]
    plain = [tuple(i - start for i, _ in row if i >= start) for row in slots(exact, some)]
    assert [len(row) for row in hashed] == [len(row) for row in plain]
    assert len(set(sum(hashed, ()))) == len(set(sum(plain, ()))) == 4  # no two fell together
    year = {"name": "year", "source": "item", "kind": "categorical",
            "transform": {"name": "hash", "buckets": 50}}  # fmt: skip
    data = films()
    train = rows(data, 0, 1, 2, 3, 4)
    by_hash = FeatureEncoder.fit(schema(year), Queries.of_events(train), Known.of(train))
    codes = by_hash.slots(Queries.of_events(rows(data, 0, 1, 4, 5)), Known.of(train), "year").codes
    assert codes[2, 0] == 0  # film c has no year
    assert (codes[[0, 1, 3], 0] > 0).all()  # 2000 is not in train, and has its bucket
    assert by_hash.layout.n_rows == 1 + 51


def test_given_columns_are_features() -> None:
    some = world([(0, 0, 5, 0), (0, 1, 5, 1), (1, 1, 5, 2)], train=True)
    given = {"score": np.array([1, 3], np.float32)}
    queries = Queries.of_events(rows(some.queries.dataset, 0, 1), given)
    score = {"name": "score", "source": "given", "kind": "numeric"}
    fitted = FeatureEncoder.fit(schema(ITEM, score), queries, some.known)
    found = slots(fitted, some._replace(queries=queries))
    assert [weight for ((_, weight),) in found] == [-1, 1]  # mean 2, deviation 1
    missing = Queries.of_events(
        rows(some.queries.dataset, 0), {"score": np.array([np.nan], np.float32)}
    )
    assert batch(fitted, some._replace(queries=missing)).weights.tolist() == [[0.0]]


def test_every_kind_survives_json() -> None:
    count = {"name": "count", "source": "user-history", "kind": "numeric",
             "transform": {"name": "log"}}  # fmt: skip
    favourite = {"name": "favourites", "source": "user-history", "kind": "multi", "by": "genres"}
    some = world([(0, 0, 5, 0), (0, 1, 5, 1), (1, 1, 5, 2), (1, 3, 2, 3)], train=True)
    fitted = encoder(ITEM, LIKED, GENDER, GENRE, CROSS, count, favourite, some=some)
    again = FeatureEncoder.model_validate_json(fitted.model_dump_json())
    assert again == fitted
    assert slots(again, some) == slots(fitted, some)


def test_genres_of_the_small_world() -> None:
    """The worked examples above count on these."""
    assert GENRES == [["Action", "War"], ["War"], [], ["Comedy", "Action"]]
