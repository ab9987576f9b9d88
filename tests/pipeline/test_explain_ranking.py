"""The feature that decides must be named; hiding a field changes that field alone."""

from __future__ import annotations

import numpy as np
import torch

from recsys_core.config import parse_config
from recsys_core.features.queries import Queries
from recsys_core.pipeline.explain_ranking import feature_effects, hide
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info
from tests.ranking.build import LAYOUT, batch, dataset, schema, split


def test_hiding_a_field_by_hand() -> None:
    """Fields: two categories, several values, a number, a history."""
    whole = batch()
    category = hide(whole, LAYOUT, 1)
    assert category.single.tolist() == [[2, 4], [3, 4], [1, 4]]
    several = hide(whole, LAYOUT, 2)
    assert several.weighted[:, :3].tolist() == [[7, 0, 0]] * 3
    assert several.weights[:, :3].tolist() == [[1, 0, 0]] * 3
    number = hide(whole, LAYOUT, 3)
    assert number.weights[:, 3].tolist() == [0, 0, 0]
    past = hide(whole, LAYOUT, 4)
    assert past.weights[:, 4:].tolist() == [[0, 0]] * 3
    for changed, slots in ((several, slice(3, 6)), (number, slice(0, 3)), (past, slice(0, 4))):
        assert torch.equal(changed.single, whole.single)
        assert torch.equal(changed.weights[:, slots], whole.weights[:, slots])


def test_the_feature_that_decides_is_named() -> None:
    """Items of the first half are liked by everybody: the item alone decides."""
    data = dataset(interaction=False)
    parts = split(data)
    fast = {"epochs": 15, "batch_size": 256, "learning_rate": 0.02, "embedding_l2": 0.0}
    config = parse_config(model_info("lr").cls.Config, fast, "lr")
    ranker = Ranker("lr", config, schema(data)).fit(parts)
    rows = parts.test.where(np.arange(len(parts.test)) < 200)
    found = feature_effects(ranker, Queries.of_events(rows), parts.known)
    np.testing.assert_allclose(found.scores, ranker.predict(rows, parts.known)[:, 0], rtol=1e-5)
    assert found.effects.shape == (200, len(found.names))
    strongest = np.abs(found.effects).argmax(axis=1)
    named = np.array(found.names)[strongest]
    assert np.mean(named == "item_id") > 0.95
    popular = rows.item < rows.n_items // 2
    item = found.effects[:, found.names.index("item_id")]
    assert np.all(item[popular] > 0)
    assert np.all(item[~popular] < 0)
