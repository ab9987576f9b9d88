"""Real data for tests, read from `RECSYS_WORKBENCH_TEST_DATA` or fetched; skips say why."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

from recsys_core.data.dataset import Dataset
from recsys_core.data.fetch import fetch_dataset
from recsys_core.data.importer import import_dataset
from recsys_core.errors import InputError

VARIABLE = "RECSYS_WORKBENCH_TEST_DATA"


def raw_folder(name: str) -> Path | None:
    """Find the raw files of a data set on this machine."""
    root = os.environ.get(VARIABLE)
    folder = Path(root) / name if root else None
    return folder if folder is not None and folder.is_dir() else None


@cache
def prepared_folder() -> Path:
    """Make a data folder that lives as long as the test process."""
    folder = Path(tempfile.mkdtemp(prefix="recsys-test-data-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def real_data(name: str) -> Dataset:
    """Import a real data set, or skip the test (ml-100k: fail it where `CI` is set)."""
    try:
        return _load(name)
    except LookupError as error:
        if name == "ml-100k" and os.environ.get("CI") == "true":
            pytest.fail(f"ml-100k is needed: {error}")
        pytest.skip(f"no {name} here: {error}")


@cache
def _load(name: str) -> Dataset:
    raw = raw_folder(name)
    if raw is not None:
        return import_dataset(raw, prepared_folder())
    if name != "ml-100k":
        raise LookupError(f"{VARIABLE} names no folder that has it")
    try:
        return fetch_dataset(name, prepared_folder())
    except InputError as error:
        raise LookupError(str(error)) from error
