"""Towers of recall models: the query network as a graph, the item vectors as an array."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from recsys_core.export.encoding import encode_fitted
from recsys_core.export.forms import Form
from recsys_core.export.graph import OPSET, write_graph
from recsys_core.export.part import Part
from recsys_core.export.plain import QueryGraph
from recsys_core.recall.neural.sequential import SequentialModel

GRAPH = "query.onnx"
OUTPUT = "query"
TRACED_ROWS = 3
#: inputs of one number for each event of the window
EVENTS = ("items", "ratings", "times", "intervals", "asked")
#: inputs of the slots of users, and of requests
SLOTS = ("user_index", "user_weights", "request_index", "request_weights")


def tower_part(model: SequentialModel[Any]) -> tuple[Form, Part]:
    """Describe a fitted tower model: its form, and a part with graph and features.

    Query and item vectors meet in a product, so the form has the item vectors alone.
    """
    encoding = encode_fitted(model.encoder.query, model.known, "requests")
    sides = {
        side: tuple(each["width"] for each in encoding.spec["fields"] if each["side"] == side)
        for side in ("user", "row")
    }
    length = model.inputs.length
    form = Form(
        "query-network",
        "score_j = graph(inputs) . item_vectors_j; nothing known: score_j = popularity_j",
        {
            "length": length,
            "rating_edges": [float(edge) for edge in model.inputs.edges],
            "request_time": model.request_time,
            "graph": {
                "file": GRAPH,
                "opset": OPSET,
                "inputs": [*EVENTS, *SLOTS],
                "output": OUTPUT,
            },
        },
        {"item_vectors": model.targets, **encoding.arrays},
    )
    write = partial(
        write_graph,
        module=QueryGraph(model.module, sides["row"]),
        inputs=_inputs(length, sum(sides["user"]), sum(sides["row"])),
        output=OUTPUT,
    )
    return form, Part({}, {}, encoding.spec, {GRAPH: write})


def _inputs(length: int, user: int, request: int) -> dict[str, torch.Tensor]:
    whole = torch.ones(TRACED_ROWS, length, dtype=torch.int64)
    slots = {"user": user, "request": request}
    return {name: whole.clone() for name in EVENTS} | {
        f"{side}_{what}": torch.zeros(TRACED_ROWS, slots[side], dtype=kind)
        for side in slots
        for what, kind in (("index", torch.int64), ("weights", torch.float32))
    }
