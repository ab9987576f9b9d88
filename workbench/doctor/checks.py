"""Everything that `doctor` looks at, in the order of its lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.doctor.check import Check
from workbench.doctor.folders import check_data, check_folders, check_runs
from workbench.doctor.installed import check_packages, check_plugins, check_python
from workbench.doctor.machine import check_gpu, check_memory, check_processor
from workbench.doctor.terminal import check_terminal


def all_checks(runs_dir: Path, data_dir: Path) -> Iterator[Check]:
    """Look at one thing after the other."""
    yield from check_python()
    yield from check_packages()
    yield from check_plugins()
    yield from check_processor()
    yield from check_memory()
    yield from check_gpu()
    yield from check_folders(runs_dir, data_dir)
    yield from check_data(data_dir)
    yield from check_runs(runs_dir)
    yield from check_terminal()
