"""What is noted of the machine and the code."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from recsys_core.pipeline.environment import (
    code_fingerprint,
    describe_environment,
    peak_memory_mb,
    reset_peak_memory,
)


def test_environment_names_what_can_change_a_result() -> None:
    found = describe_environment("popularity", 2, "cpu")
    assert (found["threads"], found["device"]) == (2, "cpu")
    assert found["packages"]["numpy"] == np.__version__
    assert found["code_fingerprint"] == code_fingerprint("popularity")
    assert len(found["code_fingerprint"]) == 32


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can start a new peak")
def test_peak_memory_is_that_of_the_run() -> None:
    block = np.ones(40_000_000)  # 305 MiB
    assert peak_memory_mb() > 305
    del block
    reset_peak_memory()
    before = peak_memory_mb()
    block = np.ones(20_000_000)  # 153 MiB
    assert 140 < peak_memory_mb() - before < 200
    del block
