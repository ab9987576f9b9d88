"""Folders, jobs and patience for tests of the queue; the model `trial` is a plug-in in workers."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from optuna.storages._rdb import storage

from tests.data.small import SMALL, prepare_small
from tests.jobs import trial_model
from tests.jobs.tools import AddJob, spec_of
from workbench.jobs.queue import Entry, add_job
from workbench.jobs.service import supervisor_pid
from workbench.store.runs import Run


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a set on which jobs have next to nothing to do."""
    folder = tmp_path_factory.mktemp("data")
    prepare_small(folder)
    return folder


@pytest.fixture(autouse=True, scope="session")
def migrations_are_read_once() -> Iterator[None]:
    """Share what Optuna knows of its past tables: it runs ten scripts per file that it opens."""
    manager = storage._VersionManager
    with pytest.MonkeyPatch.context() as patch:
        read, scripts = manager._create_alembic_script, list[Any]()

        def read_once(self: Any) -> Any:
            scripts[:] = scripts or [read(self)]
            return scripts[0]

        patch.setattr(manager, "_create_alembic_script", read_once)
        yield


@pytest.fixture
def runs_dir(tmp_path: Path) -> Iterator[Path]:
    """Return a runs folder; what still works on it is killed in the end."""
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    pid = supervisor_pid(folder)
    if pid:
        os.kill(pid, signal.SIGKILL)
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(folder) in word for word in words):
            with suppress(psutil.Error):
                process.kill()


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the model `trial` into a folder of its own."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copy(trial_model.__file__, folder / "trial_plugin.py")
    info = folder / "trial-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[recsys_workbench.models]\ntrial = trial_plugin\n")
    return folder


@pytest.fixture(autouse=True)
def environment(plugin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find the plug-in, and use one thread."""
    monkeypatch.setenv("PYTHONPATH", str(plugin_folder), prepend=os.pathsep)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


@pytest.fixture
def add(runs_dir: Path, data_dir: Path, tmp_path: Path) -> AddJob:
    """Add a job of model `trial` (or another one) to the queue."""

    def add_one(
        label: str = "job",
        model: str = "trial",
        entry: dict[str, object] | None = None,
        dataset: str = SMALL,
        **params: object,
    ) -> Run:
        values = {"data_dir": str(data_dir), "folder": str(tmp_path), **(entry or {})}
        place = Entry(**values)  # type: ignore[arg-type]
        spec = {**spec_of(model, label, params), "dataset": dataset}
        return add_job(runs_dir, spec, label, place)

    return add_one


@pytest.fixture
def within() -> Callable[[float, Callable[[], bool]], float]:
    """Wait until something holds; return the seconds it took, fail after the limit."""

    def wait(limit: float, holds: Callable[[], bool]) -> float:
        started = time.monotonic()
        while not holds():
            passed = time.monotonic() - started
            assert passed < limit, f"not within {limit} s"
            time.sleep(0.01)
        return time.monotonic() - started

    return wait
