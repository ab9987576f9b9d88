"""Accuracy floors of two-stage recommendation on real data: the whole, and what ranking adds.

A floor lies a little below what was measured when it was written, so that a change which makes a
part worse is noticed. They run in `make accuracy`: channels are fitted twice and more.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_core.pipeline.run import run
from recsys_core.pipeline.suites import load_suite
from recsys_core.protocols.registry import make_protocol
from tests.data.real import real_data


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("suite", "floor", "gain"), [("seed", 0.233, 0.028), ("topn-random-ml1m", 0.292, 0.001)]
)
def test_ml_1m(suite: str, floor: float, gain: float) -> None:
    """ndcg@10 of the whole, and over the best of its channels on the full catalogue."""
    spec = load_suite(suite).select(["two-stage"]).specs(threads=1)[0]
    split = make_protocol(load_suite(suite).protocol).split(real_data("ml-1m"))
    metrics = run(spec, data_dir=Path(), split=split).metrics
    channels = [
        value
        for name, value in metrics.items()
        if name.startswith("channel/") and name.endswith("/ndcg@10")
    ]
    assert metrics["ndcg@10"] > floor
    assert metrics["ndcg@10"] > max(channels) + gain
