"""Labels, losses and metrics of several tasks; importance of features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.features.batch import Batch
from recsys_core.protocols.split import Split
from recsys_core.ranking.importance import permutation_importance
from recsys_core.ranking.ranker import Ranker
from recsys_core.ranking.tasks import Tasks
from tests.ranking.build import batch, dataset, split
from tests.ranking.test_ranker import ranker

ALL = Tasks(["like", "love", "rating"])


def rated(*ratings: float) -> Interactions:
    """Rows with these ratings, liked from 4 on."""
    data = dataset()
    data.rating[: len(ratings)] = ratings
    return Interactions(data, np.arange(len(ratings)), 4.0)


def test_labels() -> None:
    expected = [[0, 0, 3], [1, 0, 4], [1, 1, 5], [0, 0, 1]]
    assert ALL.labels(rated(3, 4, 5, 1)).tolist() == expected


def test_start_is_the_best_constant() -> None:
    labels = ALL.labels(rated(3, 4, 5, 1))
    # 2 of 4 liked, 1 of 4 loved: log odds 0 and -log 3; mean rating 13/4
    torch.testing.assert_close(ALL.start(labels), torch.tensor([0.0, -np.log(3), 3.25]).float())


def test_rows_of_one_class_are_refused_with_what_can_be_done() -> None:
    cases = {
        (3, 4, 4, 1): "no train row is rated 5 or above.*set the model's tasks to",
        (4, 5, 4): "relevance is 4 and train rows are rated 4 to 5.*protocol.relevance=5$",
        (5, 5): "every train row is rated 5, so that every row is relevant.*use recall models",
    }
    for ratings, message in cases.items():
        with pytest.raises(InputError, match=f"(?s){message}"):
            ALL.check(rated(*ratings))
    ALL.check(rated(3, 5))
    Tasks(["like"]).check(rated(3, 4))


def test_loss_adds_up_over_tasks() -> None:
    """Log loss log 2 of each binary task at logit 0; squared errors (2^2 + 0) / 2 = 2."""
    labels = ALL.labels(rated(3, 5))
    outputs = torch.tensor([[0.0, 0.0, 5.0], [0.0, 0.0, 5.0]])
    assert ALL.loss(outputs, labels).item() == pytest.approx(2 * np.log(2) + 2)
    one = Tasks(["like"])
    assert one.loss(outputs[:, :1], labels[:, :1]).item() == pytest.approx(np.log(2))


def test_predictions_and_metrics() -> None:
    labels = ALL.labels(rated(3, 4, 5, 1))
    outputs = torch.tensor([[-1.0, 0, 3], [1.0, 0, 4], [2.0, 3, 4], [0.0, -1, 2]])
    found = ALL.predictions(outputs)
    torch.testing.assert_close(found[:, :2], torch.sigmoid(outputs[:, :2]))
    assert found[:, 2].tolist() == [3, 4, 4, 2]
    metrics = ALL.metrics(labels.numpy(), found.numpy())
    assert set(metrics) == {"auc", "logloss", "auc/love", "logloss/love", "rmse/rating"}
    assert (metrics["auc"], metrics["auc/love"]) == (1, 1)
    assert metrics["rmse/rating"] == pytest.approx((2 / 4) ** 0.5)


@pytest.fixture(scope="module")
def parts() -> Split:
    """Ratings 5, 4 and 1: among the liked rows, women's are the loved ones."""
    data = dataset(interaction=False)
    women = data.user_columns["gender"].codes == 0  # type: ignore[union-attr]
    liked = data.rating == 5
    data.rating[liked & ~women[data.user]] = 4
    return split(data)


SMALL: dict[str, Any] = {"expert_hidden": (16,), "tower_hidden": (8,), "epochs": 6, "patience": 0}


@pytest.fixture(scope="module")
def mmoe(parts: Split) -> Ranker:
    return ranker("mmoe", parts.dataset, tasks=("like", "love", "rating"), **SMALL).fit(parts)


def test_every_task_is_learned(parts: Split, mmoe: Ranker) -> None:
    metrics = ALL.metrics(ALL.labels(parts.test).numpy(), mmoe.predict(parts.test, parts.known))
    spread = parts.test.rating.std()
    assert metrics["auc"] > 0.85  # a tenth of the labels is flipped
    assert metrics["auc/love"] > 0.85
    assert metrics["rmse/rating"] < 0.85 * spread


def test_curve_has_all_tasks_and_the_gates(mmoe: Ranker) -> None:
    last = mmoe.curve[-1]
    assert {"auc", "logloss", "auc/love", "logloss/love", "rmse/rating"} < set(last)
    for task in ("like", "love", "rating"):
        assert sum(last[f"gate/{task}/{number}"] for number in range(4)) == pytest.approx(1)


def test_a_saved_multi_task_model_predicts_the_same(
    parts: Split, mmoe: Ranker, tmp_path: Path
) -> None:
    mmoe.save(tmp_path)
    loaded = Ranker.load(tmp_path)
    np.testing.assert_array_equal(
        loaded.predict(parts.test, parts.known), mmoe.predict(parts.test, parts.known)
    )
    assert loaded.importance == mmoe.importance


def test_one_task_is_the_twin(parts: Split) -> None:
    single = ranker("mmoe", parts.dataset, tasks=("like",), **SMALL).fit(parts)
    assert single.predict(parts.test, parts.known).shape == (len(parts.test), 1)


def test_importance_finds_the_feature_that_decides(mmoe: Ranker) -> None:
    best = max(mmoe.importance, key=lambda name: mmoe.importance[name])
    assert best == "item_id"
    assert mmoe.importance["item_id"] > 0.2
    assert abs(mmoe.importance["user_id"]) < 0.05


def test_importance_by_hand() -> None:
    """The score is a slot's weight: permuting its field costs all of AUC, others nothing."""
    some = batch()  # labels 1, 0, 1
    many = Batch(
        some.single.repeat(50, 1),
        some.weighted.repeat(50, 1),
        torch.cat([some.labels * 2, some.weights[:, 1:]], dim=1).repeat(50, 1),
        some.widths,
        some.labels.repeat(50, 1),
    )
    names = ("a", "b", "many", "number", "past")[: 2 + len(some.widths)]
    found = permutation_importance(many, names, lambda rows: rows.weights[:, 0])
    assert found["many"] == pytest.approx(0.5, abs=0.15)
    assert [found[name] for name in names if name != "many"] == [0] * (len(names) - 1)
