"""Recall models: their form, and what every list needs beside scores."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from recsys_core.errors import InputError
from recsys_core.export.forms import FORMS
from recsys_core.export.index import INDEX, indexed_vectors, write_index
from recsys_core.export.part import Arrays, ExportFormat, Part
from recsys_core.recall.base import RecallModel
from recsys_core.recall.shared.vectors import VectorModel
from recsys_core.registry import ModelInfo
from recsys_core.retrieval.vector_index import IndexConfig

#: those of `FORMS` that are served by products of vectors
_FACTORS = ("mf", "lightgcn", "ials", "word2vec")
#: models whose query is made by a network
TOWERS = ("dssm", "youtube-dnn", "sasrec", "hstu")


def formats_of(info: ModelInfo) -> tuple[ExportFormat, ...]:
    """Name the formats that a model can be exported in; empty: none."""
    if info.stage != "recall":
        return ("onnx",)
    if info.name in TOWERS:
        return ("onnx", "faiss")
    if info.name in _FACTORS:
        return ("npz", "faiss")
    return ("npz",) if info.name in FORMS else ()


def check_format(info: ModelInfo, wanted: ExportFormat, where: str) -> None:
    """Raise InputError for a format that a model does not have.

    Parameters
    ----------
    where
        What it is about, for the message: the run.
    """
    formats = formats_of(info)
    if wanted in formats:
        return
    if not formats:
        raise InputError(
            f"{where}: {info.name} is a model of another package, which exports do not know",
            "export another run, or serve this one with recsys_core (docs/serving.md)",
        )
    why = {
        "onnx": "it is not a network",
        "faiss": "it does not rank by products of vectors",
        "npz": "a network computes its scores",
    }[wanted]
    raise InputError(
        f"{where}: {info.name} cannot be exported as {wanted}: {why}",
        f"use recsys-workbench models export --format {' or '.join(formats)}",
    )


def recall_part(name: str, model: RecallModel[Any], *, index: bool = False) -> Part:
    """Describe a fitted recall model.

    Parameters
    ----------
    index
        Whether to add a faiss index of the item vectors.
    """
    graph = Part({}, {})
    if name in TOWERS:
        from recsys_core.export.towers import tower_part  # loads torch, which others do without

        form, graph = tower_part(model)  # type: ignore[arg-type]
    else:
        form = FORMS[name](model)
    arrays, files = {**_common(model), **form.arrays}, dict(graph.files)
    if isinstance(model, VectorModel):
        arrays["learned"] = model.learned
    about: dict[str, Any] = {
        "kind": "recall",
        "model": name,
        "computation": form.name,
        "formula": form.formula,
        "fields": form.fields,
        "threshold": model.threshold,
        "known_items": model.known_items,
        "scores_new_items": model.scores_new_items,
        "falls_back_to_popularity": form.name != "constant",
    }
    if index:
        config = model.config if isinstance(model.config, IndexConfig) else IndexConfig()
        vectors, items = indexed_vectors(
            arrays["item_vectors"], arrays.get("item_bias"), _listed(model)
        )
        arrays["indexed"] = items
        about["index"] = {"file": INDEX, "kind": config.index}
        files[INDEX] = partial(write_index, vectors=vectors, config=config)
    return Part(about, arrays, graph.features, files)


def _common(model: RecallModel[Any]) -> Arrays:
    return {
        "catalogue": model.catalogue,
        "popularity": model.popularity,
        "tie_rank": model.tie_rank,
        "new_items": model.new_items,
    }


def _listed(model: Any) -> Any:
    """Mark the items that have a vector and may be listed, shape (n_items,)."""
    if isinstance(model, VectorModel):
        return model.learned
    listed = model.catalogue.copy()
    listed[model.new_items] = False  # of whom nothing was learned: last in every list
    if hasattr(model, "item_bias"):
        return listed
    return listed & np.any(model.item_vectors != 0, axis=1)
