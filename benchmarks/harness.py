"""What the benchmarks share: results, peers' environments, the data."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
#: peers' environments, prepared data and results; ignored by git
WORK = ROOT / ".benchmarks"


@dataclass(frozen=True)
class Figure:
    """One measured comparison.

    Parameters
    ----------
    ours, peer
        Medians over the repeats, in `unit`.
    goal
        The ratio that is to be met; ``ratio`` is peer / ours for seconds and ours / peer for
        rates, AUC and NDCG, so that a larger one is better. None: shown without a goal.
    """

    name: str
    unit: str
    ours: float
    peer: float | None
    peer_name: str
    goal: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer; None without one."""
        if self.peer is None:
            return None
        better = self.unit.endswith(("/s", "AUC", "auc", "ndcg@10"))
        return self.ours / self.peer if better else self.peer / self.ours


def median_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Time `work` a few times and return the median."""
    return statistics.median(seconds(work) for _ in range(repeats))


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peer_python(name: str, requirements: list[str]) -> Path:
    """Create, once, an environment with the peer's own requirements; return its interpreter."""
    python = WORK / name / "bin" / "python"
    stamp = WORK / name / "installed"
    if not stamp.exists():
        print(f"installing {name} into {WORK / name} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(WORK / name)], check=True)
        for requirement in (requirements[:1], requirements):  # torch first, see the Makefile
            subprocess.run([str(python), "-m", "pip", "install", "-q", *requirement], check=True)
        stamp.touch()
    return python


def run_peer(python: Path, script: str, *arguments: str) -> dict[str, Any]:
    """Run a script of benchmarks/peers and read the JSON object on its last line."""
    path = ROOT / "benchmarks" / "peers" / script
    done = subprocess.run(
        [str(python), str(path), *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=WORK,  # some peers leave logs where they run
    )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def prepared_data() -> Path:
    """Name the folder of prepared data sets that `load_ml1m` uses."""
    return WORK / "data" if os.environ.get("RECSYS_WORKBENCH_TEST_DATA") else ROOT / "data"


def load_ml1m() -> Any:
    """Load ML-1M from RECSYS_WORKBENCH_TEST_DATA, or from where `data fetch` puts it."""
    from recsys_core.data.load import load_dataset

    raw = os.environ.get("RECSYS_WORKBENCH_TEST_DATA")
    source = str(Path(raw) / "ml-1m" / "ml-1m-rebuilt.zip") if raw else "ml-1m"
    return load_dataset(source, prepared_data())
