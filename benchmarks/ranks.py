"""Two processes of one thread against one process of two: rows per second of training.

    python -m benchmarks.ranks --data-dir data --dataset ml-1m

Both are measured in turn, as the machine may be busy: what counts is the ratio within a pair. The
load average is printed beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
from pathlib import Path
from typing import Any

from recsys_core.events import Event
from recsys_core.pipeline.ranks import gathered, local_ranks
from recsys_core.pipeline.run import fit_job, judge_job, load_split
from recsys_core.pipeline.spec import JobSpec

MODELS: dict[str, dict[str, Any]] = {
    "deepfm": {"protocol": {"name": "random-rows"}},
    "youtube-dnn": {"protocol": {"name": "user-timeline"}},
}


def rows_per_second(spec: JobSpec, data_dir: Path) -> float:
    """Fit once; give the rate of the last epoch, for the first one warms up."""
    rates: list[float] = []

    def note(event: Event) -> None:
        if "rows_per_second" in event.metrics:
            rates.append(event.metrics["rows_per_second"])

    split = load_split(spec, data_dir=data_dir, offline=True)
    with gathered(spec, split, data_dir) as ranks:
        fitted = fit_job(spec, split, ranks=ranks, on_event=note)
        if ranks.size > 1:  # the others go on to it
            judge_job(fitted, spec)
    return rates[-1]


def main() -> None:
    """Measure pairs and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--dataset", default="ml-1m")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--models", default=",".join(MODELS))
    arguments = parser.parse_args()
    with local_ranks(2):
        for model in arguments.models.split(","):
            ratios = []
            for _ in range(arguments.pairs):
                one, two = (
                    rows_per_second(
                        JobSpec(
                            dataset=arguments.dataset,
                            model=model,
                            params={"epochs": 2, "patience": 0},
                            threads=threads,
                            nproc=nproc,
                            **MODELS[model],
                        ),
                        arguments.data_dir,
                    )
                    for nproc, threads in ((1, 2), (2, 1))
                )
                ratios.append(two / one)
                load = os.getloadavg()[0]
                print(
                    f"{model}: 1 x 2 threads {one:,.0f} rows/s, 2 x 1 thread {two:,.0f} rows/s, "
                    f"ratio {ratios[-1]:.2f}, load {load:.1f}",
                    flush=True,
                )
            print(f"{model}: median ratio {statistics.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
