"""New items: no train row is theirs, lists may hold them, and they are ranked alone, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.compute.threads import limited_threads
from recsys_core.data.dataset import Categorical, Dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.names import check_metric_name, meaning_of
from recsys_core.evaluation.new_items import with_new_items
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.needs import lack
from recsys_core.pipeline.run import check_split
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.leaks import FUTURE, NOTHING
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.rows import ranking_rows
from recsys_core.recall.base import RecallModel
from tests.protocols.build import Row, dataset, random_dataset
from tests.protocols.build import split as by_hand
from tests.recall.build import fit

DAY = 86_400


def cut(data: Dataset, **fields: Any) -> Split:
    return make_protocol({"name": "cold-items", **fields}).split(data)


def new_items(split: Split) -> set[int]:
    assert split.train.new_items is not None
    return set(split.train.new_items.tolist())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9_999), share=st.sampled_from([0.05, 0.1, 0.5]))
def test_new_items_have_no_row_but_in_test(seed: int, share: float) -> None:
    split = cut(random_dataset(seed), share=share, relevance=None)
    new = new_items(split)
    assert len(new) == max(1, int(40 * share)) == split.counts["new_items"]
    assert not new & set(split.train.item.tolist())
    assert not new & set(split.valid.item.tolist())
    assert new <= set(split.test.item.tolist())
    rows = np.concatenate([part.rows for part in (split.train, split.valid, split.test)])
    assert len(np.unique(rows)) == len(rows) == 600 - split.counts["dropped_cold_rows"]
    expected = set(split.train.item.tolist()) | new
    assert set(np.flatnonzero(split.catalogue)) == expected
    assert cut(random_dataset(seed), share=share, relevance=None).fingerprint == split.fingerprint


def test_rows_of_other_items_are_cut_for_each_user() -> None:
    """Ten users, ten items, one is new: of nine other rows one is test and one validation."""
    rows: list[Row] = [(user, item, 5.0, item) for user in range(10) for item in range(10)]
    split = cut(dataset(rows))
    assert (len(split.train), len(split.valid), len(split.test)) == (70, 10, 20)
    assert (np.bincount(split.test.user) == 2).all()
    assert split.leaks == (
        f"{FUTURE} No model learns from the 1 new item, of which 10 of 20 test rows are."
    )


#: day 0 to 9 hold items 0 to 4; item 5 appears on day 8; user 3 is there from day 8 on alone
DAYS: list[Row] = [
    *((user, (user + day) % 5, 5.0, day * DAY + user) for day in range(10) for user in range(3)),
    *((user, 5, 5.0, (8 + user) * DAY + 10) for user in range(2)),
    (3, 5, 5.0, 9 * DAY),
    (3, 0, 5.0, 9 * DAY + 1),
]


def test_items_that_first_appear_at_a_date_are_new() -> None:
    split = cut(dataset(DAYS), date="1970-01-09")  # 24 rows before, two of them validation
    assert new_items(split) == {5}
    assert (len(split.train), len(split.valid), len(split.test)) == (22, 2, 8)
    assert split.test.timestamp.min() == 8 * DAY
    assert split.counts["dropped_cold_rows"] == 2  # of user 3
    assert split.leaks == (
        f"{NOTHING} No model learns from the 1 new item, of which 2 of 8 test rows are."
    )


@pytest.mark.parametrize(
    ("fields", "timed", "message"),
    [
        ({"date": "1970-01-02"}, False, "cuts by time, but data set 'tiny' has no times"),
        ({"date": "1970-01-10T12:00"}, True, "has no rows from then on\nchoose a date between"),
        ({"date": "1970-01-02", "share": 0.2}, True, "share = 0.2 has no effect with a date"),
        ({"date": "then"}, True, "date = 'then': not a date"),
        ({"share": 0}, True, "share = 0: input should be greater than 0"),
    ],
)
def test_what_cannot_be_cut_so(fields: dict[str, Any], timed: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cut(dataset(DAYS, timed=timed), **fields)


def test_a_date_from_which_no_item_is_new_is_refused() -> None:
    with pytest.raises(InputError, match="no item is new to users with train rows\nchoose an earl"):
        cut(dataset(DAYS[:30]), date="1970-01-09")


def test_new_items_are_part_of_the_fingerprint() -> None:
    split = cut(random_dataset(0))
    without = replace(split, train=replace(split.train, new_items=None))
    assert without.fingerprint != split.fingerprint


def kinds() -> Dataset:
    """Users like one of four kinds of items, and see four items of it in ten."""
    rng = np.random.default_rng(0)
    kind = np.arange(80) % 4
    rows: list[Row] = []
    for user in range(40):
        own = rng.choice(np.flatnonzero(kind == user % 4), size=10, replace=False)
        rows += [(user, int(item), 5.0, time) for time, item in enumerate(own)]
    column = Categorical(kind.astype(np.int32), np.array(["a", "b", "c", "d"]))
    return replace(dataset(rows, n_items=80), item_columns={"kind": column})


def judge(split: Split, model: RecallModel[Any], ks: tuple[int, ...] = (10,)) -> dict[str, float]:
    users = np.unique(split.test.user)
    histories = split.known.histories().take(users)
    items = model.recommend(users, max(ks), histories=histories).items
    found = evaluate_recommendations(users, items, split, ks)
    assert split.train.new_items is not None
    judged = histories.take(np.searchsorted(users, found.users))
    among = model.among(split.train.new_items)
    new = among.recommend(found.users, max(ks), histories=judged).items
    assert set(new.ravel().tolist()) <= new_items(split) | {-1}
    return with_new_items(found, new, split, ks).metrics


@pytest.mark.parametrize("name", ["dssm", "youtube-dnn"])
def test_models_that_read_attributes_tell_new_items_apart(name: str, tmp_path: Any) -> None:
    split = cut(kinds(), share=0.2)  # 16 new items, 4 of each kind: by chance 3 of 12 are hits
    fields: dict[str, Any] = {"epochs": 8, "batch_size": 16, "learning_rate": 0.02, "dim": 16}
    with limited_threads(1):
        model = fit(name, split.train, **fields)
        metrics = judge(split, model, (4,))
        assert metrics["new/recall@4"] > 0.8
        model.save(tmp_path)
        assert judge(split, type(model).load(tmp_path), (4,)) == metrics
    kind = np.arange(80) % 4
    users = np.unique(split.test.user)
    items = model.recommend(users, 12, histories=split.known.histories().take(users)).items
    assert np.isin(items, list(new_items(split))).any()  # beside other items, too
    assert (kind[items[:, :5]] == users[:, None] % 4).mean() > 0.9


@pytest.mark.parametrize("name", ["popularity", "item-cf", "mf", "sasrec"])
def test_models_of_ids_list_new_items_last_in_tie_order(name: str) -> None:
    split = cut(kinds(), share=0.2)
    few: dict[str, Any] = {"epochs": 1} if name not in ("popularity", "item-cf") else {}
    with limited_threads(1):
        model = fit(name, split.train, **few)
        users = np.unique(split.test.user)
        top = model.recommend(users, 80, exclude_seen=False)
        alone = model.among(np.array(sorted(new_items(split)))).recommend(users, 80)
    expected = sorted(new_items(split), key=lambda item: model.tie_rank[item])
    n = int(split.catalogue.sum())
    for lists in (top.items[:, n - len(expected) : n], alone.items[:, : len(expected)]):
        assert (lists == expected).all()
    assert (alone.items[:, len(expected) :] == -1).all()


def test_new_metrics_by_hand() -> None:
    """User 0 has new items 5 and 6, of which 5 is at rank 2; user 1 has none; user 2 one, at 1."""
    rows: list[Row] = [(user, user, 5.0, 0) for user in range(3)]
    rows += [(0, 5, 5.0, 1), (0, 6, 5.0, 1), (1, 0, 5.0, 1), (2, 6, 5.0, 1), (2, 0, 5.0, 1)]
    split = by_hand(dataset(rows), range(3), [], range(3, 8))
    split = replace(split, train=replace(split.train, new_items=np.array([5, 6], dtype=np.int32)))
    users = np.array([0, 1, 2], dtype=np.int32)
    some = np.array([[0, 1], [1, 0], [0, 2]], dtype=np.int32)
    lists = np.array([[3, 5], [5, 6], [6, 5]], dtype=np.int32)
    found = with_new_items(evaluate_recommendations(users, some, split, [2]), lists, split, [2])
    np.testing.assert_array_equal(found.user_metrics["new/recall@2"], [0.5, np.nan, 1])
    assert found.metrics["new/recall@2"] == 0.75
    gain = (1 / np.log2(3)) / (1 + 1 / np.log2(3))
    assert found.metrics["new/ndcg@2"] == pytest.approx((gain + 1) / 2)
    assert found.counts["users_with_new_items"] == 2
    assert found.counts["cold_items"] == 0
    assert set(found.ci95) >= {"ndcg@2", "new/ndcg@2"}


def test_new_metrics_have_names() -> None:
    check_metric_name("new/ndcg@10")
    assert meaning_of("new/recall@10").endswith(
        "(new: new items ranked among themselves, users without a relevant one left out)"
    )


def test_negatives_of_train_rows_are_no_new_items() -> None:
    rows = [(user, (user * 7 + place) % 40, 1.0, 0) for user in range(30) for place in range(8)]
    split = cut(dataset(rows, explicit=False), negatives=3)
    drawn = {
        part: set(ranking_rows(split, part).queries.item.tolist())
        for part in ("train", "valid", "test")
    }
    assert not (drawn["train"] | drawn["valid"]) & new_items(split)
    assert drawn["test"] & new_items(split)


def test_two_stage_is_refused() -> None:
    split = cut(random_dataset(0))
    assert lack(JobSpec(dataset="tiny", model="item-cf"), split) is None
    refusal = lack(JobSpec(dataset="tiny", model="two-stage"), split)
    assert "two-stage does not recommend them\nuse dssm or youtube-dnn" in str(refusal)
    with pytest.raises(InputError, match="two-stage does not recommend them"):
        check_split(JobSpec(dataset="tiny", model="two-stage"), split)
