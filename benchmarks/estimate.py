"""What `--estimate` says of ten jobs of seven models, against what they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Figure, load_ml1m, prepared_data

#: data set, model, fields: epochs are few, so that the whole takes minutes
JOBS: list[tuple[str, str, dict[str, Any]]] = [
    ("ml-100k", "item-cf", {}),
    ("ml-100k", "youtube-dnn", {"epochs": 2, "patience": 0}),
    ("ml-100k", "two-stage", {}),
    ("ml-1m", "item-cf", {}),
    ("ml-1m", "ease", {}),
    ("ml-1m", "ials", {"epochs": 3}),
    ("ml-1m", "mf", {"epochs": 4, "patience": 0}),
    ("ml-1m", "youtube-dnn", {"epochs": 1, "patience": 0}),
    ("ml-1m", "deepfm", {"epochs": 2, "patience": 0}),
    ("ml-1m", "two-stage", {}),
]


def measure() -> Iterator[Figure]:
    """Compare CPU seconds of one thread and MiB: estimated as ours, measured as the peer's."""
    from recsys_core.data.load import load_dataset

    load_ml1m()
    raw = os.environ.get("RECSYS_WORKBENCH_TEST_DATA")
    load_dataset(str(Path(raw) / "ml-100k") if raw else "ml-100k", prepared_data())
    for dataset, model, params in JOBS:
        spec = {"dataset": dataset, "model": model, "params": params, "threads": 1}
        told, took = _in_process("estimate", spec), _in_process("run", spec)
        name = f"{model}, {dataset}"
        yield Figure(f"{name}: estimate", "CPU s", told["cpu"], took["cpu"], "measured")
        yield Figure(f"{name}: memory", "MiB", told["memory"], took["memory"], "measured")
        yield Figure(f"{name}: the estimate itself", "CPU s", told["spent"], None, "")


def _in_process(what: str, spec: dict[str, Any]) -> dict[str, float]:
    """Estimate or do a job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.estimate", what, json.dumps(spec)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(what: str, text: str) -> None:
    """Do one of both and print what it took."""
    from recsys_core.compute.threads import limited_threads
    from recsys_core.pipeline.environment import peak_memory_mb, reset_peak_memory
    from recsys_core.pipeline.estimate import estimate_job
    from recsys_core.pipeline.run import fit_job, load_split
    from recsys_core.pipeline.spec import JobSpec

    spec = JobSpec.model_validate_json(text)
    split = load_split(spec, data_dir=prepared_data())
    reset_peak_memory()
    started = time.process_time()
    if what == "estimate":
        told = estimate_job(spec, split)
        found = {"cpu": told.cpu_seconds, "least": told.cpu_seconds_least}
        memory = told.peak_rss_mb
    else:
        fitted = fit_job(spec, split)
        with limited_threads(1):
            fitted.job.evaluate(spec.ks)
        found, memory = {"cpu": time.process_time() - started}, peak_memory_mb()
    print(json.dumps({**found, "memory": memory, "spent": time.process_time() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
