"""A set with all that `sample` has, on which a job has next to nothing to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recsys_core.data.dataset import Dataset
from recsys_core.data.prepared import write_prepared
from recsys_core.data.sample import make_sample

SMALL = "small"


def small() -> Dataset:
    """Make it: 80 users, and 60 items for the usual cut-offs up to 50."""
    return replace(make_sample(n_users=80, n_items=60, mean_events=20), name=SMALL)


def prepare_small(data_dir: Path) -> None:
    """Register it in a data folder."""
    write_prepared(data_dir, small(), {"path": "made up"}, {})
