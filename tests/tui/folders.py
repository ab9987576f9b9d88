"""Run folders as runs/README.md describes them, for tests that look at screens."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.jobs import queue_files
from workbench.jobs.queue import ENTRY, Entry
from workbench.store.process import ProcessIdentity

#: 2026-03-02 09:30:00 UTC; runs are made a minute apart
START = 1772443800.0
SPLIT = "5d1c9a7e40b2"

RECALL_NAMES = [
    f"{name}@{k}" for k in (10, 20, 50) for name in ("ndcg", "recall", "precision", "hit", "mrr")
] + [f"{name}@10" for name in ("map", "coverage", "gini", "novelty", "diversity", "popularity")]
MF = {"factors": 64, "learning_rate": 0.01, "loss": "sampled-softmax", "epochs": 20}


def recall_metrics(quality: float) -> dict[str, float]:
    """Plausible values; `quality` is ndcg@10."""
    values = {}
    for position, name in enumerate(RECALL_NAMES):
        share = quality * (0.6 + 0.13 * (position % 7))
        values[name] = quality if name == "ndcg@10" else round(share, 6)
    return values


def ranking_metrics(quality: float) -> dict[str, float]:
    """Plausible values; `quality` is auc."""
    return {"auc": quality, "gauc": quality - 0.05, "logloss": 1.2 - quality, "ece": 0.013}


def write_run(
    runs: Path,
    label: str,
    *,
    number: int = 0,
    state: str = "succeeded",
    model: str = "",
    stage: str = "recall",
    metrics: Mapping[str, float | None] | None = None,
    params: Mapping[str, Any] | None = None,
    split: str = SPLIT,
    dataset: str = "ml-100k",
    seed: int = 0,
    status: Mapping[str, Any] | None = None,
    curve: list[dict[str, float]] | None = None,
    events: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """Write one run folder; `status` adds to status.json."""
    folder = runs / f"20260302-0930{number:02d}-run-{number:04x}"
    folder.mkdir(parents=True)
    created = START + 60 * number
    spec: dict[str, Any] = {
        "dataset": dataset,
        "protocol": {"name": "user-timeline"},
        "model": model or label,
    }
    spec |= {"label": label, "seed": seed, "params": dict(params or {})}
    (folder / "spec.yaml").write_text(json.dumps(spec))  # JSON is YAML
    times = {"created": created, "started": created + 1, "ended": created + 9}
    if state in ("queued", "running"):
        times["ended"] = None  # type: ignore[assignment]
    process = {"pid": None, "process_started": None, "boot_id": None}
    record = {"state": state, **times, **process, "exit_code": None, "reason": None}
    (folder / "status.json").write_text(json.dumps(record | dict(status or {})))
    add_events(folder, *events)
    if state == "succeeded":
        _write_result(folder, spec, stage, metrics or recall_metrics(0.25), split, curve or [])
    return folder


def add_events(folder: Path, *events: Mapping[str, Any]) -> None:
    """Append to a run's events."""
    with (folder / "events.jsonl").open("a") as file:
        file.writelines(
            f"{json.dumps({'time': START, 'message': '', **event})}\n" for event in events
        )


def _write_result(
    folder: Path,
    spec: Mapping[str, Any],
    stage: str,
    metrics: Mapping[str, float | None],
    split: str,
    curve: list[dict[str, float]],
) -> None:
    name = spec["dataset"]
    result = {
        "label": spec["label"],
        "model": spec["model"],
        "stage": stage,
        "seed": spec["seed"],
        "params": spec["params"],
        "dataset": {
            "name": name,
            "fingerprint": "aa11",
            "interactions": 100000,
            "users": 943,
            "items": 1682,
            "synthetic": name == "sample",
        },
        "protocol": {
            "name": "user-timeline",
            "parameters": {"relevant": 4},
            "fingerprint": split,
            "train": 81000,
            "valid": 9500,
            "test": 9500,
            "leaks": "other users' future",
            "counts": {},
        },
        "metrics": dict(metrics),
        "ci95": {
            key: [value - 0.012, value + 0.012]
            for key, value in metrics.items()
            if value is not None and not key.startswith(("coverage", "gini"))
        },
        "counts": {"users": 943, "users_without_relevant": 12},
        "fit_seconds": 1.25,
        "eval_seconds": 0.4,
        "peak_rss_mb": 310.0,
        "curve": curve,
        "reuse_key": folder.name,
    }
    (folder / "metrics.json").write_text(json.dumps(result))
    environment = {
        "python": "3.11.7",
        "platform": "Linux",
        "cpu_count": 2,
        "threads": 1,
        "device": "cpu",
        "git_revision": "0123abc",
        "code_fingerprint": "c0de",
        "dataset_fingerprint": "aa11",
        "split_fingerprint": split,
        "packages": {"numpy": "2.1.0", "torch": "2.5.1"},
    }
    (folder / "environment.json").write_text(json.dumps(environment))


def falling_curve(epochs: int) -> list[dict[str, float]]:
    """A loss that falls and a validation metric that rises."""
    return [
        {
            "epoch": float(epoch + 1),
            "loss": 0.3 + 0.4 * math.exp(-epoch / 4),
            "valid/ndcg@10": 0.28 - 0.2 * math.exp(-epoch / 5),
        }
        for epoch in range(epochs)
    ]


def this_process() -> dict[str, Any]:
    """Status fields of a job that the test's own process runs."""
    me = ProcessIdentity.current()
    return {"pid": me.pid, "process_started": me.started, "boot_id": me.boot_id}


def write_suite(runs: Path) -> None:
    """Write what `eval` leaves: recall and ranking models, one failed run, one cut off."""
    write_run(runs, "popularity", number=0, metrics=recall_metrics(0.1121))
    write_run(
        runs,
        "item-cf",
        number=1,
        metrics=recall_metrics(0.2389),
        params={"neighbours": 250, "shrinkage": 0.0},
    )
    write_run(
        runs, "mf", number=2, metrics=recall_metrics(0.2551), params=MF, curve=falling_curve(20)
    )
    write_run(
        runs,
        "mf-bpr",
        model="mf",
        number=3,
        metrics=recall_metrics(0.2407),
        params=MF | {"loss": "bpr"},
        curve=falling_curve(30),
    )
    write_run(runs, "lr", number=4, stage="ranking", metrics=ranking_metrics(0.7921))
    write_run(
        runs,
        "deepfm",
        number=5,
        stage="ranking",
        metrics=ranking_metrics(0.8034),
        params={"embedding_size": 16, "hidden": [128, 128, 128], "dropout": 0.2},
        curve=falling_curve(6),
    )
    write_run(runs, "ease", number=6, metrics=recall_metrics(0.1781), split="other", seed=1)
    write_run(
        runs,
        "ease-large",
        model="ease",
        number=7,
        state="failed",
        status={"reason": "needs 30 GB of memory, the machine has 8; use fewer items"},
    )
    events = [{"stage": "fit", "step": 13, "total": 20, "metrics": {"loss": 0.412}}]
    write_run(
        runs,
        "mf-long",
        model="mf",
        number=8,
        state="running",
        params=MF,
        status=this_process(),
        events=events,
    )
    write_run(runs, "pop-sample", model="popularity", number=9, dataset="sample", split="toy")


def epochs(first: int, last: int) -> list[dict[str, Any]]:
    """Events of epochs of ten steps; the loss falls as 1 / epoch, ndcg@10 grows by .01."""
    return [
        {
            "stage": "fit",
            "step": 10 * epoch,
            "total": 200,
            "rate": 5.0,
            "eta": (200 - 10 * epoch) / 5.0,
            "metrics": {"loss": 1 / epoch, "ndcg@10": epoch / 100},
        }
        for epoch in range(first, last + 1)
    ]


def entry_of(position: float, priority: int = 0) -> Entry:
    return Entry("data", ".", position=position, priority=priority)


def write_jobs(runs: Path) -> None:
    """One job runs, three wait, two have succeeded and one has failed."""
    (runs / queue_files.QUEUE).mkdir(parents=True)
    curve = falling_curve(20)
    write_run(runs, "item-cf", number=0, curve=[])
    write_run(runs, "mf-done", model="mf", number=1, params={"dim": 64}, curve=curve)
    failed = write_run(
        runs, "dssm", number=2, state="failed", status={"reason": "out of memory", "ended": START}
    )
    lines = [f"2026-03-02 09:3{n % 10}:00 line {n}" for n in range(100)]
    lines[50] = "2026-03-02 09:30:00 MemoryError: [red]\x1b[31m"
    (failed / "log.txt").write_text("\n".join(lines) + "\n")
    running = write_run(
        runs,
        "mf-live",
        model="mf",
        number=3,
        state="running",
        params={"learning_rate": 0.01},
        status=this_process(),
        events=epochs(1, 5),
    )
    (running / "log.txt").write_text("2026-03-02 09:33:00 fitting mf-live\n")
    (running / ENTRY).write_text(json.dumps(asdict(entry_of(0))))
    for number, label in enumerate(("wait-a", "wait-b", "wait-c"), 4):
        folder = write_run(runs, label, model="mf", number=number, state="queued")
        (folder / ENTRY).write_text(json.dumps(asdict(entry_of(number))))
