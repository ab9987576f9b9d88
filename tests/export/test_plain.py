"""Networks in plain operations, as graphs hold them: they say what the trained ones say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.config import parse_config
from recsys_core.export.encoding import encode_fitted
from recsys_core.export.plain import QueryGraph, RankerGraph
from recsys_core.export.recall import TOWERS, recall_part
from recsys_core.export.towers import EVENTS, SLOTS
from recsys_core.features.batch import Batch, Rows
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.known import Known
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.features.queries import Queries
from recsys_core.features.schema import packaged_schema
from recsys_core.registry import model_info, model_names
from recsys_core.testing.planted import fit
from recsys_core.testing.rated import LAYOUT, batch
from tests.export.served import ids, script
from tests.export.test_features import ask, schema_named, split

RANKING = [name for name in model_names() if model_info(name).stage == "ranking"]
SMALL: dict[str, Any] = {
    "hidden": (6, 5),
    "expert_hidden": (6,),
    "tower_hidden": (4,),
    "embedding_size": 4,
    "heads": 2,
}
#: what else a model can be
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("din", {"softmax": True}),
    ("dcn-v2", {"low_rank": 2, "structure": "stacked"}),
    ("dcn-v2", {"cross_activation": "relu"}),
    ("deepfm", {"batch_norm": True}),
]


def built(name: str, layout: EmbeddingLayout, fields: dict[str, Any], tasks: int = 1) -> Any:
    """Build a model with weights of which none is 0."""
    info = model_info(name)
    own = {key: value for key, value in SMALL.items() if key in info.cls.Config.model_fields}
    torch.manual_seed(0)
    module = info.cls(parse_config(info.cls.Config, {**own, **fields}, name), layout, tasks).eval()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.copy_(torch.rand_like(tensor) if tensor.min() >= 0 else torch.randn_like(tensor))
        for each in module.modules():
            if hasattr(each, "table"):
                each.table[0] = 0  # padding
    return module


def same_outputs(module: Any, some: Batch) -> None:
    graph = RankerGraph(module, some.widths)
    found = graph(some.single.long(), some.weighted.long(), some.weights)
    torch.testing.assert_close(found, module(some), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "fields"), [*((name, {}) for name in RANKING), *OTHERS])
@torch.inference_mode()
def test_a_ranking_model_says_the_same(name: str, fields: dict[str, Any]) -> None:
    tasks = 2 if name in ("mmoe", "ple") else 1
    same_outputs(built(name, LAYOUT, fields, tasks), batch())


@torch.inference_mode()
def test_fields_of_every_kind_and_of_smaller_size_say_the_same() -> None:
    rows = Queries.of_events(split().train).take(slice(0, 40))
    known = Known.of(split().train)
    schema = schema_named("more")
    small = [
        each.model_copy(update={"embedding_size": 2}) if each.name == "genres" else each
        for each in schema.features
    ]
    schema = schema.model_copy(update={"features": tuple(small)})
    encoder = FeatureEncoder.fit(schema, rows, known)
    encoded = Rows(encoder.encode(rows, known), torch.zeros(40, 1), torch.device("cpu"))
    (some,) = encoded.batches(torch.arange(40), 40)
    assert encode_fitted(encoder, known, "events").singles == some.single.shape[1]
    same_outputs(built("deepfm", encoder.layout, {}), some)


@pytest.mark.parametrize("schema", [None, "movielens-towers"])
@pytest.mark.parametrize("name", TOWERS)
def test_a_tower_lists_the_same(name: str, schema: str | None) -> None:
    data, train = split().dataset, split().train
    short: dict[str, Any] = {
        "dim": 4,
        "epochs": 1,
        "max_len": 6,
        "hidden": (4,),
        "blocks": 1,
        "heads": 2,
    }
    fields = {key: short[key] for key in short if key in model_info(name).cls.Config.model_fields}
    read = None if schema is None else _without_recency(schema, name)
    model: Any = fit(name, train, schema=read, **fields)
    part = recall_part(name, model)
    assert part.features is not None
    features = script("exported_features").Features(part.features, part.arrays)
    features.ids = {"user": data.user_ids.tolist(), "item": data.item_ids.tolist()}
    requests = [each["width"] for each in part.features["fields"] if each["side"] == "row"]
    network = QueryGraph(model.module, tuple(requests))

    @torch.inference_mode()
    def graph(inputs: dict[str, Any]) -> Any:
        return network(*(torch.from_numpy(inputs[each]) for each in (*EVENTS, *SLOTS))).numpy()

    exported = script("exported_recall").Recall(part.about, part.arrays, features, graph)
    histories = split().known.histories()
    banned = np.zeros(data.n_items, dtype=np.bool_)
    for user in (0, 17, -1):
        history = histories.take(np.array([max(user, 0)]))
        top = model.recommend(np.array([user]), 10, histories=history)
        asked = ask(user, history, 0, int(history.timestamps[-1]))
        found = exported.recommend(asked, 10, banned)
        assert [str(data.item_ids[item]) for item, _ in found] == ids(top.items[0], data)
        np.testing.assert_allclose([score for _, score in found], top.scores[0], rtol=1e-5)


def _without_recency(schema: str, name: str) -> Any:
    """Read a schema as far as a model can."""
    found = packaged_schema(schema)
    if name in ("dssm", "youtube-dnn"):
        return found
    fields = ("rating", "interval")
    features = [
        each.model_copy(update={"event_fields": fields}) if each.event_fields else each
        for each in found.features
    ]
    return found.model_copy(update={"features": tuple(features)})
