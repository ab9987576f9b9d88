"""ML-1M from raw files to a `Dataset`, and from the cache."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure, load_ml1m, median_seconds, seconds


def measure() -> Iterator[Figure]:
    """Time one cold import after imports, and loads from the cache (guidance .5 s and .1 s)."""
    raw = os.environ.get("RECSYS_WORKBENCH_TEST_DATA")
    if raw is None:
        load_ml1m()
        return
    source = str(Path(raw) / "ml-1m" / "ml-1m-rebuilt.zip")
    _prepare(str(Path(raw) / "ml-100k"))  # imports
    cold = [_prepare(source) for _ in range(3)]
    yield Figure("ML-1M raw files to Dataset", "s", min(cold), None, "")
    load_ml1m()
    yield Figure("ML-1M from the cache", "s", median_seconds(load_ml1m), None, "")


def _prepare(source: str) -> float:
    """Time one import; what it has written goes, or each would fill memory with pages anew."""
    from recsys_core.data.load import load_dataset

    with tempfile.TemporaryDirectory() as data_dir:
        return seconds(lambda: load_dataset(source, Path(data_dir)))
