"""A GPU against this machine's CPUs: rows per second, and whether the metrics are the same.

Order, batches and negatives are drawn on the host, and without dropout nothing else is drawn: both
take the same steps, up to rounding. Without a GPU there is nothing to say. It takes at most about
five minutes: no model is begun after four.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.harness import Figure, load_ml1m

ROWS: dict[str, Any] = {"name": "random-rows"}
LISTS: dict[str, Any] = {"name": "user-timeline"}
SHORT: dict[str, Any] = {"epochs": 2, "patience": 0, "dropout": 0}
#: model, protocol, metric, fields
JOBS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("deepfm", ROWS, "auc", {**SHORT, "embedding_dropout": 0}),
    ("youtube-dnn", LISTS, "ndcg@10", SHORT),
    ("sasrec", LISTS, "ndcg@10", SHORT),
    ("mf", LISTS, "ndcg@10", {"epochs": 10, "patience": 0}),
    ("din", ROWS, "auc", {**SHORT, "epochs": 1, "embedding_dropout": 0}),
    ("lightgcn", LISTS, "ndcg@10", {"epochs": 2, "patience": 0}),
]
#: seconds after which no model is begun
_LATEST = 240


def measure() -> Iterator[Figure]:
    """Train each model on the GPU, on it with bfloat16, and on the CPUs."""
    import torch

    if not torch.cuda.is_available():
        return
    started = time.perf_counter()
    dataset = load_ml1m()
    for model, protocol, metric, params in JOBS:
        if time.perf_counter() - started > _LATEST:
            return
        few = {**params, "precision": "bfloat16"}
        gpu, rate = _fit(dataset, model, protocol, "cuda", params)
        less, faster = _fit(dataset, model, protocol, "cuda", few)
        cpu, slow = _fit(dataset, model, protocol, "cpu", params)
        yield Figure(f"{model}: training", "rows/s", rate, slow, "CPUs")
        yield Figure(f"{model}: training, bfloat16", "rows/s", faster, slow, "CPUs")
        yield Figure(f"{model}: {metric}", metric, gpu[metric], cpu[metric], "CPUs")
        yield Figure(f"{model}: {metric}, bfloat16", metric, less[metric], cpu[metric], "CPUs")


def _fit(
    dataset: Any, model: str, protocol: dict[str, Any], device: str, params: dict[str, Any]
) -> tuple[dict[str, float], float]:
    """Train once; give the metrics, and the rows per second of the last epoch."""
    from recsys_core.events import Event
    from recsys_core.pipeline.run import fit_job, judge_job
    from recsys_core.pipeline.spec import JobSpec
    from recsys_core.protocols.registry import make_protocol

    rates: list[float] = []

    def note(event: Event) -> None:
        if "rows_per_second" in event.metrics:
            rates.append(event.metrics["rows_per_second"])

    spec = JobSpec(
        dataset=dataset.name, protocol=protocol, model=model, params=params, device=device
    )
    split = make_protocol(spec.protocol).split(dataset)
    fitted = fit_job(spec, split, on_event=note)
    return judge_job(fitted, spec).judged.evaluation.metrics, rates[-1]
