"""Evaluation by one and by two workers of a Dask cluster: seconds, and what the command computes.

    python -m benchmarks.judges --data-dir data --dataset large --model mf --set epochs=1

The model is fitted once. Each worker is a process of this machine with one thread, so two of them
need two cores that nobody else uses.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from recsys_core.config import parse_value
from recsys_core.pipeline.judges import judged_by
from recsys_core.pipeline.run import fit_job, judge_job, load_split
from recsys_core.pipeline.spec import JobSpec


def main() -> None:
    """Measure and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--model", default="mf")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    arguments = parser.parse_args()
    from distributed import LocalCluster

    changes = (text.partition("=") for text in arguments.changes)
    params = {name: parse_value(value) for name, _, value in changes}
    spec = JobSpec(dataset=arguments.dataset, model=arguments.model, params=params, threads=1)
    split = load_split(spec, data_dir=arguments.data_dir, offline=True)
    fitted = fit_job(spec, split)
    seconds = {}
    for workers in (1, 2):
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            judged_by(cluster.scheduler_address),
        ):
            cpu = time.process_time()
            result = judge_job(fitted, spec)
            cpu = time.process_time() - cpu
            seconds[workers] = result.eval_seconds
            print(
                f"{workers} workers: {result.eval_seconds:.1f} s, of which this process computed "
                f"{cpu:.1f}; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    print(f"2 workers are {seconds[1] / seconds[2]:.2f} times as fast as 1")


if __name__ == "__main__":
    main()
