"""Schemas cut in two for the towers of recall models, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Dataset, Numeric, Vectors
from recsys_core.errors import InputError
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.known import Known
from recsys_core.features.layout import Table
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema, load_schema, tower_schema
from recsys_core.features.schema_files import schema_files
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.features.transforms import VectorScale
from tests.features.build import films, rows
from tests.protocols.build import dataset
from tests.recall.build import history

HISTORY = {"source": "user-history", "kind": "sequence", "column": "all"}


def encoder(
    data: Dataset, *features: dict[str, Any], threshold: float | None = 4.0
) -> TowerEncoder:
    schema = FeatureSchema.model_validate({"name": "test", "features": features})
    return TowerEncoder.fit(schema, known(data, threshold))


def known(data: Dataset, threshold: float | None = 4.0) -> Known:
    train = rows(data, *range(data.n_interactions), threshold=threshold)
    return Known.of_histories(data, train.histories(), threshold)


def shown(table: Table) -> list[list[tuple[int, float]]]:
    """Index and weight of the used slots of each entry."""
    pairs = zip(table.index.tolist(), table.all_weights.tolist(), strict=True)
    return [
        [(index, weight) for index, weight in zip(*entry, strict=True) if index] for entry in pairs
    ]


def test_users_and_items_by_hand() -> None:
    gender = {"name": "gender", "source": "user", "kind": "categorical"}
    genres = {"name": "genres", "source": "item", "kind": "multi"}
    pair = {"name": "pair", "source": "cross", "kind": "multi", "of": ["genres", "year"]}
    year = {"name": "year", "source": "item", "kind": "categorical"}
    found = encoder(films(), gender, genres, year, pair)
    # gender: unknown 1, F 2, M 3; nothing is known of user 2, nor of whoever comes beyond
    assert shown(found.users(films())) == [[(2, 1)], [(3, 1)], [(1, 1)], [(1, 1)]]
    # year: unknown 1, 1990 2, 1995 3, 2000 4; genres: unknown 5, Action 6, Comedy 7, War 8;
    # pairs: unknown 9, then genre and year as they occur: Action 1990, Action 2000, Comedy 1990,
    # Comedy 1995, War 2000 and, of film c, no genre and no year
    items = [[pair for pair in entry if pair[0] < 9] for entry in shown(found.items(films()))]
    assert items == [
        [(2, 1), (6, 0.5), (7, 0.5)],
        [(3, 1), (7, 1)],
        [(1, 1), (5, 1)],
        [(4, 1), (6, 0.5), (8, 0.5)],
    ]
    crossed = [len(entry) for entry in shown(found.items(films()))]
    assert crossed == [3 + 2, 2 + 1, 2 + 1, 3 + 2]
    assert not found.item_ids
    assert found.event_fields == ("rating",)


def test_a_request_never_sees_what_follows_in_the_same_second() -> None:
    """All four events are at one time: order alone says what comes before."""
    count = {"name": "count", "source": "user-history", "kind": "numeric"}
    likes = {"name": "positive_count", "source": "user-history", "kind": "numeric"}
    best = {"name": "favourites", "source": "user-history", "kind": "multi", "by": "genres"}
    data = dataset(
        [(0, 0, 5.0, 7), (0, 1, 1.0, 7), (0, 2, 5.0, 7), (0, 3, 5.0, 7)],
        genres=[["a"], ["a"], ["b"], ["b"]],
    )
    store = known(data)
    queries = Queries.after_events(store)
    schema = FeatureSchema.model_validate({"name": "test", "features": [count, likes, best]})
    every = FeatureEncoder.fit(schema, queries, store)
    numbers = {
        feature.feature.name: feature.fitted for feature in every.features if feature.feature
    }
    slots = {name: every.slots(queries, store, name) for name in numbers}

    def raw(name: str) -> list[float]:
        scale: Any = numbers[name]
        weights: Any = slots[name].weights
        values: list[float] = (weights[:, 0] * scale.deviation + scale.mean).round(4).tolist()
        return values

    assert raw("count") == [1, 2, 3, 4]
    assert raw("positive_count") == [1, 1, 2, 3]
    # genre a was liked once, then b once as well (a comes first), then b twice
    codes = [[code for code in row if code >= 0] for row in slots["favourites"].codes.tolist()]
    assert codes == [[1], [1], [1, 2], [2, 1]]


def test_a_request_is_encoded_as_in_training() -> None:
    """Who brings the first two events of user 1 gets what training saw after them."""
    data = films()
    hour = {"name": "hour", "source": "interaction", "kind": "categorical"}
    count = {"name": "count", "source": "user-history", "kind": "numeric"}
    taste = {"name": "favourites", "source": "user-history", "kind": "multi", "by": "genres"}
    found, store = encoder(data, hour, count, taste), known(data)
    trained = shown(found.request_fields(Queries.after_events(store), store))
    histories = history([0, 1], rating=4)
    histories.ratings[1] = 1
    histories.timestamps[:] = data.timestamp[[2, 3]]
    requests = store.requests(np.array([1]), histories)
    queries = Queries.of_requests(requests, np.zeros(1, np.int32), np.zeros(1, np.int32))
    assert shown(found.request_fields(queries, requests)) == [trained[3]]
    assert trained[2] != trained[3]


@pytest.mark.parametrize(
    ("feature", "why"),
    [
        ("source: item-history, kind: numeric, column: count", "change with time"),
        ("source: interaction, kind: numeric, column: years_since_release", "needs the item"),
        ("source: user-history, kind: numeric, column: count, by: genres", "compares with the"),
        (
            "source: user-history, kind: numeric, column: similarity, by: genres",
            "compares with the",
        ),
        ("source: user-history, kind: numeric, column: count, scope: others", "must not see it"),
        ("source: user-history, kind: sequence, column: liked", "set column: all"),
        (
            "source: item-history, kind: numeric, column: positive_count, scope: known",
            "change with time",
        ),
        (
            "source: user-history, kind: numeric, column: predicted_rating, scope: known",
            "compares with the item",
        ),
        (
            "source: user-history, kind: sequence, column: all, pooling: sum",
            "pool them by attention",
        ),
        ("source: given, kind: numeric", "only for the candidates of two-stage"),
        ("source: cross, kind: multi, of: [gender, genres]", "a user and an item"),
        (
            "source: user, kind: categorical, column: age, embedding_size: 4",
            "remove embedding_size",
        ),
    ],
)
def test_what_towers_cannot_read_is_an_error(feature: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    entries = [
        "{name: gender, source: user, kind: categorical}",
        "{name: genres, source: item, kind: multi}",
        f"{{name: wrong, {feature}}}",
    ]
    path.write_text("name: mine\nfeatures:\n" + "".join(f"  - {entry}\n" for entry in entries))
    place = r"^feature 'wrong' \(mine.yaml, line 5\): towers cannot read it: .*"
    with pytest.raises(InputError, match=place + why):
        load_schema(str(path), films(), towers=True)


def test_fields_of_events_are_for_towers(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    line = "{source: user-history, kind: sequence, column: all, event_fields: [interval], name: "
    path.write_text(f"name: mine\nfeatures:\n  - {line} events}}\n")
    with pytest.raises(InputError, match="schema mine has no feature of items"):
        load_schema(str(path), films(), towers=True)
    path.write_text(f"name: mine\nextends: ids\nfeatures:\n  - {line} events}}\n")
    assert load_schema(str(path), films(), towers=True).features[-1].event_fields == ("interval",)
    with pytest.raises(InputError, match="event_fields are read by recall models"):
        load_schema(str(path), films())
    path.write_text(f"name: mine\nfeatures:\n  - {line} one}}\n  - {line} two}}\n")
    with pytest.raises(InputError, match="a tower reads one sequence, there are one and two"):
        load_schema(str(path), films(), towers=True)


def test_the_default_reads_items_attributes_and_ratings() -> None:
    schema = tower_schema(films())
    names = [feature.name for feature in schema.features]
    assert names == ["item_id", "year", "price", "genres", "history"]
    found = TowerEncoder.fit(schema, known(films()))
    assert (found.item_ids, found.length(9), found.event_fields) == (True, 9, ("rating",))


def test_what_serving_needs_of_a_data_set() -> None:
    """Columns that the fields read, of favourites those of the items, and no others."""
    age = {"name": "age", "source": "user", "kind": "categorical"}
    taste = {"name": "favourites", "source": "user-history", "kind": "multi", "by": "genres"}
    found = encoder(films(), age, taste, {"name": "h", **HISTORY, "max_len": 7})
    kept = found.attributes(films())
    assert (list(kept.user_columns), list(kept.item_columns)) == (["age"], ["genres"])
    assert found.length(9) == 7
    assert TowerEncoder.model_validate_json(found.model_dump_json()) == found


def test_vectors_by_hand() -> None:
    vectors = np.array([[3, 4], [0, 5], [np.nan, np.nan]], np.float32)
    # mean squares 12.5 and 12.5, of rows that occur twice and once: divided by sqrt(12.5)
    fitted = VectorScale.fit(vectors, np.array([2, 1, 4]))
    assert fitted.deviation == pytest.approx(12.5**0.5)
    codes, weights = fitted.encode(vectors)
    assert codes.tolist() == [[1, 2], [1, 2], [0, -1]]
    np.testing.assert_allclose(weights * 12.5**0.5, [[3, 4], [0, 5], [12.5**0.5, 0]], rtol=1e-6)
    with pytest.raises(ValueError, match="3 numbers, the train rows have 2"):
        fitted.encode(np.zeros((1, 3), np.float32))


def test_vectors_of_items_are_read() -> None:
    values = np.arange(8, dtype=np.float32).reshape(4, 2)
    data = films()
    data = replace(data, item_columns={**data.item_columns, "text": Vectors(values)})
    feature = {"name": "text", "source": "item", "kind": "vector"}
    found = encoder(data, feature)
    # unknown is row 1, the two numbers are rows 2 and 3
    indices = [[index for index, _ in entry] for entry in shown(found.items(data))]
    assert indices == [[2, 3]] * 4
    for wrong, why in (
        ({**feature, "kind": "numeric"}, "text is a vector\n.*set kind: vector"),
        ({**feature, "column": "price"}, "price is no vector"),
    ):
        with pytest.raises(InputError, match=why):
            encoder(data, wrong)


@pytest.mark.parametrize(
    "column",
    [
        Numeric(np.array([1, 2, np.inf, 0], np.float32)),
        Vectors(np.full((4, 2), np.inf, np.float32)),
    ],
)
def test_infinite_numbers_are_refused(column: Numeric | Vectors) -> None:
    data = films()
    data = replace(data, item_columns={"odd": column})
    kind = "vector" if isinstance(column, Vectors) else "numeric"
    with pytest.raises(InputError, match="feature 'odd': there are infinite numbers"):
        encoder(data, {"name": "odd", "source": "item", "kind": kind})


def test_events_without_times_have_no_pauses(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    line = "name: e, source: user-history, kind: sequence, column: all"
    events = f"{line}, event_fields: [rating, interval]"
    path.write_text(f"name: mine\nextends: ids\nfeatures:\n  - {{{events}}}\n")
    with pytest.raises(
        InputError,
        match="no timestamps, so events have no interval\nremove interval from event_fields",
    ):
        load_schema(str(path), replace(films(), timed=False), towers=True)


def test_files_of_a_schema(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "mine.yaml").write_text("name: mine\nextends: below/base.yaml\n")
    (tmp_path / "below" / "base.yaml").write_text("name: base\nextends: ids\n")
    files = schema_files("mine.yaml", tmp_path)
    assert files == [tmp_path / "mine.yaml", tmp_path / "below" / "base.yaml"]
    assert schema_files("movielens", tmp_path) == []
