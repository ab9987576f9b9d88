"""Events that repeat: what is known may be recommended, or is a miss that is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recsys_core.data.dataset import Dataset, Numeric
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.recall.popularity import Popularity, PopularityConfig
from tests.protocols.build import Row, dataset, random_dataset

#: users 0 and 1 play 0 to 4 in order, then 0 again, twice, as their last three events
PLAYS: list[Row] = [
    (user, item, 1.0, 10 * time + user)
    for user in (0, 1)
    for time, item in enumerate((0, 1, 2, 3, 4, 5, 6, 0, 5, 5))
]


def plays() -> Dataset:
    return dataset(PLAYS, explicit=False)


def cut(known_items: str, share: float = 0.2) -> Split:
    parameters = {"name": "user-timeline", "test_share": share, "known_items": known_items}
    return make_protocol(parameters).split(plays())


def test_events_are_cut_as_they_stand() -> None:
    split = cut("exclude")
    assert split.test.item.tolist() == [5, 5, 5, 5]  # two of each user
    assert split.valid.item.tolist() == [6, 6, 0, 0]
    assert split.known_items == "exclude"
    assert cut("allow").known.known_items == "allow"


def test_what_is_asked_is_part_of_the_fingerprint_where_it_is_not_the_default() -> None:
    default = make_protocol({"name": "user-timeline", "test_share": 0.2}).split(plays())
    assert cut("exclude").fingerprint == default.fingerprint
    assert cut("allow").fingerprint != default.fingerprint


def lists(split: Split) -> tuple[np.ndarray, Popularity]:
    model = Popularity(PopularityConfig())
    model.fit(split.train)
    users = np.array([0, 1], dtype=np.int32)
    histories = split.known.histories().take(users)
    return model.recommend(users, 7, histories=histories).items, model


def test_lists_hold_what_is_known_where_the_protocol_allows_it() -> None:
    # train is 0 to 5 of both users; each item has two train rows
    allowed, model = lists(cut("allow"))
    assert sorted(allowed[0].tolist()) == [-1, 0, 1, 2, 3, 4, 5]
    assert (
        sorted(model.recommend(np.array([0]), 2, exclude_seen=True).items[0].tolist()) == [-1] * 2
    )
    excluded, model = lists(cut("exclude"))
    assert (excluded == -1).all()  # all of the catalogue is known
    assert (model.recommend(np.array([0]), 6, exclude_seen=False).items >= 0).all()


def test_an_item_twice_in_the_test_rows_is_one_and_known_ones_are_counted() -> None:
    users = np.array([0, 1], dtype=np.int32)
    items = np.array([[4, 5], [3, 4]], dtype=np.int32)
    found = evaluate_recommendations(users, items, cut("allow"), [1, 2])
    # user 0: the one relevant item is at rank 2
    assert found.user_metrics["recall@2"].tolist() == [1, 0]
    assert found.user_metrics["mrr@2"].tolist() == [0.5, 0]
    assert "known_targets" not in found.counts
    nothing = np.full((2, 2), -1, dtype=np.int32)
    found = evaluate_recommendations(users, nothing, cut("exclude"), [1, 2])
    assert found.metrics["recall@2"] == 0
    assert found.counts["known_targets"] == 2  # item 5, which both know


def test_a_pair_weighs_as_much_as_its_weightiest_event() -> None:
    rows: list[Row] = [(0, 1, 1.0, 0), (0, 0, 1.0, 1), (0, 1, 1.0, 2), (1, 1, 1.0, 3)]
    weights = Numeric(np.array([1, 2, 5, 3], dtype=np.float32))
    data = replace(dataset(rows, explicit=False), event_columns={"type_weight": weights})
    events = Interactions.in_time_order(data, np.arange(4), None)
    assert events.weighted_matrix().toarray().tolist() == [[2, 5], [0, 3]]
    assert events.matrix().toarray().tolist() == [[1, 1], [0, 1]]
    popularity = Popularity(PopularityConfig()).fit(events)
    assert popularity.scores.tolist() == [2, 9]  # each event counts


def test_labels_decide_what_is_relevant_whatever_the_threshold() -> None:
    data = random_dataset(3)
    labels = (data.rating > 3).astype(np.float32)
    labelled = replace(data, rating=labels, labelled=True)
    for relevance in (4.0, 1.0, 5.0):
        split = make_protocol({"name": "random-rows", "relevance": relevance}).split(labelled)
        assert split.threshold == 1
        assert np.array_equal(split.train.relevant, labels[split.train.rows] == 1)
    every = make_protocol({"name": "random-rows", "relevance": None}).split(labelled)
    assert every.train.relevant.all()
