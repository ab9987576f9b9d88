"""What pytest makes of the tests' assertions, made once rather than by each process beside others.

In a fresh clone each of them would rewrite all modules at the same time. Pytest has no call for it,
so its own functions are used; they leave what the processes then read.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from _pytest.assertion import rewrite


def rewrite_modules(config: pytest.Config, folder: Path) -> None:
    """Rewrite, one process a core, the test modules in a folder that are not yet rewritten."""
    modules = [path for name in ("test_*.py", "conftest.py") for path in folder.rglob(name)]
    waiting = [path for path in modules if rewrite._read_pyc(path, _rewritten(path)) is None]
    if len(waiting) < len(modules) / 2:  # the few that were edited are not worth a process
        return
    cores = os.cpu_count() or 1
    fork = multiprocessing.get_context("fork")
    shares = [(config, waiting[first::cores]) for first in range(cores)]
    processes = [fork.Process(target=_rewrite, args=share) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def _rewrite(config: pytest.Config, paths: list[Path]) -> None:
    state = config.stash[rewrite.assertstate_key]
    for path in paths:
        rewritten = _rewritten(path)
        rewritten.parent.mkdir(exist_ok=True)
        stat, code = rewrite._rewrite_test(path, config)
        rewrite._write_pyc(state, code, stat, rewritten)


def _rewritten(path: Path) -> Path:
    return rewrite.get_cache_dir(path) / (path.stem + rewrite.PYC_TAIL)
