"""What tests of the queue share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tests.data.small import SMALL
from workbench.store.files import write_json
from workbench.store.runs import Run


class AddJob(Protocol):
    """Adds a job to the queue of the test."""

    def __call__(
        self,
        label: str = "job",
        model: str = "trial",
        entry: dict[str, Any] | None = None,
        dataset: str = SMALL,
        **params: Any,
    ) -> Run: ...


def spec_of(model: str, label: str, params: Mapping[str, object]) -> dict[str, Any]:
    return {
        "dataset": SMALL,
        "protocol": {"name": "user-timeline"},
        "model": model,
        "params": dict(params),
        "label": label,
        "ks": [10],
        "seed": 0,
        "threads": 1,
        "device": "cpu",
    }


def state_of(run: Run) -> str:
    return run.status().state


def reason_of(run: Run) -> str:
    return run.status().reason or ""


def write_result(
    run: Run, validation: Mapping[str, float], metrics: Mapping[str, float] | None = None
) -> None:
    """Write metrics.json of a run, with everything that is read of one."""
    result: dict[str, Any] = {name: run.spec[name] for name in ("label", "model", "seed")}
    result |= {"stage": "recall", "params": run.spec["params"], "ci95": {}, "fit_seconds": 1.0}
    result["dataset"] = {"name": "sample", "fingerprint": "d47a", "synthetic": True}
    result["protocol"] = {"name": "user-timeline", "fingerprint": "5f1e"}
    result |= {"metrics": dict(metrics or {}), "validation": dict(validation), "reuse_key": "0"}
    write_json(run.path / "metrics.json", result)
