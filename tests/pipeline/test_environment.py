"""What is noted of the machine and the code."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recsys_core
from recsys_core.pipeline import environment
from recsys_core.pipeline.environment import (
    code_fingerprint,
    describe_environment,
    describe_processor,
    peak_memory_mb,
    reset_peak_memory,
)


def test_environment_names_what_can_change_a_result() -> None:
    found = describe_environment("popularity", 2, "cpu")
    assert (found["threads"], found["device"]) == (2, "cpu")
    assert found["packages"]["numpy"] == np.__version__
    assert found["code_fingerprint"] == code_fingerprint("popularity")
    assert len(found["code_fingerprint"]) == 32


def test_all_of_a_plugin_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "counted_plugin"
    (package / "parts").mkdir(parents=True)
    (package / "__init__.py").touch()
    part = package / "parts" / "share.py"
    part.write_text("LIMIT = 2.5")
    monkeypatch.syspath_prepend(tmp_path)

    def fingerprint() -> str:
        code_fingerprint.cache_clear()
        return code_fingerprint("popularity", ("counted_plugin.parts.share",))

    first = fingerprint()
    assert fingerprint() == first
    assert first != code_fingerprint("popularity")
    part.write_text("LIMIT = 4.5")
    assert fingerprint() != first
    part.write_text("LIMIT = 2.5")
    assert fingerprint() == first
    part.rename(package / "share.py")
    assert fingerprint() != first


def test_the_processor_is_that_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of libraries which a job may have loaded or not: twins would differ."""
    found = describe_environment("popularity", 1, "cpu")["processor"]
    assert list(found) == ["machine", "numpy", "blas"]
    assert found["machine"] == platform.machine()
    levels: Any = np.show_config(mode="dicts")["SIMD Extensions"]
    assert found["numpy"] == (levels.get("found") or levels["baseline"])[-1]
    folder = Path(np.__file__).parents[1]
    pools = [
        {"user_api": "openmp", "filepath": f"{folder}/numpy.libs/libgomp.so"},
        {"user_api": "blas", "architecture": "Zen", "filepath": f"{folder}/faiss.libs/blas.so"},
        {"user_api": "blas", "architecture": "Haswell", "filepath": f"{folder}/numpy.libs/blas.so"},
    ]
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: pools)
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    assert describe_processor() == {
        "machine": platform.machine(),
        "numpy": None,
        "blas": "Haswell",
    }


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


def test_the_revision_is_that_of_the_codes_own_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(folder: Path, *arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(folder), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    installed = theirs / ".venv" / "site-packages" / "recsys_core" / "__init__.py"
    for folder in (ours, theirs):
        folder.mkdir()
        git(folder, "init", "-q")
        git(folder, "commit", "-q", "--allow-empty", "-m", folder.name)
    monkeypatch.chdir(theirs)
    revision = environment._git_revision.__wrapped__
    monkeypatch.setattr(recsys_core, "__file__", str(ours / "recsys_core" / "__init__.py"))
    wanted = git(ours, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(theirs / ".git"))  # as inside a hook
    assert revision() == wanted
    monkeypatch.setattr(recsys_core, "__file__", str(installed))
    assert revision() is None
