"""Single AUCs worked out by hand, leaks that are planted and caught, futures that do not help."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Dataset, Numeric, Vectors
from recsys_core.evaluation.rows import auc
from recsys_core.features.describe import PRIOR_ROWS, describe_features
from recsys_core.features.past import Past, Vector
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.statistics import STATISTICS, register_statistic
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info
from tests.ranking.build import dataset, schema, split

ITEM = {"name": "item_id", "source": "item", "kind": "categorical"}
USER = {"name": "user_id", "source": "user", "kind": "categorical"}


def of(*features: dict[str, Any], **fields: Any) -> FeatureSchema:
    return FeatureSchema.model_validate({"name": "test", "features": features, **fields})


def described(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in facts["features"]}


@pytest.fixture(scope="module")
def parts() -> Split:
    return split(dataset(interaction=False))


def test_single_auc_by_hand(parts: Split) -> None:
    """An item's score is its smoothed share of likes in train, in plain Python."""
    likes: dict[int, int] = {}
    events: dict[int, int] = {}
    for item, relevant in zip(parts.train.item.tolist(), parts.train.relevant, strict=True):
        likes[item] = likes.get(item, 0) + int(relevant)
        events[item] = events.get(item, 0) + 1
    share = sum(likes.values()) / sum(events.values())
    scores = [
        (likes[i] + PRIOR_ROWS * share) / (events[i] + PRIOR_ROWS)
        for i in parts.valid.item.tolist()
    ]
    expected = auc(parts.valid.relevant.astype(np.int8), np.array(scores))
    facts = describe_features(of(USER, ITEM), parts)
    found = described(facts)
    assert found["item_id"]["auc"] == pytest.approx(expected)
    assert found["item_id"]["auc"] > 0.85
    assert abs(found["user_id"]["auc"] - 0.5) < 0.06  # users are all alike
    assert found["item_id"]["values"] == 81
    assert (facts["train"], facts["valid"]) == (len(parts.train), len(parts.valid))
    assert not any(row["suspicious"] for row in facts["features"])


def test_every_kind_of_feature_is_described(parts: Split) -> None:
    found = described(describe_features(schema(parts.dataset, histories=True), parts))
    assert found["year"]["missing"] == pytest.approx(0.2, abs=0.03)  # every fifth item has none
    assert found["age"]["missing"] == found["year"]["missing"]  # the same column, as a number
    assert found["gender"]["missing"] > 0.2
    assert found["liked"]["missing"] == 0
    assert found["liked"]["shares"] == "item_id"
    assert all(0 < row["auc"] < 1 for row in found.values())


def test_a_vector_is_judged_by_its_direction() -> None:
    """The first half of the items is liked, and the sign of one number says which those are.

    One item has no vector: it stands between the halves, and its rows count as missing.
    """
    data = dataset(interaction=False)
    number = np.arange(data.n_items)
    half = np.where(number < data.n_items // 2, 1.0, -1.0)
    looks = np.stack([np.cos(number), 3 + half], axis=1).astype(np.float32)
    looks[7] = np.nan
    data.item_columns["looks"] = Vectors(looks)
    parts = split(data)
    facts = describe_features(of({"name": "looks", "source": "item", "kind": "vector"}), parts)
    found = described(facts)["looks"]
    half[7] = 0
    best = auc(parts.valid.relevant.astype(np.int8), half[parts.valid.item])
    assert best > 0.85
    assert found["auc"] == pytest.approx(best, abs=0.05)
    assert found["missing"] == pytest.approx(np.mean(parts.valid.item == 7))


def test_a_label_in_a_column_is_caught() -> None:
    """Each pair of a user and item gets an own 'item', whose attribute is the rating to come."""
    data = dataset(interaction=False)
    leaked = replace(
        data,
        item=np.arange(data.n_interactions, dtype=np.int32),
        item_ids=np.array([str(n) for n in range(data.n_interactions)]),
        item_columns={
            "review": Categorical((data.rating >= 4).astype(np.int32), np.array(["bad", "good"])),
            "stars": Numeric(data.rating),
        },
    )
    review = {"name": "review", "source": "item", "kind": "categorical"}
    stars = {"name": "stars", "source": "item", "kind": "numeric"}
    found = described(describe_features(of(USER, review, stars), split(leaked)))
    for name in ("review", "stars"):
        assert found[name]["auc"] == 1
        assert found[name]["suspicious"]
    assert not found["user_id"]["suspicious"]


def test_a_statistic_that_peeks_is_caught(parts: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statistic that reads the row's own rating through its number in the data set."""
    patched = dict(STATISTICS)
    for module in ("statistics", "feature"):
        monkeypatch.setattr(f"recsys_core.features.{module}.STATISTICS", patched)

    @register_statistic("peek", title="the answer, nearly")
    def peek(past: Past) -> Vector:
        rating: Vector = past.queries.dataset.rating[past.queries.event].astype(np.float64)
        return rating

    wanted = {"name": "peek", "source": "user-history", "kind": "numeric"}
    found = described(describe_features(of(ITEM, wanted), parts))
    assert found["peek"]["suspicious"]
    assert not found["item_id"]["suspicious"]


def test_one_label_has_no_auc(parts: Split) -> None:
    liked = replace(parts, valid=parts.valid.where(parts.valid.relevant))
    found = described(describe_features(of(ITEM), liked))
    assert found["item_id"]["auc"] is None
    assert not found["item_id"]["suspicious"]


def future(*, first_half_is_good: bool = True) -> Dataset:
    """Ratings at random, until the last tenth of the time, when every item shows its true colours.

    Half of the items are good. Nobody can tell before the end; then all ratings say so.
    """
    rng = np.random.default_rng(0)
    n, users, items = 6000, 60, 40
    user = rng.integers(0, users, n).astype(np.int32)
    item = rng.integers(0, items, n).astype(np.int32)
    late = np.arange(n) >= 0.9 * n
    good = (item < items // 2) == first_half_is_good
    liked = np.where(late, good, rng.random(n) < 0.5)
    return Dataset(
        name="future",
        user=user,
        item=item,
        rating=np.where(liked, 5, 1).astype(np.float32),
        timestamp=np.arange(n, dtype=np.int64) // 3 * 3600,  # three events share a moment
        user_ids=np.array([str(number) for number in range(users)]),
        item_ids=np.array([str(number) for number in range(items)]),
        user_columns={},
        item_columns={},
    )


FULL = (
    USER,
    ITEM,
    {"name": "mean", "source": "item-history", "kind": "numeric", "column": "rating_mean"},
    {"name": "share", "source": "item-history", "kind": "numeric", "column": "positive_share"},
    {"name": "liked", "source": "user-history", "kind": "sequence", "share_embedding": "item_id"},
    {
        "name": "disliked",
        "source": "user-history",
        "kind": "sequence",
        "share_embedding": "item_id",
    },
)


@pytest.mark.parametrize("scope", ["earlier", "others"])
@pytest.mark.parametrize("model", ["lr", "din"])
def test_the_future_does_not_help_under_a_timeline(model: str, scope: str) -> None:
    """Whichever half of the items turns out good in the test period, all predictions are equal."""
    config = model_info(model).cls.Config.model_validate({"epochs": 1, "batch_size": 256})
    scores = []
    for first in (True, False):
        parts = make_protocol({"name": "global-timeline"}).split(future(first_half_is_good=first))
        trained = Ranker(model, config, of(*FULL, scope=scope)).fit(parts)
        scores.append(trained.predict(parts.test, parts.known)[:, 0])
    np.testing.assert_array_equal(scores[0], scores[1])


def test_the_same_signal_helps_under_a_random_split() -> None:
    """The planted signal is there: a protocol that leaks the future finds it."""
    parts = make_protocol({"name": "random-rows"}).split(future())
    late = parts.test.where(parts.test.timestamp >= np.quantile(parts.test.timestamp, 0.9))
    config = model_info("lr").cls.Config.model_validate({"epochs": 2, "batch_size": 256})
    trained = Ranker("lr", config, of(*FULL)).fit(parts)
    scores = trained.predict(late, parts.known)[:, 0].astype(np.float64)
    assert auc(late.relevant.astype(np.int8), scores) > 0.8


def test_features_of_candidates_are_measured_on_validation_rows_alone(parts: Split) -> None:
    """Items decide what is liked: all that is known of them tells, the length of histories not."""
    history = {"name": "length", "source": "user-history", "kind": "numeric", "column": "count"}
    share = {"source": "item-history", "kind": "numeric", "column": "positive_share"}
    known = {"name": "share", "scope": "known", "shrink": 20, **share}
    facts = describe_features(of(history, known), parts)
    found = described(facts)
    assert facts["scopes"] == ["earlier", "known"]
    assert found["share"]["auc"] > 0.85
    assert abs(found["length"]["auc"] - 0.5) < 0.06
    assert found["share"]["missing"] == 0
