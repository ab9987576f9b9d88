"""What numerical libraries are told before they are loaded."""

from __future__ import annotations

import os

import pytest

from recsys_core.compute.threads import ASLEEP, wait_asleep


def test_threads_that_wait_sleep_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ASLEEP:
        monkeypatch.setenv(name, "put back afterwards")
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    wait_asleep()
    assert {name: os.environ[name] for name in ASLEEP} == {**ASLEEP, "OMP_WAIT_POLICY": "ACTIVE"}
