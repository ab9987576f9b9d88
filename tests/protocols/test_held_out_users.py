"""Users held out: none of their events is learned from, some are what the model is asked with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.compute.threads import limited_threads
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.interactions import Histories
from recsys_core.errors import InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.needs import lack
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.export import write_split
from recsys_core.protocols.leaks import FUTURE
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.rows import ranking_rows
from recsys_core.recall.popularity import Popularity, PopularityConfig
from recsys_core.recall.shared.validation import Validation
from recsys_core.registry import model_info
from tests.protocols.build import Row, dataset, random_dataset
from tests.recall.build import fit, history


def cut(seed: int = 0, **fields: Any) -> Split:
    return make_protocol({"name": "held-out-users", **fields}).split(random_dataset(seed))


def users(split: Split, name: str) -> set[int]:
    return set(split.dataset.user[split.row_parts()[name]].tolist())


def test_by_hand() -> None:
    """Ten users of ten events: one for test and one for validation, each with 8 of 10 known."""
    rows: list[Row] = [(user, item, 5.0, item) for user in range(10) for item in range(10)]
    split = make_protocol({"name": "held-out-users"}).split(dataset(rows))
    assert {name: len(part) for name, part in split.row_parts().items()} == {
        "train": 80,
        "valid": 2,
        "test": 2,
        "query": 16,
    }
    assert len(users(split, "test")) == len(users(split, "valid")) == 1
    assert users(split, "query") == users(split, "test") | users(split, "valid")
    assert len(split.known) == 80 + 2 + 16
    assert len(split.known_before_valid) == 80 + 8
    assert split.leaks == (
        f"{FUTURE} No model learns from the 1 test users: it is asked with 8 of their 10 events."
    )
    assert sorted(split.parts().tolist()) == [0] * 80 + [1] * 2 + [2] * 2 + [4] * 16
    assert (
        split.fingerprint
        != make_protocol({"name": "held-out-users", "known_share": 0.5})
        .split(dataset(rows))
        .fingerprint
    )


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 9_999),
    share=st.sampled_from([0.1, 0.3]),
    known=st.sampled_from([0.2, 0.8, 0.95]),
)
def test_parts_of_held_out_users(seed: int, share: float, known: float) -> None:
    fields = {"test_share": share, "valid_share": share, "known_share": known, "relevance": None}
    split = cut(seed, **fields)
    parts = split.row_parts()
    every = np.concatenate(list(parts.values()))
    assert sorted(every.tolist()) == list(range(600))
    groups = [users(split, name) for name in ("train", "valid", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 30
    assert len(groups[1]) == len(groups[2]) == round(30 * share)
    for user in groups[2]:
        own = int(np.sum(split.dataset.user == user))
        found = int(np.sum(split.test.user == user))
        assert found == max(1, int(own * (1 - known) + 1e-9))
    assert cut(seed, **fields).fingerprint == (split.fingerprint)


def test_users_with_one_event_are_left_out_and_counted() -> None:
    rows: list[Row] = [(user, user % 3, 5.0, 0) for user in range(20)]
    rows += [(user, item, 5.0, 1) for user in range(10) for item in (3, 4)]
    split = make_protocol({"name": "held-out-users", "test_share": 0.4, "valid_share": 0.3}).split(
        dataset(rows)
    )
    alone = split.counts["held_out_users_with_one_event"]
    assert alone > 0
    assert sum(len(part) for part in split.row_parts().values()) == len(rows) - alone
    assert users(split, "query") == users(split, "test") | users(split, "valid")


def test_validation_asks_with_the_query_too() -> None:
    """A model that repeats nothing of the query and lists all else finds every validation item."""
    split = cut(2, relevance=None)
    asked: list[Histories | None] = []

    class Spy(Popularity):
        def recommend(self, users: Any, k: int, **more: Any) -> Any:
            asked.append(more["histories"])
            return super().recommend(users, k, **more)

    model = Spy(PopularityConfig()).fit(split.train)
    validation = Validation(split.valid)
    assert 0 < validation(model)["ndcg@10"] < 1
    (histories,) = asked
    assert histories is not None
    own = split.known_before_valid.histories().take(validation.users)
    assert histories.items.tolist() == own.items.tolist()
    assert (histories.lengths > 0).all()


def test_lists_leave_out_the_query_and_users_are_not_cold() -> None:
    split = cut(3, relevance=None)
    asked = np.unique(split.test.user)
    histories = split.known.histories().take(asked)
    model = fit("popularity", split.train)
    items = model.recommend(asked, 40, histories=histories).items
    found = evaluate_recommendations(asked, items, split, [10])
    assert found.counts["cold_users"] == 0
    assert "known_items" not in found.counts
    assert found.metrics["recall@10"] > 0


@pytest.mark.parametrize(
    "name", ["user-cf", "mf", "ials", "lightgcn", "deepwalk-user", "dssm", "youtube-dnn"]
)
def test_models_with_users_of_their_own_serve_held_out_ones_from_the_query(name: str) -> None:
    """A user whom a model did not learn from is a stranger to it, whatever the number."""
    split = cut(1, relevance=None)
    few: dict[str, Any] = {"deepwalk-user": {"walks_per_node": 2}, "user-cf": {}}
    with limited_threads(1):
        model = fit(name, split.train, valid=split.valid, **few.get(name, {"epochs": 2}))
        asked = np.unique(split.test.user)
        histories = split.known.histories().take(asked)
        own = model.recommend(asked, 20, histories=histories)
        stranger = model.recommend(np.full(len(asked), -1), 20, histories=histories)
    np.testing.assert_array_equal(own.items, stranger.items)
    assert len({tuple(row) for row in own.items.tolist()}) > 1


def test_ranking_rows_drawn_beside_events_are_not_of_the_query() -> None:
    rows: list[Row] = [
        (user, item, 1.0, item) for user in range(20) for item in range(user % 9, 20)
    ]
    data = dataset(rows, explicit=False)
    split = make_protocol({"name": "held-out-users", "negatives": 2}).split(data)
    asked = ranking_rows(split, "test").queries
    drawn = set(zip(asked.user.tolist(), asked.item.tolist(), strict=True))
    events = set(zip(split.test.user.tolist(), split.test.item.tolist(), strict=True))
    known = set(zip(data.user.tolist(), data.item.tolist(), strict=True))
    assert drawn - events
    assert not (drawn - events) & known


def test_a_model_that_serves_no_new_users_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    split = cut()
    for model in ("item-cf", "two-stage", "lr"):
        assert lack(JobSpec(dataset="tiny", model=model), split) is None
    monkeypatch.setattr(model_info("item-cf").cls, "serves_new_users", False)
    message = "no model learned from: item-cf serves only those of its train rows\nuse models that"
    for job in (
        JobSpec(dataset="tiny", model="item-cf"),
        JobSpec(dataset="tiny", model="two-stage", params={"channels": [{"model": "item-cf"}]}),
    ):
        refusal = lack(job, split)
        assert isinstance(refusal, InputError)
        assert message in str(refusal)
    assert lack(JobSpec(dataset="tiny", model="item-cf"), timeline()) is None


def timeline() -> Split:
    return make_protocol({"name": "user-timeline"}).split(random_dataset(0))


def test_written_and_read_back_the_query_is_the_query(tmp_path: Any) -> None:
    split = cut(5)
    about = write_split(split, tmp_path / "out")
    assert set(about["files"]) == {"train", "valid", "test", "query"}
    again = import_dataset(tmp_path / "out", tmp_path / "data", "again", ImportOptions())
    read = make_protocol({"name": "given"}).split(again)
    sizes = {name: len(rows) for name, rows in split.row_parts().items()}
    assert {name: len(rows) for name, rows in read.row_parts().items()} == sizes
    assert len(read.known) == len(split.known)


def test_histories_replaced_where_there_is_none() -> None:
    both = history([], [1, 2], []).or_else(history([3], [4], []))
    assert both.items.tolist() == [3, 1, 2]
    assert both.offsets.tolist() == [0, 1, 3, 3]
