"""What training does to the allocator."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from recsys_core.training.memory import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_freed_memory_is_used_again() -> None:
    """Twenty tensors of 20 MB one after the other: 5,120 pages once, not twenty times."""
    keep_freed_memory()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(5 * 2**20)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < 15 * 5120  # not 3: kernels that reclaim idle pages take some back in between


def test_the_platform_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", None)  # would fail if it were called
    keep_freed_memory()
