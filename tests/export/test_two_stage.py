"""Two-stage recommenders: channels, merging, ranking and re-ranking, as the script does them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.export.plain import RankerGraph
from recsys_core.export.two_stage import two_stage_parts
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.field_ranker import FieldRanker
from recsys_core.two_stage.mlp_ranker import MLPRanker
from recsys_core.two_stage.model import TwoStage
from tests.export.served import ids, script
from tests.export.test_features import ask
from tests.two_stage.build import fit, fitted, planted

STEPS: list[list[dict[str, Any]]] = [
    [{"name": "mmr", "trade_off": 0.5}],
    [{"name": "calibration", "trade_off": 0.3}, {"name": "popularity", "depth": 20}],
    [{"name": "genre-caps", "cap": 2, "top": 5}],
]
DEEPFM = {"model": "deepfm", "params": {"epochs": 1, "hidden": [8], "embedding_size": 4}}


def exported(model: TwoStage) -> Any:
    """Put the parts together as the script does, but for the graphs: they are asked of torch."""
    data = planted().dataset
    parts = two_stage_parts(model, "run")
    recall, whole = script("exported_recall"), parts[""]
    channels = [
        recall.Recall(parts[each["folder"]].about, parts[each["folder"]].arrays)
        for each in whole.about["channels"]
    ]
    ranker = None
    if "ranker" in parts:
        part = parts["ranker"]
        features = script("exported_features").Features(part.features, part.arrays)
        features.ids = {"user": data.user_ids.tolist(), "item": data.item_ids.tolist()}
        ranker = script("serve_exported").Ranker(part.about, features, graph_of(model, part))
    return script("exported_two_stage").TwoStage(whole.about, whole.arrays, channels, ranker)


def graph_of(model: TwoStage, part: Any) -> Any:
    ranker = model.ranker
    if isinstance(ranker, FieldRanker):
        fields = part.features["fields"]
        widths = tuple(each["width"] for each in fields if each["kind"] != "categorical")
        network: Any = RankerGraph(ranker.ranker.module, widths)
    else:
        assert isinstance(ranker, MLPRanker)
        network = ranker.network.eval()

    @torch.inference_mode()
    def graph(inputs: dict[str, Any]) -> Any:
        return network(*map(torch.from_numpy, inputs.values())).numpy()

    return graph


def lists_are_the_same(model: TwoStage) -> None:
    script_model, data = exported(model), planted().dataset
    histories = planted().known.histories()
    some = np.arange(data.n_items) % 3 != 0
    for user, allowed in ((0, None), (45, some), (-1, None), (100, ~some)):
        history = histories.take(np.array([max(user, 7)]))
        top = model.recommend(np.array([user]), 25, histories=history, allowed=allowed)
        banned = np.zeros(data.n_items, dtype=np.bool_) if allowed is None else ~allowed
        found = script_model.recommend(
            ask(user, history, 0, int(history.timestamps[-1])), 25, banned
        )
        assert [str(data.item_ids[item]) for item, _ in found] == ids(top.items[0], data)
        wanted = top.scores[0][top.items[0] >= 0]
        np.testing.assert_allclose([score for _, score in found], wanted, rtol=1e-5, atol=1e-5)
    nothing = histories.take(np.array([0])).where(np.zeros(int(histories.lengths[0]), np.bool_))
    top = model.recommend(np.array([-1]), 5, histories=nothing)
    banned = np.zeros(data.n_items, dtype=np.bool_)
    found = script_model.recommend(
        ask(-1, nothing, 0, script_model.time_of(nothing_known())), 5, banned
    )
    assert [str(data.item_ids[item]) for item, _ in found] == ids(top.items[0], data)


def nothing_known() -> Any:
    none = np.empty(0, dtype=np.int64)
    return script("exported_values").History(none, none.astype(np.float32), none)


def test_the_network_orders_candidates_alike() -> None:
    lists_are_the_same(fitted())


@pytest.mark.extras  # fits for seconds
def test_a_ranking_model_orders_candidates_alike() -> None:
    lists_are_the_same(fit(planted(), ranker=DEEPFM))


@pytest.mark.parametrize("method", ["round-robin", "normalised", "reciprocal-rank", "weighted"])
def test_channels_are_merged_alike(method: str) -> None:
    lists_are_the_same(changed(merge={"method": method, "size": 20}))


@pytest.mark.parametrize("steps", STEPS)
def test_lists_are_reranked_alike(steps: list[dict[str, Any]]) -> None:
    lists_are_the_same(changed(rerank=steps))


def changed(**fields: Any) -> TwoStage:
    """Change what is done with the channels' lists, whose order no ranker then changes."""
    whole = fitted()
    values = {**whole.config.model_dump(), "ranker": {"model": "none"}, **fields}
    config = TwoStageConfig.model_validate(values)
    model = TwoStage(config, whole.runtime)
    vars(model).update({**vars(whole), "config": config, "ranker": None})
    model.stage = replace(whole.stage, config=config)
    return model
