"""Two-stage recommenders: a part for each channel and for the ranker, and what joins them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from recsys_core.errors import InputError
from recsys_core.export.encoding import encode_numbers
from recsys_core.export.graph import OPSET, write_graph
from recsys_core.export.part import Part
from recsys_core.export.rankers import GRAPH, OUTPUT, TRACED_ROWS, ranker_part
from recsys_core.export.recall import formats_of, recall_part
from recsys_core.registry import model_info, model_names
from recsys_core.two_stage.candidates import feature_names
from recsys_core.two_stage.field_ranker import FieldRanker
from recsys_core.two_stage.mlp_ranker import MLPRanker
from recsys_core.two_stage.model import TwoStage
from recsys_core.two_stage.rerank import CALIBRATION_MIX

FORMULA = (
    "each channel scores all items and proposes its `quota` best that may be listed; merge joins "
    "them into a pool; the ranker reads of each candidate the channels' scores (in deviations above"
    " the mean of what may be listed), log(1 + rank), the log of the deviation if `context`, then "
    "features; the pool is ordered by its output, equal ones by tie_rank, and re-ranked"
)


def two_stage_parts(model: TwoStage, where: str) -> dict[str, Part]:
    """Describe a fitted two-stage recommender: parts by folder, ``""`` is the whole.

    Parameters
    ----------
    where
        The run, for messages.
    """
    parts, channels = {}, []
    for number, config in enumerate(model.config.channels):
        channel = model.stage.channels.models[config.name]
        name = config.model or model_name_of(channel)
        if not formats_of(model_info(name)):
            raise InputError(
                f"{where}: channel {config.name} is a model of a package, which exports do"
                " not know",
                "train two-stage with other channels, or serve it with recsys_core"
                " (docs/serving.md)",
            )
        folder = f"channels/{number}"
        parts[folder] = recall_part(name, channel)
        channels.append(
            {
                "label": config.name,
                "folder": folder,
                "quota": config.quota,
                "weight": config.weight,
            }
        )
    if model.ranker is not None:
        parts["ranker"] = _ranker(model)
    about = {
        "kind": "two-stage",
        "model": "two-stage",
        "computation": "two-stage",
        "formula": FORMULA,
        "threshold": model.threshold,
        "known_items": model.known_items,
        "channels": channels,
        "merge": model.config.merge.model_dump(mode="json"),
        "context": model.config.ranker.context,
        "ranker": "ranker" if model.ranker is not None else None,
        "rerank": [step.model_dump(mode="json") for step in model.config.rerank],
        "calibration_mix": CALIBRATION_MIX,
    }
    names = ("catalogue", "popularity", "tie_rank", "new_items")
    arrays: dict[str, Any] = {name: getattr(model, name) for name in names}
    if model.config.rerank:
        arrays["genres"] = model.genres
    return {**parts, "": Part(about, arrays)}


def model_name_of(model: Any) -> str:
    """Find the registered name of a fitted model."""
    return next(name for name in model_names() if model_info(name).cls is type(model))


def _ranker(model: TwoStage) -> Part:
    ranker, known = model.ranker, model.stage.known
    if isinstance(ranker, FieldRanker):
        part = ranker_part(ranker.ranker, known, "requests")
        return Part(
            {**part.about, "given": list(ranker.names)}, part.arrays, part.features, part.files
        )
    assert isinstance(ranker, MLPRanker)
    encoding = encode_numbers(model.stage.features, known)
    names = feature_names(model.config, model.stage.features)
    about = {
        "kind": "ranking",
        "model": "mlp",
        "computation": "numbers",
        "formula": "outputs = graph(numbers), NaN where a number is missing",
        "graph": {"file": GRAPH, "opset": OPSET, "inputs": ["numbers"], "output": OUTPUT},
        "given": list(names[: len(names) - len(model.stage.features)]),
    }
    write = partial(
        write_graph,
        module=ranker.network.cpu(),
        inputs={"numbers": torch.zeros(TRACED_ROWS, len(names))},
        output=OUTPUT,
    )
    return Part(about, encoding.arrays, encoding.spec, {GRAPH: write})
