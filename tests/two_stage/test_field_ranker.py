"""A registered ranking model as the ranker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.config import parse_config
from recsys_core.features.schema import load_schema
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info, model_names
from recsys_core.two_stage.field_ranker import FieldRanker
from recsys_core.two_stage.model import Saved, TwoStage
from tests.recall.build import history
from tests.two_stage.build import BLOCKS, ITEMS, config, fit, known, planted
from tests.two_stage.test_model import ndcg

LR: dict[str, Any] = {
    "model": "lr",
    "params": {"epochs": 6, "learning_rate": 0.05, "batch_size": 512, "embedding_l2": 0},
}


@pytest.fixture(scope="module")
def listwise() -> TwoStage:
    return fit(planted(), ranker=LR)


def test_scores_and_ranks_are_features_that_it_learns_from(listwise: TwoStage) -> None:
    merged = fit(planted(), ranker={"model": "none"})
    assert ndcg(listwise) > 1.3 * ndcg(merged)
    assert isinstance(listwise.ranker, FieldRanker)
    names = [feature.name for feature in listwise.ranker.ranker.schema.features]
    assert {"user_id", "genres", "score/item-cf", "rank/popularity", "count_gap"} <= set(names)


def test_a_penalty_on_whole_tables_is_paid_for_lists_too(listwise: TwoStage) -> None:
    fields = {**LR["params"], "epochs": 1, "table_l2": 10}
    penalized = fit(planted(), ranker={**LR, "params": fields})
    size, without = (
        model.ranker.ranker.module.weights.table.norm().item()  # type: ignore[union-attr]
        for model in (penalized, listwise)
    )
    assert size < 0.2 * without


def test_row_by_row_it_learns_too() -> None:
    merged = fit(planted(), ranker={"model": "none"})
    assert ndcg(fit(planted(), ranker={**LR, "loss": "pointwise"})) > 1.2 * ndcg(merged)


def test_saved_and_loaded_it_ranks_the_same(listwise: TwoStage, tmp_path: Path) -> None:
    users, histories = known(planted())
    listwise.save(tmp_path)
    loaded = TwoStage.load(tmp_path)
    one, two = (m.recommend(users, 20, histories=histories) for m in (listwise, loaded))
    np.testing.assert_array_equal(one.items, two.items)
    np.testing.assert_allclose(one.scores, two.scores, rtol=1e-5)


def test_somebody_new_is_ranked_by_their_history(listwise: TwoStage) -> None:
    strangers = history(*([80, *(block * ITEMS + film for film in range(6))] for block in range(4)))
    top = listwise.recommend(np.array([-1, 10**6, -1, -1]), 5, histories=strangers)
    assert (top.items // ITEMS == np.arange(BLOCKS)[:, None]).mean() > 0.9


def test_features_at_serving_are_those_of_training(listwise: TwoStage) -> None:
    """One user asked alone gets the probabilities that the lists of training would get."""
    users, histories = known(planted())
    ranker = listwise.ranker
    assert isinstance(ranker, FieldRanker)
    scores = listwise.stage.score(users, histories)
    items = listwise.stage.pool(scores).items
    features = listwise.stage.describe(users, scores, histories, items)
    together = ranker.score(users, histories, items, features)
    for row in (0, 40, 119):
        one = slice(row, row + 1)
        alone = ranker.score(users[one], histories.take(np.array([row])), items[one], features[one])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5)


STATISTICS = """
name: statistics
features:
  - {name: item_id, source: item, kind: categorical}
  - {name: item_likes, source: item-history, kind: numeric, column: positive_count}
  - {name: user_count, source: user-history, kind: numeric, column: count}
  - {name: liked, source: user-history, kind: sequence, share_embedding: item_id}
"""


@pytest.mark.parametrize("name", ["lr", "deep"])
def test_a_known_user_asked_twice_with_two_histories_is_two_requests(
    name: str, tmp_path: Path
) -> None:
    """Nor does anybody see what others bring along, be it in statistics of items."""
    (tmp_path / "statistics.yaml").write_text(STATISTICS)
    features = str(tmp_path / "statistics.yaml")
    params = {"epochs": 1, "learning_rate": 0.05, "batch_size": 512}
    model = fit(planted(), ranker={"model": name, "params": params, "features": features})
    users, some = np.array([3, 3, 4]), history([80, 0, 1, 2], [ITEMS, ITEMS + 1], [0, 1])
    together = model.recommend(users, 10, histories=some)
    for row in range(3):
        own = some.take(np.array([row]))
        alone = model.recommend(users[row : row + 1], 10, histories=own)
        np.testing.assert_array_equal(together.items[row], alone.items[0])
        np.testing.assert_allclose(together.scores[row], alone.scores[0], rtol=1e-6, atol=1e-6)


def test_a_ranking_run_ranks_candidates_as_it_is(tmp_path: Path) -> None:
    """Trained on rated rows without channel scores, it is asked about unrated candidates."""
    split = planted()
    fields = parse_config(model_info("lr").cls.Config, {"epochs": 2}, "lr")
    trained = Ranker("lr", fields, load_schema(None, split.dataset)).fit(split)
    trained.save(tmp_path)
    some = config(ranker={"model": "lr", "params": {"epochs": 2}})
    model = TwoStage(some, saved=Saved(ranker=tmp_path)).fit(split.train, valid=split.valid)
    users, histories = known(split)
    top = model.recommend(users, 5, histories=histories)
    assert isinstance(model.ranker, FieldRanker)
    assert model.ranker.ranker.curve == trained.curve
    assert ((top.scores > 0) & (top.scores < 1)).all()
    assert (np.diff(top.scores, axis=1) <= 0).all()


RANKING = [name for name in model_names() if model_info(name).stage == "ranking"]


@pytest.mark.parametrize("name", RANKING)
def test_every_ranking_model_can_be_the_ranker(name: str) -> None:
    fields = model_info(name).cls.Config.model_fields
    small: dict[str, Any] = {"epochs": 1, "batch_size": 2048, "embedding_size": 4}
    small |= {"hidden": (4,), "expert_hidden": (4,), "tower_hidden": (4,)}
    params = {key: value for key, value in small.items() if key in fields}
    model = fit(planted(), ranker={"model": name, "params": params, "negatives": 5})
    users, histories = known(planted())
    top = model.recommend(users[:3], 10, histories=histories.take(np.arange(3)))
    assert (top.items >= 0).all()
    assert np.isfinite(top.scores).all()
