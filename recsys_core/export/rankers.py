"""Ranking models: a graph from encoded rows to outputs, and how rows are encoded."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from recsys_core.export.encoding import Encoding, RowKind, encode_fitted
from recsys_core.export.graph import OPSET, write_graph
from recsys_core.export.part import Part
from recsys_core.export.plain import RankerGraph
from recsys_core.features.known import Known
from recsys_core.ranking.ranker import Ranker

GRAPH = "ranker.onnx"
OUTPUT = "outputs"
#: rows that the exporter sees: one would be taken for a constant
TRACED_ROWS = 3


def ranker_part(ranker: Ranker, known: Known, rows: RowKind) -> Part:
    """Describe a fitted ranking model.

    Parameters
    ----------
    known
        The events that rows may look at.
    """
    encoding = encode_fitted(ranker.encoder, known, rows)
    about: dict[str, Any] = {
        "kind": "ranking",
        "model": ranker.model_name,
        "computation": "graph",
        "formula": "outputs = graph(single, weighted, weights); a calibrated output z becomes "
        "interpolate(z, scores, targets) + slope * (what z is beyond the outer scores); a binary "
        "task's prediction is 1 / (1 + exp(-z)), another's z",
        "graph": {
            "file": GRAPH,
            "opset": OPSET,
            "inputs": ["single", "weighted", "weights"],
            "output": OUTPUT,
        },
        "tasks": [
            {
                "name": task.name,
                "binary": task.binary,
                "calibration": ranker.calibrations[task.name].model_dump(mode="json")
                if task.name in ranker.calibrations
                else None,
            }
            for task in ranker.tasks.all
        ],
    }
    inputs = _inputs(encoding)
    write = partial(
        write_graph,
        module=RankerGraph(ranker.module, encoding.widths),
        inputs=inputs,
        output=OUTPUT,
    )
    return Part(about, encoding.arrays, encoding.spec, {GRAPH: write})


def _inputs(encoding: Encoding) -> dict[str, torch.Tensor]:
    slots = sum(encoding.widths)
    return {
        "single": torch.zeros(TRACED_ROWS, encoding.singles, dtype=torch.int64),
        "weighted": torch.zeros(TRACED_ROWS, slots, dtype=torch.int64),
        "weights": torch.ones(TRACED_ROWS, slots),
    }
