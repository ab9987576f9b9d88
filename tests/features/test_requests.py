"""What is for candidates: all that is known of items, similarity, gaps, predictions."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from recsys_core.data.dataset import FloatArray, Numeric
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.errors import InputError
from recsys_core.features.columns import check_feature, raw_values, requested_numbers
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known, Requests
from recsys_core.features.past import Past, Vector, Views
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema, load_schema, packaged_schema
from recsys_core.features.statistics import STATISTICS, Statistic
from tests.features.literal import DAY, EVENTS, GENRES, YEARS, Event, history, world
from tests.features.test_statistics import feature, numbers, same
from tests.protocols.build import dataset
from tests.recall.build import history as likes

#: user, item, rating, time: item 0 comedy, 1 drama, 2 both
ROWS = [
    (0, 0, 5.0, 0),
    (0, 1, 2.0, DAY // 2),
    (1, 1, 4.0, 0),
    (1, 2, 4.0, 2 * DAY),
]
SCHEMA = packaged_schema("two-stage").features


def store() -> Known:
    data = dataset(ROWS, genres=[["comedy"], ["drama"], ["comedy", "drama"]])
    data.item_columns["year"] = Numeric(np.array([1990, np.nan, 2000], np.float32))
    return Known.of(Interactions.in_time_order(data, np.arange(len(ROWS)), 4.0))


def described(requests: Requests, items: list[int]) -> dict[str, FloatArray]:
    """Every request is about all of `items`; by feature, shape (requests, items)."""
    request = np.repeat(np.arange(len(requests.users)), len(items))
    queries = Queries.of_requests(requests, request, np.tile(items, len(requests.users)))
    found = requested_numbers(SCHEMA, queries, requests).reshape(
        len(requests.users), len(items), -1
    )
    return {each.name: found[:, :, place] for place, each in enumerate(SCHEMA)}


def test_candidates_by_hand() -> None:
    """User 0, who liked a comedy and disliked a drama, is asked about items 2 and 1."""
    known = store()
    own = Interactions.in_time_order(known.dataset, np.arange(2), 4.0).histories()
    requests = known.requests(np.array([0]), own.take(np.array([0])))
    found = described(requests, [2, 1])
    both, drama = ({name: values[0, place] for name, values in found.items()} for place in (0, 1))
    assert both["history_length"] == pytest.approx(math.log(1 + 2))
    assert both["session_length"] == pytest.approx(math.log(1 + 2))
    assert both["session_share"] == 1
    assert both["mean_rating"] == pytest.approx((5 + 2) / 2)
    assert both["liked_share"] == pytest.approx(1 / 2)
    assert both["popularity"] == drama["popularity"] == pytest.approx(math.log(1 + 1))
    # of all four rows 3/4 are liked, 15/4 is the mean rating, 1/2 the mean place; item 2 has one
    assert both["item_liked_share"] == pytest.approx((1 + 20 * 3 / 4) / 21)
    assert drama["item_liked_share"] == pytest.approx((1 + 20 * 3 / 4) / 22)
    assert drama["item_mean_rating"] == pytest.approx((2 + 4 + 20 * 15 / 4) / 22)
    assert both["usual_place"] == pytest.approx((1 + 20 * 1 / 2) / 21)
    count = (math.log(2) + 20 * math.log(2) / 2) / 21
    assert both["usual_count"] == pytest.approx(count)
    assert both["count_gap"] == pytest.approx(count - math.log(3))
    assert both["genres_liked"] == pytest.approx(math.sqrt(1 / 2))  # (1, 0) and (1, 1) / sqrt 2
    assert drama["genres_liked"] == 0
    # the year of item 1 is not known: 1995, the mean of the others
    assert (both["year_gap"], drama["year_gap"]) == (10, 5)
    # item 2 was seen at 2 days, all rows at 5/8 days in the mean; the user is asked at 1/2 day
    days = (2 + 20 * 5 / 8) / 21 - 1 / 2
    assert both["time_gap"] == pytest.approx(days / 365.25)


def test_item_statistics_of_all_that_is_known_do_not_depend_on_who_asks() -> None:
    requests = store().requests(np.array([0, 0, -1]), likes([], [2, 2, 2], [1]))
    found = described(requests, [0, 1, 2])
    for each in SCHEMA:
        if each.source == "item-history" and each.name != "time_gap":
            np.testing.assert_array_equal(found[each.name][1:], found[each.name][:1].repeat(2, 0))
    # what two requests bring for one user stays theirs
    assert found["history_length"][:, 0].tolist() == pytest.approx(np.log1p([0, 3, 1]).tolist())


def test_statistics_without_time_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that look at the time of the row are asked each time."""
    asked: list[str] = []

    def spied(name: str) -> Statistic:
        statistic = STATISTICS[name]

        def compute(past: Past) -> Vector:
            asked.append(name)
            return statistic.compute(past)

        return replace(statistic, compute=compute)

    names = ("positive_count", "usual_place", "time_gap")
    for name in names:
        monkeypatch.setitem(STATISTICS, name, spied(name))
    known = store()
    for _ in range(3):
        described(known.requests(np.array([0]), likes([1])), [0, 2])
    assert [asked.count(name) for name in names] == [1, 1, 3]


def test_requests_are_independent() -> None:
    known = store()
    users, some = np.array([0, 0, 7]), likes([2, 1], [0], [1, 0, 2])
    together = described(known.requests(users, some), [0, 1, 2])
    for row in range(3):
        requests = known.requests(users[[row]], some.take(np.array([row])))
        for name, values in described(requests, [0, 1, 2]).items():
            np.testing.assert_allclose(values[0], together[name][row], rtol=1e-6, err_msg=name)


def test_a_store_travels_to_another_process() -> None:
    known = store()
    before = described(known.requests(np.array([0]), likes([1])), [0, 2])
    there: Known = pickle.loads(pickle.dumps(known))
    for name, values in described(there.requests(np.array([0]), likes([1])), [0, 2]).items():
        np.testing.assert_array_equal(values, before[name])


def test_somebody_of_whom_nothing_is_known_has_numbers_too() -> None:
    found = described(store().requests(np.array([-1]), likes([])), [0, 1, 2])
    assert all(np.isfinite(values).all() for values in found.values())


def test_training_and_serving_encode_the_same() -> None:
    """The schema goes through the encoder of ranking models, and a saved one is no other."""
    known = store()
    schema = FeatureSchema(name="two", features=SCHEMA)
    requests = known.requests(np.arange(2), known.histories())
    queries = Queries.of_requests(requests, np.array([0, 0, 1]), np.array([1, 2, 0]))
    encoder = FeatureEncoder.fit(schema, queries, requests)
    raw = requested_numbers(schema.features, queries, requests)
    scaled = (raw - raw.mean(axis=0)) / np.where(raw.std(axis=0) > 0, raw.std(axis=0), 1)
    for each in (encoder, FeatureEncoder.model_validate_json(encoder.model_dump_json())):
        rows = each.encode(queries, requests)
        names = [one.feature.name for one in each.features]
        order = [names.index(one.name) for one in schema.features]
        np.testing.assert_allclose(rows.tables[0].weights[:, order], scaled, atol=1e-4)


def cosine(row: Event, past: list[Event], half_life: float | None) -> float:
    units = {
        item: {genre: 1 / math.sqrt(len(genres)) for genre in genres}
        for item, genres in enumerate(GENRES)
    }
    liked = [e for e in past if e.rating >= 4]
    profile: dict[str, float] = {}
    for age, event in enumerate(reversed(liked)):
        for genre, value in units[event.item].items():
            weight = 2 ** (-age / half_life) if half_life else 1
            profile[genre] = profile.get(genre, 0) + weight * value
    length = math.sqrt(sum(value**2 for value in profile.values()))
    dot = sum(value * profile.get(genre, 0) for genre, value in units[row.item].items())
    return dot / length if length else 0


def distance(row: Event, past: list[Event], half_life: float | None) -> float:
    middle = np.nanmean(YEARS)
    dated = [YEARS[e.item] for e in past if e.rating >= 4 and not math.isnan(YEARS[e.item])]
    weights = [2 ** (-age / half_life) if half_life else 1 for age in range(len(dated))][::-1]
    mean = np.average(dated, weights=weights) if dated else middle
    year = middle if math.isnan(YEARS[row.item]) else YEARS[row.item]
    return float(abs(year - mean))


@pytest.mark.parametrize("train", [False, True])
@settings(max_examples=30)
@given(events=EVENTS)
def test_comparisons_have_literal_twins(
    train: bool, events: list[tuple[int, int, int, int]]
) -> None:
    some = world(events, train=train)
    for half_life in (None, 0.5, 3.0):
        for name, by, literal in (("similarity", "genres", cosine), ("gap", "year", distance)):
            wanted = feature(name, "user-history", by=by, half_life=half_life)
            expected = [
                literal(row, history(row, some, "user", "earlier"), half_life) for row in some.asked
            ]
            same(numbers(some, wanted), expected)


def test_a_long_history_fades_exactly() -> None:
    """1000 liked events, half-life 3: a geometric series, through ten doublings."""
    n = 1000
    data = dataset([(0, 0, 5.0, time) for time in range(n)])
    known = Known.of(Interactions.in_time_order(data, np.arange(n), 4.0))
    values = known.timeline("user").fading_sums(lambda known: np.ones(len(known)), 3.0)
    np.testing.assert_allclose(values, np.cumsum(2.0 ** (-np.arange(n) / 3)), rtol=1e-10)


def test_events_of_one_moment_stay_apart_in_a_session() -> None:
    """Events at 0, 1 day and 1 day: the first is a day before the last, so not of its session."""
    known = [(0, 0, 4, 0), (0, 1, 4, 1), (0, 2, 4, 1), (1, 0, 4, 0)]
    some = world([*known, (0, 3, 4, 3), (2, 3, 4, 3)], train=False)
    same(numbers(some, feature("session_count", "user-history")), [2, 0])
    same(numbers(some, feature("session_share", "user-history")), [2 / 3, float("nan")])


def test_predictions_are_those_of_the_history_at_hand() -> None:
    known = store()
    some = Histories(
        np.array([0, 1, 2]),
        np.array([0, 0], np.int32),
        np.array([1, 5], np.float32),
        np.zeros(2, np.int64),
    )
    requests = known.requests(np.array([0, 0]), some)
    low, high = described(requests, [1, 2])["predicted_rating"]
    assert (low < high).all()
    users = known.predictions.solve(some)
    np.testing.assert_array_equal(
        high, known.predictions(users[[1, 1]], np.array([1, 2], np.int32))
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"column": "usual_place"}, "uses whole timelines: set scope: known"),
        ({"column": "count", "shrink": 20}, "'shrink' is for means of scope known"),
        ({"column": "count", "half_life": 2}, "'half_life' is for similarity and gap"),
        ({"column": "similarity", "by": "genres"}, "similarity needs source: user-history"),
        ({"source": "user-history", "column": "gap"}, "'by' names the items' attribute"),
        ({"source": "user-history", "column": "predicted_rating"}, "which allows no other"),
        ({"source": "user-history", "column": "count", "scope": "known"}, "statistics of items"),
        ({"column": "count", "by": "gender", "scope": "known"}, "without 'by'"),
        ({"kind": "sequence", "column": "all", "scope": "known"}, "statistics of items"),
        ({"source": "difference", "of": ["a"]}, "two numeric features"),
        ({"source": "item", "shrink": 2}, "'shrink' is only for user-history and item-history"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, Any], message: str) -> None:
    values = {"name": "f", "source": "item-history", "kind": "numeric", **fields}
    with pytest.raises(ValueError, match=message):
        Feature.model_validate(values)


@pytest.mark.parametrize(
    ("column", "by", "message"),
    [
        ("gap", "genres", "genres is not a number\nset column: similarity"),
        ("similarity", "year", "year is a number\nset column: gap"),
        ("similarity", "genres", "genres has 2 values, similarity compares 1 at most"),
        ("gap", "years", "'years'"),
    ],
)
def test_what_cannot_be_compared_is_said(
    column: str, by: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys_core.features.columns.MOST_COMPARED", 1)
    wanted = feature("f", "user-history", column=column, by=by)
    with pytest.raises(InputError) as error:
        check_feature(wanted, store().dataset, "feature 'f'")
    assert message in str(error.value)


def test_a_difference_needs_numeric_features() -> None:
    gap = Feature(name="gap", source="difference", kind="numeric", of=("a", "b"))
    one = Feature(name="a", source="item", kind="numeric")
    other = Feature(name="b", source="item", kind="categorical")
    for features in ((one, gap), (one, other, gap)):
        with pytest.raises(ValueError, match="difference of 'b', which is not a numeric feature"):
            FeatureSchema(name="s", features=features)


def test_a_known_event_never_sees_all_that_is_known() -> None:
    """A ranking run is refused before it starts, and the layer itself refuses, too."""
    known = store()
    with pytest.raises(InputError, match=r"feature 'popularity' \(two-stage.yaml, line 11\)") as e:
        load_schema("two-stage", known.dataset)
    assert "scope 'known' is for candidates at a request" in str(e.value)
    rows = Interactions.in_time_order(known.dataset, np.arange(4), 4.0)
    for each in SCHEMA:
        if each.scope == "known":
            with pytest.raises(InputError, match="scope 'known' is for candidates at a request"):
                raw_values(each, Views(Queries.of_events(rows), known))
