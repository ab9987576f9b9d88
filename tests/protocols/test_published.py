"""The cuts of published tables on MovieLens-1M, row for row."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Dataset
from recsys_core.data.load import load_dataset
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split

pytestmark = pytest.mark.accuracy


@pytest.fixture(scope="module")
def ml1m(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    raw = os.environ.get("RECSYS_WORKBENCH_TEST_DATA")
    if raw is None:
        pytest.skip("RECSYS_WORKBENCH_TEST_DATA names no folder with ml-1m")
    archive = Path(raw) / "ml-1m" / "ml-1m-rebuilt.zip"
    return load_dataset(str(archive), tmp_path_factory.mktemp("data"))


def cut(data: Dataset, **values: Any) -> Split:
    return make_protocol(values).split(data)


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.valid), len(split.test)


def test_recbole_general(ml1m: Dataset) -> None:
    """834,449 rows; RecBole's 6,034 users and 3,124 items count its padding as one of each."""
    split = cut(ml1m, name="random-per-user", min_rating=3, k_core=10, relevance=None)
    assert sum(sizes(split)) == 834_449
    rows = np.concatenate([split.train.rows, split.valid.rows, split.test.rows])
    assert len(np.unique(ml1m.user[rows])) == 6_034 - 1
    assert len(np.unique(ml1m.item[rows])) == 3_124 - 1
    assert split.test.relevant.all()


def test_recbole_context(ml1m: Dataset) -> None:
    """739,012 rows, cut 8:1:1 with validation and test rounded down."""
    split = cut(ml1m, name="random-rows", drop_ratings=[3], relevance=4)
    assert sizes(split) == (591_210, 73_901, 73_901)


def test_global_timeline(ml1m: Dataset) -> None:
    """All rows; most validation rows belong to users who came after the cut."""
    split = cut(ml1m, name="global-timeline")
    assert sizes(split) == (800_169, 23_839, 80_608)
    assert split.counts["dropped_cold_rows"] == 1_000_209 - 904_616


def test_rechorus_ctr(ml1m: Dataset) -> None:
    """What its notebook prints: 983,836 / 5,190 / 5,176 rows, positives, users and items."""
    split = cut(
        ml1m,
        name="global-timeline",
        unit="days",
        utc_offset=8,
        k_core=5,
        k_core_of="relevant",
    )
    assert split.counts["filtered_rows"] == 1_000_209 - 994_338
    assert sizes(split) == (983_836, 5_190, 5_176)
    parts = (split.train, split.valid, split.test)
    assert [int(part.relevant.sum()) for part in parts] == [568_761, 2_651, 2_874]
    assert [len(np.unique(part.user)) for part in parts] == [6_033, 239, 256]
    assert [len(np.unique(part.item)) for part in parts] == [3_125, 1_914, 1_869]


def test_leave_last_out(ml1m: Dataset) -> None:
    split = cut(ml1m, name="leave-last-out", relevance=None)
    assert sizes(split) == (1_000_209 - 2 * 6_040, 6_040, 6_040)
