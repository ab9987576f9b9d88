"""Encoding by hand: which table rows and weights each row gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.features.columns import row_values
from recsys_core.features.encoder import EncodedRows, FeatureEncoder
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.transforms import Buckets, Lookup, Scale
from tests.features.build import films, rows


def schema(*features: dict[str, Any]) -> FeatureSchema:
    return FeatureSchema.model_validate({"name": "test", "features": features})


def single(encoded: EncodedRows) -> list[list[int]]:
    """Table rows of weight 1, by row."""
    pairs = zip(encoded.tables, encoded.owners, strict=True)
    found: list[list[int]] = np.concatenate(
        [table.single[owner] for table, owner in pairs], axis=1
    ).tolist()
    return found


def weighted(encoded: EncodedRows) -> list[list[tuple[int, float]]]:
    """Table rows and weights of the other slots, by row; unused slots left out."""
    pairs = list(zip(encoded.tables, encoded.owners, strict=True))
    index = np.concatenate([table.weighted[owner] for table, owner in pairs], axis=1)
    weight = np.concatenate([table.weights[owner] for table, owner in pairs], axis=1)
    return [
        [(i, w) for i, w in zip(indices, weights, strict=True) if i > 0]
        for indices, weights in zip(index.tolist(), weight.tolist(), strict=True)
    ]


USER = {"name": "user_id", "source": "user", "kind": "categorical"}
ITEM = {"name": "item_id", "source": "item", "kind": "categorical"}
GENRES = {"name": "genres", "source": "item", "kind": "multi"}


def fitted(*features: dict[str, Any], train: Interactions | None = None) -> FeatureEncoder:
    train = train or rows(films(), 0, 1, 2, 3, 4)
    return FeatureEncoder.fit(schema(*features), Queries.of_events(train), Known.of(train))


def encode(encoder: FeatureEncoder, some: Interactions) -> EncodedRows:
    """Encode rows that know of nothing before them."""
    nothing = Known.of(some.where(np.zeros(len(some), np.bool_)))
    return encoder.encode(Queries.of_events(some), nothing)


def test_ids_get_rows_of_one_table() -> None:
    encoder = fitted(USER, ITEM)
    layout = encoder.layout
    # row 0: padding; 1: unknown user, 2: "7", 3: "8"; 4: unknown item, 5: "a", 6: "b", 7: "c"
    assert (layout.names, layout.offsets, layout.n_rows) == (("user_id", "item_id"), (1, 4), 8)
    assert layout.unknown == (1, 4)
    encoded = encode(encoder, rows(films(), 0, 4, 5))
    assert single(encoded) == [[2, 5], [3, 7], [1, 4]]  # user "9" and film "d": not in train


def test_values_below_min_count_are_unknown() -> None:
    often = {**ITEM, "transform": {"name": "vocabulary", "min_count": 2}}
    assert single(encode(fitted(often), rows(films(), 0, 1, 4))) == [[2], [3], [1]]


def test_missing_categories_are_unknown() -> None:
    gender = {"name": "gender", "source": "user", "kind": "categorical"}
    assert single(encode(fitted(gender), rows(films(), 0, 2, 5))) == [[2], [3], [1]]


def test_numbers_as_categories() -> None:
    year = {"name": "year", "source": "item", "kind": "categorical"}
    # years 1990 and 1995 are in train; film "c" has none; 2000 is not in train
    assert single(encode(fitted(year), rows(films(), 0, 1, 4, 5))) == [[2], [3], [1], [1]]


def test_bucketize_by_lower_edge() -> None:
    edges = {"name": "bucketize", "edges": [1990, 1996]}
    year = {"name": "year", "source": "item", "kind": "categorical", "transform": edges}
    # 1: unknown, 2: below 1990, 3: [1990, 1996), 4: 1996 and later
    assert single(encode(fitted(year), rows(films(), 0, 1, 4, 5))) == [[3], [3], [1], [4]]


def test_quantiles_of_train_rows() -> None:
    halves = {"name": "quantile", "buckets": 2}
    price = {"name": "price", "source": "item", "kind": "categorical", "transform": halves}
    # prices of the five train rows: 0 0 1 1 3; the upper median is 1
    assert single(encode(fitted(price), rows(films(), 0, 1, 4, 5))) == [[2], [3], [3], [3]]


def test_categories_with_numeric_names_can_be_cut() -> None:
    edges = {"name": "bucketize", "edges": [20]}
    age = {"name": "age", "source": "user", "kind": "categorical", "transform": edges}
    assert single(encode(fitted(age), rows(films(), 0, 2, 5))) == [[3], [2], [3]]
    gender = {**age, "name": "gender"}
    with pytest.raises(InputError, match=r"feature 'gender': 'F' is not a number\n.*vocabulary"):
        encode(fitted(gender), rows(films(), 0))


def test_several_values_are_pooled_by_weight() -> None:
    # train has Action (film a) and Comedy (a, b): 1: unknown, 2: Action, 3: Comedy
    encoder = fitted(GENRES)
    assert weighted(encode(encoder, rows(films(), 0, 1))) == [[(2, 0.5), (3, 0.5)], [(3, 1.0)]]
    # film c has no genre: unknown; film d is Action and War, and War is not in train: Action alone
    assert weighted(encode(encoder, rows(films(), 4, 5))) == [[(1, 1.0)], [(2, 1.0)]]
    total = fitted({**GENRES, "pooling": "sum"})
    assert weighted(encode(total, rows(films(), 0))) == [[(2, 1.0), (3, 1.0)]]


def test_numeric_features_are_standardized_on_train_rows() -> None:
    price = {"name": "price", "source": "item", "kind": "numeric"}
    # 0 0 1 1 3: mean 1, variance (1 + 1 + 0 + 0 + 4) / 5 = 6/5
    deviation = (6 / 5) ** 0.5
    encoded = weighted(encode(fitted(price), rows(films(), 0, 1, 4, 5)))
    assert [slots[0][0] for slots in encoded] == [1, 1, 1, 1]
    values = [slots[0][1] for slots in encoded]
    assert values == pytest.approx([-1 / deviation, 0, 2 / deviation, 6 / deviation])
    assert fitted(price).layout.unknown == ()


def test_missing_numbers_are_the_mean() -> None:
    year = {"name": "year", "source": "item", "kind": "numeric"}
    assert weighted(encode(fitted(year), rows(films(), 4))) == [[(1, 0.0)]]


def test_log() -> None:
    price = {"name": "price", "source": "item", "kind": "numeric", "transform": {"name": "log"}}
    logs = np.log1p([0, 0, 1, 1, 3])
    expected = (np.log1p(7) - logs.mean()) / logs.std()
    assert weighted(encode(fitted(price), rows(films(), 5)))[0][0][1] == pytest.approx(expected)


def test_log_of_negative_numbers_is_refused() -> None:
    data = films()
    data.item_columns["price"].values[1] = -3  # type: ignore[union-attr]
    price = {"name": "price", "source": "item", "kind": "numeric", "transform": {"name": "log"}}
    with pytest.raises(InputError, match=r"feature 'price': log.*the data have -3\n.*standardize"):
        fitted(price, train=rows(data, 0, 1))


def test_hours_and_weekdays() -> None:
    some = rows(films(), 0, 1, 4)
    assert row_values("hour", Queries.of_events(some)).values.tolist() == [0, 1, 3]  # type: ignore[union-attr]
    assert row_values("weekday", Queries.of_events(some)).values.tolist() == [  # type: ignore[union-attr]
        3,
        3,
        4,
    ]  # 1970-01-01: a Thursday
    hour = {"name": "hour", "source": "interaction", "kind": "categorical"}
    # hours in train: 0 (two rows), 1 (two rows), 3; in text order
    assert single(encode(fitted(hour), some)) == [[2], [3], [4]]


def test_fields_of_one_kind_stand_together() -> None:
    price = {"name": "price", "source": "item", "kind": "numeric"}
    hour = {"name": "hour", "source": "interaction", "kind": "categorical"}
    encoder = fitted(GENRES, hour, price, ITEM, USER)
    assert encoder.layout.names == ("user_id", "item_id", "hour", "genres", "price")
    encoded = encode(encoder, rows(films(), 0))
    assert encoded.widths == (2, 1)
    assert len(single(encoded)[0]) == 3


def test_every_table_row_belongs_to_one_field() -> None:
    encoder = fitted(USER, ITEM, GENRES)
    encoded = encode(encoder, rows(films(), *range(6)))
    ends = [*encoder.layout.offsets[1:], encoder.layout.n_rows]
    for field, (start, end) in enumerate(zip(encoder.layout.offsets, ends, strict=True)):
        for one, other in zip(single(encoded), weighted(encoded), strict=True):
            used = [one[field]] if field < 2 else [index for index, _ in other]
            assert all(start <= index < end for index in used)


def test_only_train_rows_teach() -> None:
    """Attributes and ids of rows outside train change nothing that was learned."""
    features = (USER, ITEM, GENRES, {"name": "price", "source": "item", "kind": "numeric"})
    data, other = films(), films()
    other.item_columns["price"].values[3] = 1e6  # type: ignore[union-attr]
    train = (0, 1, 2, 3, 4)
    assert fitted(*features, train=rows(data, *train)) == fitted(
        *features, train=rows(other, *train)
    )


def test_a_fitted_encoder_survives_json() -> None:
    encoder = fitted(USER, ITEM, GENRES, {"name": "price", "source": "item", "kind": "numeric"})
    assert FeatureEncoder.model_validate_json(encoder.model_dump_json()) == encoder


def test_values_are_found_by_name_in_another_data_set() -> None:
    data = films()
    renamed = rows(films(), 0).dataset.user_ids.copy()
    renamed[:] = ["8", "7", "nobody"]
    object.__setattr__(data, "user_ids", renamed)
    assert single(encode(fitted(USER), rows(data, 0, 2, 5))) == [[3], [2], [1]]


@given(
    st.lists(st.integers(-1, 3), min_size=1, max_size=20),
    st.integers(1, 4),
)
def test_lookup_matches_counting_by_hand(codes: list[int], least: int) -> None:
    names = np.array(["a", "b", "c", "d"])
    counts = np.arange(len(codes)) % 3  # how many train rows each entry has
    lookup = Lookup.fit(np.array(codes, np.int32), names, counts, least)
    total = dict.fromkeys(names.tolist(), 0)
    for code, count in zip(codes, counts.tolist(), strict=True):
        if code >= 0:
            total[names[code]] += count
    assert lookup.values == tuple(name for name in total if total[name] >= least)
    for code, got in zip(codes, lookup.encode(np.array(codes, np.int32), names), strict=True):
        known = code >= 0 and names[code] in lookup.values
        assert got == (1 + lookup.values.index(names[code]) if known else 0)


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=60),
    st.integers(2, 8),
)
def test_quantile_buckets_are_ordered_and_all_used(values: list[float], buckets: int) -> None:
    array = np.array(values, np.float32)
    fit = Buckets.fit(array, np.ones(len(array), np.int64), buckets)
    codes = fit.encode(array)
    assert fit.size <= buckets + 1
    assert set(codes.tolist()) == set(range(1, fit.size))  # none empty, none unknown
    order = np.argsort(array)
    assert (np.diff(codes[order]) >= 0).all()


def test_a_feature_nobody_has() -> None:
    nothing = np.full(3, np.nan, np.float32)
    counts = np.ones(3, np.int64)
    assert Buckets.fit(nothing, counts, 4).encode(nothing).tolist() == [0, 0, 0]
    assert Scale.fit(nothing, counts, log=False).encode(nothing).tolist() == [0, 0, 0]
    constant = Scale.fit(np.ones(3, np.float32), counts, log=False)
    assert constant.encode(np.array([1, 2], np.float32)).tolist() == [0, 1]
    # 0.1 summed ten times is not 1
    tenths = Scale.fit(np.full(10, 0.1, np.float32), np.ones(10, np.int64), log=True)
    assert abs(tenths.encode(np.array([0.2], np.float32))[0]) < 1
