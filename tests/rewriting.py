"""What pytest and Hypothesis make of the code, made once rather than by each process beside others.

In a fresh clone each of them would rewrite the assertions of all test modules, and read the
constants of all of the code, at the same time. Neither has a call for it, so their own functions
are used; they leave what the processes then read.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.assertion import rewrite
from hypothesis.configuration import storage_directory
from hypothesis.errors import HypothesisSideeffectWarning
from hypothesis.internal.charmap import intervals_from_codec
from hypothesis.internal.constants_ast import constants_from_module


def rewrite_modules(config: pytest.Config, folder: Path) -> None:
    """Rewrite, one process a core, the test modules in a folder that are not yet rewritten."""
    modules = [path for name in ("test_*.py", "conftest.py") for path in folder.rglob(name)]
    waiting = [path for path in modules if rewrite._read_pyc(path, _rewritten(path)) is None]
    if len(waiting) < len(modules) / 2:  # the few that were edited are not worth a process
        return
    _share(lambda some: _rewrite(config, some), waiting)


def collect_constants(*folders: Path) -> None:
    """Have Hypothesis note, one process a core, the constants of the code in folders, once.

    And which characters there are: it tries them one by one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisSideeffectWarning)  # it is early, on purpose
        if not storage_directory("constants").path.exists():
            sources = [path for folder in folders for path in folder.rglob("*.py")]
            _share(_note_constants, sources, meanwhile=lambda: intervals_from_codec("utf-8"))


def _share(
    work: Callable[[list[Path]], None],
    paths: list[Path],
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    cores = os.cpu_count() or 1
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, args=(paths[first::cores],)) for first in range(cores)]
    for process in processes:
        process.start()
    meanwhile()
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


def _note_constants(paths: list[Path]) -> None:
    for path in paths:
        module = ModuleType(path.stem)
        module.__file__ = str(path)
        constants_from_module(module)
