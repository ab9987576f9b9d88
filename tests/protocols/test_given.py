"""Published splits: the parts as they stand, validation drawn where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import PART, Categorical, Dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.needs import notes
from recsys_core.protocols.leaks import FUTURE, GIVEN, NOTHING, UNKNOWN
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.recall.popularity import Popularity, PopularityConfig
from tests.protocols.build import Row, dataset, random_dataset

#: train: user 0 has items 0 and 1, user 1 item 0, user 2 all three; test: item 3 is unknown
PUBLISHED: list[Row] = [
    *((0, 0, 1.0, 0), (0, 1, 1.0, 0), (1, 0, 1.0, 0), (2, 0, 1.0, 0), (2, 1, 1.0, 0)),
    *((2, 2, 1.0, 0), (0, 2, 1.0, 0), (1, 2, 1.0, 0), (2, 3, 1.0, 0)),
]
TRAIN_TEST = ["train"] * 6 + ["test"] * 3


def parted(rows: list[Row], parts: list[str], *, timed: bool = False) -> Dataset:
    return with_parts(dataset(rows, explicit=False, timed=timed), parts)


def with_parts(data: Dataset, parts: list[str]) -> Dataset:
    """Say of each row which part it belongs to; an empty text: none."""
    names = sorted(set(parts) - {""})
    codes = [names.index(part) if part else -1 for part in parts]
    column = Categorical(np.array(codes, dtype=np.int32), np.array(names))
    return replace(data, event_columns={PART: column})


def cut(data: Dataset, **fields: Any) -> Split:
    return make_protocol({"name": "given", **fields}).split(data)


def test_unknown_items_are_misses() -> None:
    """Counts 3, 2, 1: user 0 gets item 2, a hit; 1 gets 1, 2, a hit at 2; 2 knows all, a miss."""
    split = cut(parted(PUBLISHED, TRAIN_TEST))
    assert (len(split.train), len(split.valid), len(split.test)) == (6, 0, 3)
    model = Popularity(PopularityConfig()).fit(split.train)
    users = np.array([0, 1, 2])
    items = model.recommend(users, 2, histories=split.known.histories().take(users)).items
    found = evaluate_recommendations(users, items, split, [2])
    assert found.metrics["recall@2"] == pytest.approx(2 / 3)
    assert found.metrics["ndcg@2"] == pytest.approx((1 + 1 / np.log2(3) + 0) / 3)
    assert found.counts["cold_items"] == 1
    counts = {"unknown_item_test_rows": 1, "unknown_test_items": 1, "unknown_test_users": 0}
    assert {name: split.counts[name] for name in counts} == counts
    assert split.leaks == (
        f"{GIVEN} {UNKNOWN} 1 of 3 test rows are of 1 item without a train row: if relevant, they"
        " are misses."
    )


def test_what_is_leaked_is_true_of_the_rows() -> None:
    rows = [(user, item, 1.0, time) for user, item, _, time in random_rows(60)]
    late = parted(sorted(rows, key=lambda row: row[3]), ["train"] * 50 + ["test"] * 10, timed=True)
    assert cut(late).leaks == f"{GIVEN} {NOTHING}"
    mixed = parted(rows, (["train"] * 5 + ["test"]) * 10, timed=True)
    assert FUTURE in cut(mixed).leaks
    stranger = [*PUBLISHED, (3, 0, 1.0, 0)]
    assert cut(parted(stranger, [*TRAIN_TEST, "test"])).leaks.endswith(
        " 1 test user without a train row."
    )


def random_rows(n: int) -> list[Row]:
    """Distinct times; each user and item is among the first rows."""
    times = np.random.default_rng(0).permutation(n)
    return [(place % 5, place % 7, 1.0, int(times[place])) for place in range(n)]


def test_validation_rows_are_drawn_from_train_where_there_are_none() -> None:
    parts = ["train"] * 500 + ["test"] * 100
    data = with_parts(random_dataset(0), parts)
    split = cut(data)
    assert (len(split.train), len(split.valid), len(split.test)) == (450, 50, 100)
    assert sorted(split.test.rows) == list(range(500, 600))
    assert cut(data).fingerprint == split.fingerprint
    assert cut(data, valid_share=0.29).valid.rows.size == 145
    whole = cut(data, valid_share=0)
    assert (len(whole.train), len(whole.valid)) == (500, 0)
    named = cut(with_parts(random_dataset(0), ["valid"] * 30 + parts[30:]))
    assert sorted(named.valid.rows) == list(range(30))
    assert len(named.train) == 470


def test_folds_are_several_splits() -> None:
    data = with_parts(random_dataset(0), [str(1 + row % 5) for row in range(600)])
    found = [cut(data, test=fold) for fold in (1, 2, "3", "4", "5")]
    assert sorted(np.concatenate([split.test.rows for split in found])) == list(range(600))
    assert len({split.fingerprint for split in found}) == 5
    assert all(len(split.train) == 432 and len(split.valid) == 48 for split in found)
    assert sorted(cut(data, test=1, valid=2).valid.rows % 5) == [1] * 120


def test_rows_without_a_part_are_left_out_and_counted() -> None:
    split = cut(parted([*PUBLISHED, (0, 3, 1.0, 0)], [*TRAIN_TEST, ""]))
    assert split.counts["rows_without_part"] == 1
    assert len(split.train) + len(split.test) == 9


def test_filters_and_relevance_hold_here_too() -> None:
    data = with_parts(random_dataset(1), ["train"] * 500 + ["test"] * 100)
    split = cut(data, min_rating=3, relevance=5)
    assert split.test.rating.min() == 3
    assert (split.test.relevant == (split.test.rating == 5)).all()


@pytest.mark.parametrize(
    ("parts", "fields", "message"),
    [
        (
            ["train"] * 9,
            {},
            "'tiny' has no part 'test', only train\nsay .*protocol.test=PART",
        ),
        (["1", "2", "3"] * 3, {"test": 4}, "'tiny' has no part '4', only 1, 2, 3"),
        (["test"] * 9, {}, "no part to train on, only test"),
        (["a", "b"] * 4 + ["a"], {"test": "a", "valid": "a"}, "valid and test are both 'a'"),
        (["train", "dev", "test"] * 3, {}, "'dev' beside test, train\nsay .*protocol.valid=dev"),
    ],
)
def test_parts_that_are_not_there_or_too_many_are_named(
    parts: list[str], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        cut(parted(PUBLISHED, parts), **fields)


def test_a_set_without_parts_is_refused_with_the_command() -> None:
    with pytest.raises(InputError, match=r"does not say which rows are test\n.*--parts train="):
        cut(random_dataset(0))
    (note, *_) = notes(with_parts(random_dataset(0), ["train"] * 500 + ["test"] * 100))
    assert note == "parts of a split (test 100, train 500): use --protocol given"


def test_a_test_part_that_the_filters_empty_is_refused() -> None:
    rows = [(user, item, 5.0 if user < 2 else 1.0, 0) for user in range(4) for item in range(3)]
    data = with_parts(dataset(rows), ["train"] * 6 + ["test"] * 6)
    with pytest.raises(InputError, match="the test part is empty\nuse a larger set"):
        cut(data, min_rating=4)
